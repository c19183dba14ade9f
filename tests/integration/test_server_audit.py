"""The audit log: who changed what through `cooper serve`, from where, and what was refused."""
import http.client
import json
import threading
import time

import pytest

from support.cooper import wait_for


@pytest.fixture
def tokens(plain_cooper):
    return {role: plain_cooper("tokens", "create", f"{role} of ann", "--role", role).ok().out.strip()
            for role in ("admin", "read")}


def audit(cooper, *flags):
    return json.loads(cooper("audit", "--format", "json", "--limit", "0", *flags).ok().out)


def audited(cooper, action, status=None):
    """The newest entry about that, once it is there: refusals are written behind the answer."""
    def look():
        return [entry for entry in audit(cooper)
                if entry["action"] == action and status in (None, entry["status"])]
    return wait_for(look, f"{action} in the audit log")[0]


def test_a_change_says_who_what_and_from_where(serve, tokens, plain_cooper):
    rack = serve().rack(password=tokens["admin"])
    _, headers, _ = rack.raw("POST", "/apps", "name=web", {"Content-Type": "application/x-www-form-urlencoded"})
    made = audited(plain_cooper, "POST /apps")
    assert made == {"at": made["at"], "who": tokens["admin"].split("_")[1], "name": "admin of ann",
                    "action": "POST /apps", "made": "web", "status": 200, "from": "127.0.0.1",
                    "request": headers["X-Request-Id"]}
    release = rack.post("/apps/web/releases", env="A=b")
    entry = audited(plain_cooper, "POST /apps/{app}/releases")
    assert (entry["app"], entry["made"]) == ("web", release["id"])
    rack.call("POST", "/apps/web/objects/tmp/a.tgz", body=b"x")
    assert audited(plain_cooper, "POST /apps/{app}/objects/{key*}")["about"] == {"key": "tmp/a.tgz"}
    # What did not go well, too.
    assert rack.refused("POST", "/apps", form={"name": "web"}).status == 409
    assert audited(plain_cooper, "POST /apps", 409)
    assert rack.refused("DELETE", "/apps/none").status == 404
    assert audited(plain_cooper, "DELETE /apps/{app}")["app"] == "none"


def test_reads_are_not_in_it(serve, tokens, plain_cooper):
    rack = serve().rack(password=tokens["read"])
    rack.get("/apps")
    rack.get("/system")
    rack.refused("GET", "/apps/none")
    assert {entry["action"] for entry in audit(plain_cooper)} == {"tokens create"}


def test_refusals_are_in_it_but_push_no_change_out(serve, tokens, plain_cooper):
    server = serve()
    assert server.rack(password=tokens["read"]).refused("DELETE", "/apps/web").status == 403
    refused = audited(plain_cooper, "DELETE /apps/{app}", 403)
    assert refused["who"] == tokens["read"].split("_")[1] and refused["app"] == "web"
    began = time.monotonic()
    for number in range(30):
        server.rack(user="eve", password=f"guess{number}").refused("GET", "/apps")
    more = int((time.monotonic() - began) / 6)  # each six seconds one more may fail
    assert audited(plain_cooper, "login", 429)["from"] == "127.0.0.1"
    logins = [entry for entry in audit(plain_cooper) if entry["action"] == "login"]
    assert [entry["status"] for entry in logins].count(401) <= 12 + more
    assert [entry["status"] for entry in logins].count(429) <= 2 + more, "it must not grow with each request"
    assert not any("who" in entry for entry in logins)
    folder = plain_cooper.root / "data/audit"
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("changes.jsonl", "refusals.jsonl"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert "login" not in (folder / "changes.jsonl").read_text()


def test_no_value_is_in_it(serve, tokens, plain_cooper):
    rack = serve().rack(password=tokens["admin"])
    rack.post("/apps", name="web")
    rack.post("/apps/web/releases", env="PASSWORD=geheim1", description="ok")
    rack.refused("POST", "/apps/web/releases", form={"env": "geheim2"})
    rack.post("/registries", server="registry.example", username="me", password="geheim3")
    rack.refused("POST", "/apps/web/builds", query={"url": "https://me:geheim4@example.com/a.tgz"})
    rack.refused("DELETE", "/apps/none?token=geheim5")
    serve().rack(password="geheim6").refused("POST", "/apps", form={"name": "x"})
    audited(plain_cooper, "login", 401)
    kept = "".join(path.read_text() for path in (plain_cooper.root / "data/audit").glob("*.jsonl"))
    assert "geheim" not in kept and not any(secret in kept for secret in tokens.values())
    assert kept.count("\n") >= 7


def test_tokens_made_by_the_command_are_in_it(tokens, plain_cooper):
    admin = tokens["admin"].split("_")[1]
    plain_cooper("tokens", "revoke", admin, env={"SUDO_USER": "ann"}).ok()
    newest, *_ = audit(plain_cooper)
    assert (newest["who"], newest["action"], newest["about"]) == ("local", "tokens revoke", {"token": admin})
    assert newest["name"] and "from" not in newest
    plain_cooper("apps", "create", "web").ok()
    plain_cooper("tokens", "create", "--app", "web").ok()
    assert audit(plain_cooper)[0]["app"] == "web"


def test_without_tokens_it_is_this_host(serve, plain_cooper):
    serve().rack(user="bob\n\x1b[31m").post("/apps", name="web")
    entry = audited(plain_cooper, "POST /apps")
    assert entry["who"] == "local" and entry["from"] == "127.0.0.1"
    table = plain_cooper("audit").ok().out
    assert len(table.splitlines()) == 2 and "\x1b" not in table and "bob" in table


def test_the_command_shows_the_newest_first(serve, plain_cooper):
    assert plain_cooper("audit").ok().out.count("\n") == 1
    assert audit(plain_cooper) == []
    rack = serve().rack()
    for number in range(12):
        rack.post("/apps", name=f"app{number}")
    rack.delete("/apps/app3")
    lines = plain_cooper("audit").ok().out.splitlines()
    assert len(lines) == 11 and "DELETE /apps/{app}" in lines[1] and "app11" in lines[2]
    assert [entry.get("made") for entry in audit(plain_cooper)[1:3]] == ["app11", "app10"]
    assert [entry["action"] for entry in audit(plain_cooper, "--app", "app3")] == ["DELETE /apps/{app}"]
    assert len(audit(plain_cooper, "--since", "1h")) == 13
    assert audit(plain_cooper, "--since", "2100-01-01") == []
    assert plain_cooper("audit", "--since", "never").code == 2
    assert len(json.loads(plain_cooper("audit", "--format", "json", "--limit", "2").ok().out)) == 2


def test_what_was_answered_is_in_it_whatever_happens(serve, plain_cooper):
    """Many change things at once, and the server is killed: no answered change is missing."""
    server = serve()
    answered = []

    def work(worker):
        rack = server.rack()
        try:
            for number in range(200):
                answered.append(rack.post("/apps", name=f"app{worker}-{number}")["name"])
        except (OSError, http.client.HTTPException, AssertionError, ValueError):
            return  # the server is gone
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 40, "some changes")
    server.kill()
    for thread in threads:
        thread.join()
    made = [entry["made"] for entry in audit(plain_cooper)]
    assert set(answered) <= set(made) and len(made) == len(set(made))
    assert "can't be read" not in plain_cooper("audit").ok().err


def test_a_log_that_can_not_be_written_is_told(serve, plain_cooper):
    """The change is done; its line is on stderr."""
    server = serve()
    (plain_cooper.root / "data/audit").write_text("in the way")
    server.rack().post("/apps", name="web")
    wait_for(lambda: "the audit log can't be written" in server.log.read_text(), "what the server says of that")
    assert '\\"made\\":\\"web\\"' in server.log.read_text()
