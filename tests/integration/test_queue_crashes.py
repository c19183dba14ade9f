"""What a kill, a reboot or a fault must not lose of the queue.

Builds are real ones; those that run stand at a gate."""
import ctypes
import json
import os

import pytest

from support.cooper import make_app, moment, processes_of, wait_for
from support.queue import QUICK, build, gates, kill_supervisor, kill_supervisors, one_at_a_time, queue, tickets  # noqa: F401 (fixtures)


def test_a_running_build_that_is_killed_gives_its_place_back(cooper, build, gates, one_at_a_time):
    gate = gates()
    first = build("one", gate)
    gate.wait()
    second, third = build("one"), build("two")
    kill_supervisor(cooper, "one", first)
    # Nobody wakes them, and none is lost; the app's next ends what the killed one left.
    assert cooper.wait_for_end("one", second)["status"] == "succeeded"
    assert cooper.wait_for_end("two", third)["status"] == "succeeded"
    assert cooper.record("one", first)["status"] == "failed"
    assert f"build {first} was abandoned" in cooper.log("one", second).decode()
    wait_for(lambda: not processes_of(first), "the end of what it left")


def test_a_waiting_build_that_is_killed_is_started_again(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    second, third = build("two"), build("three")
    kill_supervisor(cooper, "two", second)
    entry = queue(cooper)[1]
    assert entry["id"] == second and entry["why"].startswith("its process is gone")
    assert cooper("builds", "logs", second, "-a", "two", "--no-follow").ok()
    gate.open()  # the end of a build has it go on
    assert cooper.wait_for_end("three", third)["status"] == "succeeded"
    assert cooper.wait_for_end("two", second)["status"] == "succeeded"
    assert "Queued again: the process that waited was gone\n" in cooper.log("two", second).decode()


def test_after_a_reboot_the_queue_goes_on(cooper, build, gates, one_at_a_time):
    gate = gates()
    first = build("one", gate)
    gate.wait()
    waiting = [("two", build("two")), ("one", build("one")), ("three", build("three"))]
    kill_supervisors(cooper, [("one", first), *waiting])  # as a reboot does: nobody is left, and nobody is told
    gate.close()
    assert [e["status"] for e in queue(cooper)] == ["queued"] * 3  # looking changes nothing
    said = cooper("queue", "resume").ok().out
    assert [f"build {id} is queued again: its process was gone" in said for _, id in waiting] == [True] * 3
    records = [cooper.wait_for_end(app, id) for app, id in waiting]
    assert [r["status"] for r in records] == ["succeeded"] * 3
    started = [moment(record["started_at"]) for record in records]
    assert started == sorted(started)
    wait_for(lambda: tickets(cooper) == [], "the queue to be empty")
    assert cooper("queue", "resume").ok().out == ""


def test_a_prune_finds_a_queued_build_without_a_place(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    second = build("two")
    kill_supervisor(cooper, "two", second)
    (cooper.root / "data/queue" / second).unlink()
    cooper("builds", "prune", "-a", "two").ok()
    assert [e["id"] for e in queue(cooper) if e["status"] == "queued"] == [second]
    gate.open()
    assert cooper.wait_for_end("two", second)["status"] == "succeeded"


def test_a_lost_build_can_be_canceled(cooper, build, gates, one_at_a_time):
    gate = gates()
    first = build("one", gate)
    gate.wait()
    second = build("two")
    kill_supervisor(cooper, "two", second)
    cooper("builds", "cancel", second, "-a", "two").ok()
    assert cooper.record("two", second)["status"] == "canceled" and tickets(cooper) == [first]


def test_one_that_had_secrets_can_not_go_on(cooper, build, gates, one_at_a_time, tmp_path):
    gate = gates()
    build("one", gate)
    gate.wait()
    (tmp_path / "token").write_text("t0ken-t0ken")
    second = build("two", None, "--secret", f"id=token,src={tmp_path}/token")
    kill_supervisor(cooper, "two", second)
    assert "secrets that it was given are kept nowhere" in cooper("queue", "resume").ok().out
    record = cooper.record("two", second)
    assert record["status"] == "failed" and "start it again" in record["reason"]
    assert cooper.log("two", second).decode().splitlines()[-1] == "ERROR: " + record["reason"]


def test_a_secret_reaches_a_build_that_waited(cooper, build, gates, one_at_a_time, tmp_path):
    gate = gates()
    build("one", gate)
    gate.wait()
    (tmp_path / "token").write_text("t0ken-t0ken")
    source = make_app(tmp_path / "two", {
        "Dockerfile": QUICK + "RUN --mount=type=secret,id=token wc -c < /run/secrets/token\n"})
    second = build("two", None, "--secret", f"id=token,src={tmp_path}/token", folder=source)
    gate.open()
    assert cooper.wait_for_end("two", second)["status"] == "succeeded"
    assert "11\n" in cooper.log("two", second).decode()


def test_what_was_to_be_hidden_is_kept_nowhere_either(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    cooper.env["COOPER_REDACT"] = "hunter2-hunter2"
    second = build("two")
    del cooper.env["COOPER_REDACT"]
    kill_supervisor(cooper, "two", second)
    assert "COOPER_REDACT) is kept nowhere" in cooper("queue", "resume").ok().out
    record = cooper.record("two", second)
    assert record["status"] == "failed" and "start it again" in record["reason"]
    assert "hunter2" not in (cooper.root / f"data/sources/two/{second}.json").read_text()


@pytest.mark.parametrize("lives", [True, False], ids=["waits", "lost"])
def test_an_import_that_never_ran_leaves_nothing_staged(cooper, build, gates, one_at_a_time, tmp_path, lives):
    made = build("shop")
    assert cooper.wait_for_end("shop", made)["status"] == "succeeded"
    cooper("builds", "export", made, "-a", "shop", "-f", tmp_path / "bundle").ok()
    wait_for(lambda: tickets(cooper) == [], "the queue to be empty")
    gate = gates()
    build("one", gate)
    gate.wait()
    cooper.start("builds", "import", "-a", "copy", "-f", tmp_path / "bundle")
    queued = cooper.wait_for_new_build("copy")
    staged = cooper.root / "data/work/copy" / queued
    assert cooper.record("copy", queued)["status"] == "queued" and staged.exists()
    if not lives:
        kill_supervisor(cooper, "copy", queued)
    cooper("builds", "cancel", queued, "-a", "copy").ok()
    assert cooper.record("copy", queued)["status"] == "canceled" and not staged.exists()


def exchange(one, other):
    """Each gets the other's name at once: who makes what is missing finds nothing missing."""
    at_here, exchanged = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(at_here, os.fsencode(one), at_here, os.fsencode(other), exchanged)
    assert done == 0, os.strerror(ctypes.get_errno())


def test_what_keeps_one_from_looking_into_the_queue_passes(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    second = build("two")
    lock, aside = cooper.root / "data/queue/.lock", cooper.root / "data/queue/.aside"
    aside.mkdir()
    exchange(lock, aside)  # as if no descriptor were left, or another one held it for long
    cooper.wait_for_log("two", second, "warning: still waiting: ")
    exchange(lock, aside)
    aside.rmdir()
    gate.open()
    assert cooper.wait_for_end("two", second)["status"] == "succeeded"
    assert cooper.log("two", second).decode().count("warning: still waiting: ") == 1


def test_a_resume_that_fails_keeps_the_place(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    second = build("two")
    kill_supervisor(cooper, "two", second)
    lock = cooper.builds_folder("two") / ".lock"
    lock.unlink()
    lock.mkdir()  # so the supervisor can't have the record
    assert f"build {second} can't be started again: " in cooper("queue", "resume").ok().out
    assert second in tickets(cooper) and cooper.record("two", second)["status"] == "queued"
    lock.rmdir()
    assert f"build {second} is queued again" in cooper("queue", "resume").ok().out
    gate.open()
    assert cooper.wait_for_end("two", second)["status"] == "succeeded"


def test_one_that_was_ended_behind_its_back_leaves_the_line(cooper, build, gates, one_at_a_time):
    gate = gates()
    first = build("one", gate)
    gate.wait()
    second, third = build("two"), build("three")
    record = cooper.builds_folder("two") / f"{second}.json"
    ended = cooper.record("two", second) | {"status": "canceled"}
    (record.parent / "new").write_text(json.dumps(ended))
    (record.parent / "new").rename(record)
    (cooper.root / "data/apps/three/app.json").unlink()  # as a deletion of the app does last
    wait_for(lambda: tickets(cooper) == [first] and not processes_of(second) and not processes_of(third),
             "both to leave")
    assert cooper.record("two", second) == ended
    assert cooper.build_ids("three") == [] and not list((cooper.root / "data/sources").glob("three/*"))
