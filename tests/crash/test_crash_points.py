"""kill -9 between every two steps of a change to the data root, and the order of
its steps: what a power cut may take must not have been reported."""
import json
import os
import re
import signal
import subprocess

import pytest

DRIVER = os.environ["COOPER_CRASH_DRIVER"]
OPERATIONS = ["create-app", "insert", "finalize", "pin", "set-property", "unset-property", "insert-release", "remove",
              "prune"]
STEPS = ["mkdir", "mkdirat", "openat", "openat2", "write", "fchmod", "fsync", "rename", "renameat", "link", "linkat",
         "unlink", "unlinkat", "flock", "close", "getdents64"]


def record(build, **fields):
    return {"id": build, "app": "hello", "kind": "build", "pid": 0, "started_at": "2026-11-20T07:00:00Z",
            "status": "failed", "source": "build", "exit_code": 1, "finished_at": "2026-11-20T07:00:00Z",
            "theirs": {"kept": [1, 2.5, None]}, **fields}


def seed(root, operation):
    """What has been reported before: b1 runs (or, for a prune, has ended), and b0
    and b9 have ended."""
    def write(name, content):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    write("data/apps/hello/app.json", {"name": "hello", "created_at": "2026-11-20T07:00:00Z"})
    write("data/builds/hello/b0.json", record("b0", started_at="2026-11-20T08:00:00Z"))
    write("data/builds/hello/b9.json", record("b9", started_at="2026-11-20T09:00:00Z", status="succeeded"))
    running = {} if operation == "prune" else {"status": "running", "exit_code": None, "finished_at": None}
    write("data/builds/hello/b1.json", record("b1", **running))
    for build in ("b0", "b1", "b9"):
        write(f"data/builds/hello/{build}.log", "a log\n")
        write(f"data/sources/hello/{build}.tar.zst", "a source")
    write("data/releases/hello/r1.json", {"build": "b1", "created_at": "2026-11-20T07:00:00Z", "manifest": ""})
    write("config/builds/hello/timeout", "1h")
    write("config/builds/hello/retention", "5")
    return root


def state(root):
    """Every file that a reader sees, records parsed; no temporary one."""
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.startswith(".tmp-") and not path.name.endswith("lock"):
            text = path.read_text()
            if path.suffix == ".json":
                content = json.loads(text)  # unreadable: that is what must not be
                content.pop("finished_at", None)
                content.pop("started_at", None)
                content.pop("created_at", None)
                content.pop("pid", None)
                content.pop("removing", None)  # a removal that has begun and may be taken up again
                text = json.dumps(content, sort_keys=True)
            files[str(path.relative_to(root))] = text
    return files


def trace(root, operation, output, *options):
    # The leak check can't run in a traced process.
    return subprocess.run(["strace", "-y", "-qq", "-o", output, *options, DRIVER, root, operation],
                          env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}, capture_output=True, text=True, timeout=60)


def steps_of(root, operation, tmp_path):
    """{system call: (how often before the change, and up to its report)}"""
    output = tmp_path / "steps"
    done = trace(root, operation, output, "-e", "trace=" + ",".join(STEPS))
    assert done.returncode == 0 and done.stdout == "begin\ndone\n", done
    counts, before = {}, {}
    for line in output.read_text().splitlines():
        name = line.split("(", 1)[0]
        counts[name] = counts.get(name, 0) + 1
        if 'write(1<' in line and '"begin\\n"' in line:
            before = dict(counts)
        if 'write(1<' in line and '"done\\n"' in line:
            break
    return {name: (before.get(name, 0), count) for name, count in counts.items() if count > before.get(name, 0)}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_between_two_steps_leaves_the_old_or_the_new(operation, tmp_path):
    after_root = seed(tmp_path / "after", operation)
    before = state(after_root)
    steps = steps_of(after_root, operation, tmp_path)
    after = state(after_root)
    assert before != after, "the operation does something"
    assert sum(last - first for first, last in steps.values()) > 4
    killed = 0
    for call, (first, last) in steps.items():
        for number in range(first + 1, last + 1):
            root = seed(tmp_path / f"{call}-{number}", operation)
            done = trace(root, operation, tmp_path / "out", "-e", f"trace={call}", "-e",
                         f"inject={call}:signal=KILL:when={number}")
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done
            killed += 1
            found = state(root)
            for name in before.keys() | after.keys() | found.keys():
                allowed = (before.get(name), after.get(name))
                assert found.get(name) in allowed, f"{call} {number}: {name}"
            if "done" in done.stdout:
                assert found == after
            # A record that is there still has what belongs to it, or is gone for good
            # with the next attempt; what was on its way is nobody's, and goes with a prune.
            for path in root.rglob("*"):
                os.utime(path, (1e9, 1e9))
            prune(root)
            assert not list(root.rglob(".tmp-*")), f"{call} {number}"
    assert killed >= 5


def prune(root):
    """After the attempt that makes good what was cut short: an app is created, or was."""
    def run(*words):
        return subprocess.run([os.environ["COOPER_BIN"], *words], env={**os.environ, "COOPER_ROOT": str(root)},
                              capture_output=True, text=True, timeout=60)
    run("apps", "create", "other")
    done = run("builds", "prune", "--all-apps")
    assert done.returncode == 0 and "WARNING" not in done.stderr, done


# The order of the steps

def broken_promises(lines):
    """What a power cut could undo although it was reported, or tear: for each new
    name a sync of the file's content before it appears and of its folder after
    that; for each name that is gone, and each folder that is made, a sync of the
    folder above it: all before `done`."""
    problems, unsynced_content, unsynced_folders = [], set(), {}
    for line in lines:
        if not re.search(r"\) += (0|[1-9]\d*)", line):
            continue  # it failed, and changed nothing
        if match := re.match(r'write\((\d+)<([^>]*)>, (.*)', line):
            if match[1] == "1" and '"done\\n"' in match[3]:
                problems += [f"{what} was not synced" for what in unsynced_folders.values()]
                return problems
            unsynced_content.add(match[2])
        elif match := re.match(r"(?:fsync|fdatasync)\(\d+<([^>]*)>\)", line):
            unsynced_content.discard(match[1])
            unsynced_folders = {key: what for key, what in unsynced_folders.items() if key[0] != match[1]}
        elif match := re.match(r'(rename|link)at\w*\(\d+<([^>]*)>, "([^"]*)", \d+<([^>]*)>, "([^"]*)"', line):
            old, new = f"{match[2]}/{match[3]}", f"{match[4]}/{match[5]}"
            if old in unsynced_content:
                problems.append(f"{new} appeared before its content was synced")
            unsynced_folders[match[4], new] = new
        elif match := re.match(r'unlinkat\(\d+<([^>]*)>, "([^"]*)", 0\)', line):
            if not match[2].startswith(".tmp-"):
                unsynced_folders[match[1], match[2]] = f"the removal of {match[2]}"
        elif match := re.match(r'mkdirat\(\d+<([^>]*)>, "([^"]*)"', line):
            unsynced_folders[match[1], match[2]] = f"folder {match[2]}"
        elif match := re.match(r'(?:rename|link|unlink|mkdir|rmdir)\((.*)', line):
            problems.append(f"a step that this checker does not know: {line}")
    return problems + ["it never said that it was done"]


def traced(operation, tmp_path):
    root = seed(tmp_path / "root", operation)
    if operation == "insert-release":  # a folder that has to be made, too
        for path in (root / "data/releases/hello").iterdir():
            path.unlink()
        (root / "data/releases/hello").rmdir()
    output = tmp_path / "trace"
    done = trace(root, operation, output, "-s", "64", "-e", "trace=" + ",".join([*STEPS, "fdatasync", "rmdir"]))
    assert done.returncode == 0, done
    # From the change on: what the program loader does is no concern of ours.
    lines = output.read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("write(1<") and '"begin\\n"' in line)
    return lines[begin + 1:]


@pytest.mark.parametrize("operation", ["insert", "finalize", "pin", "set-property", "unset-property",
                                       "insert-release", "remove", "create-app"])
def test_nothing_is_reported_before_it_is_durable(operation, tmp_path):
    lines = traced(operation, tmp_path)
    assert broken_promises(lines) == []
    # The checker can fail: without any one of the syncs that matter, it does.
    syncs = [i for i, line in enumerate(lines) if line.startswith("fsync(")]
    assert syncs
    caught = [i for i in syncs if broken_promises(lines[:i] + lines[i + 1:])]
    assert caught, "no missing sync is noticed"
    assert broken_promises([line for line in lines if not line.startswith("fsync(")])


def test_a_torn_order_is_noticed():
    folder, file = "3</r>", "4</r/.tmp-b1>"
    write, sync = f'write({file}, "x", 1) = 1', f"fsync({file}) = 0"
    rename = f'renameat({folder}, ".tmp-b1", {folder}, "b1.json") = 0'
    sync_folder, done = f"fsync({folder}) = 0", 'write(1</dev/pts/0>, "done\\n", 5) = 5'
    assert broken_promises([write, sync, rename, sync_folder, done]) == []
    assert broken_promises([write, rename, sync, sync_folder, done])
    assert broken_promises([write, sync, rename, done, sync_folder])
    assert broken_promises([write, sync, sync_folder, rename, done])
    assert broken_promises([write, sync, rename, sync_folder])
    assert broken_promises([f'unlinkat({folder}, "b1.json", 0) = 0', done])
    assert broken_promises([f'mkdirat({folder}, "x", 0755) = 0', done])
