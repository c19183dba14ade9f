"""`cooper registries`: credentials that are kept, listed and forgotten."""
import json
import stat
import subprocess

import pytest

from support.cooper import executable
from support.terminal import Terminal

SECRET = "geheim-0815"


@pytest.fixture
def cooper(plain_cooper, tmp_path):
    """Without other tools' credentials."""
    for name in ("HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"):
        plain_cooper.env[name] = str(tmp_path / "none")
    plain_cooper.env.pop("REGISTRY_AUTH_FILE", None)
    return plain_cooper


def hosts(cooper):
    return {entry["host"]: entry["user"] for entry in json.loads(cooper("registries", "--format", "json").ok().out)}


def add(cooper, host, user="me", password=SECRET):
    return cooper("registries", "add", host, "-u", user, "--password-stdin", input=password)


def test_one_is_added_replaced_and_removed(cooper):
    assert hosts(cooper) == {}
    add(cooper, "ghcr.io").ok()
    add(cooper, "127.0.0.1:5000", "you").ok()
    add(cooper, "ghcr.io", "other").ok()
    assert hosts(cooper) == {"ghcr.io": "other", "127.0.0.1:5000": "you"}
    assert "ghcr.io" in cooper("registries").ok().out
    cooper("registries", "remove", "ghcr.io").ok()
    assert hosts(cooper) == {"127.0.0.1:5000": "you"}
    assert cooper("registries", "remove", "ghcr.io").code != 0


@pytest.mark.parametrize("words, said", [
    (("https://ghcr.io", "-u", "me", "--password-stdin"), "names no registry"),
    (("ghcr.io/me", "-u", "me", "--password-stdin"), "names no registry"),
    (("ghcr.io", "--password-stdin"), "needs --user"),
    (("ghcr.io", "-u", "a:b", "--password-stdin"), "without a colon"),
])
def test_bad_input_is_one_clear_line(cooper, words, said):
    done = cooper("registries", "add", *words, input=SECRET)
    assert done.code != 0 and said in done.err and SECRET not in done.err
    assert hosts(cooper) == {}


def test_an_empty_password_and_no_terminal(cooper):
    assert "empty" in add(cooper, "ghcr.io", password="\n").err
    done = cooper("registries", "add", "ghcr.io", "-u", "me")
    assert done.code != 0 and "--password-stdin" in done.err


def test_the_password_is_asked_for_and_not_shown(cooper):
    person = Terminal([executable(), "registries", "add", "ghcr.io", "-u", "me"], cooper.env)
    person.read_until("Password for ghcr.io: ")
    person.type(SECRET + "\n")
    assert person.end() == 0
    assert SECRET.encode() not in person.seen
    assert hosts(cooper) == {"ghcr.io": "me"}


def test_many_at_once_lose_none(cooper):
    names = [f"r{i}.example" for i in range(12)]
    running = [subprocess.Popen([executable(), "registries", "add", name, "-u", "me", "--password-stdin"],
                                env=cooper.env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) for name in names]
    for process in running:
        process.communicate(SECRET.encode(), timeout=180)
        assert process.returncode == 0
    assert sorted(hosts(cooper)) == sorted(names)


def test_a_damaged_file_is_said_and_kept(cooper):
    add(cooper, "ghcr.io").ok()
    kept = cooper.root / "config/registries/auth.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text("junk")
    done = add(cooper, "ghcr.io")
    assert done.code != 0 and "damaged" in done.err and kept.read_text() == "junk"
    listed = cooper("registries").ok()
    assert "auth.json" in listed.err
