"""A data root that somebody damaged by hand: warnings, never a crash or a hang,
nothing that drives the terminal, and nothing read or changed outside of it."""
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import time

import pytest

from support.cooper import executable

RECORD = {"id": "b1", "app": "bad", "kind": "build", "pid": 4194303, "started_at": "2026-11-20T07:00:00Z",
          "finished_at": "2026-11-20T07:01:00Z", "status": "succeeded", "source": "build", "exit_code": 0,
          "release": "r1"}
#: What no text of others may bring to a terminal: a clear screen, a title, a new
#: line, C1 controls, DEL, and a change of direction.
EVIL = "evil\x1b[2J\x1b]0;owned\x07\n\r\x9b31m\x7f\u202e\x08end"
STEP = {"service": "web", "number": 1, "text": "RUN true", "started": "2026-11-20T07:00:00Z", "cached": False,
        "log_begin": 0, "log_end": 1, "exit": 0}
RELEASE = {"id": "r1", "app": "bad", "build": "b1", "created_at": "2026-11-20T07:01:00Z", "manifest": "services:\n",
           "environment": {}, "images": {}}
SECRET = "outside of the root: nobody may read this"

#: Every command that reads or cleans. `{id}` is the damaged build.
COMMANDS = ["apps", "apps info bad", "builds -a bad", "builds -a bad --format json", "builds -a ok",
            "builds info {id} -a bad", "builds info {id} -a bad --steps", "builds info {id} -a bad --format json",
            "builds info last -a bad", "builds info last-failed -a bad", "builds info current -a bad",
            "builds logs {id} -a bad --no-follow", "builds logs {id} -a bad", "builds logs {id} -a bad --tail 3",
            "builds logs last -a bad --no-follow", "builds pin {id} -a bad", "builds unpin {id} -a bad",
            "builds cancel {id} -a bad", "builds settings -a bad", "builds settings --global",
            "releases -a bad", "releases info last -a bad", "releases info r1 -a bad --format json",
            "builds prune -a bad --dry-run", "builds prune -a bad", "builds prune --all-apps",
            "builds -a bad --limit 0", "builds set keep-failed 3 -a bad", "builds set keep-failed -a bad",
            "builds erase-log {id} -a bad", "builds remove {id} -a bad", "apps create new",
            "builds search log -a bad", "builds search log"]


class Root:
    """A data root with the healthy app `ok`, and the app `bad` with the healthy
    build b0 and b1, which is to be damaged."""

    def __init__(self, folder, runner):
        self.folder, self.runner = folder, runner
        self.outside = folder.parent / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text(SECRET)
        for app in ("ok", "bad"):
            self.write(f"data/apps/{app}/app.json", json.dumps({"name": app, "created_at": "2026-11-20T07:00:00Z"}))
            for build in ("b0", "b1"):
                self.write(f"data/builds/{app}/{build}.json", json.dumps({**RECORD, "id": build, "app": app}))
                self.write(f"data/builds/{app}/{build}.log", f"log of {build}\n")
                self.write(f"data/builds/{app}/{build}.steps.jsonl", json.dumps(STEP) + "\n")
            self.write(f"data/releases/{app}/r1.json", json.dumps(RELEASE))

    def path(self, name):
        return self.folder / name

    def write(self, name, content):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def replace(self, name):
        """Whatever it was, it is gone; for a link, a fifo, ... in its place."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        return path

    def record(self, **fields):
        self.write("data/builds/bad/b1.json", json.dumps({**RECORD, **fields}))

    def make_old(self):
        """So old that a prune takes what is nobody's."""
        for folder, folders, files in os.walk(self.folder):
            for name in folders + files:
                os.utime(os.path.join(folder, name), (1e9, 1e9), follow_symlinks=False)

    def run(self, command):
        """Runs it on a terminal; what came out of that, and the exit code."""
        argv = [executable(), *command.format(id="b1").split()]
        mine, theirs = pty.openpty()
        process = subprocess.Popen(argv, env={**self.runner.env, "TERM": "xterm"}, stdin=subprocess.DEVNULL,
                                   stdout=theirs, stderr=theirs)
        os.close(theirs)
        output, deadline = b"", time.monotonic() + 120
        try:
            while True:
                ready, _, _ = select.select([mine], [], [], max(0, deadline - time.monotonic()))
                assert ready, f"{command}: hangs; so far: {output!r}"
                try:
                    piece = os.read(mine, 65536)
                except OSError:  # EIO: the last writer is gone
                    break
                if not piece:
                    break
                output += piece
            return output, process.wait(timeout=120)
        finally:
            process.kill()
            process.wait()
            os.close(mine)


@pytest.fixture
def damaged(root, plain_cooper):
    return Root(root, plain_cooper)


def harmless(output):
    """Nothing but text and line ends."""
    text = output.decode(errors="strict").replace("\r\n", "\n")
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)


# The damages: each does one thing to the root.

def truncated(root):
    path = root.path("data/builds/bad/b1.json")
    path.write_bytes(path.read_bytes()[:100])


def deep(opening, closing, levels=100_000):
    def damage(root):
        root.write("data/builds/bad/b1.json", '{"kind": "build", "x": ' + opening * levels + closing * levels + "}")
    return damage


def content(name, data):
    return lambda root: root.write(name, data)


def fields(**changes):
    return lambda root: root.record(**changes)


def link(name, target):
    return lambda root: root.replace(name).symlink_to(root.folder / target)


def fifo(name):
    return lambda root: os.mkfifo(root.replace(name))


def in_place_of(name):
    return lambda root: root.replace(name).mkdir()


def unix_socket(name):
    def damage(root):
        path = root.replace(name)
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path may be 108 bytes long
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)
    return damage


def mode(name, bits):
    return lambda root: root.path(name).chmod(bits)


def odd_names(root):
    for name in ("..json", "...json", "a\nb.json", "\x1b[2J.json", "b1\x1b[2J.log", "-rf.json", "x" * 200 + ".json",
                 "b 2.json", "..log", ".tmp-\x1b]0;x\x07", "b3.json.tmp", "b4.log"):
        root.write(f"data/builds/bad/{name}", json.dumps(RECORD))
    for name in ("..x", "UPPER", "a\nb", "\x1b[2J", "-rf"):
        root.write(f"data/apps/{name}/app.json", "{}")
        root.write(f"data/builds/{name}/b1.json", json.dumps(RECORD))
        root.write(f"config/builds/bad/{name}", "1")
        root.write(f"data/work/bad/{name}/x", "1")


def evil_texts(root):
    root.record(source=EVIL, description=EVIL, git_sha=EVIL, release=EVIL, reason=EVIL, engine=EVIL, host=EVIL,
                images={EVIL: EVIL}, log_erased=EVIL, status="failed", **{EVIL: EVIL})
    root.write("data/builds/bad/b1.steps.jsonl", json.dumps({**STEP, "service": EVIL, "text": EVIL}) + "\n")
    root.write("data/builds/bad/b1.log", EVIL.encode() + b"\xff\xfe\x1b\n")
    root.write("data/releases/bad/r1.json", json.dumps({**RELEASE, "description": EVIL, "manifest": EVIL,
                                                        "environment": {EVIL: EVIL}, "images": {EVIL: EVIL}}))
    root.write("data/apps/bad/app.json", json.dumps({"created_at": "2026-11-20T07:00:00Z", "release": EVIL}))
    root.write("config/builds/bad/retention", EVIL)
    root.write("config/builds/--global/timeout", EVIL)


def foreign_names(root):
    root.record(id="../ok/b0", app="../ok", release="../../ok/r1")


RECORD_FILE, LOG_FILE, STEPS_FILE = (f"data/builds/bad/b1{suffix}" for suffix in (".json", ".log", ".steps.jsonl"))
DAMAGES = {
    "truncated": truncated,
    "empty": content(RECORD_FILE, ""),
    "zeros": content(RECORD_FILE, bytes(4096)),
    "binary": content(RECORD_FILE, bytes(range(256)) * 64),
    "huge": content(RECORD_FILE, b'{"x": "' + b"y" * (5 << 20) + b'"}'),
    "deep lists": deep("[", "]"),
    "deep objects": deep('{"a":', "}"),
    "unclosed": deep("[", ""),
    "a list": content(RECORD_FILE, "[1, 2]"),
    "a number": content(RECORD_FILE, "7"),
    "not utf-8": content(RECORD_FILE, json.dumps(RECORD).encode().replace(b'"r1"', b'"\xff\xfe\xc0"')),
    "twice a key": content(RECORD_FILE, json.dumps(RECORD)[:-1] + ', "status": "running"}'),
    "wrong types": fields(kind=1, pid="x", started_at=[], status={}, source=None, exit_code="0"),
    "wrong numbers": fields(pid=-1, exit_code=1e300),
    "pid 1": fields(pid=1, status="running"),
    "pid 0": fields(pid=0, status="running"),
    "dead": fields(status="running"),
    "a far future": fields(started_at="2261-01-01T00:00:00Z", finished_at="1700-01-01T00:00:00Z"),
    "no such day": fields(started_at="2026-02-31T00:00:00Z"),
    "other names inside": foreign_names,
    "control characters": evil_texts,
    "odd names": odd_names,
    "record is a folder": in_place_of(RECORD_FILE),
    "log is a folder": in_place_of(LOG_FILE),
    "steps are a folder": in_place_of(STEPS_FILE),
    "release is a folder": in_place_of("data/releases/bad/r1.json"),
    "app.json is a folder": in_place_of("data/apps/bad/app.json"),
    "app.json is broken": content("data/apps/bad/app.json", "{"),
    "app.json is huge": content("data/apps/bad/app.json", b"[" * (5 << 20)),
    "lock is a folder": in_place_of("data/builds/bad/.lock"),
    "property is a folder": in_place_of("config/builds/bad/retention"),
    "property is huge": content("config/builds/bad/retention", b"1" * (5 << 20)),
    "global property is a folder": in_place_of("config/builds/--global/retention"),
    "builds folder is a file": lambda root: root.replace("data/builds/bad").write_text("x"),
    "releases folder is a file": lambda root: root.replace("data/releases/bad").write_text("x"),
    "properties folder is a file": lambda root: root.write("config/builds/bad", "x"),
    "cache is a file": content("cache", "x"),
    "data/work is a file": content("data/work", "x"),
    "data/sources is a file": content("data/sources", "x"),
    "a fifo for a record": fifo(RECORD_FILE),
    "a fifo for a log": fifo(LOG_FILE),
    "a fifo for steps": fifo(STEPS_FILE),
    "a fifo for a release": fifo("data/releases/bad/r1.json"),
    "a fifo for app.json": fifo("data/apps/bad/app.json"),
    "a fifo for a property": fifo("config/builds/bad/retention"),
    "a fifo for the lock": fifo("data/builds/bad/.lock"),
    "a fifo for the cache": fifo("cache"),
    "a socket for a record": unix_socket(RECORD_FILE),
    "a socket for a log": unix_socket(LOG_FILE),
    "record without rights": mode(RECORD_FILE, 0),
    "folder without rights": mode("data/builds/bad", 0),
    "everything writable": mode(RECORD_FILE, 0o7777),
    "log is gone": lambda root: root.path(LOG_FILE).unlink(),
    "a link for a record": link(RECORD_FILE, "../outside/record"),
    "a link for a log": link(LOG_FILE, "../outside/secret"),
    "a link for steps": link(STEPS_FILE, "../outside/steps"),
    "a link for a release": link("data/releases/bad/r1.json", "../outside/release"),
    "a link for app.json": link("data/apps/bad/app.json", "../outside/app"),
    "a link for a property": link("config/builds/bad/retention", "../outside/secret"),
    "a link for builds": link("data/builds/bad", "../outside/builds"),
    "a link for releases": link("data/releases/bad", "../outside/releases"),
    "a link for an app": link("data/apps/bad", "../outside/app-folder"),
    "a link for work": link("data/work", "../outside"),
    "a link for sources": link("data/sources", "../outside"),
    "a link for properties": link("config/builds/bad", "../outside"),
    "a link for the lock": link("data/builds/bad/.lock", "../outside/secret"),
    "a link for the cache": link("cache", "../outside"),
    "a link for all properties": link("config", "../outside"),
    "a link in a circle": link(RECORD_FILE, RECORD_FILE),
}
#: Alone, and with a build that a prune reaps: that writes to its log.
LINKS = [name for name in DAMAGES if name.startswith("a link for")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_root_yields_warnings(damaged, damage):
    DAMAGES[damage](damaged)
    damaged.make_old()
    for command in COMMANDS:
        output, code = damaged.run(command)
        assert 0 <= code < 100, f"{command}: exit code {code}\n{output.decode(errors='replace')}"
        assert b"internal error" not in output, f"{command}: {output!r}"
        assert harmless(output), f"{command}: {output!r}"
    # The others are as they were.
    assert damaged.run("builds info b0 -a ok")[1] == 0
    assert damaged.path("data/builds/ok/b0.json").exists()


HIDDEN_FROM_NOBODY = ["truncated", "empty", "binary", "huge", "deep lists", "deep objects", "a list", "wrong types",
                      "record is a folder", "a fifo for a record", "a socket for a record", "a link for a record"]


@pytest.mark.parametrize("damage", HIDDEN_FROM_NOBODY)
def test_a_damaged_record_is_told_of_and_hides_no_other(damaged, damage):
    DAMAGES[damage](damaged)
    output, code = damaged.run("builds -a bad")
    assert code == 0
    assert b"WARNING: record bad/b1 " in output
    assert b"\nb0 " in output
    output, code = damaged.run("builds prune -a bad")
    assert code == 0
    assert b"WARNING: record bad/b1 " in output


@pytest.mark.parametrize("damage", HIDDEN_FROM_NOBODY)
def test_a_build_with_a_damaged_record_can_be_read_erased_and_removed(damaged, damage):
    DAMAGES[damage](damaged)
    for words in ("--no-follow", ""):
        output, code = damaged.run(f"builds logs b1 -a bad {words}")
        assert (output.split(), code) == (b"log of b1".split(), 0)
    for command in ("info", "pin", "cancel"):
        output, code = damaged.run(f"builds {command} b1 -a bad")
        assert code == 1
        assert b"ERROR: record bad/b1 can't be read: " in output and b"hint: " in output
        assert b"cooper builds remove b1 -a bad" in output
    output, code = damaged.run("builds erase-log b1 -a bad")
    assert code == 0, output
    assert damaged.path(LOG_FILE).read_text().startswith("[cooper] this log was erased: ")
    assert b"RUN true" not in damaged.path(STEPS_FILE).read_bytes()
    assert damaged.run("builds remove b1 -a bad")[1] == 0
    assert not list(damaged.path("data/builds/bad").glob("b1*"))
    assert damaged.run("builds info b1 -a bad")[1] == 3
    assert b"WARNING" not in damaged.run("builds -a bad")[0]
    assert damaged.run("builds info b0 -a bad")[1] == 0


def seed_outside(root):
    """What the links lead to: all of it is good, and tempting."""
    outside = root.outside
    for name, text in {"record": json.dumps({**RECORD, "description": SECRET}), "steps": json.dumps(STEP) + "\n",
                       "release": json.dumps({**RELEASE, "description": SECRET}),
                       "app": json.dumps({"created_at": "2026-11-20T07:00:00Z", "release": "r1"})}.items():
        (outside / name).write_text(text)
    for folder, record in (("builds", "record"), ("releases", "release")):
        (outside / folder).mkdir()
        for index in range(3):
            shutil.copy(outside / record, outside / folder / f"{'r' if folder == 'releases' else 'b'}{index}.json")
        (outside / folder / ".tmp-old").write_text("x")
        (outside / folder / "b9.log").write_text(SECRET)
    (outside / "app-folder").mkdir()
    (outside / "app-folder/app.json").write_text((outside / "app").read_text())
    for folder in ("bad", "b1"):
        (outside / folder / "b7").mkdir(parents=True)
        (outside / folder / ".tmp-old").write_text("x")
    (outside / "retention").write_text("1")


def listing(folder):
    return sorted((str(path), path.lstat().st_mode, path.lstat().st_mtime_ns, path.lstat().st_nlink,
                   path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*"))


def opened_outside(trace, outside):
    """Files that a traced program could open there."""
    pattern = re.compile(r"open.*= \d+<(" + re.escape(str(outside)) + "[^>]*)>")
    return [match[1] for line in trace.splitlines() if (match := pattern.search(line))]


@pytest.mark.parametrize("status", ["succeeded", "running"])
@pytest.mark.parametrize("damage", LINKS)
def test_no_link_leads_out_of_the_root(damaged, damage, status, tmp_path):
    seed_outside(damaged)
    damaged.record(status=status)
    DAMAGES[damage](damaged)
    damaged.make_old()
    for path in [damaged.outside, *damaged.outside.rglob("*")]:
        os.utime(path, (1e9, 1e9))
    before = listing(damaged.outside)
    trace = tmp_path / "trace"
    for command in [*COMMANDS, "builds erase-log {id} -a bad", "apps delete bad"]:
        argv = [executable(), *command.format(id="b1").split()]
        done = subprocess.run(["strace", "-f", "-y", "-qq", "-e", "trace=open,openat,openat2,creat", "-o", trace, *argv],
                              env=damaged.runner.env | {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"},
                              capture_output=True, timeout=240)  # no leak check in a traced process
        assert 0 <= done.returncode < 100, f"{command}: {done}"
        assert not opened_outside(trace.read_text(errors="replace"), damaged.outside), command
        assert SECRET.encode() not in done.stdout + done.stderr, command
        assert listing(damaged.outside) == before, command


def test_the_trace_shows_what_is_opened_outside(damaged, tmp_path):
    """Else the test before could not fail."""
    trace = tmp_path / "trace"
    inside = damaged.folder / "link"
    inside.symlink_to(damaged.outside / "secret")
    subprocess.run(["strace", "-f", "-y", "-qq", "-e", "trace=open,openat,openat2,creat", "-o", trace, "cat", inside],
                   check=True, capture_output=True)
    assert opened_outside(trace.read_text(), damaged.outside) == [str(damaged.outside / "secret")]
