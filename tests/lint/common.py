"""What the checks of this folder share: finding files, reading C++, reporting.

A check is `check_<name>.py ROOT`: it prints one line for each finding,
`file:line: what`, and exits 1 if there was one, 77 if it can't run here.
"""
import pathlib
import re
import sys

CPP = (".h", ".cc")
# A comment, a raw string, a string, or a character; a digit separator (1'000)
# is none of these, so it is matched first and kept.
_NOT_CODE = re.compile(
    r"""(?P<number>\b\d[\w']*)|(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<raw>R"(?P<tag>[^()\\\s]*)\(.*?\)(?P=tag)")|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.S)


class Report:
    """Findings of one check. `allowed` holds (rule, path) pairs that
    tests/lint/allowed.txt excuses; an excuse that is not needed is a finding."""

    def __init__(self, root, rules):
        self.root, self.count, self.used = root, 0, set()
        self.allowed = {}
        listing = root / "tests/lint/allowed.txt"
        for number, line in enumerate(_lines(listing), 1):
            words = line.split("#", 1)
            fields = words[0].split()
            if not fields or fields[0] not in rules:
                continue
            if len(fields) != 2 or len(words) < 2 or not words[1].strip():
                self._print(listing, number, "an excuse is: rule path # reason")
            else:
                self.allowed[tuple(fields)] = (listing, number)

    def add(self, rule, path, line, what):
        key = (rule, str(path.relative_to(self.root)))
        if key in self.allowed:
            self.used.add(key)
        else:
            self._print(path, line, what)

    def done(self, name):
        for key, (listing, number) in self.allowed.items():
            if key not in self.used:
                self._print(listing, number, f"nothing left to excuse: {key[0]} {key[1]}")
        if not self.count:
            print(f"{name}: ok")
        return 1 if self.count else 0

    def _print(self, path, line, what):
        self.count += 1
        print(f"{path.relative_to(self.root)}:{line}: {what}")


def _lines(path):
    return path.read_text().splitlines() if path.exists() else []


def root_from_argv():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT")
    return pathlib.Path(sys.argv[1]).resolve()


def sources(root, folders=("src", "tests", "bench"), suffixes=CPP):
    """Files of ours below `folders`, sorted."""
    return sorted(p for f in folders for p in (root / f).rglob("*")
                  if p.suffix in suffixes and p.is_file())


def code_of(text):
    """C++ text with comments and the inside of strings blanked; lines stay."""
    def blank(match):
        if match["number"]:
            return match[0]
        kept = re.sub(r"[^\n]", " ", match[0])
        return kept if match["comment"] else '"' + kept[1:-1] + '"'
    return _NOT_CODE.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
