"""What root's commands make in somebody's data root is theirs: they go on with it."""
import os
import pathlib
import pwd
import subprocess

import pytest

from support.cooper import build_id_of, executable, processes_of, runs, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, and to become another user")

USER = pwd.getpwnam("nobody")
NAMES = {"DOKKU_SYSTEM_USER": "nobody", "DOKKU_SYSTEM_GROUP": "nogroup"}
AS_USER = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []}


@pytest.fixture
def within_reach(tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o011)


@pytest.fixture
def shared(dokku, within_reach):
    """Dokku's data root, as Dokku's user would need it, before its first deploy."""
    dokku.env.update(NAMES)
    dokku.app("shop", "blog")
    return dokku


def owners(folder):
    """What is not the user's, of all that is in it."""
    return [str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*")
            if (path.lstat().st_uid, path.lstat().st_gid) != (USER.pw_uid, USER.pw_gid)]


def track(dokku, app):
    return build_id_of(dokku.cooper("track", "-a", app, "--", "echo", "said by root").ok().err)


def as_user(dokku, *argv):
    return dokku.run(argv, **AS_USER)


@pytest.mark.parametrize("lib_of", ["root", "the user", "nobody yet"])
def test_after_roots_deploys_dokkus_user_goes_on(shared, lib_of):
    if lib_of == "the user":
        os.chown(shared.lib, USER.pw_uid, USER.pw_gid)
    if lib_of == "nobody yet":
        shared.lib.rmdir()
    build = track(shared, "shop")
    track(shared, "blog")
    shared.cooper("builds", "set", "-a", "shop", "retention", "3").ok()
    shared.b("prune", "--all-apps").ok()
    wait_for(lambda: not processes_of(str(shared.lib)), "the supervisors have ended")
    assert not [name for name in owners(shared.lib) if not name.startswith("cache")]

    def trigger(name, *words):
        return as_user(shared, shared.plugin / name, *words).ok()

    def builds(name, *words):
        return as_user(shared, shared.plugin / "subcommands" / name, f"builds:{name}", *words).ok()
    trigger("builds-record-start", "shop", "own1", os.getpid(), "git-hook")
    trigger("builds-record-finalize", "shop", "own1", "0")
    assert shared.record("shop", "own1")["status"] == "succeeded"
    as_user(shared, executable(), "track", "-a", "shop", "--", "true").ok()
    assert builds("output", "shop", build).out == "said by root\n"
    assert builds("set", "shop", "retention", "2").ok()
    assert builds("prune", "--all-apps").err == ""
    wait_for(lambda: not processes_of(str(shared.lib)), "the supervisor has ended")
    as_user(shared, executable(), "builds", "erase-log", "last", "-a", "shop").ok()


def test_what_root_sets_is_the_users(shared):
    shared.t("install").ok()
    shared.b("set", "shop", "retention", "3").ok()
    shared.b("set", "--global", "retention", "4").ok()
    assert not owners(shared.lib)


def test_root_gives_no_folder_away_that_was_there(shared):
    """The data root's owner could have moved one of root's there."""
    os.chown(shared.lib, USER.pw_uid, USER.pw_gid)
    roots = shared.lib / "config/builds/shop"
    roots.mkdir(parents=True)
    shared.t("install").ok()
    shared.b("set", "shop", "retention", "3").ok()
    assert {path.stat().st_uid for path in (roots, roots.parent, roots.parent.parent)} == {0}
    assert (roots / "retention").read_text() == "3"


def test_a_user_that_does_not_exist_changes_nothing(shared):
    shared.env.update({"DOKKU_SYSTEM_USER": "nouser", "DOKKU_SYSTEM_GROUP": "nouser"})
    build = track(shared, "shop")
    assert (shared.builds("shop") / f"{build}.json").stat().st_uid == 0


def test_a_users_own_root_stays_the_users(plain_cooper, within_reach):
    os.chown(plain_cooper.root, USER.pw_uid, USER.pw_gid)
    plain_cooper("builds", "set", "--global", "log-limit", "1m").ok()
    script = "seq 1000000 1400000; echo done"
    build = build_id_of(plain_cooper("track", "-a", "shop", "--", "sh", "-c", script).ok().err)
    pid = plain_cooper.record("shop", build)["pid"]
    wait_for(lambda: not runs(pid), "the supervisor has ended")
    assert plain_cooper.record("shop", build)["status"] == "succeeded"
    assert not owners(plain_cooper.root)


def test_root_trusts_no_repository_and_no_scratch_folder_of_another_user(plain_cooper, within_reach, tmp_path):
    os.chown(plain_cooper.root, USER.pw_uid, USER.pw_gid)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    subprocess.run(["tar", "-cf", "app.tar", "Dockerfile"], cwd=tmp_path, check=True)
    for words in (["git:initialize", "shop"], ["git:sync", "shop", f"file://{tmp_path}"],
                  ["git:from-archive", "shop", tmp_path / "app.tar"]):
        refused = plain_cooper(*words)
        assert refused.code == 4 and "belongs to another user" in refused.err, words
        assert f"sudo -u '#{USER.pw_uid}' cooper" in refused.err
    assert not (plain_cooper.root / "data/git").exists() and plain_cooper.build_ids("shop") == []


def test_what_was_there_is_not_given_away(plain_cooper, within_reach):
    """Its owner could have moved there what root keeps from them."""
    os.chown(plain_cooper.root, USER.pw_uid, USER.pw_gid)
    plain_cooper("apps", "create", "shop").ok()
    lock = plain_cooper.root / "data/apps/shop/.deploy.lock"
    lock.touch(0o600)
    plain_cooper.start("track", "-a", "shop", "--detach", "--", "sleep", "600").wait(120)
    assert lock.stat().st_uid == 0
    plain_cooper("builds", "cancel", "last", "-a", "shop").ok()
