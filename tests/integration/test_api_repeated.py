"""Idempotency keys of /v1: what a client asks for twice, since it did not hear the answer, is done once,
also over a kill of the server."""
import http.client
import json
import os
import re
import threading
import time

import pytest

from support.api_client import Api
from support.cooper import HEAD, wait_for
from support.sources import packed

pytestmark = pytest.mark.usefixtures("cooper")  # servers that build


@pytest.fixture
def web(server):
    api = Api(server.port)
    api.call("createApp", body={"name": "web"})
    return api


def keyed(key):
    return {"Idempotency-Key": key}


def replayed(answer):
    return answer.headers.get("Idempotency-Replayed") == "true"


def kept(cooper):
    return sorted((cooper.root / "data/request-keys").iterdir())


def test_a_build_is_started_once(web, app, cooper, server):
    web.call("putObject", app="web", key="a.tgz", data=packed(app(HEAD + "RUN true\n")))
    body = {"object": "a.tgz", "secrets": [{"id": "key", "value": "geheimnis"}]}
    first = web.call("createBuild", app="web", body=body, headers=keyed("one"))
    assert not replayed(first)
    second = web.call("createBuild", app="web", body=body, headers=keyed("one"))
    assert replayed(second) and second.body == first.body and second.status == 201
    assert second.headers["Location"] == first.headers["Location"] and second.headers["ETag"] == first.headers["ETag"]
    server.kill()
    server.start()
    assert web.call("createBuild", app="web", body=body, headers=keyed("one")).body == first.body
    other = web.problem("createBuild", 422, app="web", body={"object": "b.tgz"}, headers=keyed("one"))
    assert other["type"] == "urn:cooper:problem:key-reused"
    web.problem("createRelease", 422, app="web", body={}, headers=keyed("one"))
    cooper.wait_for_end("web", first.json["id"])
    third = web.get("createBuild", app="web", body=body, headers=keyed("two"))
    assert third["id"] != first.json["id"]
    cooper.wait_for_end("web", third["id"])
    assert len(web.get("listBuilds", app="web")["items"]) == 2
    # Nothing that was secret is in the files, and they are their owner's alone.
    for file in kept(cooper):
        assert file.stat().st_mode & 0o777 == 0o600 and "geheimnis" not in file.read_text()
        assert re.fullmatch(r"[0-9a-f]{64}\.jsonl", file.name)


def test_what_was_refused_may_be_tried_again(web, app, cooper):
    web.problem("createBuild", 404, app="web", body={"object": "a.tgz"}, headers=keyed("one"))
    web.call("putObject", app="web", key="a.tgz", data=packed(app(HEAD + "RUN true\n")))
    made = web.call("createBuild", app="web", body={"object": "a.tgz"}, headers=keyed("one"))
    assert not replayed(made)
    cooper.wait_for_end("web", made.json["id"])


def test_releases_apps_and_tokens_are_made_once(web, cooper):
    made = [web.call("createRelease", app="web", body={"set": {"A": "1"}}, headers=keyed("r")) for _ in range(3)]
    assert len({answer.body for answer in made}) == 1 and len(web.get("listReleases", app="web")["items"]) == 1
    apps = [web.call("createApp", body={"name": "shop"}, headers=keyed("a")) for _ in range(2)]
    assert replayed(apps[1]) and apps[0].body == apps[1].body
    first = web.call("createToken", body={"role": "admin", "name": "ci"}, headers=keyed("t"))
    admin = web.as_token(first.json["secret"])
    # Without tokens anybody was let in: that was somebody else.
    second, third = (admin.call("createToken", body={"role": "read"}, headers=keyed("t")) for _ in range(2))
    secret = second.json["secret"]
    assert third.json == {name: value for name, value in second.json.items() if name != "secret"}
    assert len(admin.get("listTokens")["items"]) == 2
    assert all(secret not in file.read_text() for file in kept(cooper))


def test_keys_belong_to_who_gives_them(web, cooper):
    admin = web.as_token(cooper("tokens", "create", "--role", "admin").ok().out.strip())
    builder = web.as_token(cooper("tokens", "create", "--role", "build").ok().out.strip())
    first = admin.call("createRelease", app="web", body={}, headers=keyed("same"))
    second = builder.call("createRelease", app="web", body={}, headers=keyed("same"))
    assert not replayed(second) and first.json["id"] != second.json["id"]


def test_requests_at_once_are_done_once(web):
    answers = []

    def ask():
        answers.append(web.raw("POST", "/v1/apps/web/releases", b'{"set":{"A":"1"}}',
                               {"Content-Type": "application/json", **keyed("at-once")}))
    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {201, 409}
    made = {answer.body for answer in answers if answer.status == 201}
    assert len(made) == 1 and len(web.get("listReleases", app="web")["items"]) == 1
    assert sum(not replayed(answer) for answer in answers if answer.status == 201) == 1


def test_a_request_that_was_cut_off_is_not_done_again(web, cooper, server):
    """Whatever a killed server leaves of the file, the release is made at most once more."""
    web.call("createRelease", app="web", body={}, headers=keyed("cut"))
    (file,) = kept(cooper)
    whole = file.read_bytes()
    begin = whole.index(b"\n") + 1
    for rest in (begin, begin + 1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:rest])
        problem = web.problem("createRelease", 409, app="web", body={}, headers=keyed("cut"))
        assert problem["type"] == "urn:cooper:problem:conflict" and "cut off" in problem["detail"]
    assert len(web.get("listReleases", app="web")["items"]) == 1
    file.write_bytes(whole)
    assert replayed(web.call("createRelease", app="web", body={}, headers=keyed("cut")))
    # Before its first line was whole, nothing had been begun.
    file.write_bytes(whole[:begin - 1])
    assert not replayed(web.call("createRelease", app="web", body={}, headers=keyed("cut")))


def test_keys_are_forgotten_after_a_day(web, cooper, server):
    web.call("createRelease", app="web", body={}, headers=keyed("old"))
    web.call("createRelease", app="web", body={}, headers=keyed("older"))
    yesterday = time.time() - 25 * 3600
    for file in kept(cooper):
        lines = file.read_text().splitlines()
        begun = {**json.loads(lines[0]), "begun_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(yesterday))}
        file.write_text("\n".join([json.dumps(begun), *lines[1:]]) + "\n")
        os.utime(file, (yesterday, yesterday))
    server.kill()
    server.start()
    assert not replayed(web.call("createRelease", app="web", body={}, headers=keyed("old")))
    assert len(kept(cooper)) == 1, "the other one was not removed"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e9"], ids=str)
def test_what_is_no_key_is_refused(web, key):
    web.problem("createRelease", 400, app="web", body={}, headers={"Idempotency-Key": key.encode("latin-1")})


def test_a_server_that_is_killed_makes_nothing_twice(web, server):
    """A client that asks until it is answered, while the server is killed over and over."""
    for number in range(8):
        def kill(pause=number * 0.002):
            threading.Event().wait(pause)
            server.kill()
            server.start()
        killer = threading.Thread(target=kill)
        killer.start()

        def ask():
            try:
                return web.raw("POST", "/v1/apps/web/releases", b"{}",
                               {"Content-Type": "application/json", **keyed(f"key-{number}")})
            except (OSError, http.client.HTTPException):
                return None
        answer = wait_for(ask, "an answer", 180)
        killer.join()
        again = wait_for(ask, "the same answer", 180)
        assert again.status == answer.status and answer.status in (201, 409), (answer, again)
        assert len(web.get("listReleases", app="web")["items"]) <= number + 1
