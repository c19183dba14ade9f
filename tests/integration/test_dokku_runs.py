"""Dokku's triggers, and the commands that change something, byte for byte: as
test_dokku.py, which has those that only look."""
import json
import os
import re
import stat

import pytest

from support.dokku import LOCKS, NO_APP, NO_SUCH, expect, report_text, shown


# Triggers

def test_a_deploy_is_recorded(dokku):
    dokku.app("myapp")
    made = dokku.t("builds-generate-id")
    assert re.fullmatch(r"[0-9a-z]{14}\n", made.out) and not made.err
    pid = str(os.getpid())
    expect(dokku.t("builds-record-start", "myapp", "idaaaa1", pid, "git-hook"))
    path = dokku.builds("myapp") / "idaaaa1.json"
    started = dokku.record("myapp", "idaaaa1")["started_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", started)
    assert path.read_text() == f"""{{
  "id": "idaaaa1",
  "app": "myapp",
  "kind": "build",
  "pid": {pid},
  "started_at": "{started}",
  "status": "running",
  "source": "git-hook"
}}
"""
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o755
    expect(dokku.t("builds-record-start", "myapp", "idaaaa2", pid, "weird"),
           err=' !     builds-record-start: unknown source "weird" for app myapp, recording as "unknown"\n')
    expect(dokku.t("builds-record-finalize", "myapp", "idaaaa2", "3"))
    record = dokku.record("myapp", "idaaaa2")
    assert list(record) == ["id", "app", "kind", "pid", "started_at", "finished_at", "status", "source", "exit_code"]
    assert (record["kind"], record["source"], record["status"], record["exit_code"]) == ("deploy", "unknown", "failed", 3)
    expect(dokku.t("builds-record-finalize", "myapp", "idaaaa2", "0"))
    assert dokku.record("myapp", "idaaaa2") == record  # a final record stays
    expect(dokku.t("builds-record-finalize", "myapp", "idaaaa1", "0"))
    assert dokku.record("myapp", "idaaaa1")["status"] == "succeeded"


@pytest.mark.parametrize("source, kind", [
    *((s, "build") for s in ("git-hook", "ps:rebuild", "git:sync", "git:from-archive", "git:from-image", "git:load-image")),
    *((s, "deploy") for s in ("ps:restart", "ps:start", "deploy", "config-redeploy", "unknown"))])
def test_kind_of_a_source(dokku, source, kind):
    dokku.app("myapp")
    expect(dokku.t("builds-record-start", "myapp", "b1", os.getpid(), source))
    record = dokku.record("myapp", "b1")
    assert (record["source"], record["kind"]) == (source, kind)


@pytest.mark.parametrize("trigger, words, message, code", [
    ("finalize", ["myapp", "nosuch", "0"], "no record for myapp/nosuch, skipping", 0),
    ("finalize", ["myapp", "nosuch", "abc"], 'invalid exit code "abc": strconv.Atoi: parsing "abc": invalid syntax', 1),
    ("finalize", ["myapp", "", "0"], "missing build id", 1),
    ("finalize", ["", "", "0"], "missing app name", 1),
    ("start", ["", "", "", ""], "missing app name", 1),
    ("start", [], "missing app name", 1),
    ("start", ["myapp", "", "1", "git-hook"], "missing build id", 1),
    ("start", ["myapp", "xx", "abc", "git-hook"], 'invalid pid "abc": strconv.Atoi: parsing "abc": invalid syntax', 1),
    ("start", ["myapp", "xx"], 'invalid pid "": strconv.Atoi: parsing "": invalid syntax', 1),
    ("start", ["myapp", "xx", "9" * 20], f'invalid pid "{"9" * 20}": strconv.Atoi: parsing "{"9" * 20}": value out of range', 1),
])
def test_triggers_say_what_is_wrong(dokku, trigger, words, message, code):
    dokku.app("myapp")
    name = f"builds-record-{trigger}"
    expect(dokku.t(name, *words), err=f" !     {name}: {message}\n", code=code)
    assert not dokku.builds("myapp").exists()


# Properties and retention

def test_set(dokku):
    dokku.app("myapp")
    prop = dokku.lib / "config/builds/myapp/retention"
    expect(dokku.b("set", "myapp", "retention", "5"), "=====> Setting retention to 5\n")
    assert prop.read_text() == "5"
    assert stat.S_IMODE(prop.stat().st_mode) == 0o600
    for folder in (prop.parent, prop.parent.parent, prop.parent.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    expect(dokku.b("set", "--global", "retention", "7"), "=====> Setting retention to 7\n")
    assert (dokku.lib / "config/builds/--global/retention").read_text() == "7"
    expect(dokku.b("report", "myapp", "--builds-computed-retention"), "5\n")
    expect(dokku.b("report", "--global", "--builds-global-retention"), "7\n")
    values = json.loads(dokku.b("report", "myapp", "--format", "json").out)
    assert [values[k] for k in ("builds-computed-retention", "builds-global-retention", "builds-retention",
                                "computed-retention", "global-retention", "retention")] == list("575575")
    expect(dokku.b("set", "myapp", "retention"), "=====> Unsetting retention\n")
    assert not prop.exists()
    expect(dokku.b("report", "myapp", "--builds-computed-retention"), "7\n")
    for _ in range(2):
        expect(dokku.b("set", "--global", "retention", ""), "=====> Unsetting retention\n")
    for value in ("+5", "007"):
        expect(dokku.b("set", "myapp", "retention", value), f"=====> Setting retention to {value}\n")
        assert prop.read_text() == value
        expect(dokku.b("report", "myapp", "--builds-computed-retention"), f"{int(value)}\n")
    expect(dokku.b("set", "myapp", "retention", "4", env={"DOKKU_QUIET_OUTPUT": "1"}))
    assert prop.read_text() == "4"


@pytest.mark.parametrize("words, message, code", [
    ([], NO_APP, 1),
    (["myapp"], ' !     Invalid property "" (allowed: retention)\n', 1),
    (["myapp", "", "3"], ' !     Invalid property "" (allowed: retention)\n', 1),
    (["myapp", "retention", "0"], " !     Invalid retention 0: must be >= 1\n", 1),
    (["myapp", "retention", "abc"], ' !     Invalid retention "abc": must be a positive integer\n', 1),
    (["myapp", "retention", "--", "-1"], " !     Invalid retention -1: must be >= 1\n", 1),
    (["myapp", "retention", "-1"],
     "Usage of builds:set:\n      --global   --global: set a global property\nunknown shorthand flag: '1' in -1\n", 2),
    (["myapp", "retention", "1.5"], ' !     Invalid retention "1.5": must be a positive integer\n', 1),
    (["myapp", "retention", " 5"], ' !     Invalid retention " 5": must be a positive integer\n', 1),
    (["myapp", "retention", "9" * 20], f' !     Invalid retention "{"9" * 20}": must be a positive integer\n', 1),
    (["myapp", "bogus", "1"], ' !     Invalid property "bogus" (allowed: retention)\n', 1),
    (["--global", "bogus", "1"], ' !     Invalid property "bogus" (allowed: retention)\n', 1),
    (["--global"], ' !     Invalid property "" (allowed: retention)\n', 1),
    (["--global", "myapp", "retention", "3"], ' !     Invalid property "myapp" (allowed: retention)\n', 1),
    (["nosuch", "retention", "1"], NO_SUCH, 20),
    (["--nope"], "Usage of builds:set:\n      --global   --global: set a global property\nunknown flag: --nope\n", 2),
])
def test_set_refuses(dokku, words, message, code):
    dokku.app("myapp")
    expect(dokku.b("set", *words), err=message, code=code)
    assert not (dokku.lib / "config").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to Dokku's user")
def test_set_for_a_user_that_does_not_exist(dokku):
    dokku.app("other")
    nobody = {"DOKKU_SYSTEM_USER": "nouser", "DOKKU_SYSTEM_GROUP": "nouser"}
    expect(dokku.b("set", "other", "retention", "6", env=nobody), "=====> Setting retention to 6\n",
           " !     Unable to create builds config directory for other: group: unknown group nouser\n", 1)


@pytest.mark.parametrize("stored, warning", [
    ("junk\n", r'Ignoring non-integer builds retention "junk\n" for myapp'),
    ("5\n", r'Ignoring non-integer builds retention "5\n" for myapp'),
    ("0", "Ignoring builds retention 0 below minimum 1 for myapp"),
])
def test_a_stored_retention_that_is_none(dokku, stored, warning):
    dokku.app("myapp")
    folder = dokku.lib / "config/builds/myapp"
    folder.mkdir(parents=True)
    (folder / "retention").write_text(stored)
    expect(dokku.b("report", "myapp", "--builds-computed-retention"), "20\n", f" !     {warning}\n")
    expect(dokku.b("report", "myapp"), report_text("myapp", builds_computed_retention="20", builds_retention=stored),
           f" !     {warning}\n")
    expect(dokku.b("prune", "myapp"), err=f" !     {warning}\n")


def test_prune(dokku):
    dokku.app("myapp")
    live = dokku.deploy("sleep 1000")
    dokku.live_record("myapp", "l1", live)
    for i in range(1, 6):
        dokku.finished("myapp", f"p{i}", started_at=f"2026-04-30T13:50:0{i}Z")
        (dokku.builds("myapp") / f"p{i}.log").write_text("log")
    dokku.b("set", "myapp", "retention", "2").ok()
    expect(dokku.b("prune", "myapp"))
    left = {p.name for p in dokku.builds("myapp").iterdir() if not p.name.startswith(".")}
    assert left == {"l1.json", "p4.json", "p4.log", "p5.json", "p5.log"}
    expect(dokku.b("prune", "--all-apps"))
    expect(dokku.b("prune", "myapp", "--all-apps"))


def test_prune_reaps(dokku):
    dokku.app("myapp")
    path = dokku.write_record("myapp", "g1", log="a\nb")
    expect(dokku.b("prune", "myapp"))
    finished = dokku.record("myapp", "g1")["finished_at"]
    assert path.read_text() == f"""{{
  "id": "g1",
  "app": "myapp",
  "kind": "build",
  "pid": 99999,
  "started_at": "2026-04-01T00:00:00Z",
  "finished_at": "{finished}",
  "status": "failed",
  "source": "git-hook",
  "exit_code": -1
}}
"""
    expect(dokku.b("output", "myapp", "g1"), "a\nb")


@pytest.mark.parametrize("words, message, code", [
    ([], NO_APP, 1),
    (["nosuch"], NO_SUCH, 20),
    (["--nope"], "Usage of builds:prune:\n      --all-apps   --all-apps: prune every app\nunknown flag: --nope\n", 2),
])
def test_prune_refuses(dokku, words, message, code):
    expect(dokku.b("prune", *words), err=message, code=code)


# Output and cancel

def test_output_of_what_has_ended(dokku):
    dokku.app("myapp")
    dokku.finished("myapp", "g1", status="failed", exit_code=3)
    (dokku.builds("myapp") / "g1.log").write_text("a\nb")
    expect(dokku.b("output", "myapp", "g1"), "a\nb")
    (dokku.builds("myapp") / "norec.log").write_text("norec\n")  # a log alone
    expect(dokku.b("output", "myapp", "norec"), "norec\n")
    expect(dokku.b("output"), err=NO_APP, code=1)
    expect(dokku.b("output", "nosuch"), err=NO_SUCH, code=20)
    expect(dokku.b("output", "--nope"), err="Usage of builds:output:\nunknown flag: --nope\n", code=2)
    dokku.write_lock("myapp", "")
    for words in ([], ["current"]):
        expect(dokku.b("output", "myapp", *words), "-----> No matching app deploy found\n")
    expect(dokku.b("cancel", "myapp"), "-----> No matching app deploy found\n")


def test_output_without_log_or_journal(dokku):
    dokku.app("myapp")
    dokku.finished("myapp", "g1")
    nowhere = {"PATH": "/nonexistent"}
    expect(dokku.b("output", "myapp", "g1", env=nowhere),
           err=" !     log file missing and journalctl not available for build g1\n", code=1)
    dokku.write_lock("myapp", "nolog1\n")
    expect(dokku.b("output", "myapp", env=nowhere),
           err=" !     log file missing and journalctl not available for build nolog1\n", code=1)


def test_output_from_the_journal(dokku):
    dokku.app("myapp")
    dokku.finished("myapp", "g1")
    programs = dokku.folder / "programs"
    programs.mkdir()
    journal = programs / "journalctl"
    journal.write_text('#!/bin/sh\n[ "$*" = "-n 1000 -a -o cat SYSLOG_IDENTIFIER=dokku-g1" ] && echo from the journal\n'
                       'exit 0\n')
    journal.chmod(0o755)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    expect(dokku.b("output", "myapp", "g1", env=path), "from the journal\n")
    dokku.cooper("builds", "set", "syslog-prefix", "site.", "-a", "myapp").ok()
    journal.write_text(journal.read_text().replace("dokku-g1", "site.g1"))
    expect(dokku.b("output", "myapp", "g1", env=path), "from the journal\n")
    expect(dokku.b("output", "myapp", "nosuch", env=path),
           err=" !     No build record found for myapp/nosuch\n", code=1)


def test_cancel_where_nothing_runs(dokku):
    dokku.app("myapp")
    dokku.write_lock("myapp", "nolog1\n")
    expect(dokku.b("cancel", "myapp"), "-----> No build record for nolog1, removing stale lock file\n")
    assert not dokku.lock_file("myapp").exists()
    done = dokku.finished("myapp", "done1").read_text()
    dokku.write_lock("myapp", "done1\n")
    expect(dokku.b("cancel", "myapp"),
           "-----> Build done1 is no longer running (status=succeeded); leaving record untouched\n")
    assert (dokku.builds("myapp") / "done1.json").read_text() == done
    dokku.write_record("myapp", "ab1")
    dokku.write_lock("myapp", "ab1\n")
    expect(dokku.b("cancel", "myapp"), "-----> Build was already terminated, marking failed\n")
    record = dokku.record("myapp", "ab1")
    assert (record["status"], record["exit_code"]) == ("failed", -1)
    assert list(record) == ["id", "app", "kind", "pid", "started_at", "finished_at", "status", "source", "exit_code"]
    expect(dokku.b("cancel"), err=NO_APP, code=1)
    expect(dokku.b("cancel", "nosuch"), err=NO_SUCH, code=20)
    expect(dokku.b("cancel", "--nope"), err="Usage of builds:cancel:\nunknown flag: --nope\n", code=2)


def test_cancel(dokku):
    dokku.app("myapp")
    deploy = dokku.deploy("sleep 1000", lock=("myapp", "lv1\n"))
    dokku.live_record("myapp", "lv1", deploy)
    expect(dokku.b("cancel", "myapp"), "-----> Killing app deploy\n")
    assert deploy.poll() is not None
    record = dokku.record("myapp", "lv1")
    assert (record["status"], record["exit_code"]) == ("canceled", -1)
    expect(dokku.b("cancel", "myapp"), "-----> App not currently deploying\n")


# Delete and rename

def test_post_delete(dokku):
    dokku.app("myapp", "other")
    dokku.finished("myapp", "b1", log="log")
    dokku.finished("other", "b2", log="log")
    dokku.b("set", "myapp", "retention", "3").ok()
    expect(dokku.t("post-delete", "myapp"))
    assert [p.name for p in dokku.builds("myapp").parent.iterdir()] == ["other"]
    assert list((dokku.lib / "config/builds").iterdir()) == []
    expect(dokku.t("post-delete", "myapp"))
    expect(dokku.t("install"))


def test_post_app_rename(dokku):
    dokku.app("myapp")
    dokku.finished("myapp", "g1", log="log of g1")
    dokku.b("set", "myapp", "retention", "3").ok()
    expect(dokku.t("post-app-rename-setup", "myapp", "newapp"))
    dokku.app("newapp")
    assert [p.name for p in dokku.builds("x").parent.iterdir()] == ["newapp"]
    assert {p.name for p in dokku.builds("newapp").iterdir()} - LOCKS == {"g1.json", "g1.log"}
    assert (dokku.lib / "config/builds/newapp/retention").read_text() == "3"
    assert not (dokku.lib / "config/builds/myapp").exists()


def test_times_of_the_record_are_read(dokku):
    """What the triggers write is what the commands show."""
    dokku.app("myapp")
    dokku.t("builds-record-start", "myapp", "b1", os.getpid(), "deploy").ok()
    assert shown(dokku, "myapp", "b1") in dokku.b("list").out
