"""What integration tests share: running cooper, making apps, reading what it
keeps, waiting for conditions, and proving that nothing of a build is left.

Nothing here sleeps as synchronisation: `wait_for` polls a condition until a
deadline and says what it waited for."""
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

BASE_IMAGE = "localhost/hello-base"
BUSYBOX = shutil.which("busybox") or "/bin/busybox"
#: How a Dockerfile begins that needs no base image: the fixture `app` adds the program.
HEAD = 'FROM scratch\nCOPY busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n'
PROJECT = pathlib.Path(__file__).resolve().parents[2]


@dataclass
class Done:
    """How a finished command went; unpacks as (code, out, err)."""
    code: int
    out: str
    err: str
    argv: list = field(default_factory=list)

    def __iter__(self):
        return iter((self.code, self.out, self.err))

    def ok(self):
        assert self.code == 0, f"{self}"
        return self

    def __str__(self):
        return f"{' '.join(map(str, self.argv))}: exit code {self.code}\n-- out\n{self.out}\n-- err\n{self.err}"


def executable():
    """The cooper under test: COOPER_BIN, which ctest sets."""
    path = os.environ.get("COOPER_BIN", "")
    assert path and os.access(path, os.X_OK), f"COOPER_BIN names no executable: '{path}'"
    return path


class Cooper:
    """Runs cooper against one data root and one image store."""

    def __init__(self, root, env):
        self.root = pathlib.Path(root)
        self.env = {**env, "COOPER_ROOT": str(root), "NO_COLOR": "1"}
        self.env.pop("COOPER_APP", None)
        self.running = []

    def __call__(self, *args, input=None, env=None, timeout=240, cwd=None):
        argv = [executable(), *map(str, args)]
        done = subprocess.run(argv, input=input, env={**self.env, **(env or {})}, cwd=cwd, timeout=timeout,
                              capture_output=True, text=True, errors="surrogateescape",
                              stdin=subprocess.DEVNULL if input is None else None)
        return Done(done.returncode, done.stdout, done.stderr, argv)

    def start(self, *args, env=None, cwd=None, **options):
        """Starts cooper in a process group of its own and does not wait.
        Pipes for both outputs; a Popen, which the fixture ends at the latest."""
        process = subprocess.Popen([executable(), *map(str, args)], env={**self.env, **(env or {})}, cwd=cwd,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, process_group=0, **options)
        self.running.append(process)
        return process

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()

    # What it keeps (the data root's layout is in ARCHITECTURE.md).

    def builds_folder(self, app):
        return self.root / "data/builds" / app

    def build_ids(self, app):
        """Ids of the app's records, oldest first (they sort by start)."""
        return sorted(p.stem for p in self.builds_folder(app).glob("*.json"))

    def record(self, app, build):
        return json.loads((self.builds_folder(app) / f"{build}.json").read_text())

    def log(self, app, build):
        return (self.builds_folder(app) / f"{build}.log").read_bytes()

    def steps(self, app, build):
        path = self.builds_folder(app) / f"{build}.steps.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def release(self, app, release):
        return json.loads((self.root / "data/releases" / app / f"{release}.json").read_text())

    def wait_for_new_build(self, app, known=(), seconds=90):
        """The id of a build that is not in `known`, once its record is there."""
        return wait_for(lambda: next((i for i in self.build_ids(app) if i not in known), None),
                        f"a new build of {app}", seconds)

    def wait_for_end(self, app, build, seconds=240):
        """The record, once its status is final."""
        def final():
            record = self.record(app, build)
            return record if record["status"] not in ("queued", "running") else None
        return wait_for(final, f"the end of {build}", seconds)

    def wait_for_supervisor(self, build, seconds=90):
        """Its process goes on for a moment after its record has ended: it prunes."""
        wait_for(lambda: not processes_of(f"--id\0{build}\0"), f"the end of the supervisor of {build}", seconds)

    def wait_until_idle(self):
        """Until no process works in the data root: what a prune removes can't be listed and read meanwhile."""
        wait_for(lambda: not processes_of(str(self.root)), "the end of what works in the data root")

    def wait_for_log(self, app, build, text, seconds=180):
        """The log's bytes, once they hold `text`."""
        wanted = text.encode()

        def found():
            path = self.builds_folder(app) / f"{build}.log"
            data = path.read_bytes() if path.exists() else b""
            return data if wanted in data else None
        return wait_for(found, f"{text!r} in the log of {build}", seconds)


def only_record(cooper, app="shop"):
    ids = cooper.build_ids(app)
    assert len(ids) == 1, ids
    return cooper.record(app, ids[0])


def build_id_of(output):
    """The id in `Build:   ID` of what `cooper build` printed."""
    match = re.search(r"^Build:\s+(\S+)$", output, re.M)
    assert match, f"no `Build:   ID` in:\n{output}"
    return match[1]


def moment(text):
    """An RFC 3339 time in UTC, for comparisons: fractions have no fixed number of digits."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def files_below(folder):
    """{path: bytes} of all files; one that is removed meanwhile is none."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(at, name)
            try:
                found[path] = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            except FileNotFoundError:
                continue
    return found


def wait_for(condition, what, seconds=90):
    """The first true value of `condition()`; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return value


class Gate:
    """Holds up a RUN instruction until the test lets it go on: it waits for a
    connection to the test to end (RUN instructions use the host's network)."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(180)
        self._reached = None
        #: what the instruction runs
        self.command = f"nc 127.0.0.1 {self._server.getsockname()[1]} < /dev/null"

    def wait(self):
        """Returns once the instruction stands at the gate."""
        self._reached = self._reached or self._server.accept()[0]

    def open(self):
        """Waits for the instruction, and lets it go on."""
        self.wait()
        self._reached.close()

    def close(self):
        """Nobody is held up any more: an instruction that comes now fails."""
        if self._reached:
            self._reached.close()
        self._server.close()


def make_app(folder, files):
    """Writes {path: text or bytes}; a path that ends in / is an empty folder,
    a text that starts with #! is made executable."""
    folder = pathlib.Path(folder)
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        if data.startswith(b"#!"):
            path.chmod(0o755)
    return folder


# What a process or a build leaves on the machine.

def processes_of(text):
    """{pid: command line} of processes that carry `text` in their command
    line, environment, cgroup or working folder; ours and our parents' excepted."""
    wanted, mine, found = text.encode(), _ancestors(), {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in mine:
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            command = _command_line(entry)
            seen = command + b"".join((entry / part).read_bytes() for part in ("environ", "cgroup"))
            seen += os.fsencode(os.readlink(entry / "cwd"))
            if state != "Z" and wanted in seen:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it ended meanwhile, or is not ours to read
    return found


def _command_line(entry):
    """Words with a zero byte behind each. What has a program has some, but for the moment in which it becomes another."""
    deadline = time.monotonic() + 1
    while not (words := (entry / "cmdline").read_bytes()) and time.monotonic() < deadline:
        try:
            os.readlink(entry / "exe")
        except OSError:
            break  # the kernel's own, or it ends
    return words


def has_open(pid, ending):
    """Has the process a file open whose path ends so? False if there is no such process."""
    opened = []
    try:
        for number in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                opened.append(os.readlink(number))
            except OSError:
                continue  # closed meanwhile
    except OSError:
        pass  # it ended
    return any(name.endswith(ending) for name in opened)


def runs(pid):
    """Whether the process is there; a zombie is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def commands_of(build):
    """processes_of() a build without its supervisor, which still prunes when the record is final."""
    return {pid: command for pid, command in processes_of(build).items() if "cooper-supervisor" not in command}


def limits_of(pid):
    """(bytes of memory, processors) that the control groups of a process leave it; inf: no limit"""
    found = {"memory": [math.inf], "cpu": [math.inf]}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else ("",):
            top = pathlib.Path("/sys/fs/cgroup") / controller
            for group in (top / path.strip("/"), *(top / path.strip("/")).parents):
                if group == top or top not in group.parents:
                    break
                for name in ("memory.max", "memory.limit_in_bytes", "cpu.max", "cpu.cfs_quota_us"):
                    try:
                        words = (group / name).read_text().split()
                    except OSError:
                        continue
                    if words[0] not in ("max", "-1"):
                        period = int(words[1]) if len(words) > 1 else 100000
                        found[name.split(".")[0]].append(int(words[0]) / (period if name.startswith("cpu") else 1))
    # Version 1 calls the largest number of pages no limit.
    return tuple(min(limit for limit in found[name] if limit < 1 << 62 or limit == math.inf) for name in found)


def _ancestors():
    pids, pid = set(), os.getpid()
    while pid > 0:
        pids.add(pid)
        pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return pids


def mounts_below(folder):
    """Mount points in `folder`, deepest first."""
    prefix = f"{folder}/"
    points = [line.split()[4].encode().decode("unicode_escape")
              for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((p for p in points if p.startswith(prefix)), key=len, reverse=True)


class ImageStore:
    """A containers/storage of its own, so that the host's images are untouched."""

    def __init__(self, folder, driver):
        self.folder = pathlib.Path(folder)
        self.driver = driver
        conf = self.folder / "storage.conf"
        conf.write_text(f'[storage]\ndriver = "{driver}"\n'
                        f'graphroot = "{self.folder}/graph"\nrunroot = "{self.folder}/run"\n')
        # A Docker Engine of the host's would be preferred, and is none of our business.
        self.env = {**os.environ, "CONTAINERS_STORAGE_CONF": str(conf),
                    "DOCKER_HOST": f"unix://{self.folder}/no-docker.sock"}

    def buildah(self, *args, timeout=300):
        argv = ["buildah", *map(str, args)]
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        return Done(done.returncode, done.stdout, done.stderr, argv)

    def images(self):
        """{reference: image id}"""
        listed = json.loads(self.buildah("images", "--json", "--no-trunc").ok().out or "[]") or []
        return {name: image["id"] for image in listed for name in image.get("names") or []}

    def working_containers(self):
        """Ids of containers that builds work in."""
        listed = json.loads(self.buildah("containers", "--json").ok().out or "[]") or []
        return [container["id"] for container in listed]

    def mounts(self):
        """Mounts of containers; the store's own bind mount on itself is not one."""
        own = {f"{self.folder}/graph/{self.driver}"}
        return [point for point in mounts_below(self.folder) if point not in own]

    def assert_clean(self, build=None):
        """No working container and no mount is left, and no process that
        carries the build's id (or, without one, this store's folder)."""
        wanted = str(build or self.folder)
        try:
            # A process that was signalled may need a moment to be gone.
            wait_for(lambda: not processes_of(wanted), "processes to end")
        except AssertionError:
            raise AssertionError(f"processes left of {wanted}: {processes_of(wanted)}") from None
        assert self.working_containers() == []
        assert self.mounts() == []

    def remove(self):
        """Unmounts what is left and deletes the store. True if nothing but the
        store's own mount had to be unmounted."""
        left = self.mounts()
        for point in mounts_below(self.folder):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
        subprocess.run(["buildah", "unshare", "rm", "-rf", self.folder] if os.getuid() else
                       ["rm", "-rf", self.folder], check=False, capture_output=True)
        return not left
