"""A Docker Engine of the tests' own, with its own folders and socket.

Which one: the host's, or with COOPER_TEST_DOCKER="28.5.2" or "28.5.2-containerd" one
that `./dev setup --with-current-docker` fetched, with the store of images named."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse

from .cooper import PROJECT, wait_for

CURRENT = PROJECT / "build/current-docker"


def missing():
    """Why no engine can be started here; empty if one can."""
    if os.getuid():
        return "dockerd needs root"
    version, _ = _wanted()
    if shutil.which("dockerd", path=_path()):
        return ""
    return f"Docker Engine {version} is not here: ./dev setup --with-current-docker" if version else (
        "dockerd is not installed (Debian: docker.io)")


def _wanted():
    """(version, store); ("", "") is the host's own engine"""
    version, _, store = os.environ.get("COOPER_TEST_DOCKER", "").partition("-")
    return version, store


def has_containerd_store():
    return _wanted()[1] == "containerd"


def _path():
    """Where the engine's programs are; its runc is the host's."""
    version, _ = _wanted()
    if version:
        return f"{CURRENT / version}/usr/sbin:{CURRENT / version}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=240)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class DockerEngine:
    """Without a bridge and iptables, so that it changes nothing of the host."""

    def __init__(self):
        # Short: a socket's path has 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cooper-docker-"))
        self.socket = self.folder / "docker.sock"
        self.process = None

    @property
    def env(self):
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}

    def start(self):
        config = self.folder / "daemon.json"
        config.write_text(json.dumps({"features": {"containerd-snapshotter": has_containerd_store()}}))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [shutil.which("dockerd", path=_path()), "--data-root", self.folder / "data", "--exec-root", self.folder / "exec",
                 "-H", f"unix://{self.socket}", "--pidfile", self.folder / "pid",
                 "--config-file", config, "--bridge=none", "--iptables=false"],
                env={**os.environ, "PATH": _path()}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        wait_for(self.answers, "the Docker Engine", 180)
        version, info = (json.loads(self.ask("GET", f"/{what}")[1]) for what in ("version", "info"))
        assert version["Version"].startswith(_wanted()[0]), version
        assert ("containerd" in str(info["DriverStatus"])) == has_containerd_store(), info
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            return self.ask("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def ask(self, method, target, body=None):
        """(status, body) of one exchange."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request(method, target, body, {"Content-Type": "application/json"} if isinstance(body, str) else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def images(self):
        """{reference: image id}"""
        listed = json.loads(self.ask("GET", "/images/json")[1])
        return {tag: image["Id"] for image in listed for tag in image["RepoTags"] or []
                if tag != "<none>:<none>"}

    def image(self, reference):
        status, body = self.ask("GET", f"/images/{urllib.parse.quote(reference, safe='')}/json")
        assert status == 200, body
        return json.loads(body)

    def kill(self):
        """As a crash of the host's: daemon, containerd and all processes of builds at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._end_children()
        # Where a dead containerd is not reaped at once, the next daemon would take it for alive.
        shutil.rmtree(self.folder / "exec", ignore_errors=True)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self):
        self.stop()
        self._end_children()
        points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        for point in sorted((p for p in points if p.startswith(f"{self.folder}/")), key=len, reverse=True):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _children(self):
        """containerd and its kind, by their command lines; what runs in a build, by its root."""
        found, mark = [], str(self.folder).encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                roots = [line for line in (entry / "mountinfo").read_bytes().splitlines()
                         if line.split()[4] == b"/"]
            except OSError:
                continue  # it ended meanwhile
            own = pathlib.PurePosixPath(os.fsdecode(command.split(b"\0")[0])).name.startswith(
                ("containerd", "runc", "dockerd"))
            if (own and mark in command) or any(mark in line for line in roots):
                found.append(int(entry.name))
        return found

    def _end_children(self):
        for pid in self._children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self._children(), "the engine's processes to end")
