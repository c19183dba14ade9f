"""Builds whose supervisor can't be started: nothing of them stays."""
import shutil

import pytest

from support.cooper import executable, make_app

SUPERVISORS = {
    "missing": None,
    "no program": b"\x7fno program",
    "killed at once": b"#!/bin/sh\nkill -9 $$\n",
}


@pytest.fixture(params=SUPERVISORS)
def lone_cooper(request, tmp_path):
    """cooper installed with a supervisor that does not come to anything."""
    program = tmp_path / "prefix/bin/cooper"
    program.parent.mkdir(parents=True)
    shutil.copy(executable(), program)
    text = SUPERVISORS[request.param]
    if text is not None:
        supervisor = tmp_path / "prefix/libexec/cooper/cooper-supervisor"
        supervisor.parent.mkdir(parents=True)
        supervisor.write_bytes(text)
        supervisor.chmod(0o755)
    return program


@pytest.fixture
def words(tmp_path):
    """Of each command that starts a supervisor."""
    source = make_app(tmp_path / "source", {"Dockerfile": "FROM scratch\n"})
    return {"track": ["track", "-a", "shop", "--", "true"],
            "build": ["build", source, "-a", "shop"],
            "build --no-wait": ["build", source, "-a", "shop", "--no-wait"]}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("command", ["track", "build", "build --no-wait"])
def test_nothing_stays_under_dokkus_root(dokku, lone_cooper, words, command):
    dokku.app("shop")
    done = dokku.run([lone_cooper, *words[command]])
    assert done.code == 5 and done.err.startswith("ERROR: "), done
    assert [name for name in files(dokku.lib) if not name.startswith("cache/")] == []
    dokku.cooper("track", "-a", "shop", "--no-wait", "--", "true").ok()


@pytest.mark.parametrize("command", ["track", "build"])
def test_nothing_but_the_app_stays_under_coopers_root(plain_cooper, lone_cooper, words, command, dokku):
    done = dokku.run([lone_cooper, *words[command]], env={"COOPER_ROOT": str(plain_cooper.root)})
    assert done.code == 5, done
    kept = [name for name in files(plain_cooper.root) if not name.startswith("cache/")]
    # Who comes to his turn in the queue has the deploy lock by that; a build also asks whether its app goes.
    build_locks = ["data/queue/.lock", "data/apps/shop/.delete.lock"]
    locks = ["data/apps/shop/.deploy.lock"] if command == "track" else build_locks
    assert kept == sorted([*locks, "data/apps/shop/app.json"])
    assert plain_cooper("builds", "-a", "shop", "--format", "json").ok().out == "[]\n"
    plain_cooper("track", "-a", "shop", "--no-wait", "--", "true").ok()


def test_a_refused_build_frees_dokkus_lock(dokku, words):
    """With --no-wait the lock is had before the source is packed."""
    dokku.app("shop")
    (dokku.lib / "data").mkdir()
    (dokku.lib / "data/sources").write_text("in the way")
    assert dokku.cooper(*words["build --no-wait"]).code != 0
    assert not dokku.lock_file("shop").exists()
