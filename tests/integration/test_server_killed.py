"""kill -9 of the server, again and again, under many who follow the logs of running builds: each ends with
the log byte by byte, and each record is right."""
import http.client
import random
import threading
import time

import pytest

from support.api_client import Api
from support.cooper import HEAD, Gate, wait_for
from support.event_client import Events, text_of
from support.sources import packed

KILLS = 10
APPS = ["one", "two", "three", "four", "five"]
FOLLOWERS = 10  # of each
# Prints until the gate is open.
TALK = "RUN (i=0; while :; do i=$((i+1)); echo {app} line $i; sleep 0.02; done) & {gate}; kill $!; echo {app} is done\n"


class Resuming:
    """Follows a log as events, from wherever it was when the server went away."""

    def __init__(self, port, app, build):
        self.port, self.path = port, f"/v1/apps/{app}/builds/{build}/log/events"
        self.text, self.connections, self.failure = "", 0, None
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        last = None
        try:
            while True:
                try:
                    stream = Events(self.port, self.path, last_id=last)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)  # there is no server just now
                    continue
                self.connections += 1
                events = stream.end(300)
                self.text += text_of(events)
                if stream.named("end"):
                    return
                last = events[-1].id if events else last
        except BaseException as failure:  # told by end()
            self.failure = failure

    def end(self):
        self.thread.join(300)
        assert not self.thread.is_alive(), "the log did not end"
        if self.failure:
            raise self.failure
        return self.text


@pytest.fixture
def gates():
    made = {}
    yield made
    for gate in made.values():
        gate.close()


def test_ten_kills_under_fifty_followers_and_five_builds(serve, cooper, app, store, gates):
    cooper("builds", "set", "--global", "concurrency", str(len(APPS))).ok()
    server = serve()
    api = Api(server.port)
    builds = {}
    for name in APPS:
        api.call("createApp", body={"name": name})
        gates[name] = Gate()
        folder = app(HEAD + TALK.format(app=name, gate=gates[name].command))
        api.call("putObject", app=name, key="source.tgz", data=packed(folder))
        builds[name] = api.get("createBuild", app=name, body={"object": "source.tgz"})["id"]
    for name, build in builds.items():
        cooper.wait_for_log(name, build, f"{name} line 1")
    followers = {name: [Resuming(server.port, name, build) for _ in range(FOLLOWERS)] for name, build in builds.items()}
    chance = random.Random(7)
    for kill in range(KILLS):
        everybody = [follower for several in followers.values() for follower in several]
        wait_for(lambda: all(follower.connections > kill for follower in everybody), "everybody to follow again", 180)
        time.sleep(chance.uniform(0, 0.7))  # at any moment
        assert {cooper.record(name, build)["status"] for name, build in builds.items()} == {"running"}
        server.kill()
        server.start()
    for gate in gates.values():
        gate.open()
    for name, build in builds.items():
        texts = [follower.end() for follower in followers[name]]
        log = cooper.log(name, build).decode()
        assert f"{name} is done\n" in log
        assert all(text == log for text in texts)
        assert min(follower.connections for follower in followers[name]) > KILLS
        assert cooper.wait_for_end(name, build)["status"] == "succeeded"
        assert api.get("getBuild", app=name, build=build)["display_status"] == "succeeded"
        assert api.get("listReleases", app=name)["items"][0]["build"] == build
    assert list((cooper.root / "data/uploads").iterdir()) == []
    assert server.stop() == 0
    store.assert_clean()
