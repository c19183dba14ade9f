"""Cancel, Ctrl-C, a closed terminal, kill -9 of either program: what lives on, what ends, what is left."""
import json
import os
import pty
import signal
import time

import pytest

from support.cooper import BASE_IMAGE, build_id_of, executable, make_app, processes_of, wait_for

#: Ignores SIGTERM, and has a child in a session of its own.
STUBBORN = f"""FROM {BASE_IMAGE}
COPY . /x
RUN trap '' TERM INT QUIT HUP; setsid sh -c 'trap "" TERM; while :; do sleep 1; done' & \
    echo step runs; while :; do sleep 1; done
"""


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path / "app", {"Dockerfile": STUBBORN})


@pytest.fixture
def running(cooper, app):
    """The id of a build that is in the middle of its RUN."""
    build = build_id_of(cooper("build", app, "--detach").ok().out)
    cooper.wait_for_log("app", build, "step runs\n")
    return build


def assert_canceled(cooper, store, build):
    record = cooper.record("app", build)
    assert (record["status"], record["exit_code"]) == ("canceled", -1), record
    assert cooper.log("app", build).decode().splitlines()[-1] == "Build canceled"
    assert "release" not in record and "images" not in record
    store.assert_clean(build)
    assert not (cooper.root / "data/work/app" / build).exists()


def test_cancel_returns_when_nothing_is_left(cooper, store, running):
    done = cooper("builds", "cancel", "current", "-a", "app").ok()
    assert not processes_of(running), "cancel returned too early"
    assert_canceled(cooper, store, running)
    assert running in done.out + done.err
    before = cooper.record("app", running)
    again = cooper("builds", "cancel", running, "-a", "app")
    assert cooper.record("app", running) == before and "canceled" in again.out + again.err


def test_cancel_without_a_running_build(cooper):
    cooper("apps", "create", "app").ok()
    done = cooper("builds", "cancel", "current", "-a", "app")
    assert done.code == 3 and "no running build" in done.err


class OnTerminal:
    """cooper as the foreground job of a terminal of its own."""

    def __init__(self, cooper, *args):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(executable(), [executable(), *map(str, args)], {**cooper.env, "TERM": "dumb"})
        self.seen = b""

    def read_until(self, text, seconds=180):
        deadline = time.monotonic() + seconds
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not self._read():
                break
        return self.seen.decode(errors="replace")

    def _read(self):
        try:
            chunk = os.read(self.terminal, 65536)
        except OSError:
            return False  # nobody has the terminal open any more
        self.seen += chunk
        return bool(chunk)

    def press_ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def end(self):
        """The exit code; the output up to the end is in `seen`."""
        while self._read():
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_ctrl_c_cancels_and_waits_for_the_end(cooper, store, app):
    job = OnTerminal(cooper, "build", app)
    job.read_until("step runs\r\n")
    job.press_ctrl_c()
    assert job.end() == 130
    assert b"Build canceled" in job.seen
    assert_canceled(cooper, store, cooper.build_ids("app")[0])


def test_second_ctrl_c_leaves_and_the_cancel_goes_on(cooper, store, app):
    job = OnTerminal(cooper, "build", app)
    job.read_until("step runs\r\n")
    job.press_ctrl_c()
    job.press_ctrl_c()
    assert job.end() == 130
    build = cooper.build_ids("app")[0]
    cooper.wait_for_end("app", build)
    assert_canceled(cooper, store, build)


def finish_later(tmp_path, gate):
    return make_app(tmp_path / "app", {
        "Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo step runs; {gate.command}; echo step is done\n"})


def test_a_closed_terminal_leaves_the_build_running(cooper, store, tmp_path, gate):
    job = OnTerminal(cooper, "build", finish_later(tmp_path, gate))
    job.read_until("step runs\r\n")
    os.close(job.terminal)
    os.waitpid(job.pid, 0)
    build = cooper.build_ids("app")[0]
    gate.open()
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"
    assert b"step is done" in cooper.log("app", build)
    store.assert_clean(build)


def test_kill_9_of_the_command_leaves_the_build_running(cooper, tmp_path, gate):
    command = cooper.start("build", finish_later(tmp_path, gate))
    build = cooper.wait_for_new_build("app")
    cooper.wait_for_log("app", build, "step runs\n")
    os.killpg(command.pid, signal.SIGKILL)
    command.wait()
    gate.open()
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"


def test_kill_9_of_the_supervisor_is_abandoned_then_reaped_with_all_it_left(cooper, store, running):
    os.kill(cooper.record("app", running)["pid"], signal.SIGKILL)
    wait_for(lambda: "abandoned" in cooper("builds", "info", running, "-a", "app").ok().out, "abandoned")
    listed = json.loads(cooper("builds", "-a", "app", "--format", "json").ok().out)
    assert [(b["status"], b["display_status"]) for b in listed] == [("running", "abandoned")]
    assert cooper.record("app", running)["status"] == "running", "reading never writes"
    assert cooper("builds", "logs", running, "-a", "app").ok().out, "following an abandoned build ends"

    done = cooper("builds", "prune", "-a", "app").ok()
    record = cooper.record("app", running)
    assert (record["status"], record["exit_code"]) == ("failed", -1)
    assert "abandoned" in record["reason"] and running in done.out + done.err
    assert not (cooper.root / "data/work/app" / running).exists()
    store.assert_clean(running)


def test_cancel_of_an_abandoned_build_finalizes_it(cooper, store, running):
    os.kill(cooper.record("app", running)["pid"], signal.SIGKILL)
    cooper("builds", "cancel", running, "-a", "app")
    assert cooper.record("app", running)["status"] == "failed"
    store.assert_clean(running)


def test_the_next_build_reaps_and_needs_no_unlock(cooper, store, running, app):
    os.kill(cooper.record("app", running)["pid"], signal.SIGKILL)
    make_app(app, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN true\n"})
    cooper("build", app).ok()
    wait_for(lambda: cooper.record("app", running)["status"] == "failed", "the end of the abandoned build")
    wait_for(lambda: not processes_of(running), "its processes' end")
    store.assert_clean(running)


def test_an_app_with_a_running_build_is_not_deleted(cooper, store, app, tmp_path):
    quick = make_app(tmp_path / "quick", {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    done = build_id_of(cooper("build", quick, "-a", "app").ok().out)
    assert [name for name in store.images() if done in name]
    running = build_id_of(cooper("build", app, "--detach").ok().out)
    wait_for(lambda: cooper.record("app", running)["status"] == "running", "its turn")
    refused = cooper("apps", "delete", "app")
    assert refused.code == 6 and "cancel" in refused.err
    assert cooper.record("app", running)["status"] == "running"
    cooper("builds", "cancel", running, "-a", "app").ok()
    cooper("apps", "delete", "app").ok()
    roots_own = {cooper.root / "data" / name for name in ("builds/.images.lock", "builds/.root-id", "queue/.lock")}
    assert not [path for path in cooper.root.rglob("*")
                if path.is_file() and "cache" not in path.parts and path not in roots_own]
    assert not [name for name in store.images() if done in name or running in name]


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_while_it_packs_leaves_nothing(cooper, tmp_path, ends):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    fifo_like = app / "big"
    with open(fifo_like, "wb") as file:
        file.truncate(20 << 30)  # sparse: takes long to pack, no space to make
    command = cooper.start("build", app)
    wait_for(lambda: list(cooper.root.glob("data/sources/app/.tmp-*")), "packing to begin")
    os.killpg(command.pid, ends)
    command.communicate(timeout=180)
    assert command.returncode == 130
    assert cooper.build_ids("app") == [] and not list(cooper.root.glob("data/sources/app/*"))
