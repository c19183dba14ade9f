"""Faults at random moments: after each, record, log and image store agree and nothing leaks.

The seed is printed with a failure; COOPER_CHAOS_SEED repeats it."""
import json
import os
import random
import re
import signal
import time

from support.cooper import BASE_IMAGE, make_app, moment, processes_of, wait_for

ROUNDS = 48  # each fault three times in either half
SEED = int(os.environ.get("COOPER_CHAOS_SEED", time.time_ns() % 1_000_000))

FILES = {
    "convox.yml": "services:\n  a:\n    build: a\n  b:\n    build: b\n",
    "a/Dockerfile": f"FROM {BASE_IMAGE}\nARG ROUND\nRUN echo $ROUND; for n in 1 2 3 4; do echo a $n; sleep 0.05; done\n",
    "b/Dockerfile": f"FROM {BASE_IMAGE}\nARG ROUND\nRUN echo $ROUND; (sleep 0.3 &) ; echo b; sleep 0.1\n"
                    "RUN echo $ROUND b2\n",
}

#: name -> what happens to a build; each gets (cooper, command's Popen, build id or None)
FAULTS = {}


def fault(action):
    FAULTS[action.__name__] = action
    return action


def supervisor_of(cooper, build):
    return cooper.record("app", build)["pid"] if build else None


def send(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, TypeError):
        pass  # the build was quicker, or has not begun


@fault
def ctrl_c(cooper, command, build):
    os.killpg(command.pid, signal.SIGINT)


@fault
def two_ctrl_c(cooper, command, build):
    os.killpg(command.pid, signal.SIGINT)
    os.killpg(command.pid, signal.SIGINT)


@fault
def hang_up(cooper, command, build):
    os.killpg(command.pid, signal.SIGHUP)


@fault
def kill_command(cooper, command, build):
    os.killpg(command.pid, signal.SIGKILL)


@fault
def kill_supervisor(cooper, command, build):
    send(supervisor_of(cooper, build), signal.SIGKILL)


@fault
def quit_supervisor(cooper, command, build):
    send(supervisor_of(cooper, build), signal.SIGQUIT)


@fault
def terminate_supervisor(cooper, command, build):
    send(supervisor_of(cooper, build), signal.SIGTERM)


@fault
def kill_buildah(cooper, command, build):
    for pid, line in processes_of(build or "no such build").items():
        if "buildah" in line.partition(" ")[0]:  # empty of one that is just ending
            send(pid, signal.SIGKILL)


def all_settled(cooper):
    """A supervisor that the command started before it was killed may have no record yet, nor be more than its fork."""
    programs = [line.partition(" ")[0] for line in processes_of(str(cooper.root)).values()]
    starting = any(program.endswith(("/cooper", "/cooper-supervisor")) for program in programs)
    return not starting and all(cooper.record("app", b)["status"] != "running" or not _lives(cooper, b) for b in cooper.build_ids("app"))


def _lives(cooper, build):
    return "running" in cooper("builds", "info", build, "-a", "app").out


def age_orphans(cooper):
    """A command that was killed while it packed leaves a source without a record. Prune
    takes it once it is an hour old; before, the build could still be starting."""
    known = set(cooper.build_ids("app"))
    for path in cooper.root.glob("data/sources/app/*"):
        if path.name.removeprefix(".tmp-").split(".")[0] not in known:
            os.utime(path, (time.time() - 7200,) * 2)


def check_consistent(cooper, store):
    """What must be true of an app at rest, after a prune."""
    releases = {p.stem: json.loads(p.read_text()) for p in cooper.root.glob("data/releases/app/*.json")}
    images = store.images()
    wanted_images = set()
    for build in cooper.build_ids("app"):
        record = cooper.record("app", build)
        assert record["status"] in ("succeeded", "failed", "canceled"), record
        assert moment(record["finished_at"]) >= moment(record["started_at"])
        log = cooper.log("app", build)
        assert log.endswith(b"\n") or record["exit_code"] == -1, log[-200:]
        if record["status"] == "succeeded":
            assert record["exit_code"] == 0 and releases[record["release"]]["build"] == build
            assert set(record["images"]) == {"a", "b"}
            for image in record["images"].values():
                wanted_images.add(image.split("@")[0])
        else:
            assert record["reason"] and "release" not in record and "images" not in record
        steps = cooper.builds_folder("app") / f"{build}.steps.jsonl"
        if record["exit_code"] == -1 and not steps.exists():
            continue  # killed before it began
        for line in steps.read_text().splitlines():
            step = json.loads(line)
            assert 0 <= step["log_begin"] <= step["log_end"] <= len(log), step
    assert {r["build"] for r in releases.values()} == {
        b for b in cooper.build_ids("app") if cooper.record("app", b)["status"] == "succeeded"}
    tagged = {name for name in images if name.startswith("localhost/app:")}
    assert tagged == wanted_images
    ids = set(cooper.build_ids("app"))
    for folder in ("data/builds/app", "data/releases/app", "data/sources/app", "data/work/app"):
        names = [p.name for p in (cooper.root / folder).glob("*")] if (cooper.root / folder).exists() else []
        assert not [n for n in names if n.startswith(".tmp-")], (folder, names)
        if folder == "data/sources/app":
            assert {re.split(r"\.", n)[0] for n in names} <= ids, names
        if folder == "data/work/app":
            assert names == []


def test_a_fault_at_a_random_moment_leaves_record_log_and_store_consistent(cooper, store, tmp_path):
    chance = random.Random(SEED)
    app = make_app(tmp_path / "app", FILES)
    cooper("apps", "create", "app").ok()
    cooper("builds", "set", "retention", "100", "-a", "app").ok()
    seen = {}
    for number in range(ROUNDS):
        name = list(FAULTS)[number % len(FAULTS)]
        known = cooper.build_ids("app")
        command = cooper.start("build", app, "--build-args", f"ROUND={number}")
        # Half of the faults meet a build that runs, wherever it is by then; the
        # others whatever the command does, packing and starting included.
        runs = number // len(FAULTS) % 2 == 1
        if runs:
            cooper.wait_for_new_build("app", known)
        pause = chance.uniform(0, 1.2)
        time.sleep(pause)  # the point is: at any moment
        new = [b for b in cooper.build_ids("app") if b not in known]
        try:
            FAULTS[name](cooper, command, new[0] if new else None)
            command.communicate(timeout=240)
            wait_for(lambda: all_settled(cooper), "all builds to end", 240)
            age_orphans(cooper)
            cooper("builds", "prune", "-a", "app").ok()
            check_consistent(cooper, store)
            store.assert_clean()
        except BaseException:
            since = "the record" if runs else "the start"
            print(f"seed {SEED}, round {number}: {name} {pause:.3f} s after {since}, build {new}")
            raise
        for build in set(cooper.build_ids("app")) - set(known):
            seen.setdefault(cooper.record("app", build)["status"], 0)
            seen[cooper.record("app", build)["status"]] += 1
    assert {"succeeded", "failed", "canceled"} <= set(seen), f"the faults hit too little: {seen}"
