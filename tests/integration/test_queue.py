"""The queue: who runs, and who waits and why.

Builds are real ones; those that run stand at a gate."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from support.cooper import commands_of, make_app, processes_of, wait_for
from support.queue import QUICK, build, gates, one_at_a_time, queue, statuses, tickets  # noqa: F401 (fixtures)


def test_builds_wait_in_order_and_apps_take_turns(cooper, build, gates, one_at_a_time):
    # Their folders may lie in the project's own work tree, and so be of one branch.
    cooper("builds", "set", "--global", "supersede", "off").ok()
    gate = gates()
    first = build("one", gate)
    gate.wait()
    waiting = [("one", build("one")), ("one", build("one")), ("two", build("two")), ("three", build("three"))]
    assert statuses(cooper, waiting) == ["queued"] * 4
    listed = queue(cooper)
    # The second of `one` comes after the first of each other app that came before it began.
    order = [waiting[0], waiting[2], waiting[3], waiting[1]]
    assert [(e["app"], e["id"], e["status"]) for e in listed] == \
        [("one", first, "running")] + [(app, id, "queued") for app, id in order]
    assert [(e["position"], e["waiting"]) for e in listed[1:]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert listed[1]["why"] == f"app one is being deployed by build {first}: waiting for its turn"
    assert listed[2]["why"] == "1 build runs, as many as may at once (property concurrency)"
    assert [e["id"] for e in queue(cooper, "-a", "two")] == [waiting[2][1]]

    # Wherever a build is shown.
    shown = json.loads(cooper("builds", "info", waiting[2][1], "-a", "two", "--format", "json").ok().out)
    assert (shown["display_status"], shown["position"], shown["why"]) == ("queued", 2, listed[2]["why"])
    assert "position 2 of 4: 1 build runs" in cooper("builds", "info", waiting[2][1], "-a", "two").ok().out
    assert "queued 2/4" in cooper("builds", "-a", "two").ok().out
    assert "three" in cooper("queue").ok().out
    assert cooper("builds", "logs", "-a", "two", "--no-follow").ok().out.startswith("Queued, position ")

    gate.open()
    records = [cooper.wait_for_end(app, id) for app, id in order]
    assert [r["status"] for r in records] == ["succeeded"] * 4
    starts = [r["started_at"] for r in records]
    assert starts == sorted(starts), "they began in the order of the queue"
    # One at a time: each began when the one before had ended. Its clock is that of the run.
    ends = [cooper.record("one", first)["finished_at"]] + [r["finished_at"] for r in records]
    assert all(start >= end for start, end in zip(starts, ends))
    assert all(r["queued_at"] < r["started_at"] for r in records)
    log = cooper.log("three", waiting[3][1]).decode()
    assert "\nStarted\n" in log and log.index("Queued, ") < log.index("Started") < log.index("Building 1 image")
    wait_for(lambda: tickets(cooper) == [], "the queue to be empty")
    assert queue(cooper) == []


def test_a_follower_sees_why_it_waits_and_then_the_build(cooper, build, gates, one_at_a_time, tmp_path):
    gate = gates()
    build("one", gate)
    gate.wait()
    source = make_app(tmp_path / "two", {"Dockerfile": QUICK + "RUN echo built\n"})
    command = cooper.start("build", source, "-a", "two")
    waiting = cooper.wait_for_new_build("two")
    cooper.wait_for_log("two", waiting, "position 1 of 1: 1 build runs")
    logs = cooper.start("builds", "logs", "current", "-a", "two", "--follow")
    gate.open()
    out, err = command.communicate(timeout=180)
    assert command.returncode == 0, err
    assert out.index("Queued, position 1 of 1") < out.index("built") < out.index("Release: ")
    followed, _ = logs.communicate(timeout=180)
    assert logs.returncode == 0 and followed.encode() == cooper.log("two", waiting)


def test_more_may_run_while_they_wait(cooper, build, gates, one_at_a_time):
    held = [gates() for _ in range(3)]
    ids = [(app, build(app, gate)) for app, gate in zip(("one", "two", "three"), held)]
    held[0].wait()
    assert statuses(cooper, ids) == ["running", "queued", "queued"]
    cooper("builds", "set", "--global", "concurrency", "3").ok()
    for gate in held:
        gate.wait()
    assert statuses(cooper, ids) == ["running"] * 3
    for gate in held:
        gate.open()
    assert [cooper.wait_for_end(app, id)["status"] for app, id in ids] == ["succeeded"] * 3


def test_a_queued_build_is_canceled_and_leaves_nothing(cooper, build, gates, one_at_a_time):
    gate = gates()
    first = build("one", gate)
    gate.wait()
    second, third = build("two"), build("three")
    assert "OK" in cooper("builds", "cancel", "current", "-a", "two").ok().out
    record = cooper.record("two", second)
    assert (record["status"], record["exit_code"]) == ("canceled", -1) and record["reason"].startswith("canceled by ")
    assert cooper.log("two", second).endswith(b"Build canceled\n")
    assert not processes_of(second) and tickets(cooper) == sorted([first, third])
    assert not (cooper.root / "data/work/two" / second).exists()
    assert queue(cooper)[1]["position"] == 1
    gate.open()
    assert cooper.wait_for_end("three", third)["status"] == "succeeded"


def test_ctrl_c_takes_a_waiting_build_back(cooper, build, gates, one_at_a_time, tmp_path):
    gate = gates()
    build("one", gate)
    gate.wait()
    command = cooper.start("build", make_app(tmp_path / "two", {"Dockerfile": QUICK}), "-a", "two")
    waiting = cooper.wait_for_new_build("two")
    cooper.wait_for_log("two", waiting, "Queued, ")
    command.send_signal(signal.SIGINT)
    assert command.wait(120) == 130
    assert cooper.record("two", waiting)["status"] == "canceled" and not commands_of(waiting)
    wait_for(lambda: not processes_of(waiting), "its supervisor to leave")


def test_no_wait_fails_at_once(cooper, build, gates, one_at_a_time, tmp_path):
    gate = gates()
    build("one", gate)
    gate.wait()
    source = make_app(tmp_path / "two", {"Dockerfile": QUICK})
    for app in ("one", "two"):
        done = cooper("build", source, "-a", app, "--no-wait")
        assert done.code == 6, done
    assert cooper.build_ids("two") == [] and len(tickets(cooper)) == 1
    assert list((cooper.root / "data/sources").glob("two/*")) == []
    gate.open()
    wait_for(lambda: tickets(cooper) == [], "the first build's end")
    assert cooper("build", source, "-a", "two", "--no-wait").ok()


def test_a_deploy_counts_for_its_app_alone(cooper, build, gates, one_at_a_time, tmp_path):
    """And builds of the app wait for it, as it does for them."""
    os.mkfifo(tmp_path / "go")
    track = cooper.start("track", "-a", "one", "--", "cat", tmp_path / "go")
    held = cooper.wait_for_new_build("one")
    gate = gates()
    other = build("two", gate)
    gate.wait()
    waits = build("one")
    assert cooper.record("one", waits)["status"] == "queued"
    assert f"Queued, position 1 of 1: app one is being deployed by build {held}: waiting for its turn\n" == \
        cooper.log("one", waits).decode()
    second = cooper.start("track", "-a", "one", "--", "true")
    assert f"app one is being deployed by build {held}: waiting for its turn" in second.stderr.readline()
    wait_for(lambda: [e["kind"] for e in queue(cooper)] == ["build", "build", "deploy"], "both in line")
    (tmp_path / "go").write_text("")
    assert track.wait(120) == 0
    gate.open()
    assert cooper.wait_for_end("two", other)["status"] == "succeeded"
    assert cooper.wait_for_end("one", waits)["status"] == "succeeded" and second.wait(180) == 0
    ids = cooper.build_ids("one")
    assert len(ids) == 3 and cooper.record("one", ids[-1])["started_at"] > cooper.record("one", waits)["finished_at"]


def test_a_deploy_behind_others_says_so(cooper, build, gates, one_at_a_time):
    gate = gates()
    build("one", gate)
    gate.wait()
    waits = build("two")
    track = cooper.start("track", "-a", "two", "--", "true")
    assert "the deploy of app two waits: those before it come first" in track.stderr.readline()
    gate.open()
    assert cooper.wait_for_end("two", waits)["status"] == "succeeded" and track.wait(180) == 0


@pytest.fixture
def tree(tmp_path):
    """A git work tree; commit(branch, text) makes one, and checks it out."""
    folder = make_app(tmp_path / "tree", {"Dockerfile": QUICK})

    def git(*args):
        subprocess.run(["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org", *args],
                       check=True, capture_output=True)

    def commit(branch, text):
        (folder / "page").write_text(text)
        git("checkout", "-q", "-B", branch)
        git("add", ".")
        git("commit", "-q", "-m", text)
        return folder
    git("init", "-q", "-b", "main")
    return commit


def test_the_newest_of_a_branch_replaces_one_that_waits(cooper, build, gates, tree):
    gate = gates()
    make_app(tree("main", "0"), {"Dockerfile": QUICK + f"RUN {gate.command}\n"})
    first = build("shop", folder=tree("main", "1"))
    gate.wait()
    make_app(tree("main", "2"), {"Dockerfile": QUICK})
    waits = cooper.start("build", tree("main", "3"), "-a", "shop")
    second = cooper.wait_for_new_build("shop", {first})
    cooper.wait_for_log("shop", second, "Queued, ")
    other = build("shop", folder=tree("dev", "4"))
    third = build("shop", folder=tree("main", "5"))
    out, err = waits.communicate(timeout=180)
    assert waits.returncode == 6 and f"superseded by {third}" in err, (out, err)
    record = cooper.record("shop", second)
    assert (record["status"], record["superseded_by"]) == ("canceled", third)
    assert cooper.log("shop", second).endswith(f"Build superseded by {third}\n".encode())
    # It has the place of the one that it replaced, before the other branch's.
    assert [e["id"] for e in queue(cooper)] == [first, third, other]
    gate.open()
    ends = [cooper.wait_for_end("shop", id) for id in (first, third, other)]
    assert [e["status"] for e in ends] == ["succeeded"] * 3
    assert f"Superseded by  {third}" in cooper("builds", "info", second, "-a", "shop").ok().out


def test_a_running_one_is_replaced_only_if_asked(cooper, build, gates, tree):
    cooper("builds", "set", "supersede", "running", "--global").ok()
    gate, other = gates(), gates()
    make_app(tree("main", "0"), {"Dockerfile": QUICK + f"RUN {gate.command}\n"})
    first = build("shop", folder=tree("main", "1"))
    gate.wait()
    make_app(tree("main", "2"), {"Dockerfile": QUICK + f"RUN {other.command}\n"})
    second = build("shop", folder=tree("main", "3"))
    record = cooper.wait_for_end("shop", first)
    assert (record["status"], record["superseded_by"]) == ("canceled", second)
    other.wait()
    make_app(tree("main", "4"), {"Dockerfile": QUICK})
    third = build("shop", folder=tree("main", "5"))
    assert cooper.record("shop", second)["status"] == "running", "one that has stopped another runs to its end"
    other.open()
    assert [cooper.wait_for_end("shop", id)["status"] for id in (second, third)] == ["succeeded"] * 2


def has_supervisor(pid):
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                if b"cooper-supervisor" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    return True
        except OSError:
            continue  # gone again
    return False


def test_it_is_replaced_also_if_what_asks_for_that_is_killed(cooper, build, gates, tree):
    cooper("builds", "set", "supersede", "running", "--global").ok()
    gate = gates()
    make_app(tree("main", "0"), {"Dockerfile": QUICK + f"RUN {gate.command}\n"})
    first = build("shop", folder=tree("main", "1"))
    gate.wait()
    make_app(tree("main", "2"), {"Dockerfile": QUICK})
    command = cooper.start("build", tree("main", "3"), "-a", "shop")
    # It stands still once it has started the supervisor, before that has a record, and is killed then.
    deadline = time.monotonic() + 120
    while not has_supervisor(command.pid):
        assert time.monotonic() < deadline
    command.send_signal(signal.SIGSTOP)
    second = wait_for(lambda: [id for id in cooper.build_ids("shop") if id != first], "the record of the newer one")[0]
    command.kill()
    record = cooper.wait_for_end("shop", first)
    assert (record["status"], record["superseded_by"]) == ("canceled", second)
    assert cooper.wait_for_end("shop", second)["status"] == "succeeded"


def test_one_that_did_not_wait_is_replaced_as_well(cooper, build, gates, tree):
    cooper("builds", "set", "supersede", "running", "--global").ok()
    gate = gates()
    make_app(tree("main", "0"), {"Dockerfile": QUICK + f"RUN {gate.command}\n"})
    first = build("shop", None, "--no-wait", folder=tree("main", "1"))
    gate.wait()
    make_app(tree("main", "2"), {"Dockerfile": QUICK})
    second = build("shop", folder=tree("main", "3"))
    record = cooper.wait_for_end("shop", first)
    assert (record["status"], record["superseded_by"]) == ("canceled", second)
    assert cooper.wait_for_end("shop", second)["status"] == "succeeded"


def test_of_many_pushes_to_a_branch_few_are_built(cooper, build, gates, tree):
    """COOPER_PUSHES: how many; 1,000 take their time."""
    pushes = int(os.environ.get("COOPER_PUSHES", "60"))
    gate = gates()
    make_app(tree("main", "0"), {"Dockerfile": QUICK + f"RUN {gate.command}\n"})
    ids = [build("shop", folder=tree("main", "1"))]
    gate.wait()
    source = make_app(tree("main", "2"), {"Dockerfile": QUICK})
    ids += [build("shop", folder=source) for _ in range(pushes - 1)]
    gate.open()
    records = [cooper.wait_for_end("shop", id) for id in ids[-3:]]
    assert [r["status"] for r in records] == ["canceled", "canceled", "succeeded"]
    logs = [cooper.builds_folder("shop") / f"{id}.log" for id in ids]
    built = [log for log in logs if log.exists() and "Building 1 image" in log.read_text()]
    assert 1 <= len(built) <= 3
    wait_for(lambda: tickets(cooper) == [], "the queue to be empty")
