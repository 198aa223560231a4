#!/usr/bin/env python3
"""Runs the shell blocks of README.md as a reader would, and fails when one does not work.

A block opened with ```sh runs with `bash -e`, all blocks in their order, in a scratch folder that shows
the checkout through links: files that a block makes, such as demo.qdb, stay out of the checkout, while
builds go to the usual build directories. HOME is a fresh folder. A block opened with
```sh skip-ci: REASON is listed and not run.

usage: run_documented_commands.py [--list] [file.md ...]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```sh(?P<info>[^\n]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
SECONDS_MAX = 600


def blocks_of(path):
    """(line, reason for skipping or an empty string, commands)"""
    text = path.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        info = match.group("info").strip()
        skip = info.removeprefix("skip-ci:").strip() if info.startswith("skip-ci:") else ""
        yield text.count("\n", 0, match.start()) + 1, skip, match.group("body")


def link_checkout(scratch):
    """A folder that looks like the checkout's top, with the build directory and ../shared in their places."""
    for entry in TOP.iterdir():
        if entry.suffix != ".qdb" and entry.name != "build":
            (scratch / entry.name).symlink_to(entry)
    (scratch / "build").symlink_to(TOP / os.environ.get("QUIRE_BUILD_ROOT", "build"))
    if (TOP.parent / "shared").is_dir():
        (scratch.parent / "shared").symlink_to(TOP.parent / "shared")


def run(place, commands, scratch, home):
    environment = dict(os.environ, HOME=str(home))
    start = time.monotonic()
    try:
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", commands], cwd=scratch, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS_MAX, check=False)
        code, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        code, output = -1, (late.stdout or b"").decode(errors="replace") + f"\nstill running after {SECONDS_MAX} s"
    seconds = time.monotonic() - start
    print(f"{place}: {'ok' if code == 0 else f'FAILED with exit code {code}'}, {seconds:.1f} s", flush=True)
    if code != 0:
        print(commands + "---- output\n" + output)
    return code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="show the blocks and run nothing")
    parser.add_argument("files", nargs="*", default=["README.md"])
    arguments = parser.parse_args()
    failed = count = 0
    with tempfile.TemporaryDirectory(prefix="quire_documents_") as folder:
        scratch, home = Path(folder) / "checkout", Path(folder) / "home"
        scratch.mkdir()
        home.mkdir()
        link_checkout(scratch)
        for name in arguments.files:
            for line, skip, commands in blocks_of(TOP / name):
                place = f"{name}:{line}"
                if skip:
                    print(f"{place}: skipped: {skip}")
                elif arguments.list:
                    print(f"{place}:\n{commands}", end="")
                else:
                    count += 1
                    failed += not run(place, commands, scratch, home)
    if not arguments.list:
        print(f"documented commands: {count} blocks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
