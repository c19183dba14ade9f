"""A build whose log file is missing: the system's journal is asked."""
import json
import os
import shutil
import subprocess

import pytest

MAKE_JOURNAL = "/lib/systemd/systemd-journal-remote"


@pytest.fixture
def build(plain_cooper):
    """A build of app `app` that has ended, and has a record and nothing else."""
    plain_cooper("apps", "create", "app").ok()
    folder = plain_cooper.builds_folder("app")
    folder.mkdir(parents=True)
    (folder / "b1.json").write_text(json.dumps(
        {"id": "b1", "app": "app", "kind": "build", "pid": 0, "started_at": "2026-01-01T00:00:00Z",
         "finished_at": "2026-01-01T00:00:01Z", "status": "succeeded", "source": "build", "exit_code": 0}))
    return "b1"


def journal_of(tmp_path, entries):
    """PATH with a journalctl that reads a journal of (tag, line) entries: the
    real one, on a file of its own."""
    if not os.access(MAKE_JOURNAL, os.X_OK):
        pytest.skip("systemd-journal-remote is not installed")
    text = "".join(f"__REALTIME_TIMESTAMP={1_700_000_000_000_000 + i}\n__MONOTONIC_TIMESTAMP={i + 1}\n"
                   f"_BOOT_ID={'1' * 32}\nSYSLOG_IDENTIFIER={tag}\nMESSAGE={line}\n\n"
                   for i, (tag, line) in enumerate(entries))
    (tmp_path / "entries").write_text(text)
    subprocess.run([MAKE_JOURNAL, "-o", tmp_path / "test.journal", tmp_path / "entries"], check=True,
                   capture_output=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    wrapper = programs / "journalctl"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("journalctl")} --file {tmp_path}/test.journal "$@"\n')
    wrapper.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}


def test_the_journal_holds_the_newest_thousand_lines_of_this_build(plain_cooper, build, tmp_path):
    lines = [f"line {n}" for n in range(1200)]
    env = journal_of(tmp_path, [("dokku-b1", line) for line in lines] + [("dokku-b2", "not ours")])
    for way in ([], ["--no-follow"], ["--tail", "3"]):
        assert plain_cooper("builds", "logs", build, "-a", "app", *way, env=env).ok().out.splitlines() == lines[-1000:]


def test_the_tag_has_the_prefix_that_is_set(plain_cooper, build, tmp_path):
    env = journal_of(tmp_path, [("dokku-b1", "dokku's"), ("site.b1", "ours")])
    assert plain_cooper("builds", "set", "syslog-prefix", "si te", "-a", "app").code != 0
    plain_cooper("builds", "set", "syslog-prefix", "site.", "-a", "app").ok()
    assert plain_cooper("builds", "logs", build, "-a", "app", env=env).ok().out == "ours\n"


def test_a_journal_without_the_build_is_no_error(plain_cooper, build, tmp_path):
    env = journal_of(tmp_path, [("dokku-b2", "not ours")])
    assert plain_cooper("builds", "logs", build, "-a", "app", env=env).ok().out == ""


def test_without_journalctl_that_is_said(plain_cooper, build, tmp_path):
    for way in ([], ["--no-follow"]):
        done = plain_cooper("builds", "logs", build, "-a", "app", *way, env={"PATH": str(tmp_path)})
        assert done.code == 3 and done.out == "", done
        assert "log file missing and journalctl not available for build b1" in done.err


def test_a_log_file_that_is_there_needs_no_journal(plain_cooper, build, tmp_path):
    (plain_cooper.builds_folder("app") / "b1.log").write_text("")
    assert plain_cooper("builds", "logs", build, "-a", "app", env={"PATH": str(tmp_path)}).ok().out == ""
