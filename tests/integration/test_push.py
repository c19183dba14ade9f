"""Images that are pushed to a registry, and layers that come from it: a real
docker-registry, with buildah and with a Docker Engine."""
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import tempfile
import threading

import pytest

from support import docker
from support.cooper import BUSYBOX, HEAD, Cooper, ImageStore, build_id_of, make_app, processes_of, wait_for
from support.ports import free_port
from support.registry import PASSWORD, USER, Front, Registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    running = Registry(tmp_path_factory.mktemp("registry"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    running = Registry(tmp_path_factory.mktemp("private"), private=True)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def front(registry):
    """front(fault) is the address of a front before the registry."""
    fronts = []

    def make(fault):
        fronts.append(Front(registry, fault))
        return fronts[-1]
    yield make
    for made in fronts:
        made.close()


class Buildah:
    """An image store of its own, as a machine has."""
    name = "buildah"

    def __init__(self, folder):
        self.store = ImageStore(folder, "overlay")
        self.env = self.store.env

    def images(self):
        return self.store.images()

    def assert_clean(self, build):
        self.store.assert_clean(build)

    def remove(self):
        assert self.store.remove()


class Docker:
    name = "docker"

    def __init__(self, _folder):
        self.engine = docker.DockerEngine()
        self.engine.start()
        self.env = self.engine.env

    def images(self):
        return self.engine.images()

    def assert_clean(self, build):
        wait_for(lambda: not processes_of(build), "processes to end")

    def remove(self):
        self.engine.remove()


@pytest.fixture(scope="module")
def machine():
    """machine(engine) is a fresh machine's part that makes images; without images."""
    made = []

    def make(engine):
        if engine == "docker" and (reason := docker.missing()):
            pytest.skip(reason)
        if engine == "buildah" and not shutil.which("buildah"):
            pytest.skip("buildah is not installed")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="cooper-machine-"))
        made.append((({"docker": Docker, "buildah": Buildah})[engine](folder), folder))
        return made[-1][0]
    yield make
    for host, folder in made:
        host.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", params=["buildah", "docker"])
def host(request, machine):
    return machine(request.param)


@pytest.fixture
def cooper(root, host):
    runner = Cooper(root, host.env)
    yield runner
    runner.close()


def set_registry(cooper, address, name="shop", cache="off"):
    cooper("builds", "set", "--global", "registry", f"{address}/{name}").ok()
    cooper("builds", "set", "--global", "cache", cache).ok()


def steps_of(cooper, build, word):
    return [s for s in cooper.steps("hello", build) if s["text"].startswith(word)]


def test_images_are_pushed_and_their_digests_recorded(cooper, host, registry, app):
    folder = app("", {"convox.yml": "services:\n  web:\n    build: web\n  api:\n    build: api\n  worker:\n    build: api\n",
                      "web/Dockerfile": HEAD + "RUN echo web > /web\n",
                      "api/Dockerfile": HEAD + "RUN echo api > /api\n"})
    for service in ("web", "api"):
        shutil.copy(BUSYBOX, folder / service / "busybox")
    set_registry(cooper, registry.address)
    build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    record = cooper.record("hello", build)
    assert sorted(record["pushed"]) == ["api", "web", "worker"]
    for service, pushed in record["pushed"].items():
        reference, digest = pushed.split("@")
        assert reference == f"{registry.address}/shop:{service}.{build}"
        assert digest == registry.digest("shop", f"{service}.{build}")
    info = cooper("builds", "info", build, "-a", "hello").ok().out
    assert all(pushed in info for pushed in record["pushed"].values())
    pushes = steps_of(cooper, build, "PUSH")
    assert len(pushes) == 3 and all(s["exit"] == 0 for s in pushes)
    # After the steps of the service: its numbers go on.
    web = [s["number"] for s in cooper.steps("hello", build) if s["service"] == "web"]
    assert web == list(range(1, len(web) + 1))
    assert f"Pushed {record['pushed']['web']}" in cooper.log("hello", build).decode()
    # The names of the registry were for the way only.
    assert not [name for name in host.images() if registry.address in name]


def test_credentials_are_kept_used_and_hidden(cooper, host, private, app):
    set_registry(cooper, private.address)
    folder = app(HEAD + f"RUN echo the password is {PASSWORD}\n")
    refused = cooper("build", folder, "-a", "hello")
    failed = cooper.record("hello", cooper.build_ids("hello")[0])
    assert refused.code == 1 and failed["status"] == "failed" and "pushed" not in failed
    assert re.search(r"service web: push to .*/shop:web\..*: .*(unauthorized|no basic auth)", failed["reason"])
    assert f"cooper registries add {private.address}" in failed["reason"]
    assert [s["exit"] for s in steps_of(cooper, failed["id"], "PUSH")] == [1]

    added = cooper("registries", "add", private.address, "-u", USER, "--password-stdin", input=PASSWORD + "\n").ok()
    assert PASSWORD not in added.out + added.err
    kept = cooper.root / "config/registries/auth.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    listed = json.loads(cooper("registries", "--format", "json").ok().out)
    assert {"host": private.address, "user": USER, "file": str(kept)} in listed
    assert PASSWORD not in cooper("registries").ok().out

    build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    record = cooper.record("hello", build)
    assert record["pushed"]["web"].split("@")[1] == private.digest("shop", f"web.{build}")
    assert "the password is [redacted]" in cooper.log("hello", build).decode()
    for path in cooper.builds_folder("hello").glob(f"{build}*"):
        assert PASSWORD.encode() not in path.read_bytes(), path

    cooper("registries", "remove", private.address).ok()
    again = cooper("build", folder, "-a", "hello")
    assert again.code == 1
    gone = cooper("registries", "remove", private.address)
    assert gone.code != 0 and "no credentials" in gone.err


def test_other_tools_credentials_are_honoured(cooper, private, app, tmp_path):
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = make_app(tmp_path / "docker", {"config.json": json.dumps({"auths": {private.address: {"auth": auth}}})})
    set_registry(cooper, private.address)
    # Credentials of our own for another host hide none of theirs.
    cooper("registries", "add", "other.example", "-u", "x", "--password-stdin", input="secret").ok()
    env = {"DOCKER_CONFIG": str(config), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    build = build_id_of(cooper("build", app(HEAD), "-a", "hello", env=env).ok().out)
    assert cooper.record("hello", build)["pushed"]


def test_a_push_that_fails_twice_is_tried_again(cooper, host, registry, front, app):
    refused = []

    def fault(method, path):
        if method != "PUT" or "/manifests/" not in path or len(refused) == 2:
            return None
        refused.append(path)
        return 500
    broken = front(fault)
    set_registry(cooper, broken.address)
    build = build_id_of(cooper("build", app(HEAD + "RUN echo twice\n"), "-a", "hello").ok().out)
    log = cooper.log("hello", build).decode()
    # Engines with the containerd store try once more by themselves.
    assert len(refused) == 2 and log.count("trying again in") in (1, 2) and "500" in log
    assert cooper.record("hello", build)["pushed"]["web"].split("@")[1] == registry.digest("shop", f"web.{build}")
    assert [s["exit"] for s in steps_of(cooper, build, "PUSH")] == [0]


@pytest.mark.parametrize("verdict, said", [(500, "500"), ("cut", "EOF|reset|closed")])
def test_a_registry_that_stays_broken(cooper, host, front, app, verdict, said):
    broken = front(lambda method, path: verdict if method == "PUT" and "/manifests/" in path else None)
    set_registry(cooper, broken.address)
    folder = app(HEAD + "RUN echo broken\n")
    assert cooper("build", folder, "-a", "hello", timeout=400).code == 1
    record = cooper.record("hello", cooper.build_ids("hello")[0])
    assert record["status"] == "failed" and re.search(said, record["reason"]), record["reason"]
    host.assert_clean(record["id"])
    assert not [name for name in host.images() if record["id"] in name]
    broken.fault = lambda method, path: None
    later = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    assert cooper.record("hello", later)["pushed"]


def test_a_registry_that_is_gone(cooper, host, app):
    set_registry(cooper, f"127.0.0.1:{free_port()}")
    assert cooper("build", app(HEAD), "-a", "hello", timeout=400).code == 1
    record = cooper.record("hello", cooper.build_ids("hello")[0])
    assert "connection refused" in record["reason"]
    host.assert_clean(record["id"])


def test_a_slow_push_can_be_canceled(cooper, host, front, app):
    reached, release = threading.Event(), threading.Event()

    def slow(method, path):
        if method != "PUT" or "/manifests/" not in path:
            return None
        reached.set()
        return lambda: release.wait(300)
    stuck = front(slow)
    set_registry(cooper, stuck.address)
    process = cooper.start("build", app(HEAD + "RUN echo slow\n"), "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    assert reached.wait(180)
    cooper("builds", "cancel", build, "-a", "hello").ok()
    record = cooper.wait_for_end("hello", build)
    process.wait(180)
    release.set()
    assert record["status"] == "canceled" and "pushed" not in record
    assert "exit" not in steps_of(cooper, build, "PUSH")[0]
    host.assert_clean(build)
    wait_for(lambda: not [name for name in host.images() if build in name], "names to be removed")


def test_a_supervisor_that_is_killed_during_a_push(cooper, host, front, app):
    reached, release = threading.Event(), threading.Event()

    def slow(method, path):
        if method != "PUT" or "/manifests/" not in path:
            return None
        reached.set()
        return lambda: release.wait(300)
    set_registry(cooper, front(slow).address)
    process = cooper.start("build", app(HEAD + "RUN echo killed\n"), "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    assert reached.wait(180)
    os.kill(cooper.record("hello", build)["pid"], signal.SIGKILL)
    wait_for(lambda: cooper("builds", "info", build, "-a", "hello").ok().out.find("abandoned") >= 0, "the end")
    release.set()
    process.wait(180)
    cooper("builds", "prune", "-a", "hello").ok()
    assert cooper.record("hello", build)["status"] == "failed"
    assert not [name for name in host.images() if build in name]
    host.assert_clean(build)


def test_an_unchanged_service_is_pushed_as_that_of_its_build(cooper, host, registry, app):
    folder = app(HEAD + "RUN echo the same > /same\n")
    set_registry(cooper, registry.address)
    cooper("build", folder, "-a", "hello").ok()
    again = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    record = cooper.record("hello", again)
    assert record["unchanged"], record
    reference, digest = record["pushed"]["web"].split("@")
    assert reference.endswith(f":web.{again}") and digest == registry.digest("shop", f"web.{again}")
