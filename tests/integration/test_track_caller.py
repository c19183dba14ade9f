"""What the caller of `cooper track` sees besides output and exit code: what is kept, how it leaves, renames."""
import os
import signal
import subprocess

import pytest

from support.cooper import executable, files_below


def test_its_words_are_kept_no_longer_than_needed(plain_cooper, track, tmp_path):
    done = track("sh", "-c", f"ls {plain_cooper.root}/data/sources/shop; exit 3", "--token", "s3cr3t-in-an-argument",
                 flags=["-d", "by hand"])
    assert done.code == 3 and done.out == "", "while it runs the request is gone already"
    files = files_below(plain_cooper.root)
    assert files and not [path for path, data in files.items() if b"s3cr3t-in-an-argument" in data]


def test_info_of_a_tracked_command_shows_what_there_is(plain_cooper, track):
    track("sh", "-c", "exit 3", flags=["--source", "webhook", "-d", "by hand"])
    out = plain_cooper("builds", "info", "-a", "shop").ok().out
    facts = dict(line.split("  ", 1) for line in out.splitlines())
    facts = {key: value.strip() for key, value in facts.items()}
    assert (facts["Kind"], facts["Source"], facts["Exit code"]) == ("deploy", "webhook", "3")
    assert "Release" not in facts and "Pid" not in facts and all(facts.values())
    pids = track("sh", "-c", f"{executable()} builds info current -a shop").ok().out
    assert f"Pid          {plain_cooper.record('shop', plain_cooper.build_ids('shop')[-1])['pid']}\n" in pids


def test_a_folder_that_is_gone(plain_cooper, tmp_path):
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {executable()} track %s -- echo hi"
    for app in ("-a shop", ""):
        done = subprocess.run(["sh", "-c", script % app], cwd=tmp_path, env=plain_cooper.env, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 3 and done.stderr.startswith("ERROR: the working folder has been removed\n"), done


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_line_alone_and_says_so(plain_cooper, end, tmp_path):
    os.mkfifo(tmp_path / "gate")
    job = plain_cooper.start("track", "-a", "shop", "--", "sh", "-c", f"echo begins; cat {tmp_path}/gate")
    assert job.stdout.readline() == "begins\n"
    job.send_signal(end)
    _, err = job.communicate(timeout=180)
    build = plain_cooper.build_ids("shop")[0]
    assert f"Build {build} goes on; see: cooper builds logs {build} -a shop\n" in err
    assert job.returncode == 128 + end
    (tmp_path / "gate").write_text("")
    assert plain_cooper.wait_for_end("shop", build)["status"] == "succeeded"


@pytest.mark.parametrize("new_is_there", [False, True])
def test_it_is_followed_while_its_app_is_renamed(dokku, tmp_path, new_is_there):
    dokku.app("old")
    if new_is_there:
        dokku.finished("new", "x", log="another\n")
    os.mkfifo(tmp_path / "gate")
    job = subprocess.Popen([executable(), "track", "-a", "old", "--", "sh", "-c",
                            f"echo begins; cat {tmp_path}/gate; echo ends; exit 7"], env=dokku.env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    dokku.children.append(job)
    assert job.stdout.readline() == "begins\n"
    dokku.t("post-app-rename-setup", "old", "new").ok()
    dokku.app("new")
    (tmp_path / "gate").write_text("")
    out, err = job.communicate(timeout=180)
    assert (job.returncode, out) == (7, "ends\n"), err
    assert "ERROR: deploy failed: exit code 7\n" in err
