"""Every engine that is here does the same: one suite, run against each."""
import json
import re
import shutil
import subprocess

import pytest

from support import docker
from support.cooper import Cooper, ImageStore, build_id_of, make_app

BUSYBOX = shutil.which("busybox") or "/bin/busybox"
HEAD = 'FROM scratch\nCOPY busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n'


class Buildah:
    def __init__(self, store: ImageStore):
        self.store, self.env = store, store.env
        self.images = store.images

    def labels(self, reference):
        known = json.loads(self.store.buildah("inspect", "--type", "image", reference).ok().out)
        return known["Docker"]["config"]["Labels"]


class Docker:
    def __init__(self, daemon: docker.DockerEngine):
        self.daemon, self.env = daemon, daemon.env
        self.images = daemon.images

    def labels(self, reference):
        return self.daemon.image(reference)["Config"]["Labels"]


@pytest.fixture(scope="module", params=["buildah", "docker"])
def engine(request):
    if request.param == "buildah":
        yield Buildah(request.getfixturevalue("store"))
        return
    if reason := docker.missing():
        pytest.skip(reason)
    daemon = docker.DockerEngine()
    try:
        yield Docker(daemon.start())
    finally:
        daemon.remove()


@pytest.fixture
def cooper(root, engine):
    runner = Cooper(root, engine.env)
    yield runner
    runner.close()


@pytest.fixture
def app(tmp_path):
    """app(dockerfile, files={}) makes a folder with busybox in it."""
    def make(dockerfile, files=None):
        folder = make_app(tmp_path / "app", {"Dockerfile": dockerfile, **(files or {})})
        shutil.copy(BUSYBOX, folder / "busybox")
        return folder
    return make


def instructions(cooper, build, app="hello"):
    """{instruction: was it cached?} of the steps that a cache can spare"""
    return {s["text"]: s["cached"] for s in cooper.steps(app, build)
            if s["text"].split()[0] in ("COPY", "RUN")}


def test_labels_tell_whose_an_image_is_and_spare_the_cache(cooper, engine, app):
    folder = app(HEAD + "LABEL org.opencontainers.image.version=mine\nRUN echo hi\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    for words in (["init", "-q"], ["remote", "add", "origin", "https://me:pass@git.example/hello.git"],
                  ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    first, second = (build_id_of(cooper("build", folder, "-a", "hello").ok().out) for _ in range(2))
    for build in (first, second):
        labels = engine.labels(f"localhost/hello:web.{build}")
        record = cooper.record("hello", build)
        assert labels.items() >= {
            "cooper.app": "hello", "cooper.build": build, "cooper.service": "web",
            "org.opencontainers.image.revision": record["git_sha"],
            "org.opencontainers.image.source": "https://git.example/hello.git",
            "org.opencontainers.image.version": "mine"}.items()
        created = labels["org.opencontainers.image.created"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created) and created[:16] == record["started_at"][:16]
    assert all(instructions(cooper, second).values()), "labels are no reason to run a step again"
    log = cooper.log("hello", second).decode()
    counts = re.search(r"(\d+) of (\d+) steps cached", log)
    assert counts[1] == counts[2] and "cooper.app" not in log, log


def test_labels_are_on_the_image_of_a_stage_that_is_not_the_last(cooper, engine, app):
    folder = app(HEAD.replace("scratch", "scratch AS base") + "FROM base AS development\nRUN echo > /dev-only\n"
                 "FROM base\nRUN exit 1\n")
    build = build_id_of(cooper("build", folder, "-a", "hello", "--development").ok().out)
    assert engine.labels(f"localhost/hello:web.{build}")["cooper.build"] == build
    assert "RUN exit 1" not in instructions(cooper, build)


def test_a_syntax_line_follows_the_property(cooper, app):
    folder = app("# syntax=127.0.0.1:1/no/such:1\n" + HEAD)
    build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    assert b"Dockerfile:1: # syntax=127.0.0.1:1/no/such:1 is ignored (property syntax)\n" in cooper.log("hello", build)
    cooper("builds", "set", "-a", "hello", "syntax", "deny").ok()
    done = cooper("build", folder, "-a", "hello")
    reason = cooper.record("hello", build_id_of(done.out + done.err))["reason"]
    assert reason.startswith("service web: Dockerfile:1: the line # syntax=127.0.0.1:1/no/such:1"), reason
    cooper("builds", "set", "-a", "hello", "syntax", "allow").ok()
    done = cooper("build", folder, "-a", "hello")
    build = build_id_of(done.out + done.err)
    record, log = cooper.record("hello", build), cooper.log("hello", build).decode()
    if record["engine"].startswith("buildah"):
        assert "# syntax=127.0.0.1:1/no/such:1 has no effect: buildah reads Dockerfiles itself\n" in log
    else:
        assert record["status"] == "failed" and "127.0.0.1:1/v2/no/such" in record["reason"], record["reason"]
