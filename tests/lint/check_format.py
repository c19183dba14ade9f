#!/usr/bin/env python3
"""C++ is formatted as .clang-format says. Only with clang-format 14: other
versions differ in details, and two of them would fight."""
import re
import shutil
import subprocess
import sys

import common


def main():
    root = common.root_from_argv()
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else ""
    if not re.search(r"version 14\.", version):
        print("format: skipped, clang-format 14 is not installed")
        return 77
    files = [str(p) for p in common.sources(root)]
    found = subprocess.run([tool, "--dry-run", "-Werror", *files], capture_output=True,
                           text=True).stderr if files else ""
    lines = re.findall(r"^(.*?:\d+):\d+: error:", found, re.M)
    if found:
        print("\n".join(lines) or found)
        print("format: run ./dev fmt")
        return 1
    print("format: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
