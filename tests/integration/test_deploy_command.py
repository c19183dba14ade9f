"""The deployer `command`: what the operator's program gets, and what a kill in the middle leaves."""
import json
import os
import signal
import stat

import pytest

from support.cooper import processes_of, wait_for
from support.releases import SECRET, active, built, deploys, newest, public_files, script  # noqa: F401


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
    known = built.build_ids("shop")
    running = built.start("config:set", "shop", "A=1")
    deploy = built.wait_for_new_build("shop", known)
    built.wait_for_log("shop", deploy, "began")
    assert built("config:set", "shop", "B=1", "--no-wait").code == 6  # one deploy at a time
    assert "B" not in built.release("shop", newest(built))["environment"]
    built("builds", "cancel", deploy, "-a", "shop").ok()
    out, err = running.communicate(timeout=180)
    assert running.returncode == 130, out + err
    record = built.record("shop", deploy)
    assert (record["status"], record["exit_code"]) == ("canceled", -1)
    assert active(built) == before and not processes_of(deploy)
    assert not (built.root / "data/work/shop" / deploy).exists()


def test_killed_in_the_middle_the_old_release_stays_and_the_next_deploy_works(built, script):
    built("releases", "promote", "-a", "shop").ok()
    before = active(built)
    script("echo began; sleep 1000")
    known = built.build_ids("shop")
    running = built.start("config:set", "shop", f"TOKEN={SECRET}")
    deploy = built.wait_for_new_build("shop", known)
    built.wait_for_log("shop", deploy, "began")
    assert SECRET not in " ".join(processes_of(deploy).values())
    os.kill(built.record("shop", deploy)["pid"], signal.SIGKILL)
    running.communicate(timeout=180)
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
