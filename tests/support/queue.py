"""What the tests of the queue share: builds that stand at a gate, and looks at who waits."""
import json
import os
import signal

import pytest

from support.cooper import BASE_IMAGE, Gate, build_id_of, make_app, processes_of, wait_for

QUICK = f"FROM {BASE_IMAGE}\n"


@pytest.fixture
def gates():
    made = []

    def make():
        made.append(Gate())
        return made[-1]
    yield make
    for gate in made:
        gate.close()


@pytest.fixture
def build(cooper, tmp_path):
    """build(app, gate=None, *flags) starts a build and returns its id."""
    def start(app, gate=None, *flags, folder=None):
        folder = folder or make_app(tmp_path / f"source-{app}", {
            "Dockerfile": QUICK + (f"RUN {gate.command}\n" if gate else "")})
        return build_id_of(cooper("build", folder, "-a", app, "--detach", *flags).ok().out)
    return start


@pytest.fixture
def one_at_a_time(cooper):
    cooper("builds", "set", "--global", "concurrency", "1").ok()


def queue(cooper, *flags):
    return json.loads(cooper("queue", "--format", "json", *flags).ok().out)


def statuses(cooper, builds):
    return [cooper.record(app, build)["status"] for app, build in builds]


def tickets(cooper):
    folder = cooper.root / "data/queue"
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.exists() else []


def kill_supervisor(cooper, app, build):
    kill_supervisors(cooper, [(app, build)])


def kill_supervisors(cooper, builds):
    """All at once: none sees that another is gone."""
    pids = {build: cooper.record(app, build)["pid"] for app, build in builds}
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids.values():
            os.kill(pid, number)
    wait_for(lambda: not [build for build, pid in pids.items() if pid in processes_of(build)], "the supervisors' end")
