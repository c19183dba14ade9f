"""Builds through `cooper serve`, as the convox client makes them: store the source, create the
build, follow its log, look at it, release and promote it, carry it away and bring it elsewhere."""
import codecs
import io
import json
import os
import re
import secrets
import socket
import tarfile
import threading

import pytest

from support.cooper import HEAD, processes_of, wait_for
from support.rack_client import Follower
from support.sources import packed

pytestmark = pytest.mark.usefixtures("cooper")  # servers that build

# Each byte that is no UTF-8 is one U+FFFD.
codecs.register_error("bytewise", lambda error: ("\ufffd" * (error.end - error.start), error.end))

ZERO = "0001-01-01T00:00:00Z"


@pytest.fixture
def rack(server):
    rack = server.rack()
    rack.post("/apps", name="web", generation="2")
    return rack


def store(rack, source, app="web"):
    key = f"tmp/{secrets.token_hex(15)}.tgz"
    stored = rack.call("POST", f"/apps/{app}/objects/{key}", body=source)
    assert stored["Url"] == f"object://{app}/{key}"
    return stored["Url"]


def start_build(rack, folder, app="web", **options):
    return rack.post(f"/apps/{app}/builds", url=store(rack, packed(folder), app),
                     **{"no_cache": "false", "development": "false", "manifest": "convox.yml", **options})


def ended(rack, build, app="web", seconds=240):
    """The build, once the client would stop polling."""
    def look():
        found = rack.get(f"/apps/{app}/builds/{build}")
        assert found["status"] in ("created", "running", "complete", "failed"), found
        return found if found["status"] in ("complete", "failed") else None
    return wait_for(look, f"the end of {build}", seconds)


def built(rack, folder, app="web", **options):
    build = ended(rack, start_build(rack, folder, app, **options)["id"], app)
    assert build["status"] == "complete", build
    return build


def promoted(rack, release, app="web"):
    """Promotes as the client does: posts, and polls the app."""
    assert rack.post(f"/apps/{app}/releases/{release}/promote", timeout="3600") == "ok"
    return wait_for(lambda: (found := rack.get(f"/apps/{app}"))["status"] != "updating" and found,
                    "the end of the deploy")


def test_a_build_from_upload_to_release(rack, app, cooper, store):
    folder = app(HEAD + "RUN echo hello from the build\n")
    made = start_build(rack, folder, description="my build", git_sha="1234abcd")
    assert made["status"] in ("running", "complete") and made["app"] == "web"
    text, code = rack.stream(f"/apps/web/builds/{made['id']}/logs")
    assert "hello from the build" in text and code == 1000
    assert text.encode() == cooper.log("web", made["id"])
    build = ended(rack, made["id"])
    assert build["status"] == "complete" and build["description"] == "my build"
    assert build["git-sha"] == "1234abcd" and build["release"].startswith("r")
    assert build["started"] < build["ended"] and "services" not in build["logs"]
    assert rack.get("/apps/web/builds", limit=1) == [{**build, "manifest": ""}]
    # The command sees the same.
    record = cooper.record("web", made["id"])
    assert record["status"] == "succeeded" and record["release"] == build["release"]
    # Once more, as the client prints what it missed.
    assert rack.stream(f"/apps/web/builds/{made['id']}/logs") == (text, 1000)

    release = rack.get(f"/apps/web/releases/{build['release']}")
    assert release["build"] == build["id"] and release["env"] == ""
    assert rack.get("/apps/web/releases") == [release]
    assert promoted(rack, release["id"])["release"] == release["id"]
    assert rack.get("/apps/web/processes") == []
    assert [service["name"] for service in rack.get("/apps/web/services")] == ["web"]
    # Deploys are builds of ours, not of Convox's.
    assert [entry["id"] for entry in rack.get("/apps/web/builds")] == [build["id"]]
    store.assert_clean(build["id"])


def test_a_failed_build_says_why(rack, app):
    build = ended(rack, start_build(rack, app(HEAD + "RUN echo broken; exit 3\n"))["id"])
    assert build["status"] == "failed" and build["release"] == ""
    assert "exit" in build["reason"] or "3" in build["reason"]
    assert "broken" in rack.stream(f"/apps/web/builds/{build['id']}/logs")[0]


def test_build_args_reach_the_build(rack, app):
    folder = app(HEAD + "ARG ONE\nARG TWO\nRUN echo \"<$ONE|$TWO>\"\n")
    several = built(rack, folder, build_args=["ONE=a b", "TWO=x=y,z"])
    assert "<a b|x=y,z>" in rack.stream(f"/apps/web/builds/{several['id']}/logs")[0]
    joined = built(rack, folder, build_args="ONE=1,TWO=2")
    assert "<1|2>" in rack.stream(f"/apps/web/builds/{joined['id']}/logs")[0]


def test_a_log_is_followed_while_it_grows(rack, app, gate, cooper):
    folder = app(HEAD + f"RUN echo before; {gate.command}; echo after\n")
    made = start_build(rack, folder)
    followers = [Follower(rack.web_socket(f"/apps/web/builds/{made['id']}/logs")) for _ in range(5)]
    gate.wait()
    for follower in followers:
        follower.wait_for("before")
        assert "after" not in follower.text.replace("echo after", "")
    assert rack.get(f"/apps/web/builds/{made['id']}")["ended"] == ZERO
    gate.open()
    for follower in followers:
        assert follower.end() == (cooper.log("web", made["id"]).decode(), 1000)


def test_a_log_that_is_no_text_comes_as_text(rack, app, cooper):
    """Frames hold whole characters, and U+FFFD for what is none."""
    script = r"""printf 'a\303'; sleep 0.3; printf '\274b\n'; printf 'c\377\300d\n'; printf '\342\202'"""
    build = built(rack, app(HEAD + f"RUN {script}\n"))
    log = cooper.log("web", build["id"])
    text, code = rack.stream(f"/apps/web/builds/{build['id']}/logs")
    assert "a\u00fcb" in text and "c\ufffd\ufffdd" in text and code == 1000
    assert text == log.decode(errors="bytewise")


def test_a_long_log_comes_whole(rack, app, cooper):
    build = built(rack, app(HEAD + "RUN i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done\n"))
    assert rack.stream(f"/apps/web/builds/{build['id']}/logs")[0].encode() == cooper.log("web", build["id"])


def test_environments_are_set_as_the_client_does(rack, app):
    folder = app(HEAD + "RUN true\n")
    assert rack.get("/apps/web/releases", limit=1) == []
    first = rack.post("/apps/web/releases", env="A=1\nB=\"x\"\n", description="env add:A add:B")
    assert first["env"] == 'A=1\nB="x"' and first["build"] == ""
    build = built(rack, folder)
    release = rack.get("/apps/web/releases", limit=1)[0]
    assert release["id"] == build["release"] and release["env"] == first["env"]
    changed = rack.post("/apps/web/releases", env="B=2")
    assert changed["env"] == "B=2" and changed["build"] == build["id"]
    assert promoted(rack, changed["id"])["release"] == changed["id"]
    back = rack.post("/apps/web/releases", build=build["id"])
    assert back["env"] == "B=2"
    refused = rack.refused("POST", "/apps/web/releases", form={"env": "geheim"})
    assert refused.status == 400 and "geheim" not in refused.text


def test_a_bundle_goes_out_and_comes_in(rack, app, server, cooper):
    build = built(rack, app(HEAD + "RUN echo content > /file\n"), description="to carry")
    status, headers, bundle = rack.raw("GET", f"/apps/web/builds/{build['id']}.tgz")
    assert status == 200 and headers["Transfer-Encoding"] == "chunked"
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        assert tar.getnames()[0] == "build.json"
    rack.post("/apps", name="other")

    def pieces():  # without a length, as the client sends it
        for at in range(0, len(bundle), 65536):
            yield bundle[at:at + 65536]
    made = rack.call("POST", "/apps/other/builds/import", body=pieces(), encode_chunked=True,
                     headers={"Transfer-Encoding": "chunked"})
    came = ended(rack, made["id"], "other")
    assert came["status"] == "complete" and came["description"] == "to carry"
    assert came["id"] != build["id"] and came["release"]
    # What is cut short, or no bundle, makes no build.
    for bad in (bundle[:-1000], b"nonsense", b""):
        refused = rack.refused("POST", "/apps/other/builds/import", body=bad)
        assert refused.status == 400, refused
    assert [entry["id"] for entry in rack.get("/apps/other/builds")] == [came["id"]]


def test_head_of_a_bundle_is_headers_alone(rack, app, server):
    build = built(rack, app(HEAD + "RUN true\n"))
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=180)
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: {rack.credentials}\r\n"
    connection.sendall(f"HEAD /apps/web/builds/{build['id']}.tgz {head}\r\n"
                       f"GET /system {head}Connection: close\r\n\r\n".encode())
    with connection, connection.makefile("rb") as answers:
        first, rest = answers.read().split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 200") and b"application/x-gzip" in first, first
    assert rest.startswith(b"HTTP/1.1 200"), rest[:100]
    assert json.loads(rest.split(b"\r\n\r\n", 1)[1])["status"] == "running"


def test_an_export_that_can_not_be_is_an_answer(rack, app):
    failed = ended(rack, start_build(rack, app(HEAD + "RUN exit 1\n"))["id"])
    assert rack.refused("GET", f"/apps/web/builds/{failed['id']}.tgz").status in (400, 409)
    assert rack.refused("GET", "/apps/web/builds/nothere.tgz").status == 404


def test_objects_are_kept_listed_and_removed(rack):
    data = os.urandom(3_000_000)
    rack.call("POST", "/apps/web/objects/tmp/a.tgz", body=data)
    rack.call("POST", "/apps/web/objects/tmp/a.tgz", body=data[::-1])
    rack.call("POST", "/apps/web/objects/b", body=b"")
    assert rack.raw("GET", "/apps/web/objects/tmp/a.tgz")[2] == data[::-1]
    status, headers, body = rack.raw("HEAD", "/apps/web/objects/tmp/a.tgz")
    assert (status, headers["Content-Length"], body) == (200, str(len(data)), b"")
    assert rack.get("/apps/web/objects") == ["b", "tmp/a.tgz"]
    assert rack.get("/apps/web/objects", prefix="tmp/") == ["tmp/a.tgz"]
    assert rack.delete("/apps/web/objects/b") == "ok"
    assert rack.refused("DELETE", "/apps/web/objects/b").status == 404
    for bad in ("..%2f..%2fx", ".hidden", "a~b", "a/b/c/d/e"):
        assert rack.refused("POST", f"/apps/web/objects/{bad}", body=b"x").status == 400
    assert rack.refused("POST", "/apps/none/objects/x", body=b"x").status == 404


@pytest.mark.parametrize("source", [b"", b"no archive", "cut", "evil"])
def test_a_source_that_is_no_archive_makes_no_build(rack, app, source, tmp_path, cooper):
    if source == "cut":
        source = packed(app(HEAD + "RUN true\n"))[:-2000]
    if source == "evil":
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            tar.addfile(tarfile.TarInfo("../../evil"))
        source = data.getvalue()
    refused = rack.refused("POST", "/apps/web/builds", form={"url": store(rack, source)})
    assert refused.status == 400, refused
    assert rack.get("/apps/web/builds") == [] and not list(tmp_path.rglob("evil"))


def test_an_image_is_imported_as_the_client_does(rack, cooper):
    manifest = "services:\n  api:\n    image: localhost/hello-base\n"
    made = rack.post("/apps/web/builds", external="true", description="an image", url="")
    path = f"/apps/web/builds/{made['id']}"
    assert (made["status"], made["started"], made["description"]) == ("created", ZERO, "an image")
    assert rack.put(path, manifest=manifest)["manifest"] == manifest
    assert rack.get(path)["status"] == "created"
    status, _, body = rack.raw("POST", f"{path}/image", "image=localhost%2Fhello-base",
                               {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, body) == (202, b"")
    build = ended(rack, made["id"])
    assert build["status"] == "complete" and build["id"] == made["id"], build
    assert rack.stream(f"{path}/logs")[1] == 1000
    release = rack.post("/apps/web/releases", build=made["id"])
    assert rack.put(path, release=release["id"])["status"] == "complete"
    assert promoted(rack, release["id"])["release"] == release["id"]
    assert [service["name"] for service in rack.get("/apps/web/services")] == ["api"]
    again = rack.post("/apps/web/builds", external="true", url="")
    large = {"manifest": manifest + "# " + "x" * (1 << 20)}
    assert rack.refused("PUT", f"/apps/web/builds/{again['id']}", form=large).status == 400
    assert rack.get(f"/apps/web/builds/{again['id']}")["manifest"] == ""
    assert rack.refused("POST", f"/apps/web/builds/{again['id']}/image", form={"image": "x"}).status == 400
    rack.put(f"/apps/web/builds/{again['id']}", manifest="services:\n  a: {}\n  b:\n    build: ./b\n    port: 80\n")
    rack.raw("POST", f"/apps/web/builds/{again['id']}/image", "image=localhost%2Fhello-base",
             {"Content-Type": "application/x-www-form-urlencoded"})
    build = ended(rack, again["id"])
    assert build["status"] == "complete", build
    assert "    port: 80\n" in rack.get(f"/apps/web/releases/{build['release']}")["manifest"]
    assert sorted(cooper.record("web", cooper.build_ids("web")[-1])["images"]) == ["a", "b"]
    assert rack.refused("POST", "/apps/web/builds/nothere/image", form={"image": "x"}).status == 404


@pytest.mark.parametrize("form, status", [
    ({"url": "object://web/tmp/none.tgz"}, 404),
    ({"url": "object://other/tmp/a.tgz"}, 400),
    ({"url": "http://127.0.0.1/a.tgz"}, 400),
    ({"url": ""}, 400),
    ({}, 400),
], ids=str)
def test_a_build_of_nothing_is_refused(rack, form, status):
    assert rack.refused("POST", "/apps/web/builds", form=form).status == status


def test_a_second_build_of_the_app_waits_for_its_turn(rack, app, gate):
    folder = app(HEAD + f"RUN {gate.command}\n")
    first = start_build(rack, folder)
    gate.wait()
    second = rack.post("/apps/web/builds", url=store(rack, packed(app(HEAD + "RUN echo second\n"))))
    assert second["status"] == "created"
    follower = Follower(rack.web_socket(f"/apps/web/builds/{second['id']}/logs"))
    follower.wait_for(f"app web is being deployed by build {first['id']}")
    assert rack.refused("DELETE", "/apps/web").status == 409
    gate.open()
    assert ended(rack, first["id"])["status"] == "complete"
    assert ended(rack, second["id"])["status"] == "complete"
    follower.wait_for("second")


def test_the_logs_of_an_app_are_those_of_its_deploys(rack, app, cooper):
    build = built(rack, app(HEAD + "RUN echo built\n"))
    follower = Follower(rack.web_socket("/apps/web/logs", {"Prefix": "true", "Since": "3600s"}))
    follower.wait_for("built")
    assert promoted(rack, build["release"])["release"] == build["release"]
    deploy = next(i for i in cooper.build_ids("web") if i != build["id"])
    wait_for(lambda: f" deploy/{deploy} " in follower.text, "the deploy's output")
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (build|deploy)/\w+ .*")
    whole = follower.text.rpartition("\n")[0]  # the last one may still come
    assert whole and all(line.fullmatch(text) for text in whole.splitlines())
    text, code = rack.stream("/apps/web/logs", {"Since": "3600s", "Follow": "false"})
    assert code == 1000 and cooper.log("web", build["id"]).decode() in text


def test_the_logs_of_an_app_have_a_build_that_waited(rack, app, gate):
    first = start_build(rack, app(HEAD + f"RUN echo number one; {gate.command}\n"))
    gate.wait()
    second = start_build(rack, app(HEAD + "RUN echo number two\n"))
    assert second["status"] == "created"
    follower = Follower(rack.web_socket("/apps/web/logs", {"Prefix": "true", "Tail": "1"}))
    follower.wait_for(f" build/{first['id']} ")
    assert f" build/{second['id']} " not in follower.text
    gate.open()
    wait_for(lambda: any(f" build/{second['id']} " in line and "number two" in line
                         for line in follower.text.splitlines()), "the second's output")


def test_the_tail_of_an_apps_logs_is_of_what_runs_not_of_what_never_began(rack, app, gate, cooper):
    first = start_build(rack, app(HEAD + f"RUN echo number one; {gate.command}; echo number two\n"))
    gate.wait()
    second = start_build(rack, app(HEAD + "RUN true\n"))
    cooper("builds", "cancel", second["id"], "-a", "web").ok()
    follower = Follower(rack.web_socket("/apps/web/logs", {"Prefix": "true", "Tail": "1"}))
    follower.wait_for(f" build/{first['id']} ")
    gate.open()
    follower.wait_for(" number two\n")
    assert second["id"] not in follower.text


def test_the_tail_of_an_apps_logs_is_of_its_newest_build_alone(rack, cooper):
    def track(text):
        cooper("track", "-a", "web", "--", "printf", text).ok()

    track("oldest 1\noldest 2\n")
    track("old 1\nold 2\n")
    follower = Follower(rack.web_socket("/apps/web/logs", {"Tail": "1", "Since": "3600s"}))
    follower.wait_for("old 2\n")
    track("new 1\nnew 2\n")
    follower.wait_for("new 2\n")
    assert follower.text == "old 2\nnew 1\nnew 2\n"


def test_registries_never_show_a_password(rack):
    made = rack.post("/registries", server="registry.example.com", username="me", password="geheim-0815")
    assert made == {"server": "registry.example.com", "username": "me"}
    assert made in rack.get("/registries") and "geheim" not in json.dumps(rack.get("/registries"))
    assert rack.delete("/registries/registry.example.com") == "ok"
    assert rack.refused("DELETE", "/registries/registry.example.com").status == 404


def test_killed_under_followers_and_a_build_it_loses_nothing(server, rack, app, gate, cooper, store):
    folder = app(HEAD + f"RUN echo before; {gate.command}; echo after\n")
    made = start_build(rack, folder)
    gate.wait()
    path = f"/apps/web/builds/{made['id']}/logs"
    followers = [Follower(rack.web_socket(path)) for _ in range(20)]
    for follower in followers:
        follower.wait_for("before")
    server.kill()
    for follower in followers:
        wait_for(lambda: follower.failure or follower.code, "the follower to notice")
    assert cooper.record("web", made["id"])["status"] == "running"
    server.start()
    again = [Follower(rack.web_socket(path)) for _ in range(20)]
    gate.open()
    log = None
    for follower in again:
        text, code = follower.end()
        log = log or cooper.log("web", made["id"]).decode()
        assert (text, code) == (log, 1000)
    assert "after" in log
    assert ended(rack, made["id"])["status"] == "complete"
    assert list((cooper.root / "data/uploads").iterdir()) == []
    store.assert_clean(made["id"])


def test_at_its_end_followers_are_told_and_builds_go_on(server, rack, app, gate, cooper):
    folder = app(HEAD + f"RUN echo before; {gate.command}; echo after\n")
    made = start_build(rack, folder)
    gate.wait()
    follower = Follower(rack.web_socket(f"/apps/web/builds/{made['id']}/logs"))
    follower.wait_for("before")
    assert server.stop() == 0
    assert follower.end()[1] == 1001  # going away
    assert cooper.record("web", made["id"])["status"] == "running"
    gate.open()
    assert cooper.wait_for_end("web", made["id"])["status"] == "succeeded"


def test_no_child_keeps_a_connection_or_stays_a_zombie(server, rack, app, gate):
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=180)
    made = start_build(rack, app(HEAD + f"RUN {gate.command}\n"))
    gate.wait()
    supervisors = [pid for pid, command in processes_of(made["id"]).items() if "cooper-supervisor" in command]
    assert supervisors
    for pid in supervisors:
        files = [target_of(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        assert any(files) and not [name for name in files if name.startswith("socket:")]
    gate.open()
    ended(rack, made["id"])

    # A process that has ended and was not reaped is there still.
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in supervisors), "the supervisor to be reaped")
    idle.close()


def target_of(link):
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""  # it was closed meanwhile


def test_uploads_at_once_do_not_mix(rack):
    data = {f"tmp/{i}.tgz": os.urandom(400_000) for i in range(12)}
    threads = [threading.Thread(target=rack.call, args=("POST", f"/apps/web/objects/{key}"),
                                kwargs={"body": value}) for key, value in data.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key, value in data.items():
        assert rack.raw("GET", f"/apps/web/objects/{key}")[2] == value
