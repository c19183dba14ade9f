"""Which server a command works on, and as whom: COOPER_URL, login, logout."""
import http.server
import json
import os
import re
import threading

import pytest

from support.cooper import executable
from support.ports import free_port
from support.remote import RemoteCooper
from support.terminal import Terminal


@pytest.fixture
def client(plain_cooper, tmp_path):
    """Without any server."""
    return RemoteCooper(plain_cooper, "", tmp_path / "home")


@pytest.fixture
def token(plain_cooper):
    return plain_cooper("tokens", "create", "--role", "admin").ok().out.strip()


def url_of(server, host="127.0.0.1"):
    return f"{'https' if server.tls else 'http'}://{host}:{server.port}"


def test_a_login_is_checked_kept_for_its_owner_alone_and_forgotten(serve, client, token, plain_cooper, tmp_path):
    plain_cooper("apps", "create", "shop").ok()
    url = url_of(serve())
    wrong = client("login", url, "--token-file", "-", input="cooper_wrong\n")
    assert wrong.code == 4 and f"{url} refuses the token" in wrong.err and not client.logins.exists()
    (tmp_path / "token").write_text(token + "\n")
    done = client("login", url, "--token-file", tmp_path / "token").ok()
    assert done.out == "" and done.err == f"Logged in to {url}\n"
    assert client.logins.stat().st_mode & 0o777 == 0o600
    assert client.logins.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(client.logins.read_text())["servers"][url]["token"] == token
    assert url in client("login").ok().out and token not in client("login").out
    assert "shop" in client("apps", env={"COOPER_URL": url}).ok().out
    # Where this host has no data root, the last login says where.
    if os.geteuid() != 0 or not os.path.exists("/var/lib/cooper"):
        assert client("apps", "--format", "json").ok().out == plain_cooper("apps", "--format", "json").ok().out
    # With a data root of its own the host is meant, unless COOPER_URL says otherwise.
    own = {"COOPER_ROOT": str(tmp_path / "own")}
    assert client("apps", "--format", "json", env=own).ok().out == "[]\n"
    assert "shop" in client("apps", env={**own, "COOPER_URL": url}).ok().out
    out = client("logout").ok()
    assert f"Logged out of {url}" in out.err
    assert client("logout", url).code == 3
    assert token not in client.logins.read_text()


def test_a_token_of_one_app_is_good(serve, client, plain_cooper):
    plain_cooper("apps", "create", "shop").ok()
    token = plain_cooper("tokens", "create", "--role", "read", "-a", "shop").ok().out.strip()
    url = url_of(serve())
    client("login", url, "--token-file", "-", input=token).ok()
    client.env["COOPER_URL"] = url
    assert "shop" in client("apps", "info", "shop").ok().out
    assert client("apps", "delete", "shop").code == 4


def test_the_token_is_asked_for_unseen(serve, client, token):
    url = url_of(serve())
    terminal = Terminal([executable(), "login", url], {**client.env, "TERM": "dumb"})
    terminal.read_until(f"Token for {url}: ")
    terminal.type(token + "\n")
    terminal.read_until("Logged in to")
    assert terminal.end() == 0
    assert token.encode() not in terminal.seen
    assert json.loads(client.logins.read_text())["servers"][url]["token"] == token
    none = client("login", url)
    assert none.code == 2 and "--token-file" in none.err


def test_credentials_in_the_url(serve, client, token):
    server = serve()
    with_token = f"http://me:{token}@127.0.0.1:{server.port}"
    assert client("apps", env={"COOPER_URL": with_token}).code == 0
    refused = client("apps", env={"COOPER_URL": with_token.replace("@", "x@")})
    assert refused.code == 4 and "refuses the token" in refused.err
    none = client("apps", env={"COOPER_URL": url_of(server)})
    assert none.code == 4 and "refuses the token" in none.err


@pytest.mark.parametrize("url", ["ftp://host", "https://host/path", "host", "https://user:secret@", "http://:80"])
def test_what_is_no_url_of_a_server(client, url):
    done = client("apps", env={"COOPER_URL": url})
    assert done.code == 2 and "secret" not in done.err and done.err.count("ERROR") == 1
    assert client("login", url, "--token-file", "-", input="x").code == 2


def test_others_must_not_read_the_tokens(serve, client, token):
    client("login", url_of(serve()), "--token-file", "-", input=token).ok()
    client.logins.chmod(0o644)
    done = client("apps", env={"COOPER_URL": "http://127.0.0.1:9"})
    assert done.code == 4 and "chmod 600" in done.err


def test_nobody_there(client):
    port = free_port()
    for words in (("apps",), ("builds", "-a", "shop"), ("login", f"http://127.0.0.1:{port}", "--token-file", "-")):
        done = client(*words, input="x", env={"COOPER_URL": f"http://127.0.0.1:{port}"})
        assert done.code == 5 and f"can't reach http://127.0.0.1:{port}" in done.err
        assert done.err.count("ERROR") == 1


def test_a_certificate_that_signs_itself_is_trusted_by_its_fingerprint(serve, client, token):
    server = serve("--tls-self-signed")
    fingerprint = re.search(r"fingerprint ([0-9A-F:]{95})", server.log.read_text())[1]
    url = url_of(server)
    doubtful = client("login", url, "--token-file", "-", input=token)
    assert doubtful.code == 4 and "can't be trusted" in doubtful.err and "--fingerprint" in doubtful.err
    other = "00" + fingerprint[2:]
    wrong = client("login", url, "--token-file", "-", "--fingerprint", other, input=token)
    assert wrong.code == 4 and "another" in wrong.err
    client("login", url, "--token-file", "-", "--fingerprint", fingerprint, input=token).ok()
    client.env["COOPER_URL"] = url
    client("apps").ok()
    # Another certificate there: nothing is sent to it.
    server.stop()
    for file in (server.cooper.root / "config/server").iterdir():
        file.unlink()
    serve("--tls-self-signed", port=server.port)
    changed = client("apps")
    assert changed.code == 4 and "another than at the login" in changed.err


def test_credentials_follow_no_redirect(client):
    asked = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.server.server_port, self.headers.get("Authorization")))
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{other.server_port}/v1/apps")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    first, other = (http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) for _ in range(2))
    for server in (first, other):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = client("apps", env={"COOPER_URL": f"http://u:secret@127.0.0.1:{first.server_port}"})
    finally:
        first.shutdown()
        other.shutdown()
    assert done.code == 5 and "redirects to" in done.err and "secret" not in done.err
    assert {port for port, _ in asked} == {first.server_port}


@pytest.mark.parametrize("words", [("track", "-a", "shop", "--", "true"), ("git:initialize", "shop"),
                                   ("git:sync", "shop", "https://example.com/x.git"), ("ssh-keys",)])
def test_what_only_the_host_can_do(serve, client, token, words):
    done = client(*words, env={"COOPER_URL": f"http://me:{token}@127.0.0.1:{serve().port}"})
    assert done.code == 2 and "works on the server's host alone" in done.err


def test_help_and_version_need_no_server(client):
    nowhere = {"COOPER_URL": f"http://127.0.0.1:{free_port()}"}
    for words in (("help",), ("--version",), ("builds", "--help"), ("help", "login"), ("login", "--help")):
        client(*words, env=nowhere).ok()
    assert client("buidl", env=nowhere).code == 2
