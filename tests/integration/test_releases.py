"""Releases and their environment: promote, rollback, config, the deployers, and what a kill in the middle leaves."""
import json
import os
import signal
import stat

import pytest

from support.cooper import BASE_IMAGE, BUSYBOX, build_id_of, make_app, processes_of, wait_for

SECRET = "s3cret-of-the-app"


@pytest.fixture
def built(cooper, tmp_path):
    """The app `shop` with one build, whose release is not promoted; the folder of its source is `built.source`."""
    cooper.source = make_app(tmp_path / "src", {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY page /page\n", "page": "1"})
    cooper("build", cooper.source, "-a", "shop").ok()
    return cooper


@pytest.fixture
def script(built, tmp_path):
    """Makes `text` the deploy command of `shop`; what it writes lies in `script.folder`."""
    folder = tmp_path / "deploys"
    folder.mkdir()

    def use(text):
        program = folder / "deploy.sh"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        built("builds", "set", "deployer", "command", "-a", "shop").ok()
        built("builds", "set", "deploy-command", program, "-a", "shop").ok()
    use.folder = folder
    return use


def app_facts(cooper):
    return json.loads((cooper.root / "data/apps/shop/app.json").read_text())


def active(cooper):
    return app_facts(cooper).get("release", "")


def newest(cooper):
    return max(path.stem for path in (cooper.root / "data/releases/shop").glob("*.json"))


def deploys(cooper):
    """Records of deploys, oldest first."""
    records = [cooper.record("shop", build) for build in cooper.build_ids("shop")]
    return [record for record in records if record["kind"] == "deploy"]


def public_files(cooper):
    """Everything in the data root that is no release's own file."""
    return b"".join(path.read_bytes() for path in sorted(cooper.root.rglob("*"))
                    if path.is_file() and "releases" not in path.parts)


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
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
    assert active(built) == newest(built)
    assert built.release("shop", active(built))["environment"] == {f"V{i}": "x" for i in range(6)}


def test_a_change_during_a_build_is_in_its_release(built, gate):
    (built.source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN {gate.command}\n")
    running = built.start("build", built.source, "-a", "shop")
    gate.wait()
    built("config:set", "shop", "LATE=1", "--no-restart").ok()
    gate.open()
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, out + err
    assert built.release("shop", newest(built))["environment"] == {"LATE": "1"}


# The deployer `command`.

def test_a_command_gets_the_release_and_its_secrets_by_file(built, script):
    script('env > env.txt; tr "\\0" "\\n" < /proc/self/environ > environ.txt; pwd > pwd.txt\n'
           'cp "$MANIFEST" manifest.yml; stat -c %a "$ENV_FILE" "$ENV_SH" "${ENV_FILE%/*}" > modes.txt\n'
           '. "$ENV_SH"; printf "%s" "$TOKEN $LINES_" > values.txt; cat "$ENV_FILE"; echo "token: $TOKEN"')
    built("env", "set", "-a", "shop", f"TOKEN={SECRET}", "LINES_=one line here\nanother line").ok()
    done = built("releases", "promote", "-a", "shop").ok()
    release = active(built)
    build = built.release("shop", release)["build"]
    seen = (script.folder / "env.txt").read_text().splitlines()
    assert {"APP=shop", f"BUILD={build}", f"RELEASE={release}", "COOPER_APP=shop",
            f"IMAGE_WEB=localhost/shop:web.{build}"} <= set(seen)
    assert (script.folder / "pwd.txt").read_text().strip() == str(script.folder)
    assert (script.folder / "modes.txt").read_text().split() == ["600", "600", "700"]
    assert (script.folder / "values.txt").read_text() == f"{SECRET} one line here\nanother line"
    assert SECRET not in (script.folder / "environ.txt").read_text()
    [record] = deploys(built)
    log = built.log("shop", record["id"]).decode()
    assert "token: [redacted]" in log and "TOKEN=[redacted]" in log and SECRET not in log + done.out
    assert "LINES_ has several lines" in log
    assert SECRET.encode() not in public_files(built)
    assert not (built.root / "data/work/shop" / record["id"]).exists()


def test_a_failed_deploy_leaves_the_old_release_active(built, script):
    built("releases", "promote", "-a", "shop").ok()
    before = active(built)
    script("echo trouble; exit 9")
    done = built("config:set", "shop", "A=1")
    assert done.code == 1 and "ERROR: deploy failed: exit code 9" in done.err and "trouble" in done.out
    assert f"The change is kept in release {newest(built)} and comes with the next deploy" in done.err
    record = deploys(built)[-1]
    assert (record["status"], record["exit_code"], record["release"]) == ("failed", 9, newest(built))
    assert active(built) == before != newest(built)
    script("true")
    built("releases", "promote", "-a", "shop").ok()
    assert active(built) == newest(built)


@pytest.mark.parametrize("make, code, reason", [
    (lambda path: path.unlink(), 127, "can't be run"),
    (lambda path: path.chmod(0o644), 126, "can't be run"),
    (lambda path: path.write_text("#!/no/such/shell\n"), 127, "can't be run"),
])
def test_a_command_that_cant_be_run_fails_the_deploy(built, script, make, code, reason):
    script("true")
    make(script.folder / "deploy.sh")
    done = built("releases", "promote", "-a", "shop")
    assert done.code == 1 and reason in done.err
    assert (deploys(built)[-1]["exit_code"], active(built)) == (code, "")


def test_what_is_missing_is_said_before_a_deploy_begins(built):
    built("builds", "set", "deployer", "command", "-a", "shop").ok()
    done = built("releases", "promote", "-a", "shop")
    assert done.code == 2 and "deploy-command" in done.err and deploys(built) == []
    done = built("deploy", built.source, "-a", "shop")  # its release is there for later
    assert done.code == 2 and done.out.endswith(f"Release: {newest(built)}\n") and deploys(built) == []
    for value in ("relative/path", "/a/folder/", "/with\nnewline"):
        assert built("builds", "set", "deploy-command", value, "-a", "shop").code == 2
    assert built("builds", "set", "deployer", "magic", "-a", "shop").code == 2


def test_cancel_ends_the_command_and_changes_nothing(built, script, tmp_path):
    built("releases", "promote", "-a", "shop").ok()
    before = active(built)
    script("echo began; sleep 1000 & sleep 1000")
    running = built.start("config:set", "shop", "A=1")
    deploy = built.wait_for_new_build("shop", built.build_ids("shop"))
    built.wait_for_log("shop", deploy, "began")
    assert built("config:set", "shop", "B=1", "--no-wait").code == 6  # one deploy at a time
    assert "B" not in built.release("shop", newest(built))["environment"]
    built("builds", "cancel", deploy, "-a", "shop").ok()
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, out + err
    record = built.record("shop", deploy)
    assert (record["status"], record["exit_code"]) == ("canceled", -1)
    assert active(built) == before and not processes_of(deploy)
    assert not (built.root / "data/work/shop" / deploy).exists()


def test_killed_in_the_middle_the_old_release_stays_and_the_next_deploy_works(built, script):
    built("releases", "promote", "-a", "shop").ok()
    before = active(built)
    script("echo began; sleep 1000")
    running = built.start("config:set", "shop", f"TOKEN={SECRET}")
    deploy = built.wait_for_new_build("shop", built.build_ids("shop"))
    built.wait_for_log("shop", deploy, "began")
    assert SECRET not in " ".join(processes_of(deploy).values())
    os.kill(built.record("shop", deploy)["pid"], signal.SIGKILL)
    running.communicate(timeout=60)
    assert running.returncode == 1
    shown = json.loads(built("builds", "info", deploy, "-a", "shop", "--format", "json").ok().out)
    assert shown["display_status"] == "abandoned" and active(built) == before
    script("true")
    done = built("releases", "promote", "-a", "shop").ok()
    assert "was abandoned: what it left running was ended" in done.err
    record = built.record("shop", deploy)
    assert (record["status"], record["exit_code"]) == ("failed", -1)
    assert active(built) == newest(built) == record["release"]
    wait_for(lambda: not processes_of(deploy), "the end of what it ran")
    assert not (built.root / "data/work/shop" / deploy).exists()


def test_what_a_command_leaves_running_goes_on(built, script):
    script('nohup sleep 1000 > /dev/null 2>&1 & echo $! > pid')
    built("releases", "promote", "-a", "shop").ok()
    pid = int((script.folder / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)


def test_a_time_limit_ends_a_deploy(built, script):
    script("sleep 1000")
    built("builds", "set", "timeout", "1s", "-a", "shop").ok()
    done = built("releases", "promote", "-a", "shop")
    assert done.code == 124 and active(built) == ""


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
    wait_for(lambda: not processes_of(str(built.root)), "the end of what prunes after a deploy")


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
    out, err = running.communicate(timeout=60)
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
    out, err = running.communicate(timeout=60)
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
    wait_for(lambda: not processes_of(str(built.root)), "the end of what prunes after a deploy")
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
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, out + err
    release = active(built)
    assert release == newest(built) and f"Build:   {build}\nRelease: {release}\nPromoting {release}...\n" in out
    assert made not in out and deploys(built)[-1]["source"] == "deploy"
    assert (built.release("shop", release)["build"], built.release("shop", release)["environment"]) == \
        (build, {"LATE": "1"})
