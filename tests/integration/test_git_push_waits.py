"""git push while others build: who runs, who waits, and what is left if somebody dies."""
import os
import signal

import pytest

from support.cooper import BASE_IMAGE, only_record, processes_of, wait_for
from support.git import ref
from support.push import GOOD, PUSHER_LEFT, no_scratch_is_left, pushing, read_until, records, repository, tree  # noqa: F401


def test_the_log_is_seen_while_the_build_runs(cooper, tree, gate, pushing):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo standing at the gate; {gate.command}\nRUN echo through\n"})
    push = pushing("main")
    read_until(push, "standing at the gate")
    gate.wait()
    assert only_record(cooper)["status"] == "running"
    gate.open()
    assert "through" in push.communicate()[0] and push.returncode == 0


def test_a_second_push_waits_and_is_refused_if_it_is_outdated(cooper, repository, tree, gate, pushing):
    tree.git("push", "-q", "cooper", "main").ok()
    base = tree.head()
    first = tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    pushing_first = pushing("main")
    read_until(pushing_first, "at the gate")
    tree.git("reset", "-q", "--hard", base).ok()
    tree.commit({"page": "from elsewhere"})
    second = pushing("main")
    read_until(second, "another push is being built: waiting for its end")
    gate.open()
    assert pushing_first.wait(180) == 0
    said = second.communicate(timeout=180)[0]
    assert second.returncode == 1 and "main has been moved by another push meanwhile" in said
    assert ref(repository, "refs/heads/main") == first and len(records(cooper)) == 2
    assert no_scratch_is_left(cooper)


def test_a_sync_moves_no_branch_under_a_push_that_is_built(cooper, repository, tree, gate, pushing):
    cooper("builds", "set", "fetch-schemes", "file", "-a", "shop").ok()
    cooper("builds", "set", "fetch-private", "on", "-a", "shop").ok()
    tree.git("checkout", "-q", "-b", "other").ok()
    other = tree.commit({"page": "other"})
    tree.git("checkout", "-q", "main").ok()
    pushed = tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    sync = cooper.start("git:sync", "--skip-deploy-branch", "shop", f"file://{tree.folder}/.git", "other")
    assert "another push is being built" in sync.stderr.readline()
    assert ref(repository, "refs/heads/main") != other
    gate.open()
    push.communicate(timeout=180)
    assert push.returncode == 0 and only_record(cooper)["git_sha"] == pushed
    assert sync.wait(180) == 0 and ref(repository, "refs/heads/main") == other


def test_of_pushes_that_wait_only_the_newest_is_built(cooper, repository, tree, gate, pushing):
    cooper("builds", "set", "failed-push", "accept", "-a", "shop").ok()
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    first = pushing("main")
    read_until(first, "at the gate")
    tree.commit({"Dockerfile": GOOD})
    second = pushing("main")
    read_until(second, "waiting for its turn")
    newest = tree.commit({"page": "newest"})
    third = pushing("main")
    read_until(third, "waiting for its turn")
    gate.open()
    assert [push.wait(180) for push in (first, second, third)] == [0, 0, 0]
    made = records(cooper)
    assert f"superseded by {made[2]['id']}" in second.stdout.read()
    assert [record["status"] for record in made] == ["succeeded", "canceled", "succeeded"]
    assert made[2]["git_sha"] == newest and ref(repository, "refs/heads/main") == newest


def test_a_push_waits_for_another_deploy(cooper, tree, pushing, tmp_path):
    os.mkfifo(tmp_path / "go")
    track = cooper.start("track", "-a", "shop", "--", "cat", tmp_path / "go")
    held = cooper.wait_for_new_build("shop")
    push = pushing("main")
    read_until(push, f"app shop is being deployed by build {held}: waiting for its turn")
    (tmp_path / "go").write_text("")
    assert track.wait(180) == 0 and push.wait(180) == 0, push.communicate()[0]


def leave(push, how):
    """The pusher goes: its git alone is killed, so that what it runs on the host must notice; or Ctrl-C, which the
    terminal sends to both."""
    if how == "killed":
        push.kill()
    else:
        os.killpg(push.pid, signal.SIGINT)


both_ways = pytest.mark.parametrize("how", ["killed", "Ctrl-C"])


def wait_for_the_hooks_end(repository):
    wait_for(lambda: not [line for line in processes_of(str(repository)).values() if "git-hook" in line],
             "the hook's end")


@both_ways
def test_a_pusher_who_goes_away_cancels_what_can_not_be_accepted(cooper, repository, tree, gate, pushing, how):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    leave(push, how)
    record = cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    assert (record["status"], record["exit_code"], record["reason"]) == ("canceled", -1, PUSHER_LEFT)
    assert PUSHER_LEFT in cooper("builds", "info", record["id"], "-a", "shop").ok().out
    wait_for_the_hooks_end(repository)
    assert ref(repository, "refs/heads/main") is None


def test_one_who_goes_away_before_his_turn(cooper, repository, tree, pushing, tmp_path):
    os.mkfifo(tmp_path / "go")
    track = cooper.start("track", "-a", "shop", "--", "cat", tmp_path / "go")
    held = cooper.wait_for_new_build("shop")
    push = pushing("main")
    read_until(push, "waiting for its turn")
    push.kill()
    [waited] = [build for build in cooper.build_ids("shop") if build != held]
    assert cooper.wait_for_end("shop", waited)["reason"] == PUSHER_LEFT
    (tmp_path / "go").write_text("")
    assert track.wait(180) == 0 and ref(repository, "refs/heads/main") is None


def test_whoever_cancels_a_push_is_told_apart_from_its_pusher(cooper, tree, gate, pushing):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    cooper("builds", "cancel", "current", "-a", "shop").ok()
    reason = only_record(cooper)["reason"]
    assert reason.startswith("canceled by ") and f"ERROR: build canceled: {reason}" in push.communicate(timeout=180)[0]


@both_ways
def test_what_was_accepted_is_built_without_its_pusher(cooper, repository, tree, gate, pushing, how):
    cooper("builds", "set", "failed-push", "accept", "-a", "shop").ok()
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    leave(push, how)
    wait_for_the_hooks_end(repository)
    gate.open()
    assert cooper.wait_for_end("shop", cooper.build_ids("shop")[0])["status"] == "succeeded"
    assert ref(repository, "refs/heads/main") == tree.head()


def leave_before_it_begins(hook, pushing, how, tmp_path):
    """A push whose pusher leaves before the hook does anything, which it does then."""
    first, rest = hook.read_text().split("\n", 1)
    wait = f"trap '' INT; until [ -e {tmp_path}/go ]; do touch {tmp_path}/waits; sleep 0.05; done; trap - INT"
    hook.write_text(f"{first}\n{wait}\n{rest}")
    push = pushing("main")
    wait_for((tmp_path / "waits").exists, "the hook")
    leave(push, how)
    push.wait(60)
    (tmp_path / "go").touch()


@both_ways
def test_what_was_accepted_is_built_though_nobody_waited(cooper, repository, tree, pushing, tmp_path, how):
    cooper("builds", "set", "failed-push", "accept", "-a", "shop").ok()
    leave_before_it_begins(repository / "hooks/post-receive", pushing, how, tmp_path)
    wait_for(lambda: cooper.build_ids("shop"), "the build")
    assert cooper.wait_for_end("shop", cooper.build_ids("shop")[0])["status"] == "succeeded"
    assert ref(repository, "refs/heads/main") == tree.head()
    wait_for_the_hooks_end(repository)


@both_ways
def test_what_is_not_accepted_yet_is_not_built_if_nobody_waits(cooper, repository, tree, pushing, tmp_path, how):
    leave_before_it_begins(repository / "hooks/pre-receive", pushing, how, tmp_path)
    wait_for_the_hooks_end(repository)
    assert ref(repository, "refs/heads/main") is None
    assert "succeeded" not in [record["status"] for record in records(cooper)]


@both_ways
def test_a_deploy_that_has_begun_goes_on_without_the_pusher(cooper, repository, tree, pushing, tmp_path, how):
    os.mkfifo(tmp_path / "go")
    script = tmp_path / "deploy.sh"
    script.write_text(f"#!/bin/sh\necho deploying\ncat {tmp_path}/go\n")
    script.chmod(0o755)
    cooper("builds", "set", "deployer", "command", "-a", "shop").ok()
    cooper("builds", "set", "deploy-command", script, "-a", "shop").ok()
    push = pushing("main")
    read_until(push, "deploying")
    leave(push, how)
    wait_for_the_hooks_end(repository)
    def is_read():  # who is canceled reads no more
        try:
            os.close(os.open(tmp_path / "go", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True
    wait_for(is_read, "the deploy to read")
    deploy = records(cooper)[-1]
    assert deploy["kind"] == "deploy" and cooper.wait_for_end("shop", deploy["id"])["status"] == "succeeded"


def test_a_killed_hook_rejects_the_push_and_the_next_one_goes_on(cooper, repository, tree, gate, pushing):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    [hook] = [pid for pid, line in processes_of(str(repository)).items() if "git-hook" in line]
    os.kill(hook, signal.SIGKILL)
    assert push.wait(180) == 1 and ref(repository, "refs/heads/main") is None
    gate.open()
    cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    tree.commit({"Dockerfile": GOOD})
    tree.git("push", "cooper", "main").ok()
    assert ref(repository, "refs/heads/main") == tree.head()


def test_a_killed_supervisor_rejects_the_push(cooper, repository, tree, gate, pushing, store):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    os.kill(only_record(cooper)["pid"], signal.SIGKILL)
    assert push.wait(180) == 1 and ref(repository, "refs/heads/main") is None
    tree.commit({"Dockerfile": GOOD})
    assert "was abandoned: what it left running was ended" in tree.git("push", "cooper", "main").ok().err
    store.assert_clean()
