#!/usr/bin/env python3
"""Headers say what they are for, and each class and free function in them has
its contract above it. A function that returns Result is [[nodiscard]]."""
import re
import sys

import common

FUNCTION = re.compile(r"^[^=]*?\b(operator\S+|~?\w+)\s*\(")
# Their contract is the type's, the same all over the house.
SELF_EXPLAINING = re.compile(r"^(?:to_string|to_json|parse_\w+|operator\S+)$")
SKIP = re.compile(r"^(?:#|using\b|namespace\b|friend\b|static_assert\b|extern\b|\}|enum\b|struct\b|template\s*<>)")


def declarations(code):
    """Yields (line, text) of each declaration at namespace level."""
    depth = 0        # braces of anything but namespaces
    namespaces = []  # brace depth at which each namespace opened
    start, text = None, ""
    for number, line in enumerate(code.splitlines(), 1):
        stripped = line.strip()
        if depth == 0 and re.match(r"(?:inline\s+)?namespace\b[^;=]*\{", stripped):
            namespaces.append(number)
            start, text = None, ""
            continue
        if stripped.startswith("#"):
            continue
        for char in line:
            if depth == 0:
                if char == "}" and not text.strip():
                    if namespaces:
                        namespaces.pop()
                    continue
                if start is None and not char.isspace():
                    start = number
                text += char
            if char in "{(":
                depth += 1
            elif char in "})":
                depth -= 1
                if depth == 0 and char == ")":
                    text += char
            if depth == 0 and (char == ";" or (char == "}" and text.strip())):
                # A body's end: `void f() {}` ends here, `class X {};` at its `;`.
                if char == "}" and re.match(r"(?:template.*>\s*)?(?:class|struct|enum|union)\b", text.strip()):
                    continue
                if start is not None and text.strip(" ;\n"):
                    yield start, " ".join(text.split())
                start, text = None, ""
        text += " "


def documented(lines, number, earlier_end):
    """A comment stands above or behind, or an earlier documented declaration directly above."""
    above = lines[number - 2].strip() if number >= 2 else ""
    return "///<" in lines[number - 1] or above.startswith(("//", "*/")) or (earlier_end is not None and earlier_end == number - 1)


def main():
    root = common.root_from_argv()
    report = common.Report(root, {"docs", "nodiscard"})
    for path in common.sources(root, ("src",), (".h",)):
        text = path.read_text()
        lines, code = text.splitlines(), common.code_of(text)
        first = [line for line in lines if line.strip()][:2]
        if len(first) < 2 or first[0] != "#pragma once" or not first[1].startswith("//"):
            report.add("docs", path, 1, "a header begins with #pragma once and a comment that says what it is for")
        covered = None  # last line of a documented declaration: a group may follow it
        for number, declaration in declarations(code):
            bare = re.sub(r"^(?:\[\[\w+\]\]\s*|template\s*<[^{;]*?>\s*(?=\w)|inline\s+|constexpr\s+)+", "", declaration)
            if re.search(r"(?:^|\s)Result<.*>\s+\w+\s*\(", declaration) and "[[nodiscard]]" not in declaration:
                report.add("nodiscard", path, number, "a function that returns Result is [[nodiscard]]")
            is_class = re.match(r"class\b", bare) and not re.match(r"class\s+[\w:]+\s*;", bare)
            is_function = not SKIP.match(bare) and not is_class and FUNCTION.match(bare)
            if not (is_class or is_function):
                continue
            name = bare.split()[1] if is_class else FUNCTION.match(bare)[1]
            if documented(lines, number, covered):
                covered = number + _height(code, number) - 1
            elif is_class or not SELF_EXPLAINING.match(name):
                what = "class" if is_class else "function"
                report.add("docs", path, number, f"{what} {name} has no comment above it")
                covered = None
    return report.done("docs")


def _height(code, number):
    """Lines that the declaration starting at `number` takes, to its `;` or `}`."""
    depth, height = 0, 0
    for line in code.splitlines()[number - 1:]:
        height += 1
        depth += sum(line.count(c) for c in "{(") - sum(line.count(c) for c in "})")
        if depth <= 0 and line.rstrip().endswith((";", "}")):
            break
    return height


if __name__ == "__main__":
    sys.exit(main())
