"""Webhooks that go out: signed, again after failures, once, to nobody who may not be reached; with a real receiver."""
import base64
import hashlib
import hmac
import json
import stat
import threading
import time

import pytest

from support.cooper import wait_for
from support.web import Web


class Receiver:
    """Checks each message's signature itself, and answers as `answers` says, then with 200."""

    def __init__(self, secret=None):
        self.web, self.got, self.bad, self.answers, self.secret = Web(), [], [], [], secret
        self.held = None
        self.web.others = self.receive
        self.url = f"{self.web.url}/hook"

    def receive(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message, when, signature = (handler.headers[name] for name in names)
        key = base64.b64decode(self.secret[6:]) if self.secret.startswith("whsec_") else self.secret.encode()
        wanted = hmac.new(key, f"{message}.{when}.".encode() + body, hashlib.sha256).digest()
        is_good = hmac.compare_digest(signature, "v1," + base64.b64encode(wanted).decode())
        if not is_good or abs(time.time() - int(when)) > 300 or handler.headers["Content-Type"] != "application/json":
            self.bad.append((dict(handler.headers), body))
        if self.held:
            self.held.wait(300)
        answer = self.answers.pop(0) if self.answers else 200
        self.got.append((message, json.loads(body), answer))
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    def bodies(self):
        return [body for _, body, answer in self.got if answer == 200]

    def types(self):
        return [body["type"] for body in self.bodies()]

    def close(self):
        self.web.close()
        assert not self.bad, self.bad


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hook(plain_cooper, receiver):
    """The id of a webhook to the receiver, which may be reached."""
    plain_cooper("builds", "set", "webhook-private", "on", "--global").ok()
    return add(plain_cooper, receiver)


def add(cooper, receiver, *flags):
    done = cooper("webhooks", "add", receiver.url, *flags).ok()
    receiver.secret = done.out.strip() or receiver.secret
    return done.err.split()[1]


def deliveries(cooper, hook):
    return json.loads(cooper("webhooks", "deliveries", hook, "--format", "json").ok().out)


def delivered(cooper, hook, count):
    wait_for(lambda: [one["state"] for one in deliveries(cooper, hook)].count("delivered") == count,
             f"{count} deliveries")


def test_a_build_and_its_release_are_told(plain_cooper, serve, receiver, hook):
    serve()
    assert plain_cooper("track", "-a", "shop", "--", "true").code == 0
    build = plain_cooper.build_ids("shop")[0]
    wait_for(lambda: len(receiver.got) >= 2, "both events")
    assert receiver.types() == ["build.started", "build.finished"]
    started, finished = receiver.bodies()
    assert started["data"]["app"] == "shop" and started["data"]["build"]["status"] == "running"
    record = {name: value for name, value in plain_cooper.record("shop", build).items()}
    assert finished["data"]["build"] == record and record["status"] == "succeeded"
    plain_cooper("env", "set", "PASSWORD=very-secret", "-a", "shop").ok()
    wait_for(lambda: len(receiver.got) >= 3, "the release")
    created = receiver.bodies()[2]
    assert created["type"] == "release.created" and "very-secret" not in json.dumps(created)
    assert created["data"]["release"]["description"] == "env add:PASSWORD" or "PASSWORD" in json.dumps(created)
    delivered(plain_cooper, hook, 3)
    assert len({message for message, _, _ in receiver.got}) == 3
    listed = deliveries(plain_cooper, hook)
    assert [one["event"] for one in listed] == ["release.created", "build.finished", "build.started"]
    assert all(one["attempts"][0]["status"] == 200 for one in listed)
    table = plain_cooper("webhooks", "deliveries", hook).ok().out
    assert "build.finished" in table and build in table and "delivered" in table
    wait_for(lambda: not list((plain_cooper.root / "data/events").glob("*.json")), "the end of the notes")


def test_what_is_kept_is_private_and_checked(plain_cooper, receiver, hook, tmp_path):
    kept = plain_cooper.root / f"config/webhooks/{hook}.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert receiver.secret not in plain_cooper("webhooks").ok().out + plain_cooper("webhooks", "--format", "json").ok().out
    for url in ("ftp://x/y", "/x", "https://me:pass@x/", "file:///etc/passwd", "https://0x7f000001/", "gopher://x/"):
        done = plain_cooper("webhooks", "add", url)
        assert done.code == 2 and "pass" not in done.err, done
    assert plain_cooper("webhooks", "add", receiver.url, "--events", "build.done").code == 2
    assert plain_cooper("webhooks", "add", receiver.url, "-a", "none").code == 3
    (tmp_path / "secret").write_text("short\n")
    assert plain_cooper("webhooks", "add", receiver.url, "--secret-file", tmp_path / "secret").code == 2
    assert plain_cooper("webhooks", "remove", hook).ok() and plain_cooper("webhooks", "remove", hook).code == 3
    assert plain_cooper("webhooks", "deliveries", hook).code == 3
    assert plain_cooper("webhooks", "deliveries", "../../../x").code == 2
    assert json.loads(plain_cooper("webhooks", "--format", "json").ok().out) == []


def test_only_what_is_asked_for_is_told(plain_cooper, serve, receiver, tmp_path):
    plain_cooper("builds", "set", "webhook-private", "on", "--global").ok()
    plain_cooper("apps", "create", "shop").ok()
    (tmp_path / "secret").write_text("a secret of my own?\n".replace(" ", "-"))
    receiver.secret = "a-secret-of-my-own?"
    one = add(plain_cooper, receiver, "-a", "shop", "--events", "build.finished", "--secret-file", tmp_path / "secret")
    serve()
    plain_cooper("track", "-a", "other", "--", "true").ok()
    plain_cooper("track", "-a", "shop", "--", "false")
    delivered(plain_cooper, one, 1)
    plain_cooper("webhooks", "test", one).ok()
    delivered(plain_cooper, one, 2)
    assert [(body["type"], body["data"].get("app")) for body in receiver.bodies()] == \
        [("build.finished", "shop"), ("webhook.test", None)]
    assert receiver.bodies()[0]["data"]["build"]["status"] == "failed"


def test_failures_are_tried_again(plain_cooper, serve, receiver, hook):
    receiver.answers = [500, *[(302, {"Location": f"{receiver.web.url}/elsewhere"})] * 9]
    serve()
    plain_cooper("webhooks", "test", hook).ok()
    (waiting,) = wait_for(lambda: [one for one in deliveries(plain_cooper, hook) if len(one["attempts"]) > 1],
                          "the second attempt")
    assert waiting["state"] == "waiting" and [one["status"] for one in waiting["attempts"]][:2] == [500, 302]
    assert "it answers with HTTP 302; again in" in plain_cooper("webhooks", "deliveries", hook).ok().out
    assert len({message for message, _, _ in receiver.got}) == 1
    assert not [path for path, _ in receiver.web.asked if path == "/elsewhere"]
    receiver.answers = [410] * 9  # also to the first message, whose turn may come
    plain_cooper("webhooks", "test", hook).ok()
    wait_for(lambda: deliveries(plain_cooper, hook)[0]["state"] == "failed", "an end: it says that it is gone")


def test_who_is_not_public_is_not_told(plain_cooper, serve, receiver, hook):
    plain_cooper("builds", "set", "webhook-private", "--global").ok()
    serve()
    plain_cooper("webhooks", "test", hook).ok()
    wait_for(lambda: deliveries(plain_cooper, hook)[:1] and deliveries(plain_cooper, hook)[0]["state"] == "failed", "a refusal")
    assert "127.0.0.1 is no public address" in deliveries(plain_cooper, hook)[0]["attempts"][0]["error"]
    assert receiver.got == [] and receiver.web.asked == []


def test_events_wait_for_a_server(plain_cooper, serve, receiver, hook):
    plain_cooper("track", "-a", "shop", "--", "true").ok()
    assert len(list((plain_cooper.root / "data/events").glob("*.json"))) == 2 and receiver.got == []
    serve()
    delivered(plain_cooper, hook, 2)


def test_kills_lose_no_event(plain_cooper, serve, receiver, hook):
    server = serve()
    for number in range(6):
        plain_cooper("track", "-a", "shop", "--", "true").ok()
        time.sleep(number * 0.05)  # no synchronisation: another moment each time
        server.kill()
        server = serve()
    wait_for(
        lambda: len({message for message, _, _ in receiver.got}) == 12, f"12 events, not {len(receiver.got)}")
    told = {(body["type"], body["data"]["build"]["id"]) for body in receiver.bodies()}
    assert told == {(kind, build) for kind in ("build.started", "build.finished")
                    for build in plain_cooper.build_ids("shop")}


def test_an_event_that_never_came_to_be_is_not_told(plain_cooper, serve, receiver, hook):
    """As it is left by a kill between its note and the change."""
    plain_cooper("track", "-a", "shop", "--", "true").ok()
    events = plain_cooper.root / "data/events"
    for kind, at in (("build.finished", "2026-01-01T00:00:00Z"), ("release.promoted", "2026-01-01T00:00:00Z")):
        note = {"event": kind, "app": "shop", "id": "never", "at": at, "release": "rnever", "data": {"id": "never"}}
        (events / f"shop~never~{kind}.json").write_text(json.dumps(note))
    for name in ("shop~x~build.finished.json", "odd.json"):
        (events / name).write_text("{")
    server = serve()
    delivered(plain_cooper, hook, 2)
    wait_for(lambda: not list(events.glob("*never*")), "the end of what never was")
    assert len(receiver.got) == 2
    wait_for(lambda: "build.finished of app shop is dropped" in server.log.read_text(), "a word of it in the log")


def test_a_slow_receiver_holds_up_nobody(plain_cooper, serve, receiver, hook):
    other = Receiver()
    try:
        second = add(plain_cooper, other)
        receiver.held = threading.Event()
        serve()
        assert plain_cooper("track", "-a", "shop", "--", "true").code == 0
        delivered(plain_cooper, second, 2)
        assert receiver.bodies() == []
        receiver.held.set()
        delivered(plain_cooper, hook, 2)
    finally:
        other.close()


def test_many_slow_receivers_hold_up_nobody(plain_cooper, serve, receiver):
    """Each with several messages, as they are when a server has been away."""
    plain_cooper("builds", "set", "webhook-private", "on", "--global").ok()
    slow = Receiver()
    slow.held = threading.Event()
    for _ in range(12):
        add(plain_cooper, slow)
    slow.web.others = lambda handler: slow.held.wait(300)
    for _ in range(3):
        plain_cooper("track", "-a", "shop", "--", "true").ok()
    serve()
    wait_for(lambda: len(slow.web.asked) >= 8, "slow receivers")
    quick = add(plain_cooper, receiver)
    plain_cooper("webhooks", "test", quick).ok()
    try:
        wait_for(lambda: receiver.types() == ["webhook.test"], "a message to who is quick", 60)
    finally:
        slow.held.set()
        slow.web.close()


def test_without_webhooks_nothing_is_kept(plain_cooper):
    plain_cooper("track", "-a", "shop", "--", "true").ok()
    assert not (plain_cooper.root / "data/events").exists()
