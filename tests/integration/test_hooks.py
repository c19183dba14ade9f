"""Webhooks of forges that start builds: whose are taken, what is built, and that nothing is lost or done twice."""
import base64
import concurrent.futures
import fcntl
import hashlib
import hmac
import json
import os
import stat
import time
import urllib.parse
import uuid

import pytest

from support.cooper import BASE_IMAGE, wait_for
from support.git import WorkTree

ZEROS = "0" * 40


@pytest.fixture
def tree(plain_cooper, tmp_path):
    """The repository elsewhere; its builds fail at once, for no image is there."""
    made = WorkTree(tmp_path / "remotes/team/shop", dict(os.environ))
    made.commit({"Dockerfile": "FROM localhost/there-is-none\n", "page": "one"}, "The first page")
    return made


@pytest.fixture
def forge(plain_cooper, server, tree):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "fetch-schemes", "file", "-a", "shop").ok()
    plain_cooper("builds", "set", "fetch-private", "on", "-a", "shop").ok()
    secret = plain_cooper("hooks", "add", f"file://{tree.folder}/", "-a", "shop").ok().out.strip()
    return Forge(plain_cooper, server, tree, secret)


class Forge:
    """Somebody who sends webhooks about `tree` to the app `shop`."""

    def __init__(self, cooper, server, tree, secret):
        self.cooper, self.server, self.tree, self.secret = cooper, server, tree, secret

    def event(self, after=None, ref="refs/heads/main", **more):
        return {"ref": ref, "before": ZEROS, "after": after or self.tree.head(),
                "repository": {"clone_url": f"https://git.example{self.tree.folder}.git"}, **more}

    def post(self, body, headers, app="shop"):
        status, _, answer = self.server.rack().raw("POST", f"/hooks/{app}", body,
                                                   {"Authorization": "", "Content-Type": "application/json", **headers})
        return status, json.loads(answer)

    def github(self, event, kind="push", delivery=None, secret=None, **options):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        digest = hmac.new((secret or self.secret).encode(), body, hashlib.sha256).hexdigest()
        return self.post(body, {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": kind,
                                "X-GitHub-Delivery": delivery or str(uuid.uuid4())}, **options)

    def heard(self):
        return json.loads(self.cooper("hooks", "-a", "shop", "--limit", "0", "--format", "json").ok().out)

    def wait(self):
        """Until nothing waits; what was heard, newest first."""
        wait_for(lambda: all(one["state"] == "done" for one in self.heard()), f"the end of {self.heard()}")
        return self.heard()

    def builds(self):
        return [self.cooper.record("shop", build) for build in self.cooper.build_ids("shop")] \
            if (self.cooper.root / "data/builds/shop").exists() else []


def test_a_push_there_is_built_here(plain_cooper, forge):
    status, answer = forge.github(forge.event())
    assert (status, answer["status"], answer["branch"], answer["commit"]) == (202, "accepted", "main", forge.tree.head())
    (heard,) = forge.wait()
    (record,) = forge.builds()
    assert (record["source"], record["kind"], record["git_sha"]) == ("git:sync", "build", forge.tree.head())
    assert record["description"] == f"build {forge.tree.head()[:10]} The first page"
    assert heard["build"] == record["id"] and heard["outcome"] == f"build {record['id']} was started"
    table = plain_cooper("hooks", "-a", "shop").ok().out
    assert "github" in table and forge.tree.head()[:10] in table and record["id"] in table
    forge.tree.commit({"page": "two"})
    assert forge.github(forge.event())[0] == 202
    forge.wait()
    assert [record["git_sha"] for record in forge.builds()][-1] == forge.tree.head()


def test_each_sender_signs_in_its_way(forge):
    body = json.dumps(forge.event()).encode()
    digest = hmac.new(forge.secret.encode(), body, hashlib.sha256).hexdigest()
    assert forge.post(body, {"X-Gitea-Signature": digest, "X-Gitea-Event": "push", "X-GitHub-Event": "push",
                             "X-Gitea-Delivery": "1"})[0] == 202
    assert forge.post(body, {"X-Forgejo-Signature": digest, "X-Forgejo-Event": "push", "X-Forgejo-Delivery": "1"})[0] == 202
    gitlab = {"object_kind": "push", "ref": "refs/heads/main", "after": forge.tree.head(),
              "project": {"git_ssh_url": f"git@git.example:{forge.tree.folder}.git"}}
    assert forge.post(json.dumps(gitlab).encode(), {"X-Gitlab-Token": forge.secret, "X-Gitlab-Event": "Push Hook",
                                                    "Idempotency-Key": "1"})[0] == 202
    now = str(int(time.time()))
    signed = hmac.new(forge.secret.encode(), b"2." + now.encode() + b"." + body, hashlib.sha256).digest()
    assert forge.post(body, {"webhook-id": "2", "webhook-timestamp": now, "X-Gitlab-Event": "Push Hook",
                             "webhook-signature": "v1," + base64.b64encode(signed).decode()})[0] == 202
    form = urllib.parse.urlencode({"payload": body.decode()}).encode()
    digest = hmac.new(forge.secret.encode(), form, hashlib.sha256).hexdigest()
    assert forge.post(form, {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "push", "X-GitHub-Delivery": "9",
                             "Content-Type": "application/x-www-form-urlencoded"})[0] == 202
    heard = forge.wait()
    assert {one["sender"] for one in heard} == {"github", "gitea", "forgejo", "gitlab"} and len(heard) == 5
    assert len(forge.builds()) == 1


def test_what_is_not_signed_is_not_taken(plain_cooper, forge):
    plain_cooper("apps", "create", "other").ok()
    event = forge.event()
    refusals = [forge.github(event, secret="0123456789abcdefg"), forge.github(event, app="other"),
                forge.github(event, app="none"), forge.github(event, app="NONE"), forge.post(json.dumps(event).encode(), {}),
                forge.post(b"", {"X-Gitlab-Token": ""}), forge.post(b"{", {"X-Hub-Signature-256": "sha256="})]
    assert {status for status, _ in refusals} == {401} and len({json.dumps(answer) for _, answer in refusals}) == 1
    body = json.dumps(event).encode()
    digest = hmac.new(forge.secret.encode(), body, hashlib.sha256).hexdigest()
    assert forge.post(body + b" ", {"X-Hub-Signature-256": f"sha256={digest}"})[0] == 401
    assert forge.post(body, {"X-Hub-Signature": hmac.new(forge.secret.encode(), body, hashlib.sha1).hexdigest()})[0] == 401
    # A rack's credentials are no webhook's, nor the other way.
    assert forge.server.rack().raw("POST", "/hooks/shop", body)[0] == 401
    assert forge.heard() == [] and forge.builds() == []
    assert forge.secret not in plain_cooper("builds", "settings", "-a", "shop").ok().out
    assert forge.secret not in forge.server.log.read_text()
    kept = plain_cooper.root / "config/builds/shop/webhook-secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    plain_cooper("hooks", "remove", "-a", "shop").ok()
    assert forge.github(event)[0] == 401


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"{", b'{"ref":1}', b"[" * 100000, b'{"ref":"refs/heads/main","after":"x","repository":{"url":"a"}}',
    b'{"ref":"refs/heads/main","after":"' + b"a" * 40 + b'"}', b"\xff\xfe",
    b'{"a":"' + b"x" * 1_000_000 + b'"}'], ids=lambda body: str(len(body)))
def test_signed_nonsense_is_refused(forge, body):
    status, answer = forge.github(body)
    assert status == 400 and "no push event" in answer["error"] and len(answer["error"]) < 200
    assert forge.heard() == []


def test_too_large_a_body(forge):
    assert forge.github(b" " * (5 << 20))[0] == 413
    assert forge.server.rack().raw("GET", "/healthz")[0] == 200


def test_what_is_none_of_ours_is_answered_and_ignored(plain_cooper, forge):
    assert forge.github({"zen": "x"}, kind="ping") == (200, {"status": "pong"})
    assert forge.github({}, kind="issues")[1]["reason"] == "only pushes start builds"
    assert forge.github(forge.event(ref="refs/tags/v1"))[1]["reason"] == "only pushes to branches start builds"
    assert forge.github(forge.event(after=ZEROS))[1]["reason"] == "a branch was deleted"
    other = forge.github(forge.event(ref="refs/heads/topic"))
    assert other == (200, {"status": "ignored", "reason": "pushes to main are built, and this is one to topic"})
    stranger = forge.event()
    stranger["repository"] = {"clone_url": "https://git.example/team/shop2.git"}
    status, answer = forge.github(stranger)
    assert status == 422 and "another repository" in answer["error"]
    assert forge.heard() == [] and forge.builds() == []
    plain_cooper("builds", "set", "deploy-branch", "live", "-a", "shop").ok()
    assert "pushes to live are built" in forge.github(forge.event())[1]["reason"]
    forge.tree.git("branch", "live").ok()
    assert forge.github(forge.event(ref="refs/heads/live"))[0] == 202
    forge.wait()
    assert len(forge.builds()) == 1


# Once, and in any order.

def test_a_replay_starts_nothing(serve, forge):
    event = forge.event()
    assert forge.github(event, delivery="one")[0] == 202
    forge.wait()
    assert forge.github(event, delivery="one") == \
        (200, {"status": "known", "reason": "this delivery has been accepted before"})
    # The delivery's name is not signed: with another name it is taken, and found to say nothing new.
    assert forge.github(event, delivery="two")[0] == 202
    assert forge.wait()[0]["outcome"].startswith("nothing new")
    assert len(forge.builds()) == 1
    forge.server.kill()
    forge.server = serve()
    assert forge.github(event, delivery="one")[1]["status"] == "known"


def test_late_and_forced_pushes(forge):
    first = forge.tree.head()
    second = forge.tree.commit({"page": "two"})
    assert forge.github(forge.event(second))[0] == 202
    forge.wait()
    assert forge.github(forge.event(first))[0] == 202  # late: the branch has gone on
    assert forge.wait()[0]["outcome"].startswith("nothing new")
    assert [record["git_sha"] for record in forge.builds()] == [second]
    forge.tree.git("commit", "-q", "--amend", "-m", "Amended").ok()
    forge.github(forge.event(forced=True))
    forge.wait()
    forge.tree.git("reset", "-q", "--hard", first).ok()  # forced back
    forge.github(forge.event(forced=True))
    forge.wait()
    assert [record["git_sha"] for record in forge.builds()][1:] == [forge.tree.head("ORIG_HEAD"), first]


def test_many_at_once_are_few_builds(forge):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: forge.github(forge.event(), delivery=str(number % 50)), range(200)))
    assert [status for status, _ in answers].count(202) == 50 and {status for status, _ in answers} == {200, 202}
    assert len(forge.wait()) == 50 and len(forge.builds()) == 1


def test_what_was_accepted_is_built_after_a_kill(plain_cooper, serve, forge):
    """Killed before anything is done about it: the worker's lock is the test's until then."""
    forge.github(forge.event())
    forge.wait()
    with open(plain_cooper.root / "data/hooks/shop/.lock", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        forge.tree.commit({"page": "two"})
        for _ in range(3):
            assert forge.github(forge.event())[0] == 202
            forge.server.kill()
            forge.server = serve()
    heard = forge.wait()
    made = forge.builds()
    assert [record["git_sha"] for record in made][1:] == [forge.tree.head()]
    assert {one["outcome"] for one in heard[:3]} == {f"build {made[1]['id']} was started"}


def test_kills_at_any_moment_lose_and_double_nothing(serve, forge):
    for number in range(8):
        forge.tree.commit({"page": str(number)})
        assert forge.github(forge.event())[0] == 202
        time.sleep(number * 0.03)  # no synchronisation: another moment each time
        forge.server.kill()
        forge.server = serve()
    heard = forge.wait()
    assert len(heard) == 8 and not [one for one in heard if "failed" in one["outcome"]], heard
    built = [record["git_sha"] for record in forge.builds()]
    assert built[-1] == forge.tree.head() and len(set(built)) == len(built)


def test_a_build_that_can_not_begin_says_why(forge):
    forge.tree.git("rm", "-q", "Dockerfile").ok()
    forge.tree.commit()
    forge.github(forge.event())
    assert "failed: there is neither a convox.yml nor a Dockerfile" in forge.wait()[0]["outcome"]
    assert forge.builds() == []


def test_answers_do_not_wait_for_builds(plain_cooper, forge, tmp_path):
    os.mkfifo(tmp_path / "go")
    track = plain_cooper.start("track", "-a", "shop", "--", "cat", tmp_path / "go")
    plain_cooper.wait_for_new_build("shop")
    assert forge.github(forge.event())[0] == 202
    assert track.poll() is None  # the answer did not wait for the app's turn: this ends only below
    wait_for(lambda: forge.heard()[0].get("build"), "a queued build")
    (tmp_path / "go").write_text("")
    assert track.wait(120) == 0


def test_the_build_is_deployed_where_there_is_a_deployer(cooper, server, tmp_path):
    deploy = tmp_path / "deploy"
    deploy.write_text("#!/bin/sh\necho deployed\n")
    deploy.chmod(0o755)
    tree = WorkTree(tmp_path / "remotes/shop", dict(os.environ))
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo built\n"})
    cooper("apps", "create", "shop").ok()
    for key, value in {"fetch-schemes": "file", "fetch-private": "on", "deployer": "command",
                       "deploy-command": str(deploy)}.items():
        cooper("builds", "set", key, value, "-a", "shop").ok()
    secret = cooper("hooks", "add", f"file://{tree.folder}/", "-a", "shop").ok().out.strip()
    forge = Forge(cooper, server, tree, secret)
    assert forge.github(forge.event())[0] == 202
    (heard,) = forge.wait()
    assert "is being deployed" in heard["outcome"], heard
    wait_for(lambda: forge.builds()[-1]["kind"] == "deploy" and forge.builds()[-1]["status"] == "succeeded", "the deploy")
    assert forge.builds()[0]["source"] == "git:sync"
