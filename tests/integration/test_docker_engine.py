"""Builds in a real Docker Engine, over its socket: no docker command is run."""
import json
import os
import re
import signal

import pytest

from support.cooper import HEAD, Cooper, build_id_of, processes_of, wait_for


@pytest.fixture(scope="module")
def engine(docker_engine):
    return docker_engine


@pytest.fixture
def cooper(root, engine):
    runner = Cooper(root, engine.env)
    yield runner
    runner.close()


def image_of(record, service="web"):
    """(reference, digest)"""
    return record["images"][service].split("@")


def test_an_image_is_made_and_known_to_the_engine(cooper, engine, app):
    folder = app(HEAD + 'ARG WORD=none\nRUN echo "said $WORD" > /said; echo on stdout; echo on stderr >&2\n'
                 'LABEL a=b\n', {"with space/ä.txt": "text"})
    done = cooper("build", folder, "-a", "hello", "--build-args", "WORD=hi").ok()
    build = build_id_of(done.out + done.err)
    record = cooper.record("hello", build)
    assert record["engine"] == "docker " + json.loads(engine.ask("GET", "/version")[1])["Version"].split("+")[0]
    reference, digest = image_of(record)
    assert reference == f"localhost/hello:web.{build}"
    assert engine.images()[reference] == digest
    assert engine.image(reference)["Config"]["Labels"]["a"] == "b"
    log = cooper.log("hello", build).decode()
    assert "on stdout\n" in log and "on stderr\n" in log
    steps = cooper.steps("hello", build)
    assert [s["text"].split()[0] for s in steps] == ["COPY", "RUN", "COMMIT"]
    assert [s["number"] for s in steps] == [1, 2, 3]
    run = steps[1]
    assert run["exit"] == 0 and not run["cached"]
    assert "on stdout" in log.encode()[run["log_begin"]:run["log_end"]].decode()


@pytest.mark.parametrize("dockerfile, reason", [
    ("FROM scratch\nFOO bar\n", r"line 2: unknown instruction: FOO"),
    ("FROM scratch\nCOPY nothing /\n", r"COPY nothing / \(Dockerfile:2\).*nothing.*not found"),
    (HEAD + "RUN exit 1\n", r"exit status 1"),
])
def test_what_is_wrong_is_said(cooper, app, dockerfile, reason):
    done = cooper("build", app(dockerfile), "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["exit_code"] == 1 and re.search(reason, record["reason"]), record["reason"]


def test_what_the_daemon_warns_of_is_in_the_log(cooper, engine, app):
    if int(json.loads(engine.ask("GET", "/version")[1])["Version"].split(".")[0]) < 27:
        pytest.skip("this engine's BuildKit checks no Dockerfile: ./dev setup --with-current-docker")
    build = build_id_of(cooper("build", app(HEAD + "MAINTAINER me\n"), "-a", "hello").ok().out)
    assert re.search(rb"^warning: .*[Mm]aintainer", cooper.log("hello", build), re.M), cooper.log("hello", build)


def test_a_killed_supervisor_ends_its_build_in_the_engine(cooper, engine, app):
    seconds = 10_000_000 + os.getpid()  # tells the step from those of other runs of this file
    folder = app(HEAD + f"RUN echo sleeping; /bin/busybox sleep {seconds}\n")
    cooper.start("build", folder, "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    cooper.wait_for_log("hello", build, "\nsleeping\n")
    wait_for(lambda: processes_of(f"sleep\0{seconds}"), "the step to run")
    record = cooper.record("hello", build)
    assert record["engine"].startswith("docker ")
    for pid in processes_of(f"--id\0{build}"):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes_of(f"sleep\0{seconds}"), "the step to end")
    cooper("builds", "prune", "-a", "hello").ok()
    assert cooper.record("hello", build)["status"] == "failed"


def test_prune_removes_images_from_the_engine_that_made_them(cooper, engine, app):
    folder = app(HEAD + "RUN echo x\n")
    first = build_id_of(cooper("build", folder, "-a", "pruned").ok().out)
    cooper("builds", "set", "-a", "pruned", "retention", "1").ok()
    # Whatever builds would use now.
    cooper("builds", "set", "-a", "pruned", "engine", "buildah").ok()
    second = build_id_of(cooper("build", folder, "-a", "pruned", "--engine", "docker").ok().out)
    wait_for(lambda: cooper.build_ids("pruned") == [second], "the first build to be pruned")
    names = [name for name in engine.images() if "localhost/pruned:" in name]
    assert names == [f"localhost/pruned:web.{second}"], first


def test_an_existing_image_is_taken_and_a_missing_one_is_an_answer(cooper, engine, app):
    made = build_id_of(cooper("build", app(HEAD), "-a", "base").ok().out)
    base = f"localhost/base:web.{made}"
    folder = app("", {"convox.yml": f"services:\n  web:\n    image: {base}\n"})
    build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
    reference, digest = image_of(cooper.record("hello", build))
    assert engine.images()[reference] == digest == engine.images()[base]
    folder = app("", {"convox.yml": "services:\n  web:\n    image: 127.0.0.1:1/no/such:1\n"})
    done = cooper("build", folder, "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["status"] == "failed"
    assert "image 127.0.0.1:1/no/such:1 can't be pulled" in record["reason"], record["reason"]


def test_engines_says_what_is_there_and_what_is_used(cooper, engine):
    listed = {e["engine"]: e for e in json.loads(cooper("engines", "--format", "json").ok().out)}
    assert listed["docker"]["where"] == str(engine.socket)
    assert listed["docker"]["chosen"] == "a Docker Engine answers"
    assert "chosen" not in listed["buildah"] and "chosen" not in listed["buildkit"]
    gone = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    listed = {e["engine"]: e for e in json.loads(cooper("engines", "--format", "json", env=gone).ok().out)}
    assert "/nonexistent.sock" in listed["docker"]["missing"]
    assert "/nonexistent.sock" in listed["buildah"]["chosen"]


def test_an_engine_that_is_not_there_fails_the_build_clearly(cooper, app):
    done = cooper("build", app(HEAD), "-a", "hello", "--engine", "docker",
                  env={"DOCKER_HOST": "unix:///nonexistent.sock"})
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["status"] == "failed"
    assert "nothing answers at /nonexistent.sock" in record["reason"]


def test_a_daemon_that_is_killed_fails_the_build_and_a_later_one_works(cooper, engine, app):
    folder = app(HEAD + "RUN echo sleeping; /bin/busybox sleep 4713\n")
    process = cooper.start("build", folder, "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    cooper.wait_for_log("hello", build, "\nsleeping\n")
    engine.kill()
    try:
        assert process.wait(180) != 0
        record = cooper.record("hello", build)
        assert record["status"] == "failed"
        assert "went away during the build" in record["reason"], record["reason"]
        # Its images can't be looked for: a warning, and no more. It may die with the question in its queue.
        assert re.search(rb"^warning: (nothing answers at|the Docker Engine at) ", cooper.log("hello", build), re.M)
    finally:
        engine.start()
    cooper("build", app(HEAD), "-a", "hello").ok()
