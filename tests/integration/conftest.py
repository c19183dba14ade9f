"""Fixtures of the integration tests; tests/support/cooper.py has the tools."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from support import docker
from support.cooper import BUSYBOX, PROJECT, Cooper, Gate, ImageStore, executable, make_app, processes_of, wait_for
from support.dokku import Dokku
from support.rack_client import servers_of
from support.remote import Line
from support.terminal import Terminal


def _make_store(folder):
    """A store with the base image; vfs where overlay can't be mounted."""
    reasons = []
    for driver in ("overlay", "vfs"):
        place = pathlib.Path(folder) / driver
        place.mkdir()
        store = ImageStore(place, driver)
        done = subprocess.run([PROJECT / "examples/hello/make-base.sh"], env=store.env, text=True,
                              capture_output=True, timeout=300)
        if done.returncode == 0:
            return store
        reasons.append(f"{driver}: {done.stderr.strip()}")
        store.remove()
    raise AssertionError("buildah can't make the base image: " + "; ".join(reasons))


@pytest.fixture(scope="session", autouse=True)
def no_sanitizer_reports():
    """A sanitizer's report fails the file, also one of a process whose output
    nobody reads, such as a supervisor's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cooper-sanitizer-"))
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        os.environ[name] = ":".join(filter(None, (os.environ.get(name), f"log_path={folder}/report")))
    # What is freed stays out of use for a while, but not 256 MiB of it: tests of memory would see only that.
    os.environ["ASAN_OPTIONS"] += ":quarantine_size_mb=16"
    yield
    # A thread that ends just while the leak checker stops all of them is no report.
    gone = re.compile(r"^==\d+==Unable to get registers from thread \d+\.$", re.MULTILINE)
    reports = [text for path in sorted(folder.iterdir())
               if (text := gone.sub("", path.read_text(errors="replace"))).strip()]
    shutil.rmtree(folder)
    assert not reports, "sanitizer reports:\n" + "\n".join(reports)


@pytest.fixture(scope="session")
def store():
    """An image store that holds the base image. At the end no mount, working
    container or process of it may be left."""
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    folder = tempfile.mkdtemp(prefix="cooper-store-")
    try:
        made = _make_store(folder)
        yield made
        # A supervisor still prunes when its build's record says that it has ended.
        wait_for(lambda: not processes_of(folder), f"the end of {processes_of(folder)}")
        left = made.working_containers()
        clean = made.remove()
        assert clean, "mounts of working containers were left in the store"
        assert not left, left
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def root(tmp_path):
    """A fresh, empty data root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def cooper(root, store):
    """cooper(*args, input=None, env=None, timeout=60) -> (code, out, err), on
    `root` and `store`."""
    runner = Cooper(root, store.env)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def docker_engine():
    """A Docker Engine of the file's own."""
    if reason := docker.missing():
        pytest.skip(reason)
    running = docker.DockerEngine()
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.fixture
def app(tmp_path):
    """app(dockerfile, files={}) makes a folder with busybox in it."""
    def make(dockerfile, files=None):
        folder = make_app(tmp_path / "app", {"Dockerfile": dockerfile, **(files or {})})
        shutil.copy(BUSYBOX, folder / "busybox")
        return folder
    return make


@pytest.fixture
def track(plain_cooper):
    """Runs a command for the app `shop`; flags go before `--`."""
    def run(*command, flags=(), **options):
        return plain_cooper("track", "-a", "shop", *flags, "--", *command, **options)
    return run


@pytest.fixture
def on_terminal(plain_cooper):
    """cooper on a terminal; gone after the test."""
    jobs = []

    def start(*words, **options):
        jobs.append(Terminal([executable(), *words], {**plain_cooper.env, "TERM": "dumb"}, **options))
        return jobs[-1]
    yield start
    for job in jobs:
        try:
            os.kill(job.pid, signal.SIGKILL)
            job.end()
        except OSError:
            pass  # it has ended, as it should


@pytest.fixture
def gate():
    """Where a RUN instruction waits for the test: `gate.command` in its Dockerfile."""
    made = Gate()
    yield made
    made.close()


@pytest.fixture
def plain_cooper(root):
    """As `cooper`, for commands that need no engine."""
    runner = Cooper(root, dict(os.environ))
    yield runner
    runner.close()


@pytest.fixture
def dokku(tmp_path):
    """A scratch Dokku data root with the plugin folder."""
    made = Dokku(tmp_path)
    yield made
    made.close()


@pytest.fixture
def serve(request):
    """serve(*flags) starts a server, with the image store if the test has `cooper`; it is gone after the test."""
    name = "cooper" if "cooper" in request.fixturenames else "plain_cooper"
    with servers_of(request.getfixturevalue(name)) as start:
        yield start


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def line(server):
    """A line to `server` that a test can cut."""
    made = Line(server.port)
    made.server = server
    yield made
    made.close()
