"""Work trees that push, and servers to push to or fetch from: sshd and git-daemon on loopback, with keys,
configuration and files of their own."""
import os
import pwd
import shutil
import signal
import socket
import subprocess

from .cooper import Done, executable, make_app, wait_for
from .ports import free_port

#: Nobody's settings.
ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "T",
       "GIT_AUTHOR_EMAIL": "t@example.com", "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.com",
       "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class WorkTree:
    """A repository with files, whose pushes run `cooper` with the environment of a fixture's."""

    def __init__(self, folder, env, branch="main"):
        self.folder = folder
        self.env = {**env, **ENV}
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", branch).ok()

    def git(self, *words, env=None, timeout=300, folder=None):
        argv = ["git", "-c", "protocol.file.allow=always", *map(str, words)]
        done = subprocess.run(argv, cwd=folder or self.folder, env={**self.env, **(env or {})}, text=True,
                              capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
                              errors="surrogateescape")
        return Done(done.returncode, done.stdout, done.stderr, argv)

    def start(self, *words, env=None):
        """The same in the background, in a process group of its own; both outputs in one pipe."""
        return subprocess.Popen(["git", *map(str, words)], cwd=self.folder, env={**self.env, **(env or {})},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, process_group=0)

    def commit(self, files=None, subject="A change"):
        """Writes files and commits everything; the commit's id."""
        make_app(self.folder, files or {})
        self.git("add", "-A").ok()
        self.git("commit", "-q", "--allow-empty", "-m", subject).ok()
        return self.head()

    def head(self, ref="HEAD"):
        return self.git("rev-parse", ref).ok().out.strip()


def end(process):
    """Kills what is left of a group that WorkTree.start began."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    if process.stdout:
        process.stdout.close()


def ref(repository, name):
    """The id that a ref names; None: there is no such ref."""
    done = subprocess.run(["git", f"--git-dir={repository}", "rev-parse", "--verify", "-q", name],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _listens(port, process, log, host="127.0.0.1"):
    assert process.poll() is None, log.read_text()[-2000:]
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


class GitDaemon:
    """Serves the repositories in a folder at git://127.0.0.1:PORT/."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None

    def start(self):
        log = self.folder / "daemon.log"
        self.process = subprocess.Popen(
            ["git", "daemon", "--listen=127.0.0.1", f"--port={self.port}", "--export-all", "--reuseaddr",
             f"--base-path={self.folder}", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=log.open("wb"), stderr=subprocess.STDOUT, process_group=0)
        wait_for(lambda: _listens(self.port, self.process, log), "git daemon")
        return self

    def url(self, name):
        return f"git://127.0.0.1:{self.port}/{name}"

    def stop(self):
        if self.process:
            end(self.process)


class Sshd:
    """OpenSSH's server for the user who runs the tests; `authorized_keys` is empty at first. `settings`: more
    lines of its configuration."""

    def __init__(self, folder, env, host="127.0.0.1", settings=""):
        self.folder, self.port, self.process = folder, free_port(), None
        self.host, self.settings = host, settings
        self.authorized_keys = folder / "authorized_keys"
        self.env = env
        self.user = pwd.getpwuid(os.getuid()).pw_name

    @staticmethod
    def missing():
        return None if shutil.which("sshd", path="/usr/sbin:/usr/bin") else "openssh-server is not installed: ./dev setup"

    def start(self):
        self.folder.mkdir(exist_ok=True)
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        if not (self.folder / "host").exists():
            self.key("host")
        log = self.folder / "sshd.log"
        passed = " ".join(f'"{name}={self.env[name]}"' for name in ("CONTAINERS_STORAGE_CONF", "DOCKER_HOST", "PATH")
                          if name in self.env)
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {self.host}:{self.port}\nHostKey {self.folder}/host\nPidFile none\nUsePAM no\n"
            f"StrictModes no\nAuthorizedKeysFile {self.authorized_keys}\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nPermitRootLogin forced-commands-only\nAcceptEnv GIT_PROTOCOL\n"
            f"SetEnv {passed}\n{self.settings}")
        self.process = subprocess.Popen(
            [shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-e", "-f", self.folder / "sshd_config"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log.open("wb"), process_group=0)
        wait_for(lambda: _listens(self.port, self.process, log, self.host), "sshd")
        return self

    def key(self, name, kind="ed25519"):
        """Makes a key pair; the file of the private one."""
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@example.com", "-f", path], check=True)
        return path

    def command(self, key):
        """What git calls to reach us with that key."""
        return (f"ssh -F /dev/null -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no "
                f"-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p {self.port}")

    def url(self, path, host=None):
        return f"ssh://{self.user}@{host or self.host}:{self.port}{path}"

    def serve_git(self, key):
        """The owner of that key may fetch all repositories of this host's, by their paths."""
        public = key.with_suffix(".pub").read_text()
        with self.authorized_keys.open("a") as file:
            file.write(f'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {public}')

    def run(self, key, command):
        """As somebody does who types a command in place of git's."""
        argv = [*self.command(key).split(), f"{self.user}@127.0.0.1", *([command] if command else [])]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
        return Done(done.returncode, done.stdout, done.stderr, argv)

    def stop(self):
        if self.process:
            end(self.process)


def add_key(cooper, sshd, name):
    """Makes a key and lets it push; the file of the private one."""
    key = sshd.key(name)
    cooper("ssh-keys", "add", name, f"{key}.pub", "--file", sshd.authorized_keys).ok()
    assert executable() in sshd.authorized_keys.read_text()
    return key
