"""A log that is followed from afar: byte by byte, whatever happens to the server and the connection."""
import os
import signal

import pytest

from support.cooper import HEAD, wait_for
from support.push import read_until
from support.remote import Line, RemoteCooper


@pytest.fixture
def line(server):
    line = Line(server.port)
    yield line
    line.close()


@pytest.fixture
def client(cooper, line, tmp_path):
    cooper("apps", "create", "shop").ok()
    client = RemoteCooper(cooper, f"http://127.0.0.1:{line.port}", tmp_path / "home")
    yield client
    client.close()


# What no text can hold is in it, too.
NOISE = r"""i=0; while [ $i -lt 400 ]; do printf 'line %d \377\376 \303\n' $i; i=$((i+1)); done"""


def follow(client, build, out):
    with open(out, "wb") as file:
        import subprocess
        from support.cooper import executable
        process = subprocess.Popen([executable(), "builds", "logs", build, "-a", "shop", "--raw"], env=client.env,
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, process_group=0)
    client.running.append(process)
    return process


def test_a_follower_has_every_byte_once_though_the_server_is_killed(client, cooper, server, app, gate, tmp_path):
    folder = app(HEAD + f"RUN {NOISE}\nRUN {gate.command}\nRUN {NOISE}\n")
    started = client("build", folder, "-a", "shop", "--detach").ok()
    build = started.out.split()[-1]
    cooper.wait_for_log("shop", build, "line 399")
    followers = [follow(client, build, tmp_path / f"seen-{number}") for number in range(3)]
    for number in range(3):
        wait_for(lambda: b"line 399" in (tmp_path / f"seen-{number}").read_bytes(), "the first part of the log")
    gate.wait()
    server.kill()
    server.start()
    gate.open()
    for process in followers:
        assert process.wait(180) == 0, process.stderr.read()
    assert cooper.wait_for_end("shop", build)["status"] == "succeeded"
    log = cooper.log("shop", build)
    assert log.count(b"line 399") >= 2 and b"\xff\xfe" in log
    for number in range(3):
        assert (tmp_path / f"seen-{number}").read_bytes() == log


def test_an_interrupt_cancels_the_build_there(client, cooper, app, gate):
    folder = app(HEAD + f"RUN {gate.command}\n")
    process = client.start("build", folder, "-a", "shop")
    build = cooper.wait_for_new_build("shop")
    gate.wait()
    read_until(process, "RUN")  # the client follows it by now
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 130, (out, err)
    assert f"Canceling build {build}" in err
    assert cooper.wait_for_end("shop", build)["status"] == "canceled"


def test_the_tail_and_no_follow(client, cooper, app):
    folder = app(HEAD + f"RUN {NOISE}\n")
    cooper("build", folder, "-a", "shop").ok()
    for words in (("--no-follow",), ("--tail", "5"), ("--tail", "5", "--no-follow"), ("--tail", "0"), ("--raw",)):
        here, there = (run("builds", "logs", "last", "-a", "shop", *words) for run in (cooper, client))
        assert tuple(here) == tuple(there)
        assert here.code == 0
