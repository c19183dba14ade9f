"""docs/openapi.json against a running server: every operation is called with real data, and each answer, good
or bad, is one that the description has. That no route is missing in it, and none too many, is what the unit
test of the server's tables says."""
import hashlib
import json
import urllib.parse

import jsonschema
import pytest

from support.api_client import DESCRIPTION, OPERATIONS, PROBLEM, Api, check, resolved
from support.containers import running_shop
from support.cooper import wait_for
from support.event_client import Events
from support.rack_client import servers_of
from support.sources import packed

SECRET = "s3cret-of-a-registry"


@pytest.fixture
def shop(docker_engine, root, tmp_path):
    """An app of which one release runs in a container."""
    with running_shop(docker_engine, root, tmp_path) as made:
        yield made


@pytest.fixture
def api(shop):
    with servers_of(shop.cooper) as start:
        yield Api(start().port)


def ended(api, build):
    def look():
        found = api.get("getBuild", app="shop", build=build)
        return found if found["display_status"] in ("succeeded", "failed", "canceled") else None
    return wait_for(look, f"the end of {build}")


def call_builds(api, shop):
    source = packed(shop.source)
    api.call("putObject", app="shop", key="tmp/a.tgz", data=source)
    assert api.get("listObjects", app="shop")["items"] == [{"key": "tmp/a.tgz"}]
    assert api.call("getObject", app="shop", key="tmp/a.tgz").body == source
    build = ended(api, api.get("createBuild", app="shop", body={"object": "tmp/a.tgz", "force": True})["id"])
    assert build["status"] == "succeeded"
    api.call("deleteObject", app="shop", key="tmp/a.tgz")
    retried = ended(api, api.get("retryBuild", app="shop", build=build["id"])["id"])
    for name in ("listAllBuilds", "listNewestBuilds"):
        assert api.get(name)["items"][0]["id"] == retried["id"]
    assert api.get("listBuilds", app="shop", query={"status": ["succeeded"], "kind": "build", "limit": 2})["next"]
    assert api.get("listSteps", app="shop", build=build["id"])["items"]
    assert api.get("getProvenance", app="shop", build=build["id"])["predicateType"]
    assert api.call("getLog", app="shop", build=build["id"], query={"tail": 3}).body
    assert b"event: end" in api.call("watchLog", app="shop", build=build["id"], query={"from": 3}).body
    assert b"event: step" in api.call("watchSteps", app="shop", build=build["id"]).body
    for name, path in (("watchAllBuilds", "/v1/events"), ("watchBuilds", "/v1/apps/shop/events")):
        Events(api.port, path).begun().close()  # they have no end
        api.called.add(name)
    assert api.get("diffBuilds", app="shop", build=build["id"], other="last")["steps"]
    assert api.get("searchLogs", query={"text": "Step", "ignore_case": "true", "limit": 1})["items"]
    call_uploads(api, source)
    assert api.get("pinBuild", app="shop", build=retried["id"])["pinned"]
    api.call("unpinBuild", app="shop", build=retried["id"])
    api.call("cancelBuild", app="shop", build=retried["id"])
    assert api.get("eraseLog", app="shop", build=retried["id"])["log_erased"]
    return build, retried


def call_uploads(api, source):
    """What `cooper` sends from afar."""
    digest = hashlib.sha256(source).hexdigest()
    begun = api.get("beginUpload", app="shop", body={"archive": digest, "pieces": [{"digest": digest, "bytes": len(source)}]})
    assert begun == {"id": digest, "missing": [digest]}
    api.call("putPiece", app="shop", upload=digest, piece=digest, data=source)
    build = ended(api, api.get("buildUpload", app="shop", upload=digest, body={"description": "sent", "force": True})["id"])
    assert build["description"] == "sent" and build["status"] == "succeeded"
    bundle = api.call("exportBundle", app="shop", build=build["id"]).body
    assert ended(api, api.get("importBundle", app="shop", data=bundle)["id"])["imported_from"] == f"shop/{build['id']}"


def call_releases(api, build):
    made = api.get("createRelease", app="shop", body={"build_from": build["release"], "set": {"COLOUR": "red"}})
    assert api.get("listReleases", app="shop", query={"limit": 1})["items"][0]["id"] == made["id"]
    assert api.get("getRelease", app="shop", release="last")["environment"] == {"COLOUR": "red"}
    deploy = ended(api, api.get("promoteRelease", app="shop", release=made["id"])["id"])
    assert deploy["status"] == "succeeded", deploy
    again = api.get("createDeploy", app="shop", body={"create": {"set": {"COLOUR": "blue"}}, "source": "config-redeploy"})
    assert ended(api, again["id"])["status"] == "succeeded"
    (container,) = api.get("listContainers", app="shop")["items"]
    assert container["deploy"] == again["id"] and container["state"] == "running" and container["ports"]
    api.call("getContainerLogs", app="shop", query={"tail": 3, "follow": "false"})
    assert api.get("stopContainers", app="shop") == {"stopped": 1}


def call_host(api):
    assert api.get("getSystem")["role"] == "admin"
    assert {engine["engine"] for engine in api.get("listEngines", query={"app": "shop"})["items"]} >= {"docker"}
    assert api.get("addRegistry", body={"host": "r.example", "user": "me", "password": SECRET}) == \
        {"host": "r.example", "user": "me"}
    listed = api.call("listRegistries")
    assert "r.example" in {login["host"] for login in listed.json["items"]} and SECRET.encode() not in listed.body
    api.call("deleteRegistry", host="r.example")
    # A build leaves it right after its end.
    wait_for(lambda: api.get("getQueue")["items"] == [], "an empty queue")
    assert api.get("resumeQueue")["items"] == []
    assert api.get("getDiskUse")["items"]
    for dry_run in (True, False):
        api.call("pruneEngines", body={"dry_run": dry_run})
        api.call("pruneApp", app="shop", body={"dry_run": dry_run})
    for listing, change, arguments in (("listProperties", "changeProperties", {}),
                                       ("listAppProperties", "changeAppProperties", {"app": "shop"})):
        api.call(change, body={"timeout": "10m", "retention": None}, **arguments)
        assert {"key": "timeout", "value": "10m", "effective": "10m"} in api.get(listing, **arguments)["items"]


def call_webhooks(api):
    assert api.get("listHookDeliveries", app="shop")["items"] == []
    made = api.get("createWebhook", body={"url": "https://ci.example/x", "app": "shop", "events": ["build.finished"]})
    assert made["secret"].startswith("whsec_")
    given = api.get("createWebhook", body={"url": "http://ci.example/x", "secret": "0123456789abcdef"})
    assert "secret" not in given
    listed = api.call("listWebhooks")
    assert [one["id"] for one in listed.json["items"]] == [made["id"], given["id"]]
    assert made["secret"].encode() not in listed.body and b"0123456789abcdef" not in listed.body
    api.call("testWebhook", webhook=made["id"])
    delivery = wait_for(lambda: api.get("listWebhookDeliveries", webhook=made["id"])["items"], "the test's message")[0]
    assert delivery["event"] == "webhook.test"
    for one in (made, given):
        api.call("deleteWebhook", webhook=one["id"])
    assert api.get("listWebhooks") == {"items": []}


def test_every_operation_answers_as_it_is_described(api, shop):
    served = api.call("getDescription")
    assert served.json == DESCRIPTION
    build, retried = call_builds(api, shop)
    call_releases(api, build)
    call_host(api)
    call_webhooks(api)
    api.call("deleteBuild", app="shop", build=retried["id"])
    api.call("createApp", body={"name": "other"})
    assert [app["name"] for app in api.get("listApps")["items"]] == ["other", "shop"]
    assert api.get("getApp", app="shop")["release"]
    api.call("deleteApp", app="other")
    made = api.get("createToken", body={"role": "admin", "expires_in": 3600})
    admin = api.as_token(made["secret"])
    assert [token["id"] for token in admin.get("listTokens")["items"]] == [made["id"]]
    audited = admin.get("listAudit", query={"app": "other", "since": "2020-01-01T00:00:00Z", "limit": 1})["items"]
    assert [entry["action"] for entry in audited] == ["DELETE /v1/apps/{app}"]
    admin.call("deleteToken", token=made["id"])
    assert api.called == set(OPERATIONS), f"not called: {set(OPERATIONS) - api.called}"


ARGUMENTS = {"app": "none", "build": "last", "other": "last", "release": "last", "token": "0000000000",
             "webhook": "0000000000", "host": "none.example", "key": "none", "upload": "0" * 64, "piece": "0" * 64}


def arguments_of(path):
    return {name: value for name, value in ARGUMENTS.items() if "{" + name + "}" in path}


def has_body(operation):
    return "application/json" in operation.get("requestBody", {}).get("content", {})


@pytest.fixture
def empty(plain_cooper):
    """A server of an empty data root, for who has such a token: {role: Api}"""
    with servers_of(plain_cooper) as start:
        port = start().port
        yield {"nobody": Api(port, token=""), **{
            role: Api(port, plain_cooper("tokens", "create", "--role", role).ok().out.strip())
            for role in ("read", "build", "admin")}}


def test_every_operation_refuses_as_it_is_described(empty):
    for name, (method, path, operation) in OPERATIONS.items():
        role = operation["x-cooper-role"]
        if role == "nobody":
            empty["nobody"].call(name)
            continue
        arguments = arguments_of(path)
        empty["nobody"].problem(name, 401, **arguments)
        roles = ["read", "build", "admin"]
        for lower in roles[:roles.index(role)]:
            empty[lower].problem(name, 403, **arguments)
        who = empty[role]
        if has_body(operation):
            form = {"Content-Type": "text/plain"}
            assert who.problem(name, 415, data=b"{}", headers=form, **arguments)["type"].endswith("media-type")
            # Of an app that is not there that may be said first.
            answer = who.raw(method, path.format(**arguments), b"{", {"Content-Type": "application/json"})
            assert answer.status in ((400, 404) if arguments else (400,)), (name, answer)
            check(operation, answer)
        query = [entry for entry in map(resolved, operation.get("parameters", [])) if entry["in"] == "query"]
        if query:
            assert who.problem(name, 400, query={"nonsense": "1"}, **arguments)["detail"]
        if arguments:
            data = b"x" if operation.get("requestBody") and not has_body(operation) else None
            who.problem(name, 404, data=data, **arguments)


def sample_of(schema):
    """Some value that the schema allows."""
    schema = resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [sample_of(schema["items"])]
    if schema["type"] == "object":
        return {name: sample_of(child) for name, child in schema.get("properties", {}).items()}
    if schema.get("format") == "date-time":
        return "2026-11-21T03:19:38Z"
    return {"string": "x", "boolean": True, "integer": schema.get("minimum", 1)}[schema["type"]]


def test_what_is_described_can_be_asked_for(empty, plain_cooper):
    """Each parameter and each field of a request is one that the server knows; what it does not know it names."""
    empty["admin"].call("createApp", body={"name": ARGUMENTS["app"]})
    plain_cooper("track", "-a", ARGUMENTS["app"], "--", "true").ok()
    for name, (method, path, operation) in OPERATIONS.items():
        who, path = empty[operation["x-cooper-role"]], path.format(**arguments_of(path))
        for parameter in map(resolved, operation.get("parameters", [])):
            if parameter["in"] != "query":
                continue
            value = sample_of(parameter["schema"])
            answer = who.raw(method, f"{path}?{urllib.parse.urlencode({parameter['name']: value}, doseq=True)}")
            assert answer.status < 500 and b"there is no parameter" not in answer.body, (name, parameter["name"], answer)
        if not has_body(operation):
            continue
        schema = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
        for body in [{field: sample_of(child)} for field, child in schema.get("properties", {}).items()] or [{}]:
            # (With a field that is refused, nothing of it is done.)
            answer = who.raw(method, path, json.dumps({**body, "nonsense": 1}).encode(),
                             {"Content-Type": "application/json"})
            assert answer.status == 400, (name, body, answer)
            for field in body:
                assert f'"{field}" is not known' not in answer.json["detail"], (name, answer)


def test_the_description_is_one():
    """Of OpenAPI 3.1: schemas of JSON Schema 2020-12; every reference leads somewhere; ids are there once."""
    assert DESCRIPTION["openapi"].startswith("3.1.")
    jsonschema.Draft202012Validator.check_schema({"$defs": DESCRIPTION["components"]["schemas"]})
    used = set()

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                used.add(value["$ref"])
                resolved(value)
            for child in value.values():
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)
    walk(DESCRIPTION)
    for kind in ("schemas", "parameters", "headers", "responses"):
        for name in DESCRIPTION["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, f"nothing uses {kind}/{name}"
    operations = [operation for methods in DESCRIPTION["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path, methods in DESCRIPTION["paths"].items():
        for operation in methods.values():
            named = {entry["name"] for entry in map(resolved, operation.get("parameters", [])) if entry["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
            for answer in operation["responses"].values():
                assert resolved(answer)["description"]
            assert PROBLEM in resolved(operation["responses"]["default"])["content"]
