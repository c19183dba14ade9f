"""Where cooper does better than Dokku's own plugin: one test for each row of the
table in docs/dokku.md."""
import os
import re
import shutil
import subprocess

import pytest

from support.cooper import wait_for
from support.dokku import BAD_NAME, LOCKS, expect

SECRET = "only for other"


@pytest.fixture
def two(dokku):
    dokku.app("myapp", "other")
    dokku.finished("other", "x", log=SECRET)
    return dokku


@pytest.mark.parametrize("command", ["info", "output", "cancel"])
def test_an_id_leads_out_of_no_app(two, command):
    done = two.b(command, "myapp", "../other/x")
    expect(done, err=' !     Invalid build id "../other/x"\n', code=1)
    for trigger, words in (("builds-record-start", ["myapp", "../other/y", "1", "deploy"]),
                           ("builds-record-finalize", ["myapp", "../other/x", "7"])):
        expect(two.t(trigger, *words), err=f' !     {trigger}: Invalid build id "{words[1]}"\n', code=1)
    assert two.record("other", "x")["exit_code"] == 0 and not (two.builds("other") / "y.json").exists()


def test_names_are_checked_before_anything_is_written(dokku):
    dokku.app("myapp")
    for name in ("../../../evil", "--all"):
        done = dokku.t("builds-record-start", name, "b1", "1", "ps:restart")
        assert (done.code, done.err) == (1, " !     builds-record-start: " + BAD_NAME[7:])
    expect(dokku.t("builds-record-start", "nosuch", "b1", "1", "ps:restart"),
           err=" !     App nosuch does not exist\n", code=20)
    assert not (dokku.lib / "data").exists()


def test_a_record_is_never_overwritten(dokku):
    dokku.app("myapp")
    before = dokku.finished("myapp", "b1").read_bytes()
    expect(dokku.t("builds-record-start", "myapp", "b1", os.getpid(), "deploy"),
           err=" !     builds-record-start: there is a record for myapp/b1 already, keeping it\n", code=1)
    assert (dokku.builds("myapp") / "b1.json").read_bytes() == before


def test_post_delete_of_nothing_deletes_nothing(two):
    expect(two.t("post-delete", ""), err=" !     post-delete: missing app name\n", code=1)
    expect(two.t("post-delete"), err=" !     post-delete: missing app name\n", code=1)
    assert two.t("post-delete", "..").code == 1
    assert (two.builds("other") / "x.json").exists()


def test_an_id_in_a_record_is_not_followed(two):
    two.finished("other", "victim", log="log")
    for i in (1, 2):
        two.finished("myapp", f"a{i}", id="../other/victim", started_at=f"2026-04-0{i}T00:00:00Z", log="log")
    two.b("set", "myapp", "retention", "1").ok()
    expect(two.b("prune", "myapp"))
    assert (two.builds("other") / "victim.json").exists()
    assert {p.name for p in two.builds("myapp").iterdir()} - LOCKS == {"a2.json", "a2.log"}


def test_a_reused_pid_is_another_process(dokku):
    dokku.app("myapp")
    live = dokku.deploy("sleep 1000")
    dokku.write_record("myapp", "b1", pid=live.pid, started_at="2026-04-01T00:00:00Z")  # before that process
    assert "abandoned" in dokku.b("list", "myapp").out
    expect(dokku.b("cancel", "myapp", "b1"), "-----> Build was already terminated, marking failed\n")
    assert live.poll() is None


def test_rename_keeps_the_history_in_one_place(dokku):
    dokku.app("newapp")
    dokku.finished("myapp", "g1", log="log of g1", theirs={"a": [1, 2]})
    dokku.finished("newapp", "g2")
    expect(dokku.t("post-app-rename-setup", "myapp", "newapp"))
    assert not dokku.builds("myapp").exists()
    assert dokku.record("newapp", "g1")["app"] == "newapp"
    assert dokku.record("newapp", "g1")["theirs"] == {"a": [1, 2]}
    info = dokku.b("info", "newapp", "g1").out
    assert "       App:        newapp\n" in info and "$ROOT/lib/data/builds/newapp/g1.log\n" in info
    expect(dokku.b("output", "newapp", "g1"), "log of g1")


def test_a_deploy_that_runs_while_its_app_is_renamed_is_finalized(dokku):
    dokku.app("myapp")
    dokku.t("builds-record-start", "myapp", "b1", os.getpid(), "git-hook").ok()
    expect(dokku.t("post-app-rename-setup", "myapp", "newapp"))
    dokku.app("newapp")
    expect(dokku.t("builds-record-finalize", "myapp", "b1", "3"))
    record = dokku.record("newapp", "b1")
    assert (record["status"], record["exit_code"], record["app"]) == ("failed", 3, "newapp")
    assert not dokku.builds("myapp").exists()


def test_fields_that_we_do_not_know_are_kept(dokku):
    dokku.app("myapp")
    dokku.write_record("myapp", "b1", note={"by": "hand", "n": [1, None, True]}, z="last")
    expect(dokku.t("builds-record-finalize", "myapp", "b1", "0"))
    record = dokku.record("myapp", "b1")
    assert (record["note"], record["z"], record["status"]) == ({"by": "hand", "n": [1, None, True]}, "last", "succeeded")


def test_live_output_begins_at_the_first_byte_and_ends_with_the_build(dokku):
    dokku.app("myapp")
    deploy = dokku.deploy("sleep 1000")
    dokku.live_record("myapp", "b1", deploy)
    log = dokku.builds("myapp") / "b1.log"
    lines = "".join(f"line {i}\n" for i in range(3000))
    log.write_text(lines)
    viewer = subprocess.Popen([dokku.plugin / "subcommands/output", "builds:output", "myapp", "b1"], env=dokku.env,
                              stdout=subprocess.PIPE, text=True)
    seen = viewer.stdout.readline()  # it follows
    with log.open("a") as file:
        file.write("the last one\n")
    expect(dokku.t("builds-record-finalize", "myapp", "b1", "7"))
    seen += viewer.stdout.read()
    assert (seen, viewer.wait(120)) == (lines + "the last one\n", 7)


def test_unlocked_deploys_are_current_too(dokku):
    dokku.app("myapp")
    first = dokku.deploy("sleep 1000")
    dokku.live_record("myapp", "b1", first, source="ps:restart")
    second = dokku.deploy("sleep 1000")
    dokku.live_record("myapp", "b2", second, source="ps:restart")
    done = dokku.b("cancel", "myapp")
    assert done.code == 1 and done.err.startswith(" !     Several builds of myapp are running, name one:")
    expect(dokku.b("cancel", "myapp", "b1"), "-----> Killing app deploy\n")
    first.wait(60)
    assert second.poll() is None
    expect(dokku.b("cancel", "myapp"), "-----> Killing app deploy\n")
    second.wait(60)
    expect(dokku.b("cancel", "myapp", "nosuch"), err=" !     No build record found for myapp/nosuch\n", code=1)


def test_locked_means_that_somebody_holds_it(dokku):
    dokku.app("myapp")
    no_lock = " !     Deploy lock does not exist\n"
    expect(dokku.cooper("apps:locked", "myapp"), err=no_lock, code=1)
    expect(dokku.cooper("apps:unlock", "myapp"), "-----> Deploy lock removed.\n")
    dokku.write_lock("myapp", "b1\n")  # stale
    expect(dokku.cooper("apps:locked", "myapp"), err=no_lock, code=1)
    expect(dokku.cooper("apps:unlock", "myapp"), "-----> Deploy lock removed.\n")
    assert not dokku.lock_file("myapp").exists()
    deploy = dokku.deploy("sleep 1000", lock=("myapp", "b1\n"))
    expect(dokku.cooper("apps:locked", "myapp"), "Deploy lock exists\n")
    expect(dokku.cooper("apps:unlock", "myapp"), code=1,
           err=" !     The deploy lock of myapp is held by the running build b1; end it first: builds:cancel myapp\n")
    assert dokku.lock_file("myapp").exists()
    deploy.kill()
    wait_for(lambda: deploy.poll() is not None, "the end of the deploy")


def test_on_coopers_own_root_a_lock_counts_while_it_is_held(plain_cooper):
    plain_cooper("track", "-a", "shop", "--", "true").ok()
    lock = plain_cooper.root / "data/apps/shop/.deploy.lock"
    wait_for(lambda: plain_cooper("apps:locked", "shop").code == 1, "the end of the supervisor's work")
    for text in ("", plain_cooper.build_ids("shop")[0] + "\n", "nosuch\n"):
        lock.write_text(text)
        for command in ("builds:output", "builds:cancel"):
            expect(plain_cooper(command, "shop"), "-----> App not currently deploying\n")


def test_set_that_fails_does_not_say_that_it_sets(dokku):
    dokku.app("myapp")
    shutil.rmtree(dokku.lib / "config", ignore_errors=True)
    (dokku.lib / "config").write_text("no folder")
    done = dokku.b("set", "myapp", "retention", "5")
    assert (done.code, done.out) == (1, "") and done.err.startswith(" !     ")


NAMES = ["builds:cancel", "builds:info", "builds:list", "builds:output", "builds:prune", "builds:report", "builds:set",
         "apps:locked", "apps:unlock"]


def test_coopers_help_knows_dokkus_commands(plain_cooper):
    listed = plain_cooper("help").ok().out
    for name in [*NAMES, "builds:help"]:
        assert re.search(rf"(?m)^  {name} +\S", listed), name


@pytest.mark.parametrize("name", NAMES)
def test_help_of_one_of_dokkus_commands(plain_cooper, name):
    asked = plain_cooper("help", name).ok()
    assert asked.out == plain_cooper(name, "--help").ok().out == plain_cooper(name, "shop", "-h").ok().out
    summary = asked.out.splitlines()[0]
    assert len(summary) > 8 and f"Usage: cooper {name} " in asked.out and asked.err == ""
    assert "\nArguments\n  <app> " in asked.out or "\nArguments\n  <" in asked.out
    assert f"\nExamples\n  cooper {name} " in asked.out and "-h, --help" in asked.out


def test_one_bad_folder_hides_no_app(two):
    (two.home / "Bad_Name").mkdir()
    (two.home / ".ssh").mkdir()
    (two.home / "VERSION").write_text("0.38")
    done = two.b("report")
    assert done.code == 0 and not done.err
    assert [line for line in done.out.splitlines() if line.startswith("=====>")] == [
        "=====> myapp builds information", "=====> other builds information"]


def test_report_takes_its_flags_as_the_others_do(two):
    assert two.b("report", "myapp", "--format=json").out == two.b("report", "myapp", "--format", "json").out != ""
    done = two.b("report", "myapp", "--format")
    assert done.code == 2 and done.err.endswith("flag needs an argument: --format\n")
    expect(two.b("report", "myapp", "--build-id", "--build-kind"), code=1,
           err=" !     Only one info flag can be given: --build-id, --build-kind\n")


def test_help_is_the_same_everywhere(two):
    for name in ("cancel", "info", "list", "output", "prune", "report", "set"):
        done = two.b(name, "--help")
        assert (done.code, done.err) == (0, "") and done.out.startswith(f"Usage of builds:{name}:\n")


@pytest.mark.parametrize("words", [["list"], ["report"], ["info", "other", "x"], ["output", "other", "x"], ["help"]])
def test_output_that_cannot_be_written_is_a_failure(two, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([two.plugin / "subcommands" / words[0], f"builds:{words[0]}", *words[1:]],
                              env=two.env, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, " !     write to stdout: No space left on device\n")


def test_filters_narrow_the_same_list(two):
    for i in range(1, 5):
        two.finished("myapp", f"f{i}", status="failed", exit_code=1, started_at=f"2026-04-0{i}T00:00:00Z")
    two.b("set", "myapp", "retention", "2").ok()
    assert two.b("list", "myapp").out == two.b("list", "myapp", "--kind", "build").out
    assert [line.split()[0] for line in two.b("list", "myapp", "--kind", "build").out.splitlines()[1:]] == ["f4", "f3"]


def test_the_folder_is_installed_again_but_nothing_of_others_is_touched(dokku):
    before = {p: os.readlink(p) for p in dokku.plugin.rglob("*") if p.is_symlink()}
    assert {p.name for p in before} == {
        "commands", "install", "post-delete", "post-app-rename-setup", "builds-generate-id", "builds-record-start",
        "builds-record-finalize", "help", "cancel", "info", "list", "output", "prune", "report", "set"}
    (dokku.plugin / "commands").unlink()
    dokku.cooper("plugin", "install").ok()
    assert {p: os.readlink(p) for p in dokku.plugin.rglob("*") if p.is_symlink()} == before
    foreign = dokku.folder / "foreign"
    foreign.mkdir()
    (foreign / "plugin.toml").write_text("[plugin]\ndescription = \"dokku core builds plugin\"\n")
    done = dokku.cooper("plugin", "install", "--dir", foreign)
    assert done.code == 6 and "is not cooper's" in done.err and "--dir" in done.err
    assert [p.name for p in foreign.iterdir()] == ["plugin.toml"]


def test_the_log_of_a_record_that_is_damaged_is_shown(dokku):
    dokku.app("myapp")
    dokku.write_record("myapp", "b1", text="{ garbage", log="a\nb\n")
    shown = dokku.b("output", "myapp", "b1")
    assert (shown.code, shown.out) == (0, "a\nb\n")
    assert shown.err.startswith(" !     parse build record b1: ")
