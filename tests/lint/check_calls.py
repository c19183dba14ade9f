#!/usr/bin/env python3
"""Calls that have a safer form here, and catch clauses without a stated reason."""
import re
import sys

import common

# rule: (what it matches in code, why not and what instead)
BANNED = {
    "shell": (r"(?<![\w.>])(?:system|popen)\s*\(", "no shell strings: process::run with a vector"),
    "atoi": (r"(?<![\w.>])ato(?:i|l|ll|f)\s*\(", "hides errors: std::from_chars or base/text.h"),
    "strtok": (r"(?<![\w.>])strtok(?:_r)?\s*\(", "writes into its input: split() of base/text.h"),
    "sprintf": (r"(?<![\w.>])v?sprintf\s*\(", "has no bound: std::to_chars or snprintf"),
    "strcpy": (r"(?<![\w.>])(?:strcpy|strcat|gets)\s*\(", "has no bound: std::string"),
    "remove_all": (r"\bremove_all\s*\(", "may follow links: remove_tree of base/file.h"),
    "fork": (r"(?<![\w.>])v?fork\s*\(", "processes are started by process/ only"),
    "cwd": (r"\bcurrent_path\s*\(|(?<![\w.>])chdir\s*\(", "paths are arguments, the folder is the caller's"),
}
ALLOWED_FOLDER = {"fork": "src/process/", "cwd": "src/process/"}
# The kinds of place that may catch, said on the line of the catch:
# boundary: main, a request, a supervisor's top, a background task, a trigger;
# adapter: turns another library's or call's failure into our terms.
CATCH_REASON = re.compile(r"//\s*(?:boundary|adapter): \S")


def main():
    root = common.root_from_argv()
    report = common.Report(root, {*BANNED, "catch"})
    for path in common.sources(root, ("src",)):
        text = path.read_text()
        code = common.code_of(text)
        for rule, (pattern, why) in BANNED.items():
            folder = ALLOWED_FOLDER.get(rule)
            if folder and str(path.relative_to(root)).startswith(folder):
                continue
            for match in re.finditer(pattern, code):
                report.add(rule, path, common.line_of(code, match.start()),
                           f"{match[0].strip()}: {why}")
        lines = text.splitlines()
        for match in re.finditer(r"\bcatch\s*\(", code):
            number = common.line_of(code, match.start())
            if not CATCH_REASON.search(lines[number - 1]):
                report.add("catch", path, number,
                           "catch needs `// boundary: why` or `// adapter: why` on its line")
    return report.done("calls")


if __name__ == "__main__":
    sys.exit(main())
