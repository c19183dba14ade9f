"""Tokens: made once, listed without their secret, revoked."""
import json


def test_a_token_is_shown_once_and_kept_as_a_hash(plain_cooper):
    plain_cooper("apps", "create", "shop").ok()
    made = plain_cooper("tokens", "create", "ci of shop", "--role", "build", "-a", "shop", "--expires", "30d").ok()
    secret = made.out.strip()
    assert made.out == secret + "\n" and secret.startswith("cooper_") and secret not in made.err
    (listed,) = json.loads(plain_cooper("tokens", "--format", "json").ok().out)
    assert secret.startswith(f"cooper_{listed['id']}_")
    assert (listed["name"], listed["role"], listed["app"]) == ("ci of shop", "build", "shop")
    assert listed["expires_at"] > listed["created_at"]
    kept = plain_cooper.root / "config/tokens" / f"{listed['id']}.json"
    assert kept.stat().st_mode & 0o777 == 0o600 and secret.rsplit("_", 1)[1] not in kept.read_text()
    table = plain_cooper("tokens").ok().out
    assert "ci of shop" in table and "in 7" in table and secret not in table
    assert plain_cooper("tokens", "revoke", listed["id"]).ok()
    assert plain_cooper("tokens", "--format", "json").ok().out == "[]\n"
    assert plain_cooper("tokens", "revoke", listed["id"]).code == 3


def test_what_can_not_be_is_refused(plain_cooper):
    assert plain_cooper("tokens", "create", "-a", "nowhere").code == 3
    assert plain_cooper("tokens", "create", "--role", "root").code == 2
    for expires in ("never", "0", "-1h"):
        assert plain_cooper("tokens", "create", f"--expires={expires}").code != 0
    assert plain_cooper("tokens", "create", "a\nb").code != 0
    assert plain_cooper("tokens", "revoke", "../../x").code != 0
    assert plain_cooper("tokens", "--format", "json").ok().out == "[]\n"
