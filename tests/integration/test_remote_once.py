"""What `cooper` asks a server for is done once, also where the answer is lost with its connection."""
import fcntl
import hashlib
import json
import os
import re

import pytest

from support.cooper import HEAD, build_id_of, wait_for
from support.remote import RemoteCooper


@pytest.fixture
def client(cooper, line, tmp_path):
    cooper("apps", "create", "shop").ok()
    token = cooper("tokens", "create", "--role", "admin").ok().out.strip()
    client = RemoteCooper(cooper, f"http://me:{token}@127.0.0.1:{line.port}", tmp_path / "home")
    yield client
    client.close()


def posts(line, path):
    return [request for request in line.requests if request.startswith(f"POST {path} ")]


def releases(cooper):
    return json.loads(cooper("releases", "-a", "shop", "--format", "json").ok().out)


def test_a_release_is_made_once(client, cooper, line):
    line.lose_answer("POST /v1/apps/shop/releases")
    client("env", "set", "COLOUR=blue", "-a", "shop").ok()
    assert line.cuts == 1 and len(posts(line, "/v1/apps/shop/releases")) == 2
    assert len(releases(cooper)) == 1


def test_an_app_is_made_once(client, cooper, line):
    line.lose_answer("POST /v1/apps ")
    client("apps", "create", "second").ok()
    assert len(posts(line, "/v1/apps")) == 2


def test_a_token_whose_secret_was_lost_is_revoked(client, cooper, line):
    line.lose_answer("POST /v1/tokens")
    made = client("tokens", "create", "ci", "--role", "read").ok().out.strip()
    assert line.cuts == 1
    assert len(json.loads(cooper("tokens", "--format", "json").ok().out)) == 2
    client("apps", env={"COOPER_URL": f"http://me:{made}@127.0.0.1:{line.port}"}).ok()


def test_an_import_is_done_once(client, cooper, line, app, tmp_path):
    build = build_id_of(cooper("build", app(HEAD + "RUN true\n"), "-a", "shop").ok().out)
    cooper("builds", "export", build, "-a", "shop", "-f", tmp_path / "bundle").ok()
    line.lose_answer("POST /v1/apps/copy/bundles")
    client("builds", "import", "-a", "copy", "-f", tmp_path / "bundle").ok()
    assert line.cuts == 1 and len(cooper.build_ids("copy")) == 1


def test_what_has_no_key_is_not_sent_again(client, cooper, line, app):
    """Not even by libcurl, which does so on connections that it has used before."""
    build = build_id_of(cooper("build", app(HEAD + "RUN true\n"), "-a", "shop").ok().out)
    line.lose_answer(f"POST /v1/apps/shop/builds/{build}/pin")
    done = client("builds", "pin", build, "-a", "shop")
    assert line.cuts == 1 and done.code == 5 and "the connection to" in done.err, done
    assert len(posts(line, f"/v1/apps/shop/builds/{build}/pin")) == 1


@pytest.fixture
def key_taker(cooper):
    """Has somebody work on a request of the only token's until `free()`."""
    held = []

    def take_key(request):
        key = re.search(r"(?i)^idempotency-key: (\S+)", request, re.MULTILINE)[1]
        (token,) = json.loads(cooper("tokens", "--format", "json").ok().out)
        name = hashlib.sha256("".join(f"{len(part)}:{part}" for part in (token["id"], key)).encode()).hexdigest()
        folder = cooper.root / "data/request-keys"
        folder.mkdir(mode=0o700, exist_ok=True)
        held.append(os.open(folder / f"{name}.jsonl", os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(held[0], fcntl.LOCK_EX)
    take_key.free = lambda: os.close(held.pop())
    yield take_key
    if held:
        take_key.free()


def test_what_the_server_still_works_on_is_waited_for(client, cooper, line, key_taker):
    """The answer to what was asked first is lost, and the one who asks again finds its key taken."""
    line.lose_answer("POST /v1/apps/shop/releases", key_taker)
    waiting = client.start("env", "set", "COLOUR=blue", "-a", "shop")
    wait_for(lambda: len(posts(line, "/v1/apps/shop/releases")) >= 3, "the third attempt")
    assert waiting.poll() is None and releases(cooper) == []
    key_taker.free()
    assert waiting.wait(180) == 0
    assert len(releases(cooper)) == 1


def test_a_file_is_not_sent_while_the_server_works_on_it(client, cooper, line, app, tmp_path, key_taker):
    folder = app(HEAD + "COPY noise /\n")
    (folder / "noise").write_bytes(os.urandom(4 << 20))
    build = build_id_of(cooper("build", folder, "-a", "shop").ok().out)
    bundle = tmp_path / "bundle"
    cooper("builds", "export", build, "-a", "shop", "-f", bundle).ok()
    line.lose_answer("POST /v1/apps/copy/bundles", key_taker)
    before = line.sent
    waiting = client.start("builds", "import", "-a", "copy", "-f", bundle)
    wait_for(lambda: len(posts(line, "/v1/apps/copy/bundles?source=import")) >= 4, "the fourth attempt")
    assert waiting.poll() is None and line.sent - before < 1.5 * bundle.stat().st_size
    key_taker.free()
    assert waiting.wait(180) == 0
    assert line.sent - before < 2.5 * bundle.stat().st_size and len(cooper.build_ids("copy")) == 1
