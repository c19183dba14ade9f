"""Podman on an image store of the tests' own: nothing of the host's is touched."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile


def missing():
    """Why podman can't run containers here; empty if it can."""
    if os.getuid():
        return "podman's networks need root here"
    absent = [name for name in ("podman", "conmon", "runc") if not shutil.which(name, path=_path())]
    return f"not installed: {', '.join(absent)}" if absent else ""


def _path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Podman:
    """What cooper's environment needs so that the podman it starts keeps to `store`."""

    def __init__(self, store):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cooper-podman-"))
        conf = self.folder / "containers.conf"
        # crun refuses hosts that mount both cgroup versions; default limits may be above the host's.
        conf.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
                        f'[engine]\nruntime = "runc"\nlock_type = "file"\nevents_logger = "none"\n'
                        f'tmp_dir = "{self.folder}/tmp"\nvolume_path = "{self.folder}/volumes"\n'
                        f'static_dir = "{self.folder}/static"\n'
                        f'[network]\nnetwork_config_dir = "{self.folder}/networks"\n')
        self.env = {**store.env, "CONTAINERS_CONF": str(conf), "PATH": _path()}

    def run(self, *words, timeout=180):
        return subprocess.run(["podman", *words], env=self.env, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False)

    def containers(self):
        """{name: (state, labels)} of all, running or not"""
        listed = json.loads(self.run("ps", "--all", "--format", "json").stdout or "[]")
        return {entry["Names"][0]: (entry["State"], entry["Labels"] or {}) for entry in listed}

    def networks(self):
        return {entry["name"] for entry in json.loads(self.run("network", "ls", "--format", "json").stdout or "[]")}

    def kill(self, name):
        self.run("kill", name)

    def clear(self):
        self.run("rm", "--all", "--force", "--time", "0")
        for name in self.networks() - {"podman"}:
            self.run("network", "rm", "--force", name)

    def remove(self):
        self.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
