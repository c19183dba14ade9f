"""/metrics and health of `cooper serve`, read by a parser of Prometheus' own."""
import json
import os
import pathlib
import shutil

from prometheus_client.parser import text_string_to_metric_families

from support.cooper import HEAD, wait_for
from support.rack_client import Follower, Rack


class Metrics:
    """One answer of /metrics."""

    def __init__(self, rack):
        status, headers, body = rack.raw("GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), body
        families = list(text_string_to_metric_families(body.decode()))
        names = [family.name for family in families]
        assert len(names) == len(set(names)), "a family is there twice"
        assert all(family.documentation and family.type in ("counter", "gauge", "histogram") for family in families)
        self.samples = {}
        for family in families:
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in self.samples, key
                self.samples[key] = sample.value
        self._check_histograms(families)

    @staticmethod
    def _check_histograms(families):
        """Buckets only grow, and the last one has all."""
        for family in (each for each in families if each.type == "histogram"):
            series = {}
            for sample in family.samples:
                labels = dict(sample.labels)
                limit = labels.pop("le", None)
                part = sample.name.removeprefix(family.name)
                series.setdefault(tuple(sorted(labels.items())), {}).setdefault(part, []).append((limit, sample.value))
            for parts in series.values():
                counts = [value for _, value in parts["_bucket"]]
                assert counts == sorted(counts) and parts["_bucket"][-1][0] == "+Inf"
                assert counts[-1] == parts["_count"][0][1] and parts["_sum"][0][1] >= 0

    def __call__(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))), 0)


def test_requests_are_counted_by_route_and_answer(serve):
    server = serve()
    rack = server.rack()
    rack.get("/apps")
    rack.get("/apps")
    for app in ("app-one", "app-two", "app-three"):
        rack.refused("GET", f"/apps/{app}")
    rack.refused("GET", "/nothing/at/all")
    rack.raw("GET", "/apps", headers={"Authorization": ""})
    requests = "cooper_http_requests_total"

    def counts(found):
        return (found(requests, route="/apps", method="GET", status="2xx"),
                found(requests, route="/apps", method="GET", status="4xx"),
                found(requests, route="/apps/{app}", method="GET", status="4xx"),
                found(requests, route="none", method="any", status="4xx"))
    # Each is counted behind its answer.
    metrics = wait_for(lambda: (found := Metrics(rack)) and counts(found) == (2, 1, 3, 1) and found, "all to be counted")
    assert metrics("cooper_http_request_duration_seconds_count", route="/apps/{app}", method="GET") == 3
    assert 0 < metrics("cooper_http_request_duration_seconds_sum", route="/apps/{app}", method="GET") < 60
    assert not [key for key in metrics.samples if "app-one" in str(key[1])], "names of apps are no labels"
    assert metrics("cooper_http_connections") >= 1


def test_the_process_and_its_version_are_told(serve, cooper):
    server = serve()
    metrics = Metrics(server.rack())
    version = cooper("--version").ok().out.split()[-1]
    assert metrics("cooper_build_info", version=version) == 1
    children = pathlib.Path(f"/proc/{server.process.pid}")
    resident = int((children / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert resident / 2 < metrics("process_resident_memory_bytes") < resident * 2
    assert 5 < metrics("process_open_fds") < 200 < metrics("process_max_fds")
    assert metrics("process_cpu_seconds_total") > 0
    started = metrics("process_start_time_seconds")
    assert abs(started - children.stat().st_ctime) < 60


def test_builds_steps_queue_and_logs(serve, cooper, app, gate):
    server = serve()
    rack = server.rack()
    rack.post("/apps", name="web")
    good, bad, slow = HEAD + "RUN echo a\nRUN echo b\n", HEAD + "RUN exit 3\n", HEAD + f"RUN {gate.command}\n"
    cooper("build", "-a", "web", app(good)).ok()
    assert Metrics(rack)("cooper_build_duration_seconds_count", kind="build", status="succeeded") == 1
    cooper("build", "-a", "web", app(good), "--force").ok()
    cooper("build", "-a", "web", app(bad))
    running = cooper.start("build", "-a", "web", app(slow))
    gate.wait()
    waiting = cooper.start("build", "-a", "web", app(good))
    log = wait_for(lambda: [build for build in json.loads(cooper("builds", "-a", "web", "--format", "json").out)
                            if build["status"] == "running"], "the build")[0]["id"]
    follower = Follower(rack.web_socket(f"/apps/web/builds/{log}/logs"))
    def all_told():
        found = Metrics(rack)
        # One that begins to wait has its place before its record.
        return found("cooper_queue_waiting") == found("cooper_log_followers") == 1 and \
            found("cooper_builds", kind="build", status="queued") == 1 and found
    metrics = wait_for(all_told, "the queue and the follower to be told")
    assert metrics("cooper_queue_running") == 1 and metrics("cooper_queue_longest_wait_seconds") > 0
    assert metrics("cooper_builds", kind="build", status="succeeded") == 2
    assert metrics("cooper_builds", kind="build", status="running") == 1
    assert metrics("cooper_builds", kind="build", status="failed") == 1
    gate.open()
    assert running.wait(180) == 0 and waiting.wait(180) == 0
    text, _ = follower.end()

    def all_counted():
        found = Metrics(rack)
        return found("cooper_build_duration_seconds_count", kind="build", status="succeeded") == 4 and \
            found("cooper_log_followers") == 0 and found
    metrics = wait_for(all_counted, "all to be counted")
    assert metrics("cooper_build_duration_seconds_count", kind="build", status="failed") == 1
    assert metrics("cooper_queue_wait_seconds_count") == 1
    steps = [step for build in json.loads(cooper("builds", "-a", "web", "--limit", "0", "--format", "json").ok().out)
             for step in cooper.steps("web", build["id"])]
    cached = sum(bool(step.get("cached")) for step in steps)
    assert cached > 0
    assert metrics("cooper_steps_total", cached="true") == cached
    assert metrics("cooper_steps_total", cached="false") == len(steps) - cached
    assert metrics("cooper_log_bytes_total") == len(text.encode())
    rack.raw("GET", f"/v1/apps/web/builds/{log}/log/events")
    wait_for(lambda: Metrics(rack)("cooper_log_bytes_total") == 2 * len(text.encode()), "the second stream to be counted")
    # A server that starts now knows the records, and no times.
    server.stop()
    metrics = Metrics(server.start().rack())
    assert metrics("cooper_builds", kind="build", status="succeeded") == 4
    assert metrics("cooper_build_duration_seconds_count", kind="build", status="succeeded") == 0


def test_metrics_need_a_token_for_all_apps(serve, cooper):
    server = serve()
    server.rack().post("/apps", name="web")
    assert Rack(server.port).raw("GET", "/metrics", headers={"Authorization": ""})[0] == 401
    read = cooper("tokens", "create", "--role", "read").ok().out.strip()
    web = cooper("tokens", "create", "--role", "admin", "--app", "web").ok().out.strip()
    server.rack(password="wrong").refused("GET", "/metrics")
    metrics = Metrics(server.rack(password=read))
    assert metrics("cooper_failed_logins_total") == 1
    assert server.rack(password=web).refused("GET", "/metrics").status == 403


def ready(server):
    status, _, body = Rack(server.port).raw("GET", "/readyz", headers={"Authorization": ""})
    answer = json.loads(body)
    assert (status == 200) == (answer["status"] == "ready"), answer
    return status, answer["checks"]


def test_ready_says_what_is_missing(serve, cooper):
    server = serve()
    status, checks = ready(server)
    assert status == 200 and checks == dict.fromkeys(("data-root", "records", "disk"), "ok")

    def not_ready(name):
        status, checks = wait_for(lambda: (found := ready(server))[0] == 503 and found, f"{name} to be noticed")
        assert [check for check, problem in checks.items() if problem != "ok"] == [name]
        assert str(cooper.root) not in checks[name]

    def ready_again():
        wait_for(lambda: ready(server)[0] == 200, "it to be ready again")
    cooper("builds", "set", "--global", "disk-min", "100000g").ok()
    not_ready("disk")
    cooper("builds", "set", "--global", "disk-min").ok()
    ready_again()
    uploads = cooper.root / "data/uploads"
    shutil.rmtree(uploads)
    not_ready("data-root")
    uploads.mkdir(0o700)
    ready_again()
    builds = cooper.root / "data/builds"
    if builds.exists():
        shutil.rmtree(builds)
    builds.write_text("in the way")
    not_ready("records")
    assert Rack(server.port).raw("GET", "/healthz", headers={"Authorization": ""})[0] == 200
    builds.unlink()
    ready_again()
