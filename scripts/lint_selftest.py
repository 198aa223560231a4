#!/usr/bin/env python3
"""Checks that lint reports what it should: a small bad tree for every rule, and a good one that is clean."""

import sys
import tempfile
from pathlib import Path

import lint

GOOD_CPP = "// A thing that is good.\n"
LAYERS = "quire\nbase\nos\npage record\nbtree\ntools\nshell\n"

# A tree that lint accepts; every bad case is this tree and a few files more.
GOOD = {
    "src/LAYERS": LAYERS,
    "src/base/good.cpp": GOOD_CPP + '#include "base/good.hpp"\n#include <xxhash.h>\n',
    "src/base/good.hpp": GOOD_CPP + '#include "quire/status.hpp"\n',
    "src/btree/good.cpp": GOOD_CPP + '#include "page/layout.hpp"\nconst char* word = "throw std::mutex";  // rand()\n',
    "src/os/clock.cpp": GOOD_CPP + "long now() { return steady_clock(); }\n",
    "src/page/layout.hpp": GOOD_CPP + 'consteval int f(int x) {\n  if (x) throw "no such field";\n  return x;\n}\n',
    "include/quire/status.hpp": GOOD_CPP + "#include <string>\n",
    "README.md": "# Good\n\n[link](src/LAYERS) [web](https://example.org/x) [here](#good)\n\n```sh skip-ci: needs a person\nls\n```\n",
    "scripts/lint_ratchet.txt": "",
}


def function_of(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


def source(body):
    return GOOD_CPP + body


# Words that lint would find in this very file are put together here.
LATER = "TO" + "DO"
ROOT = "/" + "root" + "/"

# rule, what the message must contain, files of the bad tree
CASES = [
    ("layers", "btree is not below page", {"src/page/a.cpp": source('#include "btree/tree.hpp"\n')}),
    ("layers", "record is not below page", {"src/page/a.cpp": source('#include "record/row.hpp"\n')}),
    ("layers", "no folder of src/LAYERS", {"src/page/a.cpp": source('#include "layout.hpp"\n')}),
    ("layers", "not in a folder", {"src/unknown/a.cpp": source("")}),
    ("layers", "public headers include", {"include/quire/a.hpp": source('#include "base/good.hpp"\n')}),
    ("layers", "not a header of the standard", {"include/quire/a.hpp": source("#include <fmt/core.h>\n")}),
    ("layers", "examples see", {"examples/a.cpp": source('#include "kv/database.hpp"\n')}),
    ("layers", "only tools and shell", {"src/btree/a.cpp": source("#include <fmt/core.h>\n")}),
    ("length", "hard stop is 800", {"src/page/a.cpp": source("int x;\n" * 800)}),
    ("length", "allowed are 500", {"src/page/a.cpp": source("int x;\n" * 500)}),
    ("length", "hard stop is 80", {"src/page/a.cpp": source(function_of(81))}),
    ("length", "a.cpp:f has 61 lines, allowed are 60", {"src/page/a.cpp": source(function_of(61))}),
    ("length", "a.cpp:A::A has 61 lines", {"src/page/a.cpp": source("A::A(int a)\n    : a_{a}, b_(2) {\n" + "  g();\n" * 59 + "}\n")}),
    ("length", "a_test.cpp:split.works has 61 lines",
     {"src/page/a_test.cpp": source("TEST(split, works) {\n" + "  g();\n" * 59 + "}\n")}),
    ("length", "a.cpp:f has 70 lines, allowed are 65",
     {"src/page/a.cpp": source(function_of(70)), "scripts/lint_ratchet.txt": "src/page/a.cpp:f 65\n"}),
    ("length", "shrank to 62 lines",
     {"src/page/a.cpp": source(function_of(62)), "scripts/lint_ratchet.txt": "src/page/a.cpp:f 65\n"}),
    ("length", "within the limit or gone", {"scripts/lint_ratchet.txt": "src/page/gone.cpp 600\n"}),
    ("head", "without a head comment", {"src/page/a.cpp": "int x;\n"}),
    ("head", "does not say what", {"src/page/a.cpp": "// a.cpp\nint x;\n"}),
    ("head", "at least 3 lines", {"src/page/a.cpp": source("int x;\n" * 61)}),
    ("head", "without a head comment", {"bench/a.cpp": "#include <string>\n"}),
    ("banned", "steady_clock", {"src/page/a.cpp": source("auto t = std::chrono::steady_clock::now();\n")}),
    ("banned", "rand", {"src/page/a.cpp": source("int x = rand();\n")}),
    ("banned", "random_device", {"src/page/a_test.cpp": source("std::random_device seed;\n")}),
    ("banned", "std::thread", {"src/page/a.cpp": source("std::thread t;\n")}),
    ("banned", "std::mutex", {"tests/a_test.cpp": source("std::mutex m;\n")}),
    ("banned", "std::shared_mutex", {"src/page/a.cpp": source("std::shared_mutex m;\n")}),
    ("banned", "std::condition_variable", {"src/page/a.cpp": source("std::condition_variable c;\n")}),
    ("banned", "sleep_for", {"src/page/a.cpp": source("sleep_for(1);\n")}),
    ("banned", "::open", {"src/page/a.cpp": source("int fd = ::open(path, 0);\n")}),
    ("banned", "pwrite", {"src/page/a.cpp": source("pwrite(fd, p, 1, 2);\n")}),
    ("banned", "fsync", {"src/page/a.cpp": source("fsync(fd);\n")}),
    ("banned", "mmap", {"src/page/a.cpp": source("auto p = ::mmap(0, 1, 2, 3, 4, 5);\n")}),
    ("banned", "getenv", {"src/page/a.cpp": source('auto v = std::getenv("X");\n')}),
    ("banned", "reinterpret_cast", {"src/btree/a.cpp": source("auto p = reinterpret_cast<char*>(q);\n")}),
    ("banned", "std::atomic", {"src/btree/a.cpp": source("std::atomic<int> a;\n")}),
    ("banned", "std::format", {"src/base/a.cpp": source('auto s = std::format("{}", 1);\n')}),
    ("banned", "source_location", {"src/base/a.cpp": source("std::source_location here;\n")}),
    ("exceptions", "return a Status", {"src/btree/a.cpp": source("void f() { throw 1; }\n")}),
    ("exceptions", "return a Status", {"src/btree/a.cpp": source("void f() { try { g(); } catch (...) {} }\n")}),
    ("todo", "without an issue number", {"src/btree/a.cpp": source(f"// {LATER}: later\n")}),
    ("text", "tab", {"src/btree/a.cpp": source("\tint x;\n")}),
    ("text", "trailing blank", {"docs/a.md": "words \n"}),
    ("text", "trailing blank", {"docs/a.md": "words\r\n"}),
    ("text", "no newline at the end", {"dev": "echo"}),
    ("workplace", "directory of one machine", {"docs/a.md": f"see {ROOT}x\n"}),
    ("tests", "cannot fail", {"src/base/a_test.cpp": source("TEST(a, b) { EXPECT_TRUE(true); }\n")}),
    ("tests", "DISABLED_", {"tests/a_test.cpp": source("TEST(a, DISABLED_b) { f(); }\n")}),
    ("docs", "dead link gone.md", {"docs/a.md": "[x](gone.md)\n"}),
    ("docs", "no such heading", {"docs/a.md": "[x](../README.md#bad)\n"}),
    ("docs", "leaves the project", {"docs/a.md": "[x](../../x.md)\n"}),
    ("promises", "no test is called a.gone", {"docs/PROMISES.md": "It holds: `a.gone`, `a.b`.\n",
                                              "src/base/a_test.cpp": source("TEST(a, b) { f(); }\n")}),
    ("docs", "skip-ci", {"docs/a.md": "```sh later\nls\n```\n"}),
]

# What must not be reported.
ALLOWED = [
    {"src/btree/a.cpp": source(f"// {LATER}(#3): later\n")},
    {"src/os/sim/a.cpp": source('#include "os/file.hpp"\nstd::mutex m;\n')},
    {"src/record/a.cpp": source("auto p = reinterpret_cast<char*>(q);\n")},
    {"src/btree/a.cpp": source("int x = 1'000'000; char c = 'x';\nFile f = pool.open(x);\nauto g = file->fsync(1);\n")},
    {"src/btree/a_test.cpp": source('#include "support/model.hpp"\n')},
    {"src/page/a.cpp": source("namespace a {\n" + "int x;\n" * 45 + "class B {\n" + "  int y;\n" * 20 + "};\n}\n").replace(
        GOOD_CPP, GOOD_CPP * 3)},
    {"src/page/a.cpp": source(function_of(60)).replace(GOOD_CPP, GOOD_CPP * 3)},
    {"src/page/a.cpp": source("A::A(int a)\n    : a_{a}, b_(2) {\n  g();\n}\n" + function_of(50))},
    {"src/page/a.cpp": source("#define QUIRE_TRY(x) \\\n  if (x) return f(x); \\\n  g()\n\nnamespace a {\n" + "int f();\n" * 65
                              + "}\n").replace(GOOD_CPP, GOOD_CPP * 3)},
    {"docs/a.md": "`[x](gone.md)`\n\n```\n[x](gone.md)\n```\n"},
    {"src/btree/testdata/a.txt": "trailing \n"},
]


def findings_of(files):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**GOOD, **files}.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        return lint.lint(folder)


def main():
    failures = [f"the good tree: {finding}" for finding in findings_of({})]
    for rule, message, files in CASES:
        found = findings_of(files)
        if not any(finding.rule == rule and message in finding.message for finding in found):
            failures.append(f"{rule}: '{message}' is not reported for {files}; found {[str(f) for f in found]}")
    for files in ALLOWED:
        failures += [f"should be allowed: {finding}" for finding in findings_of(files)]
    for rule in set(lint.RULES) - {case[0] for case in CASES}:
        failures.append(f"{rule}: no bad example")
    for failure in failures:
        print(failure)
    print(f"lint_selftest: {len(CASES)} bad examples, {len(ALLOWED)} good ones, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
