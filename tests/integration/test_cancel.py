"""Cancel leaves nothing: whatever a build's processes do against it, with and without control groups, supervised or
recorded by another program; and no cancel, list or prune ever takes a stranger for a build's process."""
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from support.cooper import build_id_of, executable, processes_of, wait_for

#: What processes do to live on. Each prints `up` when it has done it.
ESCAPES = {
    "deaf": "trap '' TERM QUIT INT HUP; echo up; while :; do sleep 1; done",
    "session": "setsid sh -c 'trap \"\" TERM QUIT INT HUP; echo up; while :; do sleep 1; done' & wait",
    "double fork": "(setsid sh -c '(trap \"\" TERM; echo up; while :; do sleep 1; done) & exit 0' &); sleep 600",
    "clean environment": "(env -i PATH=$PATH setsid sh -c 'trap \"\" TERM; echo up; while :; do sleep 1; done' &); sleep 600",
    "closed output": "(setsid sh -c 'echo up; exec >/dev/null 2>&1; trap \"\" TERM; while :; do sleep 1; done' &); exec sleep 600",
    "halted": "sh -c 'echo up; kill -STOP $$; sleep 600' & wait",
    "forking": "trap '' TERM; f() { while :; do (sleep 0.01; (:) &) & sleep 0.01; done; }; f & f & echo up; f",
    "fork on TERM": "trap '(setsid sleep 600 &)' TERM; echo up; while :; do sleep 0.01; done",
}

NOBODY = 65534
#: Found by it in the environment of all processes there are, also of those of other runs of this file.
FOREIGN = f"pid-{os.getpid()}"


@pytest.fixture(params=["groups", "no groups"])
def track(request, plain_cooper):
    """Starts a detached command for `shop`; "no groups": where no control group can be made."""
    def start(script, *, mark):
        words = [executable(), "track", "-a", "shop", "--detach", "--", "sh", "-c", script, mark]
        if request.param == "no groups":
            if os.getuid() != 0:
                pytest.skip("needs root to hide the control groups")
            words = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh", *words]
        done = subprocess.run(words, env=plain_cooper.env, capture_output=True, text=True, check=True)
        return build_id_of(done.stdout)
    return start


def told_lines(cooper, build):
    """The log's lines without what the shell says of a `sleep` that was ended with it."""
    lines = cooper.log("shop", build).decode().splitlines()
    return [line for line in lines if not line.endswith("Terminated") and " Quit " not in line]


def assert_canceled(cooper, build):
    record = cooper.record("shop", build)
    assert (record["status"], record["exit_code"]) == ("canceled", -1), record
    assert cooper.log("shop", build).decode().splitlines()[-1] == "Build canceled"


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_is_left_of_a_tracked_command(plain_cooper, track, escape, tmp_path):
    # Whoever cleaned its environment is still told by its working folder or arguments: look for the mark, too.
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    marked = ESCAPES[escape].replace("sh -c '", f"sh -c ': {mark}; ")
    build = track(marked, mark=mark)
    plain_cooper.wait_for_log("shop", build, "up")
    assert processes_of(mark)
    done = plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    assert not processes_of(mark) and not processes_of(build), "cancel returned too early"
    assert_canceled(plain_cooper, build)
    assert build in done.out + done.err
    before = plain_cooper.record("shop", build)
    plain_cooper("builds", "cancel", build, "-a", "shop")
    assert plain_cooper.record("shop", build) == before


def test_a_build_within_a_build_is_canceled_with_it(plain_cooper):
    inner = f"{executable()} track -a inner -- sh -c 'trap \"echo tidies up; exit 1\" TERM; echo up; while :; do sleep 0.1; done'"
    build = build_id_of(plain_cooper("track", "-a", "shop", "--detach", "--", "sh", "-c", f"{inner}; :").ok().out)
    plain_cooper.wait_for_log("shop", build, "up")
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    assert_canceled(plain_cooper, build)
    within = plain_cooper.build_ids("inner")[0]
    assert plain_cooper.record("inner", within)["status"] == "canceled"
    assert b"tidies up" in plain_cooper.log("inner", within)
    assert not processes_of(within)


def test_an_unprivileged_user_cancels_as_well(tmp_path, plain_cooper):
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    env = {**plain_cooper.env, "COOPER_ROOT": str(home / "root")}
    as_nobody = {"env": env, "user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": home}

    def cooper(*words):
        return subprocess.run([executable(), *words], capture_output=True, text=True, check=True, **as_nobody)
    try:
        build = build_id_of(cooper("track", "-a", "shop", "--detach", "--", "sh", "-c", ESCAPES["double fork"]).stdout)
    except PermissionError:
        pytest.skip("another user can't run the program here")
    log = home / "root/data/builds/shop" / f"{build}.log"
    wait_for(lambda: "up" in log.read_text(), "the command to be up")
    cooper("builds", "cancel", build, "-a", "shop")
    assert not processes_of(build)
    assert json.loads(log.with_suffix(".json").read_text())["status"] == "canceled"


def test_the_log_is_whole_after_a_cancel(plain_cooper, track):
    build = track("trap 'seq 1 50000; exit 1' TERM; echo up; while :; do sleep 0.01; done", mark="x")
    plain_cooper.wait_for_log("shop", build, "up")
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    expected = ["up", *map(str, range(1, 50001)), "Build canceled"]
    assert told_lines(plain_cooper, build) == expected


def test_cancel_against_the_commands_own_end(plain_cooper):
    """Whichever comes first: one end, and the log and the caller agree with it."""
    for i in range(30):
        done = plain_cooper("track", "-a", "shop", "--detach", "--", "sh", "-c", f"sleep {i % 10 / 100}; echo done").ok()
        build = build_id_of(done.out)
        told = plain_cooper("builds", "cancel", build, "-a", "shop")
        record = plain_cooper.record("shop", build)
        last = plain_cooper.log("shop", build).decode().splitlines()[-1]
        assert (record["status"], record["exit_code"], last) in (
            ("succeeded", 0, "done"), ("canceled", -1, "Build canceled")), record
        assert told.code == (0 if record["status"] == "canceled" else 6), told
        assert not processes_of(build)


def test_what_a_killed_supervisor_leaves_prune_ends(plain_cooper, track, tmp_path):
    build = track(ESCAPES["double fork"], mark="x")
    plain_cooper.wait_for_log("shop", build, "up")
    os.kill(plain_cooper.record("shop", build)["pid"], signal.SIGKILL)
    wait_for(lambda: "abandoned" in plain_cooper("builds", "info", build, "-a", "shop").ok().out, "abandoned")
    assert processes_of(build)
    plain_cooper("builds", "prune", "-a", "shop").ok()
    assert plain_cooper.record("shop", build)["status"] == "failed"
    assert not processes_of(build)


# Builds that another program recorded

@pytest.fixture
def foreign(plain_cooper, tmp_path):
    """Starts a script as Dokku does: its pid recorded, its id in the environment, its output through a tee."""
    plain_cooper("apps", "create", "shop").ok()
    started = []

    def start(script, build=FOREIGN, **options):
        folder = plain_cooper.builds_folder("shop")
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"{build}.log"
        process = subprocess.Popen(["bash", "-c", f"exec > >(exec tee -a {log} >/dev/null) 2>&1; {script}"],
                                   env={**plain_cooper.env, "DOKKU_BUILD_ID": build}, **options)
        started.append(process)
        (folder / f"{build}.json").write_text(json.dumps({
            "id": build, "app": "shop", "kind": "deploy", "pid": process.pid, "status": "running",
            "source": "ps:restart", "started_at": time.strftime("%Y-%m-%dT%H:%M:%S.999999999Z", time.gmtime())}))
        wait_for(lambda: log.exists() and b"up" in log.read_bytes(), "the script to be up")
        return build
    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("escape", [name for name in ESCAPES if name != "clean environment"])
def test_nothing_is_left_of_a_build_of_another_program(plain_cooper, foreign, escape):
    build = foreign(ESCAPES[escape], start_new_session=True)
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    assert not processes_of(f"DOKKU_BUILD_ID={build}")
    assert_canceled(plain_cooper, build)


def test_the_caller_and_its_group_survive(plain_cooper, foreign):
    """The build is in the group of the script that cancels it, and so is a bystander."""
    build = foreign("echo up; sleep 600")  # in our own process group
    bystander = subprocess.Popen(["sleep", "600"])
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert not processes_of(f"DOKKU_BUILD_ID={build}")
    assert_canceled(plain_cooper, build)


def test_a_build_that_cancels_itself(plain_cooper, foreign, tmp_path):
    """What the caller descends from is spared: it gets its answer."""
    script = f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; {executable()} builds cancel {FOREIGN} -a shop; echo code $?"
    build = foreign(f"echo up; sleep 600 & {script}", start_new_session=True)
    (tmp_path / "go").touch()  # it has a record and a log by now
    assert plain_cooper.wait_for_end("shop", build)["status"] == "canceled"
    wait_for(lambda: not processes_of(f"DOKKU_BUILD_ID={build}"), "the rest to end")


def test_the_tail_of_the_log_of_another_program_is_kept(plain_cooper, foreign):
    build = foreign("trap 'seq 1 50000; exit 1' TERM; echo up; while :; do sleep 0.01; done", start_new_session=True)
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    expected = ["up", *map(str, range(1, 50001)), "Build canceled"]
    assert told_lines(plain_cooper, build) == expected


def test_several_cancels_at_once_have_one_end(plain_cooper, foreign):
    for i in range(10):
        build = foreign("echo up; sleep 600", build=f"race-{os.getpid()}-{i}", start_new_session=True)
        racers = [subprocess.Popen([executable(), "builds", "cancel", build, "-a", "shop"], env=plain_cooper.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
        codes = {racer.wait() for racer in racers}
        assert 0 in codes and codes <= {0, 6}, "it was running for one of them at least"
        record = plain_cooper.record("shop", build)
        # Failed: the other one has found the process gone, and was the first to say so.
        assert record["status"] in ("canceled", "failed") and record["exit_code"] == -1, record
        assert not processes_of(f"DOKKU_BUILD_ID={build}")


# A pid that came again

REUSE = """
import json, os, signal, subprocess, sys, time, pathlib
cooper, root, kind = sys.argv[1:]
env = {**os.environ, "COOPER_ROOT": root}
builds = pathlib.Path(root, "data/builds/shop")
run = lambda *words: subprocess.run([cooper, *words], env=env, capture_output=True, text=True)

if kind == "supervised":
    done = run("track", "-a", "shop", "--detach", "--", "sleep", "600")
    build = done.stdout.split()[-1]
    pid = json.loads((builds / f"{build}.json").read_text())["pid"]
else:
    run("apps", "create", "shop")
    child = subprocess.Popen(["sleep", "600"])
    build, pid = "pid-1", child.pid
    builds.mkdir(parents=True)
    (builds / f"{build}.json").write_text(json.dumps({"id": build, "app": "shop", "kind": "deploy", "pid": pid,
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1)),
        "status": "running", "source": "deploy"}))
shown = lambda: json.loads(run("builds", "info", build, "-a", "shop", "--format", "json").stdout)["display_status"]
assert shown() == "running", shown()
os.kill(pid, signal.SIGKILL)
while os.path.exists(f"/proc/{pid}/stat") and open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
    pass
assert shown() == "abandoned", "a zombie, or nobody: " + shown()
if kind == "supervised":
    os.kill(-1, signal.SIGKILL)  # a number is not free as long as a session has it
    try:
        while True:
            os.wait()  # we are process 1 here
    except ChildProcessError:
        pass
else:
    child.wait()
started = json.loads((builds / f"{build}.json").read_text())["started_at"]
while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)) <= started[:19]:
    time.sleep(0.01)  # the stranger starts after the record by any clock
# The pid comes again, as a stranger that leads a group of its own.
pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
assert stranger.pid == pid, (stranger.pid, pid)
assert shown() == "abandoned", shown()
for command in (["builds", "-a", "shop"], ["builds", "cancel", build, "-a", "shop"], ["builds", "prune", "-a", "shop"]):
    run(*command)
    assert stranger.poll() is None, command
record = json.loads((builds / f"{build}.json").read_text())
assert (record["status"], record["exit_code"]) == ("failed", -1), record
print("all of it")
"""


@pytest.mark.parametrize("kind", ["supervised", "foreign"])
def test_a_pid_that_came_again_is_a_stranger(plain_cooper, kind):
    done = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c",
                           textwrap.dedent(REUSE), executable(), str(plain_cooper.root), kind],
                          env=plain_cooper.env, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("no pid namespace can be made here")
    assert done.stdout == "all of it\n", done


def test_after_a_reboot_no_build_runs(plain_cooper, foreign):
    """Records from before the boot, whose pids belong to others by now."""
    plain_cooper("apps", "create", "old").ok()
    folder = plain_cooper.builds_folder("old")
    folder.mkdir(parents=True)
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(boot - 60))
    strangers = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2)]
    for number, (stranger, host) in enumerate(zip(strangers, ({}, {"host": os.uname().nodename}))):
        (folder / f"b{number}.json").write_text(json.dumps({
            "id": f"b{number}", "app": "old", "kind": "deploy", "pid": stranger.pid, "started_at": before,
            "status": "running", "source": "deploy", **host}))
    listed = json.loads(plain_cooper("builds", "-a", "old", "--format", "json").ok().out)
    assert {build["display_status"] for build in listed} == {"abandoned"}
    plain_cooper("builds", "cancel", "b0", "-a", "old")
    plain_cooper("builds", "prune", "-a", "old").ok()
    for number, stranger in enumerate(strangers):
        assert stranger.poll() is None
        assert plain_cooper.record("old", f"b{number}")["status"] == "failed"
        stranger.kill()
        stranger.wait()
