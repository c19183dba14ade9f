"""A scratch Dokku data root with cooper's plugin folder, called as Dokku calls it."""
import json
import os
import pathlib
import signal
import subprocess
import time
from datetime import datetime, timezone

from support.cooper import Done, executable

BAD_NAME = (" !     App name must begin with lowercase alphanumeric character, and may only contain "
            "lowercase alphanumerics, dots, and hyphens\n")
# What cooper keeps locks on, beside an app's records.
LOCKS = {".lock", ".ending.lock"}
NO_APP = " !     Please specify an app to run the command on\n"
NO_SUCH = " !     App nosuch does not exist\n"
NO_APPS = " !     You haven't deployed any applications yet\n"


def stamp(when):
    """RFC 3339 of a Unix time, with the fraction that records have."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


class Dokku:
    """DOKKU_LIB_ROOT, DOKKU_ROOT and a plugin folder beneath `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lib = self.folder / "lib"
        self.home = self.folder / "home"
        self.plugin = self.folder / "plugins/available/cooper-builds"
        self.lib.mkdir()
        self.home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOKKU_LIB_ROOT": str(self.lib),
                    "DOKKU_ROOT": str(self.home), "PLUGIN_PATH": str(self.folder / "plugins"),
                    "DOKKU_NOT_IMPLEMENTED_EXIT": "10",
                    **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        self.children = []
        self.cooper("plugin", "install").ok()

    def run(self, argv, env=None, **options):
        done = subprocess.run([str(a) for a in argv], env={**self.env, **(env or {})}, text=True,
                              capture_output=True, timeout=240, errors="surrogateescape",
                              stdin=subprocess.DEVNULL, **options)
        return Done(done.returncode, done.stdout.replace(str(self.folder), "$ROOT"),
                    done.stderr.replace(str(self.folder), "$ROOT"), argv)

    def cooper(self, *words, env=None):
        return self.run([executable(), *words], env)

    def b(self, name, *words, env=None):
        """A subcommand, as Dokku starts it."""
        return self.run([self.plugin / "subcommands" / name, f"builds:{name}", *words], env)

    def t(self, name, *words, env=None):
        """A trigger, or the program `commands`."""
        return self.run([self.plugin / name, *words], env)

    # What there is.

    def app(self, *names):
        for name in names:
            (self.home / name).mkdir()

    def builds(self, app):
        return self.lib / "data/builds" / app

    def record(self, app, build):
        return json.loads((self.builds(app) / f"{build}.json").read_text())

    def write_record(self, app, build, text=None, log=None, **fields):
        """A record as the original plugin writes it; `fields` replace and add."""
        record = {"id": build, "app": app, "kind": "build", "pid": 99999, "started_at": "2026-04-01T00:00:00Z",
                  "status": "running", "source": "git-hook"}
        record.update(fields)
        order = ["id", "app", "kind", "pid", "started_at", "finished_at", "status", "source", "exit_code"]
        record = {key: record[key] for key in sorted(record, key=lambda k: (order + [k]).index(k))}
        self.builds(app).mkdir(parents=True, exist_ok=True)
        path = self.builds(app) / f"{build}.json"
        path.write_text(json.dumps(record, indent=2) if text is None else text)
        path.chmod(0o644)
        if log is not None:
            (self.builds(app) / f"{build}.log").write_text(log)
        return path

    def finished(self, app, build, **fields):
        """A finished one: succeeded, unless `fields` say otherwise."""
        return self.write_record(app, build, **{"pid": 1, "finished_at": "2026-04-30T13:51:14Z",
                                                "status": "succeeded", "exit_code": 0, **fields})

    def lock_file(self, app):
        return self.lib / "data/apps" / app / ".deploy.lock"

    def write_lock(self, app, text):
        self.lock_file(app).parent.mkdir(parents=True, exist_ok=True)
        self.lock_file(app).write_text(text)

    def deploy(self, script, lock=None):
        """Starts `script` in bash as the leader of a process group; with `lock`, an
        (app, text), it holds that deploy lock as Dokku's shell does. Returns its Popen."""
        if lock:
            self.write_lock(*lock)
            script = f"exec 200<>'{self.lock_file(lock[0])}'; flock -n 200 || exit 99; echo locked; {script}"
        child = subprocess.Popen(["bash", "-c", script], start_new_session=True, text=True,
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.children.append(child)
        if lock:
            assert child.stdout.readline() == "locked\n"
        return child

    def live_record(self, app, build, child, **fields):
        """A running record of a process that lives."""
        return self.write_record(app, build, **{"pid": child.pid, "started_at": stamp(time.time()), **fields})

    def close(self):
        for child in self.children:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.communicate()


def expect(done, out="", err="", code=0):
    assert (done.out, done.err, done.code) == (out, err, code), str(done)


def report_text(app, **values):
    """The text of a report whose values are empty but for `values` (keys with _ for -)."""
    labels = ["Build exit code", "Build finished at", "Build id", "Build kind", "Build pid", "Build source",
              "Build started at", "Build status", "Builds computed retention", "Builds global retention",
              "Builds retention"]
    lines = [f"=====> {app} builds information"]
    for label in labels:
        value = values.pop(label.lower().replace(" ", "_"), "")
        lines.append(f"       {label + ':':<31}{value}")
    assert not values
    return "\n".join(lines) + "\n"


def shown(dokku, app, build):
    """The start of a build, as tables show it."""
    return dokku.record(app, build)["started_at"][:19] + "Z"
