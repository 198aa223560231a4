#!/usr/bin/env python3
"""Checks that a compiler does not make: layers, lengths, head comments, banned calls, text, documents.

usage: lint.py [--root DIR] [--only RULE,...] [--tighten] [--list]

Every finding is one line, `path:line: [rule] what is wrong`. There is no way to silence a rule in the
code. Lengths alone have a list of known offenders, scripts/lint_ratchet.txt, whose numbers may only
shrink; --tighten lowers them to what the files measure now. Each rule has bad examples in
lint_selftest.py, which fails when a rule has none.
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CPP_ROOTS = ("src/", "include/", "tests/", "bench/", "examples/", "fuzz/")
TEXT_SUFFIXES = {".cpp", ".hpp", ".md", ".py", ".sh", ".cmake", ".txt", ".json", ".in", ".yml", ".slt", ""}
FILE_LINES, FILE_LINES_STOP = 500, 800
FUNCTION_LINES, FUNCTION_LINES_STOP = 60, 80
HEAD_LOGIC_LINES, HEAD_COMMENT_LINES = 60, 3
RATCHET = "scripts/lint_ratchet.txt"


@dataclass
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclass
class Source:
    """A file: its text, its lines and, for C++, its code with comments and literals blanked."""

    path: str
    text: str
    lines: list = field(default_factory=list)
    code: str = ""
    code_lines: list = field(default_factory=list)

    @property
    def is_cpp(self):
        return self.path.endswith((".cpp", ".hpp")) and self.path.startswith(CPP_ROOTS)

    @property
    def is_test(self):
        return self.path.endswith("_test.cpp") or self.path.startswith("tests/")

    @property
    def folder(self):
        """The layer of a file under src/ or include/, else an empty string."""
        parts = self.path.split("/")
        if parts[0] == "include" and len(parts) > 2:
            return parts[1]
        return parts[1] if parts[0] == "src" and len(parts) > 2 else ""


LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)\"|\"(?:\\.|[^\"\\\n])*\""
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def blank_literals(text):
    """Comments and the insides of literals become blanks; lines and columns stay."""

    def blank(match):
        found = match.group(0)
        keep = found[0] if found[0] in "\"'" else ""
        inner = found[1:-1] if keep else found
        return keep + re.sub(r"[^\n]", " ", inner) + keep

    return LITERAL.sub(blank, text)


class Tree:
    """All files of a checkout that belong to the project."""

    def __init__(self, root):
        self.root = Path(root)
        self.sources = []
        self.paths = set(self.list_paths())
        for path in sorted(self.paths):
            if "/testdata/" in path or Path(path).suffix not in TEXT_SUFFIXES:
                continue
            try:
                text = (self.root / path).read_bytes().decode("utf-8")
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue
            self.sources.append(self.make_source(path, text))

    @staticmethod
    def make_source(path, text):
        source = Source(path, text, text.split("\n"))
        if source.is_cpp:
            source.code = blank_literals(text)
            source.code_lines = source.code.split("\n")
        return source

    def list_paths(self):
        if (self.root / ".git").exists():
            command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            listing = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
            if listing.returncode == 0:
                names = listing.stdout.decode().split("\0")
                return [name for name in names if name and (self.root / name).is_file()]
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in ("build", ".git", "__pycache__")]
            found += [str((Path(folder) / name).relative_to(self.root)) for name in files]
        return found

    def cpp(self):
        return [source for source in self.sources if source.is_cpp]

    def text_of(self, path):
        target = self.root / path
        return target.read_text(encoding="utf-8") if target.is_file() else ""


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


# --- layers -----------------------------------------------------------------------------------

INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")
OUTSIDE = {
    "xxhash.h": ("base",),
    "fmt/": ("tools", "shell"),
    "nlohmann/": ("tools", "shell"),
    "CLI/": ("shell",),
    "histedit.h": ("shell",),
}


def read_ranks(tree):
    ranks = {}
    for rank, line in enumerate(tree.text_of("src/LAYERS").split("\n")):
        for folder in line.split():
            ranks[folder] = rank
    return ranks


def check_layers(tree):
    """A file includes its own folder or a strictly lower rank of src/LAYERS."""
    ranks = read_ranks(tree)
    for source in tree.cpp():
        root = source.path.split("/")[0]
        if root == "src" and source.folder not in ranks:
            yield source, 1, "not in a folder that src/LAYERS names"
            continue
        for number, line in enumerate(source.lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, target = match.group(1) == '"', match.group(2)
            problem = include_problem(source, root, quoted, target, ranks)
            if problem:
                yield source, number, f"includes {target}: {problem}"


def include_problem(source, root, quoted, target, ranks):
    if root == "include":
        if quoted:
            return "" if target.startswith("quire/") else "public headers include quire/ and the standard library only"
        return "not a header of the standard library" if "/" in target or target.endswith(".h") else ""
    if root == "examples":
        return "" if not quoted or target.startswith("quire/") else "examples see include/quire only"
    if root != "src":
        return ""
    if not quoted:
        for prefix, owners in OUTSIDE.items():
            if target.startswith(prefix) and source.folder not in owners and not source.is_test:
                return f"only {' and '.join(owners)} may use this library"
        return ""
    folder = target.split("/")[0]
    if source.is_test and folder in ("support", "tests"):
        return ""
    if "/" not in target or folder not in ranks:
        return "no folder of src/LAYERS; paths start at src/ or include/"
    if folder != source.folder and ranks[folder] >= ranks[source.folder]:
        return f"{folder} is not below {source.folder}"
    return ""


# --- lengths ----------------------------------------------------------------------------------

DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE)
TYPE_HEADER = re.compile(r"^(template\s*<.*>\s*)?((inline|constexpr|static|typedef)\s+)*(class|struct|union|enum)\b", re.DOTALL)
INIT_LIST = re.compile(r"\)\s*(?:noexcept(?:\([^()]*\))?\s*)?:(?!:)")


@dataclass
class Function:
    """A body from the line of its opening brace to that of its closing one, and the text before it."""

    first: int
    last: int
    header: str


def functions_of(code):
    """The functions of a file, found by their braces: good enough for lengths, not a parser."""
    code = DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    stack, header_start, parens = [], 0, 0
    for match in re.finditer(r"[{}();]", code):
        offset, char = match.start(), match.group(0)
        if char in "()":
            parens += 1 if char == "(" else -1
        elif char == ";" and parens <= 0:
            header_start = offset + 1
        elif char == "{":
            header = code[header_start:offset].strip()
            kind = block_kind(header, bool(stack) and stack[-1][0] in ("function", "inside"))
            stack.append((kind, offset, header, parens))
            parens = 0
            if kind != "init":
                header_start = offset + 1
        elif char == "}" and stack:
            kind, start, header, parens = stack.pop()
            if kind == "function":
                first = line_of(code, start)
                yield Function(first, line_of(code, offset), header)
            if kind != "init":
                header_start = offset + 1


def block_kind(header, in_function):
    if in_function:
        return "inside"
    if re.match(r"^(inline\s+)?namespace\b|^extern\b\s*\"", header) or TYPE_HEADER.match(re.sub(r"^(public|private|protected)\s*:", "", header).strip()):
        return "scope"
    if INIT_LIST.search(header) and re.search(r"[\w>]$", header) and not header.endswith(("const", "noexcept")):
        return "init"
    return "function" if "(" in header else "scope"


def function_name(header):
    test = re.match(r"(\w*TEST\w*|RC_\w+)\s*\(([^)]*)\)", header)
    if test:
        return re.sub(r"\s+", "", test.group(2)).replace(",", ".")
    name = re.search(r"([~\w:]+|operator\s*\S+?)\s*\(", re.sub(r"^(template\s*<.*?>\s*)", "", header, flags=re.DOTALL))
    return name.group(1) if name else "lambda"


def read_ratchet(text):
    """Lines `path lines` and `path:function lines`; # starts a comment."""
    entries = {}
    for line in text.split("\n"):
        words = line.split("#")[0].split()
        if len(words) == 2 and words[1].isdigit():
            entries[words[0]] = int(words[1])
    return entries


def measure(tree):
    """(source, line, key, lines, limit, stop) of every file and function over its limit."""
    for source in tree.cpp():
        count = source.text.count("\n")
        if count > FILE_LINES:
            yield source, 1, source.path, count, FILE_LINES, FILE_LINES_STOP
        for function in functions_of(source.code):
            lines = function.last - function.first + 1
            if lines > FUNCTION_LINES:
                key = f"{source.path}:{function_name(function.header)}"
                yield source, function.first, key, lines, FUNCTION_LINES, FUNCTION_LINES_STOP


def check_lengths(tree):
    """Files to 500 lines (never over 800), functions to 60 (never over 80), offenders may only shrink."""
    ratchet = read_ratchet(tree.text_of(RATCHET))
    list_source = Source(RATCHET, "")
    seen = set()
    for source, line, key, lines, limit, stop in measure(tree):
        allowed = ratchet.get(key, limit)
        seen.add(key)
        if lines > stop:
            yield source, line, f"{key} has {lines} lines, the hard stop is {stop}"
        elif lines > allowed:
            yield source, line, f"{key} has {lines} lines, allowed are {allowed}"
        elif lines < allowed:
            yield list_source, 1, f"{key} shrank to {lines} lines: lower its entry ({allowed}) with ./dev lint --tighten"
    for key in sorted(set(ratchet) - seen):
        yield list_source, 1, f"{key} is within the limit or gone: drop its entry with ./dev lint --tighten"
    for key, allowed in ratchet.items():
        before = committed_ratchet(tree).get(key, allowed)
        if allowed > before:
            yield list_source, 1, f"{key}: the entry grew from {before} to {allowed}"


def committed_ratchet(tree):
    if not (tree.root / ".git").exists():
        return {}
    shown = subprocess.run(["git", "show", f"HEAD:{RATCHET}"], cwd=tree.root, capture_output=True, check=False)
    return read_ratchet(shown.stdout.decode()) if shown.returncode == 0 else {}


def tighten(tree):
    """Lowers entries to what is measured and drops those no longer needed; never adds or raises one."""
    measured = {}
    for _, _, key, lines, _, _ in measure(tree):
        measured[key] = max(lines, measured.get(key, 0))
    kept = []
    for line in tree.text_of(RATCHET).splitlines():
        entry = read_ratchet(line)
        for key, allowed in entry.items():
            line = f"{key} {min(allowed, measured[key])}" if key in measured else None
        if line is not None:
            kept.append(line)
    (tree.root / RATCHET).write_text("\n".join(kept) + "\n", encoding="utf-8")


# --- head comments ----------------------------------------------------------------------------


def check_head(tree):
    """Every C++ file starts with a comment that says what it is; a longer one under src/ with three lines."""
    for source in tree.cpp():
        head = 0
        while head < len(source.lines) and source.lines[head].startswith("//"):
            head += 1
        if head == 0:
            yield source, 1, "starts without a head comment (// what this file is)"
            continue
        if len(source.lines[0].lstrip("/ ").split()) < 2:
            yield source, 1, "the first line of the head comment does not say what the file is"
        logic = sum(1 for line in source.code_lines if line.strip() and not line.lstrip().startswith("#"))
        needed = HEAD_COMMENT_LINES if source.path.startswith("src/") and logic > HEAD_LOGIC_LINES else 1
        if head < needed and not source.path.endswith("_test.cpp"):
            yield source, 1, f"{logic} lines of code need a head comment of at least {needed} lines"


# --- banned calls -----------------------------------------------------------------------------


@dataclass
class Ban:
    pattern: str
    where: str  # where it is allowed, for the message
    roots: tuple = ("src/", "include/", "tests/")
    allowed: tuple = ()  # path prefixes or file names


BANS = [
    Ban(r"\b(steady_clock|system_clock|high_resolution_clock)\b", "src/os", allowed=("src/os/",)),
    Ban(r"(?<![\w.>])(std::)?s?rand\s*\(|\brandom_device\b", "src/os", allowed=("src/os/",)),
    Ban(r"\bstd::(jthread|thread|(recursive_|timed_|shared_|shared_timed_)?mutex|condition_variable(_any)?|async|future)\b",
        "src/os", allowed=("src/os/",)),
    Ban(r"\bthis_thread\b|\bsleep_for\b|\bsleep_until\b|(?<![\w.>:])u?sleep\s*\(", "src/os", allowed=("src/os/",)),
    Ban(r"(?<![\w>:])::(open|openat|read|write|close|lseek|stat|fstat|flock|fcntl|unlink|rename)\s*\("
        r"|(?<![\w.>:])(::)?(pread|pwrite|preadv|pwritev|fsync|fdatasync|mmap|munmap|ftruncate)\s*\(",
        "src/os", allowed=("src/os/",)),
    Ban(r"\bgetenv\s*\(", "src/os and tests/support", allowed=("src/os/", "tests/support/")),
    Ban(r"\breinterpret_cast\b", "layout.hpp, src/record, src/base and src/os", roots=("src/", "include/"),
        allowed=("src/record/", "src/base/", "src/os/", "layout.hpp")),
    Ban(r"\bstd::atomic(_\w+)?\b|#\s*include\s*<atomic>", "src/base", allowed=("src/base/",)),
    Ban(r"\bstd::v?format(_to|_to_n|ted_size)?\b|#\s*include\s*<format>", "nowhere (clang 14 has none; use fmt in tools)",
        roots=CPP_ROOTS),
    Ban(r"\bsource_location\b", "nowhere (clang 14 has none; use __builtin_FILE and __builtin_LINE)", roots=CPP_ROOTS),
]


def is_allowed(path, allowed):
    return any(path.startswith(place) if "/" in place else path.endswith("/" + place) for place in allowed)


def check_banned(tree):
    """Clocks, threads, system calls, casts and atomics stay in the folders that own them."""
    for source in tree.cpp():
        for ban in BANS:
            if not source.path.startswith(ban.roots) or is_allowed(source.path, ban.allowed):
                continue
            for match in re.finditer(ban.pattern, source.code):
                found = match.group(0).strip().rstrip("(").strip()
                yield source, line_of(source.code, match.start()), f"{found} is allowed in: {ban.where}"


def check_exceptions(tree):
    """No throw and no catch in the library but for std::bad_alloc in one place: errors are Status. In a consteval function
    throw stops the compiler."""
    for source in tree.cpp():
        if source.path.endswith("_test.cpp") or not source.path.startswith(("src/", "include/")):
            continue
        if source.folder in ("shell", "tools") or source.path == "src/base/contain.hpp":
            continue
        compile_time = [f for f in functions_of(source.code) if "consteval" in f.header]
        for match in re.finditer(r"\bthrow\b|\bcatch\s*\(", source.code):
            line = line_of(source.code, match.start())
            if not any(f.first <= line <= f.last for f in compile_time):
                yield source, line, "exceptions belong to shell and tools; return a Status"


# --- text -------------------------------------------------------------------------------------

OPEN_ENDS = re.compile(r"\b(TODO(?!\(#\d+\))|FIXME|XXX)\b")
WORKPLACE = re.compile(r"(?<![\w.~/-])/(?:work|root|home)/")


def check_todo(tree):
    """A note about later work names an issue."""
    for source in tree.sources:
        if source.path.endswith((".md", ".py")) or source.path.startswith("docs/"):
            continue
        for number, line in enumerate(source.lines, 1):
            match = OPEN_ENDS.search(line)
            if match:
                yield source, number, f"{match.group(0)} without an issue number; write TO" + "DO(#3)"


def check_text(tree):
    """No tabs, no trailing blanks, no carriage returns, a newline at the end."""
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if "\t" in line:
                yield source, number, "tab"
            if line.endswith((" ", "\r")):
                yield source, number, "trailing blank"
        if source.text and not source.text.endswith("\n"):
            yield source, len(source.lines), "no newline at the end of the file"


def check_workplace(tree):
    """Nothing names a directory of one machine."""
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if WORKPLACE.search(line):
                yield source, number, "names a directory of one machine"


def check_tests(tree):
    """No test that cannot fail and none that is switched off."""
    for source in tree.cpp():
        if not source.is_test:
            continue
        for match in re.finditer(r"\b(EXPECT|ASSERT)_(TRUE\s*\(\s*true|FALSE\s*\(\s*false)\s*\)|\bDISABLED_", source.code):
            yield source, line_of(source.code, match.start()), f"{match.group(0)}: a test that cannot fail"


# --- documents --------------------------------------------------------------------------------

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^\s*(```|~~~)(.*)$")


def prose_lines(source):
    """Lines of a document outside code blocks, with inline code blanked."""
    inside = False
    for number, line in enumerate(source.lines, 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, re.sub(r"`[^`]*`", "", line)


def anchors_of(text):
    found = set()
    for line in text.split("\n"):
        match = re.match(r"#+\s+(.*)", line)
        if match:
            slug = re.sub(r"[^\w\- ]", "", match.group(1).strip().lower()).replace(" ", "-")
            found.add(slug)
    return found


def check_docs(tree):
    """Relative links lead somewhere; a shell block that CI does not run says why."""
    for source in tree.sources:
        if not source.path.endswith(".md"):
            continue
        for number, line in prose_lines(source):
            for target in LINK.findall(line):
                problem = link_problem(tree, source, target)
                if problem:
                    yield source, number, problem
        for number, line in enumerate(source.lines, 1):
            fence = FENCE.match(line)
            if fence and re.match(r"sh\s", fence.group(2)) and not re.match(r"sh skip-ci: \S+", fence.group(2)):
                yield source, number, "a shell block is ```sh or ```sh skip-ci: REASON"


def link_problem(tree, source, target):
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return ""
    name, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(source.path), name)) if name else source.path
    if path.startswith(".."):
        return f"link {target} leaves the project"
    if path not in tree.paths and not (tree.root / path).is_dir():
        return f"dead link {target}"
    if anchor and path.endswith(".md") and anchor not in anchors_of(tree.text_of(path)):
        return f"link {target}: no such heading"
    return ""


NAMED_TEST = re.compile(r"`(\w+\.\w+)`")


def check_promises(tree):
    """Every test that docs/PROMISES.md names is there."""
    tests = set()
    for source in tree.cpp():
        if source.is_test:
            tests |= {".".join(names) for names in re.findall(r"\bTEST(?:_F|_P)?\((\w+),\s*(\w+)\)", source.code)}
    for source in tree.sources:
        if source.path == "docs/PROMISES.md":
            for number, line in enumerate(source.lines, 1):
                for name in NAMED_TEST.findall(line):
                    if name not in tests:
                        yield source, number, f"no test is called {name}"


# --- running ----------------------------------------------------------------------------------

RULES = {
    "layers": check_layers,
    "length": check_lengths,
    "head": check_head,
    "banned": check_banned,
    "exceptions": check_exceptions,
    "todo": check_todo,
    "text": check_text,
    "workplace": check_workplace,
    "tests": check_tests,
    "docs": check_docs,
    "promises": check_promises,
}


def lint(root, only=None):
    tree = Tree(root)
    findings = []
    for name, rule in RULES.items():
        if only is None or name in only:
            findings += [Finding(source.path, line, name, message) for source, line, message in rule(tree)]
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=str(Path(__file__).resolve().parent.parent))
    parser.add_argument("--only", help="comma-separated rules")
    parser.add_argument("--tighten", action="store_true", help="lower the entries of the ratchet list")
    parser.add_argument("--list", action="store_true", help="list the rules")
    arguments = parser.parse_args()
    if arguments.list:
        for name, rule in RULES.items():
            print(f"{name:<12}{rule.__doc__}")
        return 0
    only = arguments.only.split(",") if arguments.only else None
    if only and set(only) - set(RULES):
        parser.error(f"no such rule: {', '.join(sorted(set(only) - set(RULES)))}")
    if arguments.tighten:
        tighten(Tree(arguments.root))
    findings = lint(arguments.root, only)
    for finding in findings:
        print(finding)
    print(f"lint: {len(findings)} findings" if findings else "lint: ok")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
