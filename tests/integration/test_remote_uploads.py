"""What `cooper build` sends to a server: only what that lacks, also after a connection that was cut."""
import json
import os
import threading

import pytest

from support.cooper import HEAD, build_id_of, files_below, only_record
from support.remote import RemoteCooper, fill

DOCKERFILE = HEAD + 'COPY . /src\nRUN ["/bin/busybox", "sh", "-c", "cd /src && cat data/* | sha256sum"]\n'
MEBIBYTE = 1 << 20


@pytest.fixture
def client(cooper, line, tmp_path):
    cooper("apps", "create", "shop").ok()
    token = cooper("tokens", "create", "--role", "build").ok().out.strip()
    client = RemoteCooper(cooper, f"http://me:{token}@127.0.0.1:{line.port}", tmp_path / "home")
    yield client
    client.close()


@pytest.fixture
def source(app):
    folder = app(DOCKERFILE)
    fill(folder / "data", 60, 100_000)
    return folder


def sent_by(line, run):
    before = line.sent
    run()
    return line.sent - before


def content(cooper, store, app="shop"):
    """What the newest build printed of its source."""
    return cooper.log(app, cooper.build_ids(app)[-1])


def test_a_second_build_sends_what_changed(client, cooper, line, source):
    first = sent_by(line, lambda: client("build", source, "-a", "shop").ok())
    assert first > 6_000_000, "all of it"
    # The very same source: nothing of it.
    again = sent_by(line, lambda: client("build", source, "-a", "shop", "--force").ok())
    assert again < 50_000
    (source / "data/file-0030").write_bytes(os.urandom(100_000))
    changed = sent_by(line, lambda: client("build", source, "-a", "shop").ok())
    assert 100_000 < changed < 2_500_000, "its segment, no more"
    # A file of some words beside them.
    (source / "note").write_text("a few words\n")
    small = sent_by(line, lambda: client("build", source, "-a", "shop").ok())
    assert small < 1_500_000
    # What was built is what was there, to the last byte.
    ids = cooper.build_ids("shop")
    local = cooper("build", source, "-a", "elsewhere").ok()
    request = json.loads((cooper.root / "data/sources/elsewhere" / f"{build_id_of(local.out)}.json").read_text())
    sent = json.loads((cooper.root / "data/sources/shop" / f"{ids[-1]}.json").read_text())
    assert (request["tree"], request["archive"]) == (sent["tree"], sent["archive"])


def test_another_client_of_the_app_sends_only_what_is_new(client, cooper, line, source, tmp_path):
    client("build", source, "-a", "shop").ok()
    other = RemoteCooper(cooper, client.env["COOPER_URL"], tmp_path / "other-home")
    (source / "note").write_text("a few words\n")
    assert sent_by(line, lambda: other("build", source, "-a", "shop").ok()) < 1_500_000


def test_a_cut_upload_goes_on_where_it_was(client, cooper, line, source):
    line.cut_after(3_000_000)
    sent = sent_by(line, lambda: client("build", source, "-a", "shop").ok())
    assert line.cuts == 1
    # A piece is at most a segment: not much is sent twice.
    assert 6_000_000 < sent < 9_000_000
    assert only_record(cooper)["status"] == "succeeded"


def test_a_server_that_is_killed_amid_an_upload_goes_on(client, cooper, line, source):
    def kill_and_start():
        line.server.kill()
        line.server.start()
    line.cut_after(3_000_000, kill_and_start)
    sent = sent_by(line, lambda: client("build", source, "-a", "shop").ok())
    assert line.cuts == 1
    assert 6_000_000 < sent < 9_000_000
    assert only_record(cooper)["status"] == "succeeded"
    # Nothing is left of it.
    assert not [name for name in os.listdir(cooper.root / "data/objects/shop") if name.startswith(".upload")]


def test_a_client_that_was_killed_goes_on(client, cooper, line, source):
    held, is_known = [], threading.Event()
    line.cut_after(3_000_000, lambda: is_known.wait(180) and held[0].kill())
    held.append(client.start("build", source, "-a", "shop"))
    is_known.set()
    held[0].wait(180)
    assert not cooper.build_ids("shop")
    assert sent_by(line, lambda: client("build", source, "-a", "shop").ok()) < 5_500_000


def test_a_server_that_loses_what_it_is_sent_is_not_asked_for_ever(client, cooper, line, source):
    def lose(request):
        if request.startswith("PUT "):
            for file in (cooper.root / "data/objects/shop").glob(".upload*"):
                file.unlink(missing_ok=True)
    line.watch = lose
    done = client("build", source, "-a", "shop")
    assert done.code == 5 and "does not keep the upload" in done.err, done
    assert len([request for request in line.requests if request.startswith("PUT ")]) == 20
    line.watch = None
    client("build", source, "-a", "shop").ok()


def test_pieces_are_checked(client, cooper, line):
    rack = line.server.rack(password=client.env["COOPER_URL"].split(":")[2].split("@")[0])
    digest, other = "a" * 64, "b" * 64
    headers = {"Content-Type": "application/json"}

    def begin(archive, pieces):
        return rack.raw("POST", "/v1/apps/shop/uploads", json.dumps({"archive": archive, "pieces": pieces}), headers)
    assert begin(digest, [{"digest": other, "bytes": 3}])[0] == 200
    assert begin("../" + digest[3:], [{"digest": other, "bytes": 3}])[0] == 400
    assert begin(digest, [])[0] == 400
    assert begin(digest, [{"digest": other, "bytes": 0}])[0] == 400
    assert begin(digest, [{"digest": other, "bytes": 9 * MEBIBYTE}])[0] == 400
    assert begin(digest, [{"digest": other, "bytes": -1}])[0] == 400
    assert begin(digest, [{"digest": other, "bytes": 8 * MEBIBYTE}] * 5000)[0] == 400, "more than the server takes"
    assert begin(digest, "x")[0] == 400
    path = f"/v1/apps/shop/uploads/{digest}/pieces"
    assert rack.raw("PUT", f"{path}/{other}", b"abc")[0] == 400, "other bytes"
    assert rack.raw("PUT", f"{path}/{digest}", b"abc")[0] == 400, "no piece of it"
    assert rack.raw("PUT", f"/v1/apps/shop/uploads/{other}/pieces/{other}", b"abc")[0] == 404
    build = f"/v1/apps/shop/uploads/{digest}/build"
    assert rack.raw("POST", build, "{}", headers)[0] == 409, "not complete"
    assert rack.raw("POST", build, json.dumps({"command": {"words": ["id"]}}), headers)[0] == 400
    assert not cooper.build_ids("shop")


def test_who_may_not_build_sends_nothing(cooper, client, line, source):
    token = cooper("tokens", "create", "--role", "read").ok().out.strip()
    done = client("build", source, "-a", "shop", env={"COOPER_URL": f"http://me:{token}@127.0.0.1:{line.port}"})
    assert done.code == 4 and not cooper.build_ids("shop")
    # Nor may one who builds make apps.
    new = client("build", source, "-a", "new")
    assert new.code == 3 and "may not make one" in new.err


def test_secrets_are_used_and_kept_nowhere(client, cooper, app):
    folder = app(HEAD + "RUN --mount=type=secret,id=token sh -c 'wc -c < /run/secrets/token'\n")
    secret = "s3cr3t-of-this-very-test"
    done = client("build", folder, "-a", "shop", "--secret", "id=token,env=SECRET", env={"SECRET": secret}).ok()
    assert str(len(secret)) in done.out
    for place in (cooper.root, client.home):
        for path, data in files_below(place).items():
            assert secret.encode() not in data, path
    refused = client("build", folder, "-a", "shop", "--ssh", "default=/nowhere")
    assert refused.code == 2
    assert client("build", folder, "-a", "shop", "--output", "x").code == 2


def test_git_facts_and_what_docker_ignores(client, cooper, app, tmp_path):
    folder = app(HEAD + 'COPY . /src\nRUN ["/bin/busybox", "sh", "-c", "ls /src"]\n',
                 {".dockerignore": "hidden*\n", "hidden": "x", "shown": "y"})
    done = client("build", folder, "-a", "shop").ok()
    assert "shown" in done.out and "hidden\n" not in done.out
    record = cooper.record("shop", build_id_of(done.out))
    assert record["source"] == "build" and record["status"] == "succeeded"


def test_what_is_wrong_is_said_as_locally(client, cooper, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (("build", tmp_path / "nowhere", "-a", "shop"), ("build", tmp_path / "empty", "-a", "shop")):
        local, remote = cooper(*words), client(*words)
        assert (local.code, local.out, local.err) == (remote.code, remote.out, remote.err)
    assert not cooper.build_ids("shop")
