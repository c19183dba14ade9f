"""Runs clang-tidy over the sources in a compile database, several at once.

usage: tidy.py ROOT BUILD_FOLDER [PART_OF_PATH...]

A source that was clean is not looked at again until it, a header of ours that
it includes, its compile command, .clang-tidy or clang-tidy itself changes: then
`./dev lint` costs seconds. What was clean is kept in BUILD_FOLDER/tidy-clean.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


@functools.cache
def includes(path):
    return INCLUDE.findall(path.read_text(errors="replace"))


def ours(source, folders):
    """The source and every header of ours that it includes, at any depth."""
    seen, todo = set(), [source]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in includes(path):
            todo += [folder / name for folder in (path.parent, *folders) if (folder / name).is_file()][:1]
    return sorted(seen)


def digest(entry, source, root, version):
    state = hashlib.sha256(version + (root / ".clang-tidy").read_bytes() + entry["command"].encode())
    for path in ours(source, (root / "src", root / "tests")):
        state.update(bytes(path) + b"\0" + path.read_bytes())
    return state.hexdigest()


def tidy(source, build, root, mark):
    """Findings as text; empty if there are none."""
    run = subprocess.run(["clang-tidy", "--quiet", "-p", build, source], cwd=root, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode == 0 and not run.stdout.strip():
        mark.touch()
        return ""
    return run.stdout or run.stderr


def main(root, build, wanted):
    version = subprocess.run(["clang-tidy", "--version"], check=True, stdout=subprocess.PIPE).stdout
    marks = build / "tidy-clean"
    marks.mkdir(exist_ok=True)
    todo = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.is_relative_to(build):  # generated: not ours to mend
            continue
        if wanted and not any(part in str(source.relative_to(root)) for part in wanted):
            continue
        mark = marks / digest(entry, source, root, version)
        if not mark.exists():
            todo.append((source, build, root, mark))
    todo.sort(key=lambda job: -job[0].stat().st_size)  # the longest first
    found = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda job: tidy(*job), todo):
            found += bool(findings)
            if findings:
                print(findings, flush=True)
    print(f"clang-tidy: {len(todo)} sources looked at, {found} with findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:]))
