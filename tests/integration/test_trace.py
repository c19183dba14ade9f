"""A build's steps as a trace: what a collector of OpenTelemetry gets (OTLP over HTTP, JSON)."""
import http.server
import json
import re
import threading

import pytest

from support.cooper import HEAD, wait_for


class Collector:
    """Takes traces as a collector does, and answers as it is told to."""

    def __init__(self):
        self.requests, self.answers = [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = collector.answers.pop(0) if collector.answers else 200
                collector.requests.append((self.path, dict(self.headers), body))
                self.send_response(answer)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def traces(self, count):
        wait_for(lambda: len(self.requests) >= count, f"{count} traces", 180)
        return [spans_of(body) for _, _, body in self.requests]


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


HEX = {"traceId": 32, "spanId": 16, "parentSpanId": 16}


def check_value(value):
    ((kind, content),) = value.items()
    assert {"stringValue": str, "intValue": str, "boolValue": bool}[kind] is type(content), value
    if kind == "intValue":
        int(content)


def check_attributes(attributes):
    keys = [attribute["key"] for attribute in attributes]
    assert len(keys) == len(set(keys)), keys
    for attribute in attributes:
        assert set(attribute) == {"key", "value"}
        check_value(attribute["value"])


def spans_of(body):
    """The spans of an ExportTraceServiceRequest, all of whose shape is what the protocol says."""
    request = json.loads(body)
    assert set(request) == {"resourceSpans"}
    (resource_spans,) = request["resourceSpans"]
    assert set(resource_spans) == {"resource", "scopeSpans"}
    check_attributes(resource_spans["resource"]["attributes"])
    assert {"key": "service.name", "value": {"stringValue": "cooper"}} in resource_spans["resource"]["attributes"]
    (scope_spans,) = resource_spans["scopeSpans"]
    assert scope_spans["scope"]["name"] == "cooper" and scope_spans["scope"]["version"]
    spans = scope_spans["spans"]
    ids = {span["spanId"] for span in spans}
    assert len(ids) == len(spans) and len({span["traceId"] for span in spans}) == 1
    for span in spans:
        assert set(span) - {"parentSpanId"} == {"traceId", "spanId", "name", "kind", "startTimeUnixNano",
                                                "endTimeUnixNano", "attributes", "status"}
        for name, digits in HEX.items():
            assert name not in span or re.fullmatch(f"[0-9a-f]{{{digits}}}", span[name])
        assert span["name"] and span["kind"] in range(6)
        assert 0 < int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert set(span["status"]) <= {"code", "message"} and span["status"].get("code", 0) in (0, 1, 2)
        check_attributes(span["attributes"])
    return spans


def attributes_of(span):
    return {attribute["key"]: next(iter(attribute["value"].values())) for attribute in span["attributes"]}


def configure(cooper, url):
    cooper("builds", "set", "--global", "otlp-endpoint", url).ok()


def test_a_build_is_a_trace(cooper, app, collector):
    configure(cooper, collector.url + "/")
    cooper("builds", "set", "--global", "otlp-headers", "Authorization: Bearer geheim").ok()
    assert "geheim" not in cooper("builds", "settings", "--global").ok().out
    folder = app(HEAD + "RUN echo one\nRUN echo two\n")
    cooper("build", "-a", "web", folder).ok()
    (spans,) = collector.traces(1)
    path, headers, _ = collector.requests[0]
    assert path == "/v1/traces" and headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer geheim"
    build, *rest = spans
    record = json.loads(cooper("builds", "-a", "web", "--format", "json").ok().out)[0]
    facts = attributes_of(build)
    assert (facts["cooper.build"], facts["cooper.app"], facts["cooper.status"]) == (record["id"], "web", "succeeded")
    assert build["status"]["code"] == 1 and "parentSpanId" not in build
    services = [span for span in rest if span["parentSpanId"] == build["spanId"]]
    (service,) = services
    assert "sha256:" in attributes_of(service)["cooper.image"]
    steps = [span for span in rest if span["parentSpanId"] == service["spanId"]]
    kept = [step for step in cooper.steps("web", record["id"])]
    assert [span["name"] for span in steps] == [step["text"][:100] for step in kept]
    assert "RUN echo two" in [span["name"] for span in steps]
    # Once more: from the cache.
    cooper("build", "-a", "web", folder, "--force").ok()
    again = collector.traces(2)[1]
    assert [attributes_of(span)["cooper.cached"] for span in again if span["name"].startswith("RUN")] == [True] * 2
    assert again[0]["traceId"] != build["traceId"]


def test_a_failed_build_says_so_and_its_caller_is_its_parent(cooper, app, collector):
    configure(cooper, collector.url)
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    cooper("build", "-a", "web", app(HEAD + "RUN exit 3\n"),
           env={"TRACEPARENT": f"00-{trace}-{span}-01"})
    (spans,) = collector.traces(1)
    assert (spans[0]["traceId"], spans[0]["parentSpanId"]) == (trace, span)
    assert spans[0]["status"]["code"] == 2 and spans[0]["status"]["message"]
    failed = [each for each in spans if each["name"] == "RUN exit 3"]
    assert failed[0]["status"]["code"] == 2 and attributes_of(failed[0])["process.exit.code"] == "3"


def test_a_busy_collector_is_asked_again_and_a_refusing_one_is_not(cooper, app, collector):
    configure(cooper, collector.url)
    collector.answers = [503, 429, 200]
    cooper("track", "--app", "web", "--", "true").ok()
    first, *others = collector.traces(3)
    assert all(spans == first for spans in others), "the same trace each time"
    collector.answers = [400]
    cooper("track", "--app", "web", "--", "false")
    collector.traces(4)
    cooper("track", "--app", "web", "--", "true").ok()
    spans = collector.traces(5)
    assert spans[3][0]["status"]["code"] == 2 and spans[4][0]["status"]["code"] == 1 and len(spans) == 5


def test_no_collector_fails_or_holds_up_a_build(cooper, app):
    configure(cooper, "http://127.0.0.1:1")
    for _ in range(2):  # the second is not kept waiting by what the first still tries
        done = cooper("track", "--app", "web", "--", "true", timeout=20).ok()
        assert "127.0.0.1:1" not in done.err
    for bad in ("ftp://host", "nonsense", "http://", "http://a\nb"):
        assert cooper("builds", "set", "--global", "otlp-endpoint", bad).code == 2
    assert cooper("builds", "set", "--global", "otlp-headers", "nonsense").code == 2


def test_an_endpoint_shows_no_credentials(cooper):
    """Who may only read sees properties, and logs their warnings."""
    refused = cooper("builds", "set", "--global", "otlp-endpoint", "http://me:geheim@127.0.0.1:1")
    assert refused.code == 2 and "geheim" not in refused.err and "without credentials" in refused.err
    configure(cooper, "http://127.0.0.1:1")
    # As it was taken before.
    (cooper.root / "config/builds/--global/otlp-endpoint").write_text("http://me:geheim@127.0.0.1:1")
    shown = cooper("builds", "settings", "--global").ok()
    assert "geheim" not in shown.out + shown.err and "http://(hidden)@127.0.0.1:1" in shown.out
    assert "geheim" not in cooper("builds", "settings", "--global", "--format", "json").ok().out
