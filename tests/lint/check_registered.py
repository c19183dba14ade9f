#!/usr/bin/env python3
"""Every source and test file is named in a CMake list: one that is not would
silently never be compiled or run. A bench script must be executable."""
import os
import sys

import common


def main():
    root = common.root_from_argv()
    report = common.Report(root, {"registered"})
    lists = "\n".join(p.read_text() for folder in ("src", "tests", "bench")
                      for name in ("CMakeLists.txt", "*.cmake") for p in (root / folder).rglob(name))
    words = {word.rsplit("/", 1)[-1] for word in lists.replace(")", " ").replace("(", " ").split()}
    files = [p for p in common.sources(root, suffixes=(".cc",))]
    files += [p for p in common.sources(root, ("tests",), (".py",)) if p.name.startswith("test_")]
    for path in files:
        if path.name not in words and path.stem not in words:
            report.add("registered", path, 1, "is in no CMake list, so nothing builds or runs it")
    for path in common.sources(root, ("bench",), (".sh",)):
        if not os.access(path, os.X_OK):
            report.add("registered", path, 1, "is not executable, so ./dev bench skips it")
    return report.done("registered")


if __name__ == "__main__":
    sys.exit(main())
