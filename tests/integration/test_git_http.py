"""git over HTTP, with the real git and a real server: who may push and fetch, what the pusher sees, and what
is left if somebody goes."""
import gzip
import json
import os
import pathlib
import re
import signal
import socket

import pytest

from support.cooper import BASE_IMAGE, only_record, processes_of, wait_for
from support.git import WorkTree, ref
from support.push import BAD, GOOD, PUSHER_LEFT, no_scratch_is_left, pushing, read_until, records  # noqa: F401


def url(server, name="shop", user="me:any"):
    return f"http://{user}@127.0.0.1:{server.port}/git/{name}"


@pytest.fixture
def tree(server, tmp_path):
    """A work tree whose remote `cooper` is app `shop` of the server."""
    made = WorkTree(tmp_path / "src", dict(os.environ))
    made.git("remote", "add", "cooper", url(server)).ok()
    made.commit({"Dockerfile": GOOD, "page": "one"}, "Over HTTP")
    return made


def token(cooper, role, app=None):
    return cooper("tokens", "create", "--role", role, *(("-a", app) if app else ())).ok().out.strip()


def at_the_gate(gate):
    return {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\nRUN echo through\n"}


def test_a_first_push_makes_the_app_and_builds_it(cooper, server, tree, tmp_path):
    done = tree.git("push", "cooper", "main").ok()
    assert "remote: " in done.err and "the page says one" in done.err
    record = only_record(cooper)
    assert (record["source"], record["git_sha"], record["status"]) == ("git-hook", tree.head(), "succeeded")
    assert record["description"] == f"build {tree.head()[:10]} Over HTTP (pushed by local)"
    repository = cooper.root / "data/git/shop.git"
    assert ref(repository, "refs/heads/main") == tree.head() and no_scratch_is_left(cooper)
    assert "local <local@http.127.0.0.1>" in (repository / "logs/refs/heads/main").read_text()
    # Its hooks are cooper's, though the server has made them.
    assert "/bin/cooper'" in (repository / "hooks/pre-receive").read_text()
    tree.git("clone", "-q", url(server, "shop.git"), tmp_path / "clone").ok()
    assert (tmp_path / "clone/page").read_text() == "one"
    first = tree.head()
    tree.commit({"Dockerfile": BAD})
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "about to fail" in done.err
    assert "The push is rejected: main stays where it was" in done.err
    assert ref(repository, "refs/heads/main") == first
    tree.git("reset", "-q", "--hard", first).ok()
    tree.commit({"page": "two"})
    tree.git("push", "-q", "cooper", "main").ok()
    tree.git("pull", "-q", folder=tmp_path / "clone").ok()
    assert (tmp_path / "clone/page").read_text() == "two"


def test_the_log_is_seen_while_the_build_runs(cooper, tree, gate, pushing):
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    assert only_record(cooper)["status"] == "running"
    gate.open()
    assert "through" in push.communicate(timeout=180)[0] and push.returncode == 0


def test_apps_are_not_made_if_that_is_off(cooper, server, tree):
    cooper("builds", "set", "auto-create", "off", "--global").ok()
    cooper("apps", "create", "shap").ok()
    done = tree.git("push", "cooper", "main")
    assert done.code == 128 and "no such app: shop" in done.err and 'did you mean "shap"?' in done.err
    fetch = tree.git("ls-remote", url(server, "shap"))
    assert fetch.code == 128 and "nothing was ever pushed to app shap" in fetch.err
    assert not (cooper.root / "data/git").exists()


# Who may.

def test_tokens_say_who_may_fetch_and_push(cooper, server, tree):
    cooper("git:initialize", "shop").ok()
    cooper("git:initialize", "other").ok()
    reads, builds, of_other = token(cooper, "read"), token(cooper, "build", "shop"), token(cooper, "build", "other")
    here = "main:refs/heads/topic"
    for user in ("me:any", "me:", f"me:{builds}x"):
        done = tree.git("push", url(server, user=user), here)
        assert done.code == 128 and "Authentication failed" in done.err
    asked = tree.git("push", f"http://127.0.0.1:{server.port}/git/shop", here)
    assert asked.code == 128 and "could not read Username" in asked.err
    done = tree.git("push", url(server, user=f"me:{reads}"), here)
    assert done.code == 128 and "these credentials allow to fetch, and not to push" in done.err
    done = tree.git("push", url(server, user=f"me:{of_other}"), here)
    assert done.code == 128 and "403" in done.err
    tree.git("push", url(server, user=f"me:{builds}"), here).ok()
    assert tree.head() in tree.git("ls-remote", url(server, user=f"me:{reads}")).ok().out
    assert "403" in tree.git("ls-remote", url(server, "other", user=f"me:{builds}")).err
    # Also to who asks for the second step alone.
    rack = server.rack(password=reads)
    refused = rack.raw("POST", "/git/shop/git-receive-pack", b"0000",
                       {"Content-Type": "application/x-git-receive-pack-request"})
    assert refused[0] == 403
    assert ref(cooper.root / "data/git/shop.git", "refs/heads/topic") == tree.head()
    named = (cooper.root / "data/git/shop.git/logs/refs/heads/topic").read_text()
    assert builds.split("_")[1] in named and builds not in named


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/git/shop/info/refs", 403), ("GET", "/git/shop/info/refs?service=git-upload-archive", 403),
    ("GET", "/git/shop/info/refs?service=git-receive-pack%00", 400), ("GET", "/git/shop/HEAD", 404),
    ("GET", "/git/shop/objects/info/packs", 404), ("GET", "/git/shop/config", 404), ("GET", "/git/shop", 404),
    ("POST", "/git/shop/git-upload-archive", 404), ("GET", "/git/shop/git-upload-pack", 405),
    ("GET", "/git/../shop/info/refs?service=git-upload-pack", 400),
    ("GET", "/git/%2e%2e/info/refs?service=git-upload-pack", 400),
    ("GET", "/git/..%2fgit%2fshop/info/refs?service=git-upload-pack", 400),
    ("GET", "/git/SHOP/info/refs?service=git-upload-pack", 400),
    ("GET", "/git/.git/info/refs?service=git-upload-pack", 400),
    ("GET", "/git/none/info/refs?service=git-upload-pack", 404),
    ("PUT", "/git/shop/git-receive-pack", 405), ("DELETE", "/git/shop/info/refs", 405),
])
def test_nothing_else_is_answered(cooper, server, method, path, status):
    cooper("git:initialize", "shop").ok()
    got, _, body = server.rack().raw(method, path)
    assert got == status, body
    assert b"[core]" not in body and b"refs/heads" not in body


def test_bodies_that_are_no_packs(cooper, server):
    cooper("git:initialize", "shop").ok()
    rack = server.rack()
    kind = {"Content-Type": "application/x-git-receive-pack-request"}
    post = lambda body, **headers: rack.raw("POST", "/git/shop/git-receive-pack", body, {**kind, **headers})  # noqa: E731
    assert post(b"0000")[0] == 200  # git asks so whether it may
    assert post(gzip.compress(b"0000"), **{"Content-Encoding": "gzip"})[0] == 200
    assert rack.raw("POST", "/git/shop/git-receive-pack", b"0000", {"Content-Type": "text/plain"})[0] == 415
    for body in (b"", b"zzzz", b"ffff", b"0032" + b"x" * 10, os.urandom(10000)):
        post(body)
        post(body, **{"Content-Encoding": "gzip"})
    assert post(b"0000", **{"Git-Protocol": "version=2\nX: y"[:9]})[0] == 200
    assert cooper.build_ids("shop") == [] if (cooper.root / "data/builds/shop").exists() else True
    wait_for(lambda: not processes_of(f"{cooper.root}/data/git"), "the ends of all gits")


def memory_of(pid, name):
    """A figure of the process's status, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)[1]) << 10


def test_large_pushes_go_to_disk(cooper, server, tree):
    """Chunks, as git sends what is over a megabyte; and many known commits, which it sends compressed."""
    (tree.folder / "large").write_bytes(os.urandom(96 << 20))
    tree.commit()
    before = memory_of(server.process.pid, "VmRSS")
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    tree.git("push", "-q", "cooper", "main:topic").ok()
    assert ref(cooper.root / "data/git/shop.git", "refs/heads/topic") == tree.head()
    grown = memory_of(server.process.pid, "VmHWM") - before
    assert grown < 40 << 20, f"{grown} bytes"
    for number in range(60):
        tree.git("commit", "-q", "--allow-empty", "-m", str(number)).ok()
        tree.git("tag", f"t{number}").ok()
    tree.git("push", "-q", "cooper", "main:topic", "--tags").ok()
    tree.git("checkout", "-q", "--orphan", "fresh").ok()
    tree.git("commit", "-q", "-m", "apart").ok()
    traced = tree.git("fetch", "cooper", "topic", env={"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"}).ok()
    assert "git-protocol: version=2" in traced.err.lower()


# Who goes away.

def test_a_pusher_who_goes_away_cancels_what_can_not_be_accepted(cooper, tree, gate, pushing):
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    os.killpg(push.pid, signal.SIGKILL)
    record = cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    assert (record["status"], record["reason"]) == ("canceled", PUSHER_LEFT)
    repository = cooper.root / "data/git/shop.git"
    wait_for(lambda: not processes_of(str(repository)), "the end of git and its hook")
    assert ref(repository, "refs/heads/main") is None and no_scratch_is_left(cooper)


def test_what_was_accepted_is_built_without_its_pusher(cooper, tree, gate, pushing):
    cooper("apps", "create", "shop").ok()
    cooper("builds", "set", "failed-push", "accept", "-a", "shop").ok()
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    os.killpg(push.pid, signal.SIGKILL)
    repository = cooper.root / "data/git/shop.git"
    wait_for(lambda: not [line for line in processes_of(str(repository)).values() if "http-backend" in line], "git's end")
    gate.open()
    assert cooper.wait_for_end("shop", cooper.build_ids("shop")[0])["status"] == "succeeded"
    assert ref(repository, "refs/heads/main") == tree.head()


def test_a_server_that_is_killed_is_a_pusher_who_has_gone(cooper, server, serve, tree, gate, pushing):
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    server.kill()
    assert push.wait(180) != 0
    record = cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    assert (record["status"], record["reason"]) == ("canceled", PUSHER_LEFT)
    again = serve()
    tree.commit({"Dockerfile": GOOD})
    tree.git("push", url(again), "main").ok()
    assert [record["status"] for record in records(cooper)] == ["canceled", "succeeded"]


def test_a_server_that_is_stopped_ends_pushes(cooper, server, tree, gate, pushing):
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    gate.wait()
    assert server.stop(180) == 0
    assert push.wait(180) != 0
    record = cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    assert (record["status"], record["reason"]) == ("canceled", PUSHER_LEFT)


def test_pushers_at_once_are_answered_and_other_requests_with_them(cooper, server, tree, gate, pushing):
    tree.commit(at_the_gate(gate))
    push = pushing("main")
    read_until(push, "at the gate")
    waiting = [pushing("--force", "main") for _ in range(5)]
    for one in waiting:
        read_until(one, "another push is being built")
    assert [app["name"] for app in server.rack().get("/apps")] == ["shop"]
    assert json.loads(server.rack().raw("GET", "/apps/shop/builds")[2])[0]["status"] == "running"
    gate.open()
    assert push.wait(180) == 0
    for one in waiting:
        one.communicate(timeout=180)
    assert len(records(cooper)) == 1


def test_half_a_push(cooper, server):
    """Who ends a body in its middle has pushed nothing, and leaves nothing."""
    cooper("git:initialize", "shop").ok()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /git/shop/git-receive-pack HTTP/1.1\r\nHost: localhost\r\n"
                           b"Authorization: Basic bWU6bWU=\r\nContent-Type: application/x-git-receive-pack-request\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n5\r\n00")
    assert server.rack().raw("GET", "/healthz")[0] == 200
    assert not processes_of(f"{cooper.root}/data/git") and list((cooper.root / "data/uploads").iterdir()) == []
