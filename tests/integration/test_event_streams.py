"""Logs, steps and changes of records as server-sent events, and logs as bytes that go on."""
import time

import pytest

from support.api_client import DESCRIPTION, Api, validate
from support.cooper import HEAD, build_id_of, wait_for
from support.event_client import Events, text_of

# Prints, waits for a file to come, prints again.
TALKS = "printf 'one\\rtwo\\n\\303\\251\\377x'; while ! [ -e {go} ]; do sleep 0.05; done; seq {lines}; exit {code}"


@pytest.fixture
def talk(plain_cooper, tmp_path):
    """talk(app) starts what prints, and returns (id, go): it ends once go() was called."""
    files = []

    def start(app="web", lines=2000, code=0):
        go = tmp_path / f"go-{len(files)}"
        files.append(go)
        known = plain_cooper.build_ids(app)
        plain_cooper("track", "-a", app, "--detach", "--", "sh", "-c",
                     TALKS.format(go=go, lines=lines, code=code)).ok()
        return plain_cooper.wait_for_new_build(app, known), go.touch
    yield start
    for go in files:
        go.touch()


def schema(name):
    return DESCRIPTION["components"]["schemas"][name]


def path(build, what, app="web"):
    return f"/v1/apps/{app}/builds/{build}/{what}"


def as_text(log):
    return log.replace(b"\xff", "\ufffd".encode()).decode()


def test_a_log_comes_as_events_and_goes_on_from_any_of_them(plain_cooper, server, talk):
    build, go = talk()
    first = Events(server.port, path(build, "log/events"))
    first.wait_for(lambda events: "x" in text_of(events.events), "the first line")
    assert first.whole is None
    go()
    events = first.end()
    assert first.whole
    log = plain_cooper.log("web", build)
    assert text_of(events) == as_text(log) and "\r" in text_of(events)
    at = 0
    for event in events[:-1]:
        validate(event.json, schema("LogPart"))
        assert event.name == "log" and event.json["from"] == at
        at = int(event.id)
    assert at == len(log)
    assert events[-1].name == "end" and events[-1].json["display_status"] == "succeeded"
    validate(events[-1].json, schema("Build"))
    for event in events[:-1]:
        again = Events(server.port, path(build, "log/events"), last_id=event.id)
        assert text_of(again.end()) == as_text(log[int(event.id):]) and again.whole
    rest = Events(server.port, path(build, "log/events?from=5"))
    assert text_of(rest.end()) == as_text(log[5:])


def test_what_follows_a_log_goes_on_where_it_was_when_the_server_was_killed(plain_cooper, serve, talk):
    server = serve()
    build, go = talk(lines=200_000)
    events = Events(server.port, path(build, "log/events"))
    events.wait_for(lambda events: "x" in text_of(events.events), "the first line")
    server.kill()
    got = events.end()
    assert events.whole is False and not events.named("end")
    go()
    again = serve(port=server.port)
    rest = Events(again.port, path(build, "log/events"), last_id=got[-1].id)
    assert text_of(got) + text_of(rest.end()) == as_text(plain_cooper.log("web", build))
    assert rest.named("end")


def test_a_server_that_ends_leaves_streams_without_their_end(plain_cooper, server, talk):
    build, go = talk()
    log = Events(server.port, path(build, "log/events"))
    records = Events(server.port, "/v1/events").begun()
    log.wait_for(lambda events: events.events, "the first event")
    assert server.stop() == 0
    assert not [event for event in log.end() + records.end() if event.name == "end"]
    assert log.whole is False and records.whole is False
    go()


def test_a_log_that_is_followed_as_bytes(plain_cooper, server, talk):
    build, go = talk(lines=100_000, code=3)
    api = Api(server.port)
    go()
    whole = api.call("getLog", app="web", build=build, query={"follow": "true"})
    log = plain_cooper.log("web", build)
    assert whole.body == log and b"\xff" in log and whole.headers["Log-From"] == "0"
    rest = api.call("getLog", app="web", build=build, query={"follow": "true", "from": 7})
    assert rest.body == log[7:] and rest.headers["Log-From"] == "7"
    assert plain_cooper.record("web", build)["status"] == "failed"


def test_what_no_stream_can_begin_with(server, talk):
    build, go = talk()
    go()
    api = Api(server.port)
    for name in ("watchLog", "watchSteps"):
        for last in ("x", "-1", "999999999", "99999999999999999999999"):
            api.problem(name, 400, app="web", build=build, headers={"Last-Event-ID": last})
        api.problem(name, 404, app="web", build="nosuchbuild")
    api.problem("watchLog", 400, app="web", build=build, query={"from": "x"})
    api.problem("getLog", 400, app="web", build=build, query={"follow": "maybe"})
    api.problem("getLog", 400, app="web", build=build, query={"follow": "true", "from": 999_999_999})
    api.problem("watchBuilds", 404, app="none")
    api.problem("watchAllBuilds", 400, headers={"Last-Event-ID": "yesterday"})


def test_steps_come_as_they_end(cooper, app, server):
    folder = app(HEAD + "RUN echo one\nRUN echo two\n")
    build = build_id_of(cooper("build", folder, "-a", "web").ok().out)
    steps = Events(server.port, path(build, "steps/events"))
    events = steps.end()
    listed = Api(server.port).get("listSteps", app="web", build=build)["items"]
    assert [event.json for event in steps.named("step")] == listed and len(listed) >= 2
    for step in listed:
        validate(step, schema("Step"))
    assert events[-1].name == "end" and steps.whole
    after = Events(server.port, path(build, "steps/events"), last_id=events[0].id)
    after.end()
    assert [event.json for event in after.named("step")] == listed[1:]


STEP = ('{"service":"web","number":1,"text":"FROM base","started":"2026-01-01T00:00:00Z",'
        '"finished":"2026-01-01T00:00:01Z","cached":false,"log_begin":0,"log_end":1,"exit":0}\n')


def test_what_a_file_has_when_it_appears_is_told_at_once(plain_cooper, server, talk):
    """As an import writes the steps of what it brings."""
    build, go = talk()
    steps = Events(server.port, path(build, "steps/events")).begun()
    file = plain_cooper.root / f"data/builds/web/{build}.steps.jsonl"
    made = file.with_suffix(".new")
    made.write_text(STEP)
    begun = time.monotonic()
    made.rename(file)
    steps.wait_for(lambda events: events.named("step"), "the step")
    # At the latest with the next heartbeat, after 15 s, it would look again anyway.
    assert steps.comments == 1 and time.monotonic() - begun < 12, "told when it looks again after a while"
    go()
    steps.end()


def test_changes_of_records_are_told_as_they_happen(plain_cooper, server, talk):
    everything = Events(server.port, "/v1/events").begun()
    build, go = talk("web")  # the app is new
    everything.wait_for(lambda events: any(event.json["id"] == build and event.json["display_status"] == "running"
                                           for event in events.named("build")), "the running build")
    validate(everything.named("build")[-1].json, schema("Build"))
    mine = Events(server.port, "/v1/apps/web/events").begun()
    other, end_other = talk("other")
    end_other()
    go()
    wait_for(lambda: plain_cooper.record("web", build)["status"] == "succeeded", "the end")
    mine.wait_for(lambda events: any(event.json.get("status") == "succeeded" for event in events.events), "the ended build")
    assert {event.json["app"] for event in mine.events} == {"web"}
    plain_cooper("builds", "pin", build, "-a", "web").ok()
    mine.wait_for(lambda events: any(event.json.get("pinned") for event in events.events), "the pinned build")
    plain_cooper("builds", "unpin", build, "-a", "web").ok()
    plain_cooper("builds", "remove", build, "-a", "web").ok()
    mine.wait_for(lambda events: events.named("removed"), "the removed build")
    removed = mine.named("removed")[-1].json
    validate(removed, schema("RemovedBuild"))
    assert removed == {"app": "web", "id": build}
    # What is told of a build is in the order of its states.
    def told(events):
        return [event.json["status"] for event in events.named("build") if event.json["id"] == other]
    everything.wait_for(lambda events: "succeeded" in told(events), "the other one's end")
    assert told(everything) == sorted(told(everything), key=["queued", "running", "succeeded"].index)
    everything.close()
    mine.close()


def test_who_was_away_learns_what_has_changed(plain_cooper, server, talk):
    watch = Events(server.port, "/v1/events").begun()
    early, end_early = talk("web")
    watch.wait_for(lambda events: events.events, "the running build")
    last = watch.events[-1].id
    watch.close()
    end_early()
    wait_for(lambda: plain_cooper.record("web", early)["status"] == "succeeded", "the end")
    late, end_late = talk("late")
    end_late()
    wait_for(lambda: plain_cooper.record("late", late)["status"] == "succeeded", "the end")
    again = Events(server.port, "/v1/events", last_id=last).begun()
    again.wait_for(lambda events: {event.json["id"] for event in events.events} >= {early, late}, "what was missed")
    assert [(event.json["id"], event.json["status"]) for event in again.events if event.json["status"] != "succeeded"] == []
    assert {event.json["id"] for event in again.events} == {early, late}
    again.close()


def test_who_has_one_app_is_told_of_no_other(plain_cooper, server, talk):
    _, end_web = talk("web")
    end_web()
    token = plain_cooper("tokens", "create", "--role", "read", "--app", "web").ok().out.strip()
    watch = Events(server.port, "/v1/events", token=token).begun()
    other, end_other = talk("other")
    end_other()
    wait_for(lambda: plain_cooper.record("other", other)["status"] == "succeeded", "the other app's build")
    build, end_build = talk("web")
    end_build()
    watch.wait_for(lambda events: any(event.json.get("id") == build for event in events.events), "web's build")
    assert {event.json["app"] for event in watch.events} == {"web"}
    api = Api(server.port, token)
    api.problem("watchBuilds", 403, app="other")
    watch.close()
