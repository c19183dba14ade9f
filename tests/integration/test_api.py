"""/v1: builds and releases from an upload to a deploy, pages, entity tags, problems, and who may."""
import json
import socket
import time

import pytest

from support.api_client import PROBLEM, Api
from support.cooper import HEAD, wait_for
from support.sources import packed
from support.web import Web

pytestmark = pytest.mark.usefixtures("cooper")  # servers that build


@pytest.fixture
def api(server):
    return Api(server.port)


@pytest.fixture
def web(api):
    api.call("createApp", body={"name": "web"})
    return api


def start(api, folder, app="web", **options):
    api.call("putObject", app=app, key="tmp/source.tgz", data=packed(folder))
    return api.call("createBuild", app=app, body={"object": "tmp/source.tgz", **options}).json


def ended(api, build, app="web"):
    def look():
        found = api.get("getBuild", app=app, build=build)
        return found if found["display_status"] in ("succeeded", "failed", "canceled") else None
    return wait_for(look, f"the end of {build}", 240)


def built(api, folder, app="web", **options):
    build = ended(api, start(api, folder, app, **options)["id"], app)
    assert build["status"] == "succeeded", build
    return build


def test_a_build_from_upload_to_deploy(web, app, cooper, store):
    folder = app(HEAD + "ARG WHO\nRUN --mount=type=secret,id=key echo \"hello $WHO $(cat /run/secrets/key | wc -c)\"\n")
    made = start(web, folder, description="mine", git_sha="1234abcd", build_args={"WHO": "you"},
                 secrets=[{"id": "key", "value": "geheimnis"}])
    assert made["app"] == "web" and made["display_status"] in ("queued", "running", "succeeded")
    build = ended(web, made["id"])
    assert (build["description"], build["git_sha"]) == ("mine", "1234abcd")
    record = cooper.record("web", made["id"])
    assert {**record, "display_status": "succeeded"} == build
    log = web.call("getLog", app="web", build="last")
    assert log.body == cooper.log("web", made["id"]) and b"hello you 9" in log.body
    assert b"geheimnis" not in log.body and log.headers["Log-From"] == "0"
    rest = web.call("getLog", app="web", build="last", query={"from": 10})
    assert rest.body == log.body[10:] and rest.headers["Log-From"] == "10"
    tail = web.call("getLog", app="web", build="last", query={"tail": 1})
    assert log.body.endswith(tail.body) and tail.body.count(b"\n") == 1
    assert int(tail.headers["Log-From"]) == len(log.body) - len(tail.body)
    assert web.call("getLog", app="web", build="last", query={"from": len(log.body)}).body == b""
    web.problem("getLog", 400, app="web", build="last", query={"from": len(log.body) + 1})
    # What the command prints are the same objects.
    shown = json.loads(cooper("builds", "info", made["id"], "-a", "web", "--format", "json").ok().out)
    steps = web.get("listSteps", app="web", build=made["id"])["items"]
    assert shown.pop("steps") == steps and steps and shown == build
    assert web.get("getProvenance", app="web", build=made["id"])["subject"]

    release = web.get("getRelease", app="web", release=build["release"])
    assert release["build"] == build["id"] and not release["active"]
    deploy = web.call("promoteRelease", app="web", release=release["id"])
    assert deploy.headers["Location"] == f"/v1/apps/web/builds/{deploy.json['id']}"
    assert ended(web, deploy.json["id"])["kind"] == "deploy"
    assert web.get("getRelease", app="web", release="active")["id"] == release["id"]
    assert web.get("getApp", app="web")["release"] == release["id"]
    store.assert_clean(build["id"])


def test_builds_are_retried_compared_pinned_and_removed(web, app):
    failed = ended(web, start(web, app(HEAD + "RUN echo broken; exit 3\n"))["id"])
    assert failed["status"] == "failed" and failed["exit_code"] == 3
    again = ended(web, web.call("retryBuild", app="web", build=failed["id"]).json["id"])
    assert again["retry_of"] == failed["id"] and again["status"] == "failed"
    assert web.get("getBuild", app="web", build="last-failed")["id"] == again["id"]
    good = built(web, app(HEAD + "RUN echo better\n"))
    diff = web.get("diffBuilds", app="web", build=again["id"], other="last")
    assert diff["files"] == [{"name": "Dockerfile", "change": "changed"}] and diff["after"] == good["id"]
    assert web.get("pinBuild", app="web", build=again["id"])["pinned"]
    assert web.problem("deleteBuild", 409, app="web", build=again["id"])["type"].endswith(":conflict")
    assert "pinned" not in web.get("unpinBuild", app="web", build=again["id"])
    erased = web.get("eraseLog", app="web", build=again["id"])
    assert erased["log_erased"] and b"broken" not in web.call("getLog", app="web", build=again["id"]).body
    web.call("deleteBuild", app="web", build=again["id"])
    assert web.problem("getBuild", 404, app="web", build=again["id"])["hint"]
    assert [build["id"] for build in web.get("listBuilds", app="web")["items"]] == [good["id"], failed["id"]]


def test_a_running_build_is_canceled(web, app, gate):
    running = start(web, app(HEAD + f"RUN {gate.command}\n"))
    gate.wait()
    refused = web.problem("deleteBuild", 409, app="web", build="current")
    assert refused["type"] == "urn:cooper:problem:conflict"
    queued = start(web, app(HEAD + "RUN true\n"))
    assert queued["display_status"] == "queued" and queued["position"] == 1 and queued["why"]
    assert [(entry["id"], entry["status"]) for entry in web.get("getQueue")["items"]] == \
        [(running["id"], "running"), (queued["id"], "queued")]
    assert web.call("cancelBuild", app="web", build=queued["id"]).status == 202
    assert ended(web, queued["id"])["status"] == "canceled"
    answer = web.call("cancelBuild", app="web", build="current", body={"wait": True})
    assert answer.status == 200 and answer.json["status"] == "canceled" and answer.json["id"] == running["id"]


def test_builds_of_images_and_of_what_a_url_leads_to(web, app, cooper):
    image = ended(web, web.get("createBuild", app="web", body={
        "image": "localhost/hello-base", "service": "db", "description": "as it is"})["id"])
    assert image["status"] == "succeeded" and list(image["images"]) == ["db"] and image["description"] == "as it is"
    site = Web()
    try:
        site.pages["/a.tgz"] = packed(app(HEAD + "RUN echo fetched\n"))
        body = {"url": site.url + "/a.tgz", "source": "git:from-archive"}
        for key, value in (("fetch-schemes", "http"), ("fetch-private", "on")):
            refused = web.problem("createBuild", 403, app="web", body=body)
            assert refused["type"] == "urn:cooper:problem:denied"
            web.call("changeAppProperties", app="web", body={key: value})
        assert site.asked == []
        fetched = ended(web, web.get("createBuild", app="web", body=body)["id"])
        assert (fetched["status"], fetched["source"]) == ("succeeded", "git:from-archive")
        assert "git_sha" not in fetched  # of whatever the data root may lie in
        assert b"fetched" in web.call("getLog", app="web", build=fetched["id"]).body
        # What the host's own people may read is no matter of who asks a server.
        web.call("changeAppProperties", app="web", body={"fetch-schemes": "file,http"})
        web.problem("createBuild", 403, app="web", body={"url": "file:///etc/passwd"})
        site.pages["/a.tgz"] = b"no archive"
        web.problem("createBuild", 400, app="web", body=body)
    finally:
        site.close()
    for body in ({"image": "NO IMAGE"}, {"image": "x", "service": "-"}, {"object": "../x"}, {"url": "gopher://x"}):
        web.problem("createBuild", 400, app="web", body=body)
    assert len(web.get("listBuilds", app="web")["items"]) == 2


def test_no_deploy_waits_for_another(web, app, gate):
    release = built(web, app(HEAD + "RUN true\n"))["release"]
    running = start(web, app(HEAD + f"RUN {gate.command}\n"))
    gate.wait()
    refused = web.problem("promoteRelease", 409, app="web", release=release)
    assert refused["type"] == "urn:cooper:problem:conflict"
    # Nor does the convox client's.
    convox = web.raw("POST", f"/apps/web/releases/{release}/promote")
    assert convox.status == 409 and running["id"] in convox.json["error"]
    web.problem("createBuild", 409, app="web", body={"object": "tmp/source.tgz", "if_locked": "fail"})
    gate.open()
    ended(web, running["id"])


def test_pages_and_filters(web, cooper):
    web.call("createApp", body={"name": "shop"})
    for app in ("web", "shop", "web", "web", "shop"):
        cooper("track", "-a", app, "--", "true").ok()
    cooper("track", "-a", "web", "--", "false")
    everything = web.pages("listAllBuilds", 1000)
    assert len(everything) == 6
    for limit in (1, 2, 5, 6):
        assert web.pages("listAllBuilds", limit) == everything
        assert web.pages("listBuilds", limit, app="web") == [b for b in everything if b["app"] == "web"]
    failed = web.get("listAllBuilds", query={"status": ["failed", "canceled"]})["items"]
    assert [build["status"] for build in failed] == ["failed"]
    assert web.get("listAllBuilds", query={"kind": "build"})["items"] == []
    middle = everything[2]["started_at"]
    assert web.get("listAllBuilds", query={"since": middle})["items"] == everything[:3]
    assert web.get("listAllBuilds", query={"until": middle})["items"] == everything[3:]
    assert web.get("listAllBuilds", query={"before": everything[0]["id"]})["items"] == everything[1:]
    newest = web.get("listNewestBuilds")["items"]
    assert {build["id"] for build in newest} == {everything[0]["id"], everything[1]["id"]}
    # A page goes on where it was, though what it ended with is gone, and newer ones have come.
    page = web.get("listBuilds", app="web", query={"limit": 2})
    web.call("deleteBuild", app="web", build=page["items"][-1]["id"])
    cooper("track", "-a", "web", "--", "true").ok()
    rest = web.get("listBuilds", app="web", query={"limit": 2, "cursor": page["next"]})
    assert rest["items"] == [b for b in everything if b["app"] == "web"][2:] and "next" not in rest
    assert [app["name"] for app in web.pages("listApps", 1)] == ["shop", "web"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "x"}, {"status": "done"},
                                   {"since": "yesterday"}, {"before": "../x"}, {"staus": "failed"}, {"kind": "x"}],
                         ids=str)
def test_what_no_filter_is_is_refused(api, query):
    problem = api.problem("listAllBuilds", 400, query=query)
    assert problem["type"] == "urn:cooper:problem:invalid"


def test_releases_come_in_pages_and_hide_environments(web, server, cooper):
    first = web.call("createRelease", app="web", body={"set": {"A": "geheim"}}).json
    assert first["environment"] == {"A": "geheim"}
    shown = web.call("getRelease", app="web", release=first["id"])
    assert shown.json["environment"] == {"A": "geheim"} and shown.headers["Cache-Control"] == "no-store"
    for i in range(4):
        web.call("createRelease", app="web", body={"set": {"B": str(i)}})
    third = web.get("createRelease", app="web", body={"unset": ["A"], "description": "less"})
    assert third["environment"] == {"B": "3"} and third["description"] == "less"
    releases = web.pages("listReleases", 1000, app="web")
    assert [r["id"] for r in releases][0] == third["id"] and len(releases) == 6
    assert web.pages("listReleases", 2, app="web") == releases
    reader = web.as_token(cooper("tokens", "create", "--role", "read").ok().out.strip())
    shown = reader.call("getRelease", app="web", release=first["id"])
    assert "environment" not in shown.json and b"geheim" not in shown.body
    assert reader.call("createRelease", app="web", body={}, status=403).headers.get_content_type() == PROBLEM


def test_tags_spare_and_protect(web, cooper):
    cooper("track", "-a", "web", "--", "true").ok()
    for name, arguments in (("getApp", {"app": "web"}), ("listAllBuilds", {}), ("getBuild", {"app": "web", "build": "last"}),
                            ("listAppProperties", {"app": "web"}), ("getDescription", {})):
        first = web.call(name, **arguments)
        tag = first.headers["ETag"]
        assert web.call(name, **arguments).headers["ETag"] == tag
        for known in (tag, f'"other", {tag}', "*", "W/" + tag):
            same = web.call(name, headers={"If-None-Match": known}, **arguments)
            assert same.status == 304 and same.headers["ETag"] == tag, name
        assert web.call(name, headers={"If-None-Match": '"other"'}, **arguments).body == first.body
        head = web.call(name, head=True, **arguments)
        assert head.headers["ETag"] == tag and head.body == b""
    build = web.call("getBuild", app="web", build="last")
    pinned = web.call("pinBuild", app="web", build="last", headers={"If-Match": build.headers["ETag"]})
    assert pinned.headers["ETag"] == web.call("getBuild", app="web", build="last").headers["ETag"]
    refused = web.problem("unpinBuild", 412, app="web", build="last", headers={"If-Match": build.headers["ETag"]})
    assert refused["type"] == "urn:cooper:problem:precondition-failed"
    assert web.get("getBuild", app="web", build="last")["pinned"]
    web.call("unpinBuild", app="web", build="last", headers={"If-Match": "*"})
    web.problem("deleteBuild", 412, app="web", build="last", headers={"If-Match": pinned.headers["ETag"]})
    web.call("deleteBuild", app="web", build="last", headers={"If-Match": build.headers["ETag"]})

    before = web.call("listAppProperties", app="web").headers["ETag"]
    changed = web.call("changeAppProperties", app="web", body={"timeout": "5m", "retention": None},
                       headers={"If-Match": before})
    assert {p["key"]: p.get("value") for p in changed.json["items"]}["timeout"] == "5m"
    web.problem("changeAppProperties", 412, app="web", body={"timeout": "6m"}, headers={"If-Match": before})
    # All or nothing.
    web.problem("changeAppProperties", 400, app="web", body={"memory": "1g", "timeout": "soon"})
    assert web.call("listAppProperties", app="web").body == changed.body
    web.problem("deleteApp", 412, app="web", headers={"If-Match": '"other"'})
    web.call("deleteApp", app="web")
    web.problem("getApp", 404, app="web")


def test_who_sends_a_refused_body_slowly_reads_why(server):
    """For longer than the server would wait for a peer that says nothing."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(b"POST /v1/apps HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                           b"Authorization: Bearer any\r\nContent-Length: 5000000\r\n\r\n")
        for _ in range(8):
            time.sleep(0.4)
            connection.sendall(bytes(1000))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 "), "its answer"


def test_every_error_is_a_problem(web, server):
    for method, path, status in (("GET", "/v1", 404), ("GET", "/v1/nothing", 404), ("DELETE", "/v1/apps", 405),
                                 ("BREW", "/v1/apps", 405), ("GET", "/v1/apps/none", 404), ("GET", "/v1/apps/A%20b", 400),
                                 ("POST", "/v1/queue", 405), ("GET", "/v1/apps/web/builds/last", 404)):
        answer = web.raw(method, path)
        assert answer.status == status and answer.headers.get_content_type() == PROBLEM, (path, answer)
        assert answer.json["status"] == status and answer.json["detail"] and answer.json["title"]
    assert web.raw("DELETE", "/v1/apps").headers["Allow"] == "GET, HEAD, POST"
    anonymous = Api(server.port, token="")
    assert anonymous.raw("GET", "/v1/apps").headers.get_content_type() == PROBLEM
    unauthorized = anonymous.problem("listApps", 401)
    assert unauthorized["type"] == "urn:cooper:problem:unauthorized"
    anonymous.call("getDescription")
    assert web.problem("createApp", 415, data=b"name=x", headers={
        "Content-Type": "application/x-www-form-urlencoded"})["type"].endswith(":unsupported-media-type")
    for body in (b"{", b"[]", b'{"name":"x"}{', b'"x"', b"{}", b'{"name":1}', b'{"name":"x","other":1}', b'{"name":"../x"}'):
        web.problem("createApp", 400, data=body, headers={"Content-Type": "application/json"})
    web.problem("createApp", 409, body={"name": "web"})
    assert web.problem("createApp", 413, headers={"Content-Type": "application/json"},
                       data=b'{"name":"' + b"x" * (5 << 20))["type"].endswith(":too-large")
    assert [app["name"] for app in web.get("listApps")["items"]] == ["web"]
    # The convox client's interface keeps its own form.
    assert json.loads(Api(server.port).raw("GET", "/apps/none").body)["error"]


def test_a_token_of_one_app_sees_that_app(web, cooper):
    web.call("createApp", body={"name": "shop"})
    for app in ("web", "shop"):
        cooper("track", "-a", app, "--", "echo", f"marker of {app}").ok()
    mine = web.as_token(cooper("tokens", "create", "--role", "read", "-a", "shop").ok().out.strip())
    assert [app["name"] for app in mine.get("listApps")["items"]] == ["shop"]
    assert {build["app"] for build in mine.get("listAllBuilds")["items"]} == {"shop"}
    assert {build["app"] for build in mine.get("listNewestBuilds")["items"]} == {"shop"}
    assert {hit["app"] for hit in mine.get("searchLogs", query={"text": "marker"})["items"]} == {"shop"}
    assert mine.get("getQueue")["items"] == []
    assert mine.get("getSystem")["app"] == "shop"
    mine.problem("searchLogs", 403, query={"text": "marker", "app": "web"})
    for name, arguments in (("getApp", {"app": "web"}), ("listBuilds", {"app": "web"}), ("listRegistries", {}),
                            ("getDiskUse", {}), ("listProperties", {}), ("listTokens", {}),
                            ("listAudit", {})):
        mine.problem(name, 403, **arguments)
    # A property may name a program that the host runs.
    admin = web.as_token(cooper("tokens", "create", "--role", "admin", "-a", "shop").ok().out.strip())
    assert admin.get("listAppProperties", app="shop")["items"]
    for body in ({"deploy-command": "/bin/true"}, {"timeout": "10m"}):
        admin.problem("changeAppProperties", 403, app="shop", body=body)


def test_what_is_damaged_hides_nothing_else(web, cooper):
    for name in ("a", "b", "c"):
        web.call("createApp", body={"name": name})
        cooper("track", "-a", name, "--", "true").ok()
    (cooper.root / "data/apps/b/app.json").write_text("{")
    (cooper.builds_folder("c") / f"{cooper.build_ids('c')[0]}.json").write_text("{")
    listed = web.get("listApps")
    assert [app["name"] for app in listed["items"]] == ["a", "c", "web"]
    assert len(listed["warnings"]) == 1 and "app b" in listed["warnings"][0]
    builds = web.get("listAllBuilds")
    assert [build["app"] for build in builds["items"]] == ["b", "a"] and len(builds["warnings"]) == 1


def test_search_goes_on_page_by_page(web, cooper):
    for i in range(3):
        cooper("track", "-a", "web", "--", "sh", "-c", f"for j in 1 2 3; do echo needle {i}.$j; done").ok()
    hits = web.pages("searchLogs", 1000, query={"text": "Needle", "ignore_case": "true"})
    wanted = [f"needle {i}.{j}" for i in (2, 1, 0) for j in (1, 2, 3)]
    assert [hit["text"] for hit in hits if hit["text"].startswith("needle")] == wanted
    for limit in (1, 2, 4):
        assert web.pages("searchLogs", limit, query={"text": "Needle", "ignore_case": "true"}) == hits
    assert web.get("searchLogs", query={"text": "Needle"})["items"] == []
