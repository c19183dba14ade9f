"""Builds whose supervisor is gone: who may take whom for it, and what ends their logs."""
import contextlib
import json
import os
import signal
import subprocess

import pytest

from support.cooper import build_id_of, processes_of, runs, wait_for


@pytest.fixture
def abandoned(plain_cooper):
    """A tracked command that has printed beyond its limit when its supervisor is killed."""
    plain_cooper("builds", "set", "--global", "log-limit", "1m").ok()
    script = "seq 1000000 1400000; echo done; exec sleep 600"
    started = plain_cooper("track", "-a", "shop", "--detach", "--", "sh", "-c", script).ok()
    build = build_id_of(started.out + started.err)
    tail = plain_cooper.builds_folder("shop")

    def has_printed_all():
        with contextlib.suppress(FileNotFoundError):  # a part that was removed meanwhile
            return any(b"\ndone\n" in part.read_bytes() for part in tail.glob(f"{build}.log.tail-*"))
    wait_for(has_printed_all, "the command has printed all")
    wait_for(lambda: "sleep 600" in processes_of(build).values(), "the command to be what it stays")
    pid = plain_cooper.record("shop", build)["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not runs(pid), "the supervisor is gone")
    return build


def test_of_many_prunes_at_once_one_ends_the_log(plain_cooper, abandoned):
    prunes = [plain_cooper.start("builds", "prune", "-a", "shop", env={"PATH": "/nowhere"}) for _ in range(6)]
    said = [prune.communicate(timeout=180) for prune in prunes]
    assert all(prune.returncode == 0 for prune in prunes), said
    log = plain_cooper.log("shop", abandoned).decode()
    lines = log.splitlines()
    assert len(lines) == len(set(lines)), "lines are doubled"
    assert log.count(" are cut here\n") == 1 and log.count("ERROR: abandoned") == 1
    assert lines[-2:] == ["done", "ERROR: abandoned: the build's process vanished (killed, or the host restarted)"]
    # A command has no engine: that there is none costs no warning.
    assert "buildah" not in log
    record = plain_cooper.record("shop", abandoned)
    assert (record["status"], record["exit_code"]) == ("failed", -1)


def test_another_process_with_the_id_is_no_supervisor(plain_cooper, abandoned):
    stranger = subprocess.Popen(["sh", "-c", "sleep 600; :", "--id", abandoned], start_new_session=True)
    try:
        path = plain_cooper.builds_folder("shop") / f"{abandoned}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": stranger.pid}))
        shown = json.loads(plain_cooper("builds", "-a", "shop", "--format", "json").ok().out)
        assert [build["display_status"] for build in shown] == ["abandoned"]
        plain_cooper("builds", "cancel", abandoned, "-a", "shop")
        assert plain_cooper.record("shop", abandoned)["status"] == "failed"
        assert stranger.poll() is None
    finally:
        os.killpg(stranger.pid, signal.SIGKILL)
        stranger.wait()


def test_a_prune_that_fails_at_the_end_adds_nothing_to_the_log(plain_cooper, tmp_path):
    plain_cooper("apps", "create", "shop").ok()
    releases = plain_cooper.builds_folder("shop").parent.parent / "releases" / "shop"
    releases.parent.mkdir(parents=True, exist_ok=True)
    done = plain_cooper("track", "-a", "shop", "--", "sh", "-c", f"ln -s {tmp_path} {releases}; echo all").ok()
    build = build_id_of(done.err)
    # Its prune comes last.
    pid = plain_cooper.record("shop", build)["pid"]
    wait_for(lambda: not runs(pid), "the supervisor has ended")
    assert plain_cooper.log("shop", build) == b"all\n"
    said = plain_cooper("builds", "prune", "-a", "shop")
    assert said.code != 0 and "releases" in said.err


def beside(pid):
    """A shell command: does the process run beside it?"""
    return f's=$(grep State: /proc/{pid}/status 2>/dev/null); case "$s" in ""|*Z*) echo alone;; *) echo beside;; esac'


def test_the_next_deploy_begins_when_nothing_of_an_abandoned_one_runs(plain_cooper, abandoned):
    pid, *_ = processes_of(abandoned)
    done = plain_cooper("track", "-a", "shop", "--", "sh", "-c", beside(pid)).ok()
    assert done.out == "alone\n"
    assert f"build {abandoned} was abandoned" in done.err
    assert plain_cooper.record("shop", abandoned)["status"] == "failed"
    assert not processes_of(abandoned)


def test_so_does_one_that_dokku_starts(dokku):
    dokku.app("shop")
    build = build_id_of(dokku.cooper("track", "-a", "shop", "--detach", "--", "sleep", "600").ok().out)
    supervisor = dokku.record("shop", build)["pid"]
    wait_for(lambda: "sleep 600" in processes_of(build).values(), "the command to run")
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not runs(supervisor), "the supervisor is gone")
    assert processes_of(build)
    said = dokku.t("builds-record-start", "shop", "b1", os.getpid(), "git-hook").ok()
    assert f"build {build} was abandoned" in said.err
    assert not processes_of(build)
    assert (dokku.record("shop", build)["status"], dokku.record("shop", "b1")["status"]) == ("failed", "running")


def test_what_a_crash_left_of_an_app_that_is_none_is_pruned(plain_cooper):
    folder = plain_cooper.builds_folder("gone")
    folder.mkdir(parents=True)
    for name in (".tmp-b1.json-x", "b2.log", "b3.json", "b3.log"):
        (folder / name).write_text("x")
        os.utime(folder / name, (1e9, 1e9))
    wanted = {"data/builds/gone/.tmp-b1.json-x", "data/builds/gone/b2.log"}
    for words in (["--all-apps", "--dry-run"], ["-a", "gone", "--dry-run"], ["--all-apps"]):
        lines = plain_cooper("builds", "prune", *words).ok().out.splitlines()
        assert {line.split()[1] for line in lines if line.startswith("gone ")} == wanted
    assert {path.name for path in folder.iterdir()} == {"b3.json", "b3.log"}
    assert plain_cooper("builds", "prune", "--all-apps").ok().out == ""
    assert plain_cooper("builds", "prune", "-a", "other").code == 3
