#!/usr/bin/env python3
"""A file has one subject: over 400 lines is a warning, over 450 a finding."""
import sys

import common

WARN, FAIL = 400, 450


def main():
    root = common.root_from_argv()
    report = common.Report(root, {"size"})
    files = common.sources(root, suffixes=(*common.CPP, ".py", ".sh"))
    for path in [*files, root / "dev"]:
        if not path.exists():
            continue
        lines = len(path.read_text().splitlines())
        if lines > FAIL:
            report.add("size", path, lines, f"{lines} lines, at most {FAIL}: split it by subject")
        elif lines > WARN:
            print(f"warning: {path.relative_to(root)} has {lines} lines: split it by subject soon")
    return report.done("sizes")


if __name__ == "__main__":
    sys.exit(main())
