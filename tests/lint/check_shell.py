#!/usr/bin/env python3
"""Shell scripts pass shellcheck."""
import shutil
import subprocess
import sys

import common


def main():
    root = common.root_from_argv()
    scripts = common.sources(root, ("bench", "examples", "tests", "packaging"), (".sh",))
    scripts += [p for p in (root / "dev", root / ".ci/run") if p.exists()]
    if not shutil.which("shellcheck"):
        print("shell: skipped, shellcheck is not installed")
        return 77
    if scripts and subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", *map(str, scripts)]).returncode:
        return 1
    print("shell: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
