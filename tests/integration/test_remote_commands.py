"""The same commands, here and from afar: the same output, the same exit codes."""
import io
import json
import re
import tarfile

import pytest

from support.cooper import HEAD, build_id_of
from support.rack_client import servers_of
from support.remote import RemoteCooper

#: apps for what is done here, and from afar
LOCAL, REMOTE = "nearby", "elsewhere"
MANIFEST = "services:\n  web:\n    build: .\n  worker:\n    build: .\n"


@pytest.fixture
def client(cooper, tmp_path):
    with servers_of(cooper) as start:
        token = cooper("tokens", "create", "tests", "--role", "admin").ok().out.strip()
        client = RemoteCooper(cooper, f"http://me:{token}@127.0.0.1:{start().port}", tmp_path / "home")
        yield client
        client.close()


@pytest.fixture
def shop(cooper, app):
    """An app with builds of all kinds."""
    folder = app(HEAD + "RUN echo needle-in-the-log\n", {"convox.yml": MANIFEST})
    cooper("build", folder, "-a", "shop", "-d", "the first").ok()
    cooper("env", "set", "COLOUR=blue", "LINES=one", "-a", "shop").ok()
    (folder / "Dockerfile").write_text(HEAD + "RUN echo second needle; exit 3\n")
    assert cooper("build", folder, "-a", "shop").code == 1
    (folder / "Dockerfile").write_text(HEAD + "RUN echo third\n")
    cooper("build", folder, "-a", "shop", "--build-args", "A=1").ok()
    cooper("apps", "create", "empty").ok()
    return folder


#: what is looked at: nothing changes by it
LOOKS = """
apps
apps --format json
apps info shop
apps info shop --format json
apps info nowhere
apps info shpo
builds -a shop
builds -a shop --format json
builds -a shop --limit 1 --format json
builds -a shop --limit 0
builds -a shop --status failed --format json
builds -a shop --status failed --status succeeded --kind build
builds -a nowhere
builds -a empty
builds --all --format json
builds --all --limit 2
builds info last -a shop
builds info last -a shop --format json
builds info last-failed -a shop --steps
builds info current -a shop
builds info zzzz -a shop
builds info ../../x -a shop
builds logs last -a shop
builds logs last-failed -a shop --no-follow
builds logs last-failed -a shop --follow
builds logs last -a shop --tail 2
builds logs none -a shop
builds search needle
builds search needle -a shop --format json
builds search NEEDLE -i --limit 1
builds search nothing-of-this
builds search needle --since 1d
builds provenance last -a shop
builds provenance last-failed -a shop
builds diff FIRST last -a shop
builds diff FIRST last -a shop --format json
builds settings -a shop
builds settings -a shop --format json
builds settings --global
builds prune -a shop --dry-run
releases -a shop
releases -a shop --format json
releases -a empty
releases info last -a shop
releases info last -a shop --format json
releases info nothing -a shop
releases manifest last -a shop
env -a shop
env get COLOUR -a shop
env get NONE -a shop
env --format json -a shop
env -a empty
config:show shop
ps -a shop
logs -a shop
queue
queue --format json
registries
registries --format json
tokens --format json
engines
engines --format json -a shop
system df --format json
audit --format json
audit --app shop --limit 2
hooks -a shop
hooks -a nowhere
hooks add https://me:x@git.example/shop -a shop
webhooks
webhooks --format json
webhooks deliveries 0000000000
webhooks deliveries none
webhooks test 0000000000
webhooks remove 0000000000
webhooks add ftp://a/b
webhooks add https://ci.example/ --events build.done
webhooks add https://ci.example/ -a nowhere
builds
builds info
apps delete
""".strip().splitlines()


def ageless(text):
    """Without how long ago something was, which may have become longer, and a table's column with it."""
    return re.sub(" {2,}", "  ", re.sub(r"\b(?:just now|\d+ [a-z]+ ago)\b *", "AGE  ", text))


def test_what_is_looked_at(cooper, client, shop):
    first = cooper.build_ids("shop")[0]
    differences = []
    for line in LOOKS:
        words = [first if word == "FIRST" else word for word in line.split()]
        # "3 seconds ago" may be 4 by then: one of two looks from here is the same, if that was quick.
        seen = [tuple(cooper(*words))]
        there = tuple(client(*words))
        seen.append(tuple(cooper(*words)))
        if there not in seen and ageless(str(there)) not in [ageless(str(here)) for here in seen]:
            differences.append((line, seen[0], there))
    assert not differences, "\n\n".join(f"{line}:\n  here  {here}\n  there {there}" for line, here, there in differences)


def plain(text, app):
    """Without what is each app's own, and how old it is."""
    return ageless(re.sub(r"\br[0-9a-z]{14}\b", "RELEASE", text.replace(app, "APP")))


def both(cooper, client, change, look):
    """Changes something here and there, each in an app of its own; what is then seen must be the same."""
    results = []
    for runner, app in ((cooper, LOCAL), (client, REMOTE)):
        done = runner(*(word.replace("APP", app) for word in change))
        seen = [done.code, plain(done.out, app), plain(done.err, app)]
        for words in look:
            after = cooper(*(word.replace("APP", app) for word in words))
            seen += [after.code, plain(after.out, app)]
        results.append(seen)
    assert results[0] == results[1], change


def test_what_is_changed(cooper, client, tmp_path):
    steps = [
        (("apps", "create", "APP"), [("apps", "info", "APP")]),
        (("apps", "create", "APP"), []),
        (("builds", "set", "retention", "7", "-a", "APP"), [("builds", "settings", "-a", "APP", "--format", "json")]),
        (("builds", "set", "retention", "x", "-a", "APP"), []),
        (("builds", "set", "nothing", "x", "-a", "APP"), []),
        (("builds", "set", "retention", "-a", "APP"), [("builds", "settings", "-a", "APP", "--format", "json")]),
        (("env", "set", "A=1", "B=two words", "-a", "APP"), [("env", "-a", "APP")]),
        (("env", "unset", "A", "-a", "APP"), [("env", "-a", "APP")]),
        (("env", "set", "1=x", "-a", "APP"), []),
        (("builds", "pin", "none", "-a", "APP"), []),
        (("builds", "remove", "none", "-a", "APP"), []),
        (("builds", "cancel", "current", "-a", "APP"), []),
        (("releases", "promote", "none", "-a", "APP"), []),
        (("apps", "delete", "APP"), [("apps", "info", "APP")]),
        (("apps", "delete", "APP"), []),
    ]
    for change, look in steps:
        both(cooper, client, change, look)


def test_builds_from_afar_are_as_those_from_here(cooper, client, app):
    folder = app(HEAD + "ARG WORD=none\nRUN echo built with $WORD\n", {"convox.yml": MANIFEST})
    seen = []
    for runner, name in ((cooper, LOCAL), (client, REMOTE)):
        done = runner("build", folder, "-a", name, "-d", "words", "--no-cache", "--build-args", "WORD=hey").ok()
        record = cooper.record(name, build_id_of(done.out))
        assert record["status"] == "succeeded" and record["description"] == "words"
        out = plain(done.out, name).replace(record["id"], "ID")
        seen.append((re.sub(r"[0-9a-f]{64}|\d+\.\ds", "X", out), done.err))
        ids = runner("build", folder, "-a", name, "--id").ok()
        assert ids.out.strip() == cooper.record(name, cooper.build_ids(name)[-1])["release"]
    assert seen[0] == seen[1]
    # Again from there, and with an end that is no good one.
    assert "built with hey" in client("builds", "retry", cooper.build_ids(REMOTE)[0], "-a", REMOTE).ok().out
    (folder / "Dockerfile").write_text(HEAD + "RUN exit 7\n")
    failures = [runner("build", folder, "-a", name) for runner, name in ((cooper, LOCAL), (client, REMOTE))]
    assert failures[0].code == failures[1].code == 1
    pinned = cooper.build_ids(REMOTE)[0]
    client("builds", "pin", pinned, "-a", REMOTE).ok()
    assert cooper.record(REMOTE, pinned)["pinned"] is True
    assert client("builds", "remove", pinned, "-a", REMOTE).code == 6
    client("builds", "unpin", pinned, "-a", REMOTE).ok()
    client("builds", "erase-log", pinned, "-a", REMOTE).ok()
    assert cooper.record(REMOTE, pinned)["log_erased"]
    client("builds", "remove", pinned, "-a", REMOTE).ok()
    assert pinned not in cooper.build_ids(REMOTE)
    client("builds", "prune", "-a", REMOTE).ok()
    client("system", "prune").ok()


def test_bundles_and_archives(cooper, client, shop, tmp_path):
    build = cooper.build_ids("shop")[0]
    for form in ("convox", "oci"):
        here, there = tmp_path / f"here-{form}", tmp_path / f"there-{form}"
        cooper("builds", "export", build, "-a", "shop", "-f", here, "--format", form).ok()
        done = client("builds", "export", build, "-a", "shop", "-f", there, "--format", form).ok()
        assert done.out == "Exporting build... OK\n"
        assert here.read_bytes() == there.read_bytes()
    client("builds", "import", "-a", "new", "-f", tmp_path / "there-convox").ok()
    assert cooper.record("new", cooper.build_ids("new")[0])["imported_from"] == f"shop/{build}"
    broken = tmp_path / "broken"
    broken.write_bytes((tmp_path / "there-convox").read_bytes()[:1000])
    assert client("builds", "import", "-a", "new", "-f", broken).code != 0
    assert client("builds", "export", "nothing", "-a", "shop", "-f", tmp_path / "none").code == 3
    assert not (tmp_path / "none").exists()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(shop, "shop")
    (tmp_path / "source.tgz").write_bytes(packed.getvalue())
    client("git:from-archive", "archived", tmp_path / "source.tgz").ok()
    assert cooper.record("archived", cooper.build_ids("archived")[0])["source"] == "git:from-archive"


def test_registries_and_tokens(cooper, client):
    client("registries", "add", "registry.example:5000", "-u", "me", "--password-stdin", input="word").ok()
    assert "registry.example:5000" in cooper("registries").ok().out
    client("registries", "remove", "registry.example:5000").ok()
    assert client("registries", "remove", "registry.example:5000").code == 3
    made = client("tokens", "create", "ci", "--role", "read").ok()
    listed = json.loads(cooper("tokens", "--format", "json").ok().out)
    assert "ci" in {token["name"] for token in listed}
    token = next(token["id"] for token in listed if token["name"] == "ci")
    assert made.out.startswith(f"cooper_{token}_")
    client("tokens", "revoke", token).ok()
    assert client("tokens", "revoke", token).code == 3
    client("queue", "resume").ok()
