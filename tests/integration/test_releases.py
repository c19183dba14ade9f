"""Releases and their environment: promote, rollback, config, and what goes meanwhile."""
import json
import signal
import stat

import pytest

from support.cooper import BASE_IMAGE, BUSYBOX, build_id_of
from support.releases import SECRET, active, app_facts, built, deploys, newest, public_files, script  # noqa: F401


# Without a deployer the release is the result.

def test_promote_makes_a_release_the_active_one(built):
    release = newest(built)
    assert active(built) == "" and "active" not in built("releases", "-a", "shop").ok().out
    done = built("releases", "promote", "-a", "shop").ok()
    assert done.out.startswith(f"Promoting {release}...\n") and done.out.endswith("OK\n")
    [record] = deploys(built)
    assert active(built) == release and app_facts(built)["deploy"] == record["id"]
    assert (record["status"], record["source"], record["release"], record["exit_code"]) == \
        ("succeeded", "deploy", release, 0)
    assert f"{release}  active" in built("releases", "-a", "shop").out
    assert json.loads(built("releases", "info", "active", "-a", "shop", "--format", "json").out)["active"] is True
    assert "engine" not in record and built("builds", "prune", "-a", "shop").ok()


def test_restart_and_start_deploy_the_active_release_again(built):
    built("releases", "promote", "-a", "shop").ok()
    release = active(built)
    built("ps:restart", "shop").ok()
    built("ps:start", "shop").ok()
    assert [(r["source"], r["kind"], r["release"]) for r in deploys(built)[1:]] == \
        [("ps:restart", "deploy", release), ("ps:start", "deploy", release)]
    assert active(built) == release and "previous" not in app_facts(built)


def test_deploy_is_build_and_promote(built):
    (built.source / "page").write_text("2")
    done = built("deploy", built.source, "-a", "shop").ok()
    record = built.record("shop", build_id_of(done.out))
    assert record["kind"] == "build" and active(built) == record["release"]
    (built.source / "page").write_text("3")
    done = built("deploy", built.source, "-a", "shop", "--id").ok()
    assert done.out == active(built) + "\n" == newest(built) + "\n"


def test_a_failed_build_is_not_promoted(built):
    built("releases", "promote", "-a", "shop").ok()
    before = active(built)
    (built.source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN exit 7\n")
    assert built("deploy", built.source, "-a", "shop").code == 1
    assert active(built) == before and len(deploys(built)) == 1


def test_rollback_goes_back_without_building(built):
    built("config:set", "shop", "A=1", "--no-restart").ok()
    built("releases", "promote", "-a", "shop").ok()
    first = active(built)
    (built.source / "page").write_text("2")
    built("deploy", built.source, "-a", "shop").ok()
    built("config:set", "shop", "A=2").ok()
    second = active(built)
    done = built("releases", "rollback", first, "-a", "shop").ok()
    third = active(built)
    assert f"Rolling back to {first}... OK, {third}\n" in done.out and third not in (first, second)
    old, new = built.release("shop", first), built.release("shop", third)
    assert all(old[key] == new[key] for key in ("build", "environment", "images", "manifest"))
    assert new["description"] == f"rollback to {first}"
    # Without an id: to what was active before.
    built("releases", "rollback", "-a", "shop").ok()
    assert built.release("shop", active(built))["build"] == built.release("shop", second)["build"]
    assert built.release("shop", active(built))["environment"] == {"A": "2"}
    assert len([b for b in built.build_ids("shop") if built.record("shop", b)["kind"] == "build"]) == 2


def test_config_deploys_the_build_that_the_app_runs_on(built):
    built("releases", "promote", "-a", "shop").ok()
    build = built.release("shop", active(built))["build"]
    (built.source / "page").write_text("2")
    built("build", built.source, "-a", "shop").ok()  # not promoted
    done = built("config:set", "shop", f"TOKEN={SECRET}", "LOG=info").ok()
    release = active(built)
    assert f"Setting LOG, TOKEN... OK\nRelease: {release}\n" in done.out
    made = built.release("shop", release)
    assert (made["build"], made["environment"]) == (build, {"TOKEN": SECRET, "LOG": "info"})
    record = deploys(built)[-1]
    assert (record["source"], record["kind"], record["description"]) == \
        ("config-redeploy", "deploy", "env add:LOG add:TOKEN")
    # The same again changes nothing.
    assert "Nothing to change" in built("config:set", "shop", "LOG=info").ok().out
    assert active(built) == release == newest(built)
    # For later.
    built("config:unset", "shop", "LOG", "--no-restart").ok()
    assert active(built) == release != newest(built)
    assert "runs release" in built("config:show", "shop").ok().err
    built("releases", "promote", "-a", "shop").ok()
    assert built.release("shop", active(built))["environment"] == {"TOKEN": SECRET}
    assert SECRET.encode() not in public_files(built)
    for path in (built.root / "data/releases/shop").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_env_set_makes_a_release_and_promotes_if_asked(built):
    built("env", "set", "A=1", "-a", "shop").ok()
    assert active(built) == ""
    done = built("env", "set", "-a", "shop", "--promote", "--id", "--env-file", "-", input="B='x\ny'\n").ok()
    assert done.out == active(built) + "\n"
    assert built.release("shop", active(built))["environment"] == {"A": "1", "B": "x\ny"}


def test_changes_at_once_all_count(built):
    built("releases", "promote", "-a", "shop").ok()
    running = [built.start("config:set", "shop", f"V{i}=x") for i in range(6)]
    for process in running:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, out + err
    assert active(built) == newest(built)
    assert built.release("shop", active(built))["environment"] == {f"V{i}": "x" for i in range(6)}


def test_a_change_during_a_build_is_in_its_release(built, gate):
    (built.source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN {gate.command}\n")
    running = built.start("build", built.source, "-a", "shop")
    gate.wait()
    built("config:set", "shop", "LATE=1", "--no-restart").ok()
    gate.open()
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    assert built.release("shop", newest(built))["environment"] == {"LATE": "1"}


# What is being deployed, and what goes meanwhile.

@pytest.fixture
def three_builds(built, script, tmp_path):
    """Three builds of `shop`, of which one is kept; their deploys wait until `let_go()`. Yields (cooper, builds)."""
    for page in "23":
        (built.source / "page").write_text(page)
        built("build", built.source, "-a", "shop").ok()
    built("builds", "set", "retention", "1", "-a", "shop").ok()
    built.let_go = (script.folder / "go").touch
    script(f"echo began; until [ -e {script.folder}/go ]; do {BUSYBOX} sleep 0.1; done")
    yield built, built.build_ids("shop")
    built.wait_until_idle()  # a deploy prunes, too


def test_what_is_being_deployed_is_neither_pruned_nor_removed(three_builds):
    cooper, builds = three_builds
    release = cooper.record("shop", builds[0])["release"]
    running = cooper.start("releases", "promote", release, "-a", "shop")
    deploy = cooper.wait_for_new_build("shop", builds)
    cooper.wait_for_log("shop", deploy, "began")
    done = cooper("builds", "remove", builds[0], "-a", "shop")
    assert done.code == 6 and f"is being deployed by {deploy}" in done.err
    dry = cooper("builds", "prune", "-a", "shop", "--dry-run").ok().out
    pruned = cooper("builds", "prune", "-a", "shop").ok().out
    assert builds[1] in dry and builds[1] in pruned and builds[0] not in dry + pruned
    assert cooper.build_ids("shop") == [builds[0], builds[2], deploy]
    cooper.let_go()
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    assert active(cooper) == release and cooper.release("shop", release)["build"] == builds[0]


@pytest.mark.parametrize("change, reason", [
    (lambda record: record.unlink(), "is gone"),
    (lambda record: record.write_text(json.dumps({**json.loads(record.read_text()), "removing": True})),
     "is being removed"),
])
def test_a_release_without_its_build_is_not_deployed(three_builds, change, reason):
    cooper, builds = three_builds
    cooper.let_go()
    release = cooper.record("shop", builds[0])["release"]
    change(cooper.builds_folder("shop") / f"{builds[0]}.json")
    done = cooper("releases", "promote", release, "-a", "shop")
    assert done.code == 1 and f"build {builds[0]} of release {release} {reason}" in done.err
    assert deploys(cooper)[-1]["status"] == "failed" and active(cooper) == ""


def test_a_release_that_went_during_its_deploy_is_not_made_active(three_builds):
    cooper, builds = three_builds
    release = cooper.record("shop", builds[0])["release"]
    running = cooper.start("releases", "promote", release, "-a", "shop")
    deploy = cooper.wait_for_new_build("shop", builds)
    cooper.wait_for_log("shop", deploy, "began")
    (cooper.root / "data/releases/shop" / f"{release}.json").unlink()
    cooper.let_go()
    out, err = running.communicate(timeout=180)
    assert running.returncode == 1 and f"no release {release}" in err, out + err
    assert active(cooper) == ""


def test_restarts_cost_no_build_that_could_be_rolled_back_to(built):
    built("builds", "set", "retention", "2", "-a", "shop").ok()
    built("releases", "promote", "-a", "shop").ok()
    (built.source / "page").write_text("2")
    built("deploy", built.source, "-a", "shop").ok()
    for _ in range(4):
        built("ps:restart", "shop").ok()
    built("releases", "rollback", "-a", "shop").ok()
    built.wait_until_idle()  # a deploy prunes, too
    assert len(deploys(built)) == 2


def test_what_is_so_already_makes_no_release(built):
    before = built("env", "set", "A=1", "B=2", "-a", "shop").ok() and newest(built)
    for words in (["set", "A=1"], ["unset", "ABSENT"]):
        assert f"Nothing to change: release {before} has this already\n" == built("env", *words, "-a", "shop").ok().out
    assert newest(built) == before
    said = built("env", "set", "--replace", "C=3", "-a", "shop").ok().out
    assert said.startswith("Setting C, removing all others... OK\n"), said
    assert built("env", "-a", "shop").ok().out == "C=3\n"


def test_no_build_goes_while_a_release_is_damaged(three_builds):
    cooper, builds = three_builds
    cooper.let_go()
    release = cooper.root / "data/releases/shop" / f"{cooper.record('shop', builds[0])['release']}.json"
    whole = release.read_text()
    release.write_text(whole[:20])
    for words in ((), ("--dry-run",)):
        done = cooper("builds", "prune", "-a", "shop", *words)
        assert f"no build of app shop goes: release shop/{release.stem} can't be read" in done.err
        assert builds[0] not in done.out and cooper.build_ids("shop") == builds
    done = cooper("builds", "remove", builds[0], "-a", "shop")
    assert done.code != 0 and "can't be read" in done.err and cooper.build_ids("shop") == builds
    release.write_text(whole)
    assert builds[0] in cooper("builds", "prune", "-a", "shop").ok().out


@pytest.mark.parametrize("words", [("--no-restart",), ()])
def test_a_deploy_keeps_what_was_set_between_its_build_and_its_promote(built, gate, words):
    built("releases", "promote", "-a", "shop").ok()
    known = built.build_ids("shop")
    (built.source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN {gate.command}\n")
    running = built.start("deploy", built.source, "-a", "shop")
    gate.wait()
    running.send_signal(signal.SIGSTOP)  # it does not see the end of the build
    gate.open()
    build = built.wait_for_new_build("shop", known)
    made = built.wait_for_end("shop", build)["release"]
    built("config:set", "shop", "LATE=1", *words).ok()
    running.send_signal(signal.SIGCONT)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    release = active(built)
    assert release == newest(built) and f"Build:   {build}\nRelease: {release}\nPromoting {release}...\n" in out
    assert made not in out and deploys(built)[-1]["source"] == "deploy"
    assert (built.release("shop", release)["build"], built.release("shop", release)["environment"]) == \
        (build, {"LATE": "1"})
