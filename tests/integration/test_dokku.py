"""Dokku's commands and triggers, byte for byte, called as Dokku calls them: the
texts here are the contract. What differs from the original, and why, is told in
docs/dokku.md; test_dokku_better.py proves those differences."""
import json
import os
import re
import stat

import pytest

from support.dokku import Dokku, stamp

BAD_NAME = (" !     App name must begin with lowercase alphanumeric character, and may only contain "
            "lowercase alphanumerics, dots, and hyphens\n")
NO_APP = " !     Please specify an app to run the command on\n"
NO_SUCH = " !     App nosuch does not exist\n"
NO_APPS = " !     You haven't deployed any applications yet\n"
BAD_FORMAT = " !     Invalid format specified, supported formats: json, stdout\n"
FORMAT_USAGE = '      --format string   format: [ stdout | json ] (default "stdout")\n'
LIST_USAGE = ("Usage of builds:list:\n" + FORMAT_USAGE +
              "      --kind string     filter by kind: [ build | deploy ]\n"
              "      --status string   filter by status: [ running | succeeded | failed | canceled | abandoned ]\n")
HELP = """\
Usage: dokku builds[:COMMAND]

Manage running and historical builds

Additional commands:
    builds:cancel <app>                                                            Cancel a running build for an app
    builds:info <app> <build-id> [--format json|stdout]                            Show details for a single build
    builds:list [<app>] [--format json] [--kind build|deploy] [--status <status>]  List builds
    builds:output <app> [<build-id>|current]                                       Show build output
    builds:prune <app> [--all-apps]                                                Prune build records to retention
    builds:report [<app>] [<flag>]                                                 Display a build report for one or more apps
    builds:set [--global|<app>] <key> [<value>]                                    Set or clear a builds property
"""
VALID_FLAGS = (" !     Invalid flag passed, valid flags: --build-exit-code, --build-finished-at, --build-id, "
               "--build-kind, --build-pid, --build-source, --build-started-at, --build-status, "
               "--builds-computed-retention, --builds-global-retention, --builds-retention\n")


@pytest.fixture
def dokku(tmp_path):
    made = Dokku(tmp_path)
    yield made
    made.close()


def expect(done, out="", err="", code=0):
    assert (done.out, done.err, done.code) == (out, err, code), str(done)


def report_text(app, **values):
    """The text of a report whose values are empty but for `values` (keys with _ for -)."""
    labels = ["Build exit code", "Build finished at", "Build id", "Build kind", "Build pid", "Build source",
              "Build started at", "Build status", "Builds computed retention", "Builds global retention",
              "Builds retention"]
    lines = [f"=====> {app} builds information"]
    for label in labels:
        value = values.pop(label.lower().replace(" ", "_"), "")
        lines.append(f"       {label + ':':<31}{value}")
    assert not values
    return "\n".join(lines) + "\n"


def test_nothing_there_yet(dokku):
    expect(dokku.t("install"))
    folder = dokku.lib / "config/builds"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    expect(dokku.b("list"), "No builds currently running\n")
    expect(dokku.b("list", "--format", "json"), "[]\n")
    expect(dokku.b("report"), err=NO_APPS)
    expect(dokku.b("report", "--format", "json"), err=NO_APPS)
    expect(dokku.b("prune", "--all-apps"), err=NO_APPS)


def test_help(dokku):
    for words in (["builds"], ["builds:help"], ["--help"]):
        expect(dokku.t("commands", *words), HELP)
    expect(dokku.b("help"), HELP)
    expect(dokku.cooper("builds:help"), HELP)
    expect(dokku.t("commands", "help"), "\n    builds, Manage running and historical builds\n")
    expect(dokku.run(["bash", "-c", f": --all; {dokku.plugin}/commands help; true --all"]), """
    builds:cancel <app>, Cancel a running build for an app
    builds:info <app> <build-id> [--format json|stdout], Show details for a single build
    builds:list [<app>] [--format json] [--kind build|deploy] [--status <status>], List builds
    builds:output <app> [<build-id>|current], Show build output
    builds:prune <app> [--all-apps], Prune build records to retention
    builds:report [<app>] [<flag>], Display a build report for one or more apps
    builds:set [--global|<app>] <key> [<value>], Set or clear a builds property
""")
    expect(dokku.t("commands", "--bogus"), HELP, "flag provided but not defined: -bogus\n", 2)


def test_commands_that_are_not_the_plugins(dokku):
    for words in (["builds:nope"], ["foo"], []):
        expect(dokku.t("commands", *words), code=10)
    expect(dokku.t("commands", "foo", env={"DOKKU_NOT_IMPLEMENTED_EXIT": "77"}), code=77)
    expect(dokku.run(["env", "-u", "DOKKU_NOT_IMPLEMENTED_EXIT", dokku.plugin / "commands", "foo"]),
           "failed to retrieve DOKKU_NOT_IMPLEMENTED_EXIT environment variable\n", code=10)
    expect(dokku.cooper("builds:nope"), err=" !     Invalid plugin subcommand call: nope\n", code=1)
    expect(dokku.run([dokku.plugin / "subcommands/list"]), err=" !     Invalid plugin subcommand call: list\n",
           code=1)


def test_an_app_without_builds(dokku):
    dokku.app("empty")
    expect(dokku.b("list", "empty"), "No builds recorded for this app\n")
    expect(dokku.b("list", "empty", "--format", "json"), "[]\n")
    expect(dokku.b("list"), "No builds currently running\n")
    expect(dokku.b("report", "empty"), report_text("empty", builds_computed_retention="20"))
    expect(dokku.b("report", "empty", "--format", "json"),
           '{"build-exit-code":"","build-finished-at":"","build-id":"","build-kind":"","build-pid":"",'
           '"build-source":"","build-started-at":"","build-status":"","builds-computed-retention":"20",'
           '"builds-global-retention":"","builds-retention":"","computed-retention":"20","global-retention":"",'
           '"retention":""}\n')
    expect(dokku.b("prune", "empty"))
    for name, words in (("cancel", []), ("output", []), ("output", ["current"])):
        expect(dokku.b(name, "empty", *words), "-----> App not currently deploying\n")


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


# What there is to list

@pytest.fixture
def several(dokku):
    """Two apps: a running and an abandoned build each, and finished ones."""
    dokku.app("myapp", "other")
    live = dokku.deploy("sleep 1000")
    dokku.live = live.pid
    dokku.live_record("other", "oth001", live, kind="deploy", source="deploy")
    dokku.live_record("myapp", "liv001", live, kind="deploy", source="ps:restart")
    dokku.write_record("other", "oth002", pid=99998, kind="deploy", source="deploy", started_at="2026-05-02T00:00:00.4Z")
    dokku.write_record("myapp", "ghost1", started_at="2026-05-02T00:00:00Z")
    dokku.finished("myapp", "old001", pid=12345, started_at="2026-04-30T13:50:00Z")
    dokku.finished("myapp", "old002", pid=12346, started_at="2026-04-30T14:50:00.123456789Z", source="ps:rebuild",
                   finished_at="2026-04-30T16:51:14.5Z", status="failed", exit_code=2)
    dokku.finished("myapp", "can001", started_at="2026-05-01T14:50:00+02:00", source="git:sync",
                   finished_at="2026-05-01T14:50:00+02:00", status="canceled", exit_code=-1)
    return dokku


def shown(dokku, app, build):
    """The start of a build, as tables show it."""
    return dokku.record(app, build)["started_at"][:19] + "Z"


def fixed(done):
    """The output with the durations that grow replaced."""
    text = re.sub(r"\b\d{3,}h\d+m\d+s\b", "LONG", done.out)
    done.out = re.sub(r"(?m)(^liv001 .*Z +|\"pid\":\d+,\"started_at\":\"[^\"]*\",\"status\":\"running\",\"source\":\"[^\"]*\","
                      r"\"display_status\":\"running\",\"duration\":\"|       Duration:  )(\d+m)?\d+s(?=\"|$)", r"\1SHORT", text)
    return done


def running_table(dokku, width):
    """The running builds of all apps; `width`: of the column PID."""
    pid, oth, liv = dokku.live, shown(dokku, "other", "oth001"), shown(dokku, "myapp", "liv001")
    return (f"=====> Currently running builds\n"
            f"App    Build ID  Kind    {'PID':<{width}}  Source      Started\n"
            f"myapp  liv001    deploy  {pid:<{width}}  ps:restart  {liv}\n"
            f"other  oth001    deploy  {pid:<{width}}  deploy      {oth}\n")


def test_list_of_all_apps(several):
    width = len(str(max(several.live, 10000)))
    running = running_table(several, width)
    abandoned = (f"=====> Abandoned builds\n"
                 f"App    Build ID  Kind    {'PID':<{width}}  Source      Started\n"
                 f"other  oth002    deploy  {99998:<{width}}  deploy      2026-05-02T00:00:00Z\n"
                 f"myapp  ghost1    build   {99999:<{width}}  git-hook    2026-05-02T00:00:00Z\n")
    expect(several.b("list"), running + abandoned)
    expect(several.b("list", "--format", ""), running + abandoned)
    quiet = "".join(line for line in (running + abandoned).splitlines(True) if not line.startswith("=====>"))
    expect(several.b("list", env={"DOKKU_QUIET_OUTPUT": "1"}), quiet)
    expect(several.b("list", "--status", "running"), running_table(several, len(str(max(several.live, 100)))))
    expect(several.b("list", "--status", "abandoned"),
           "=====> Abandoned builds\n"
           "App    Build ID  Kind    PID    Source    Started\n"
           "other  oth002    deploy  99998  deploy    2026-05-02T00:00:00Z\n"
           "myapp  ghost1    build   99999  git-hook  2026-05-02T00:00:00Z\n")
    expect(several.b("list", "--status", "succeeded"), "No builds currently running\n")
    expect(several.b("list", "--kind", "build"),
           "=====> Abandoned builds\n"
           "App    Build ID  Kind   PID    Source    Started\n"
           "myapp  ghost1    build  99999  git-hook  2026-05-02T00:00:00Z\n")


def test_json_list_of_all_apps(several):
    oth, liv = (several.record(a, b)["started_at"] for a, b in (("other", "oth001"), ("myapp", "liv001")))
    expect(fixed(several.b("list", "--format", "json")),
           f'[{{"id":"liv001","app":"myapp","kind":"deploy","pid":{several.live},"started_at":"{liv}","status":"running",'
           f'"source":"ps:restart","display_status":"running","duration":"SHORT","log_path":"$ROOT/lib/data/builds/myapp/liv001.log"}},'
           f'{{"id":"oth001","app":"other","kind":"deploy","pid":{several.live},"started_at":"{oth}","status":"running",'
           f'"source":"deploy","display_status":"running","duration":"SHORT","log_path":"$ROOT/lib/data/builds/other/oth001.log"}},'
           '{"id":"oth002","app":"other","kind":"deploy","pid":99998,"started_at":"2026-05-02T00:00:00.4Z","status":"running",'
           '"source":"deploy","display_status":"abandoned","duration":"LONG","log_path":"$ROOT/lib/data/builds/other/oth002.log"},'
           '{"id":"ghost1","app":"myapp","kind":"build","pid":99999,"started_at":"2026-05-02T00:00:00Z","status":"running",'
           '"source":"git-hook","display_status":"abandoned","duration":"LONG","log_path":"$ROOT/lib/data/builds/myapp/ghost1.log"}]\n')


def test_list_of_an_app(several):
    pid = several.live
    width = len(str(max(pid, 10000)))
    liv = shown(several, "myapp", "liv001")
    table = (f"Build ID  Kind    Status     {'PID':<{width}}  Source      Started                    Duration\n"
             f"liv001    deploy  running    {pid:<{width}}  ps:restart  {liv}       SHORT\n"
             f"ghost1    build   abandoned  {99999:<{width}}  git-hook    2026-05-02T00:00:00Z       LONG\n"
             f"can001    build   canceled   {1:<{width}}  git:sync    2026-05-01T14:50:00+02:00  0s\n"
             f"old002    build   failed     {12346:<{width}}  ps:rebuild  2026-04-30T14:50:00Z       2h1m14s\n"
             f"old001    build   succeeded  {12345:<{width}}  git-hook    2026-04-30T13:50:00Z       1m14s\n")
    for words in (["myapp"], ["myapp", "extra", "args"], ["--", "myapp"], ["--format", "stdout", "myapp"]):
        expect(fixed(several.b("list", *words)), table)
    expect(fixed(several.cooper("builds:list", "myapp")), table)
    expect(several.b("list", "myapp", "--status", "failed"),
           "Build ID  Kind   Status  PID    Source      Started               Duration\n"
           "old002    build  failed  12346  ps:rebuild  2026-04-30T14:50:00Z  2h1m14s\n")
    expect(fixed(several.b("list", "myapp", "--kind", "deploy", "--status", "running")),
           f"Build ID  Kind    Status   {'PID':<{len(str(max(pid, 100)))}}  Source      Started               Duration\n"
           f"liv001    deploy  running  {pid}  ps:restart  {liv}  SHORT\n")


CAN001 = ('{"id":"can001","app":"myapp","kind":"build","pid":1,"started_at":"2026-05-01T14:50:00+02:00",'
          '"finished_at":"2026-05-01T14:50:00+02:00","status":"canceled","source":"git:sync","exit_code":-1,'
          '"display_status":"canceled","duration":"0s","log_path":"$ROOT/lib/data/builds/myapp/can001.log"}')
OLD002 = ('{"id":"old002","app":"myapp","kind":"build","pid":12346,"started_at":"2026-04-30T14:50:00.123456789Z",'
          '"finished_at":"2026-04-30T16:51:14.5Z","status":"failed","source":"ps:rebuild","exit_code":2,'
          '"display_status":"failed","duration":"2h1m14s","log_path":"$ROOT/lib/data/builds/myapp/old002.log"}')
OLD001 = ('{"id":"old001","app":"myapp","kind":"build","pid":12345,"started_at":"2026-04-30T13:50:00Z",'
          '"finished_at":"2026-04-30T13:51:14Z","status":"succeeded","source":"git-hook","exit_code":0,'
          '"display_status":"succeeded","duration":"1m14s","log_path":"$ROOT/lib/data/builds/myapp/old001.log"}')
GHOST1 = ('{"id":"ghost1","app":"myapp","kind":"build","pid":99999,"started_at":"2026-05-02T00:00:00Z","status":"running",'
          '"source":"git-hook","display_status":"abandoned","duration":"LONG","log_path":"$ROOT/lib/data/builds/myapp/ghost1.log"}')


def test_json_of_an_app(several):
    liv = several.record("myapp", "liv001")["started_at"]
    live = (f'{{"id":"liv001","app":"myapp","kind":"deploy","pid":{several.live},"started_at":"{liv}","status":"running",'
            f'"source":"ps:restart","display_status":"running","duration":"SHORT",'
            f'"log_path":"$ROOT/lib/data/builds/myapp/liv001.log"}}')
    expect(fixed(several.b("list", "myapp", "--format", "json")),
           f"[{live},{GHOST1},{CAN001},{OLD002},{OLD001}]\n")
    expect(several.b("list", "myapp", "--format=json", "--status", "canceled"), f"[{CAN001}]\n")
    for build, text in (("old001", OLD001), ("old002", OLD002), ("can001", CAN001), ("ghost1", GHOST1), ("liv001", live)):
        expect(fixed(several.b("info", "myapp", build, "--format", "json")), text + "\n")


@pytest.mark.parametrize("words, message, code", [
    (["myapp", "--kind=garbage"], ' !     Invalid --kind value "garbage" (allowed: build, deploy)\n', 1),
    (["myapp", "--status=garbage"],
     ' !     Invalid --status value "garbage" (allowed: running, succeeded, failed, canceled, abandoned)\n', 1),
    (["myapp", "--format", "yaml"], BAD_FORMAT, 1),
    (["nosuch"], NO_SUCH, 20),
    (["Upper"], BAD_NAME, 1),
    (["_x"], BAD_NAME, 1),
    (["../x"], BAD_NAME, 1),
    (["myapp", "--nope"], LIST_USAGE + "unknown flag: --nope\n", 2),
    (["myapp", "--kind"], LIST_USAGE + "flag needs an argument: --kind\n", 2),
])
def test_list_refuses(dokku, words, message, code):
    dokku.app("myapp")
    expect(dokku.b("list", *words), err=message, code=code)


def test_info(several):
    expect(several.b("info", "myapp", "old001"), """\
=====> Build old001
       Build ID:   old001
       App:        myapp
       Kind:       build
       Status:     succeeded
       PID:        12345
       Source:     git-hook
       Started:    2026-04-30T13:50:00Z
       Finished:   2026-04-30T13:51:14Z
       Duration:   1m14s
       Exit Code:  0
       Log:        $ROOT/lib/data/builds/myapp/old001.log
""")
    can001 = several.b("info", "myapp", "can001")
    assert "       Started:    2026-05-01T14:50:00+02:00\n" in can001.out
    assert "       Exit Code:  -1\n" in can001.out
    live = f"""\
       Build ID:  liv001
       App:       myapp
       Kind:      deploy
       Status:    running
       PID:       {several.live}
       Source:    ps:restart
       Started:   {shown(several, "myapp", "liv001")}
       Duration:  SHORT
       Log:       $ROOT/lib/data/builds/myapp/liv001.log
"""
    expect(fixed(several.b("info", "myapp", "liv001")), "=====> Build liv001\n" + live)
    expect(fixed(several.b("info", "myapp", "liv001", env={"DOKKU_QUIET_OUTPUT": "1"})), live)
    assert "       Status:    abandoned\n" in several.b("info", "myapp", "ghost1").out


@pytest.mark.parametrize("words, message, code", [
    ([], NO_APP, 1),
    (["myapp"], " !     Please specify a build id\n", 1),
    (["myapp", ""], " !     Please specify a build id\n", 1),
    (["myapp", "nosuch"], " !     No build record found for myapp/nosuch\n", 1),
    (["nosuch", "old001"], NO_SUCH, 20),
    (["myapp", "old001", "--format", "xml"], BAD_FORMAT, 1),
    (["BAD", "old001"], BAD_NAME, 1),
    (["--nope"], "Usage of builds:info:\n" + FORMAT_USAGE + "unknown flag: --nope\n", 2),
])
def test_info_refuses(dokku, words, message, code):
    dokku.app("myapp")
    dokku.finished("myapp", "old001")
    expect(dokku.b("info", *words), err=message, code=code)


def test_report(several):
    several.live_record("myapp", "ghost1", several.children[0], pid=99999)  # the newest of myapp, and abandoned
    started = shown(several, "myapp", "ghost1")
    text = report_text("myapp", build_id="ghost1", build_kind="build", build_pid="99999", build_source="git-hook",
                       build_started_at=started, build_status="abandoned", builds_computed_retention="20")
    expect(several.b("report", "myapp"), text)
    expect(several.b("report", "myapp", env={"DOKKU_QUIET_OUTPUT": "1"}), text.split("\n", 1)[1])
    json_line = (f'{{"build-exit-code":"","build-finished-at":"","build-id":"ghost1","build-kind":"build","build-pid":"99999",'
                 f'"build-source":"git-hook","build-started-at":"{started}","build-status":"abandoned",'
                 '"builds-computed-retention":"20","builds-global-retention":"","builds-retention":"",'
                 '"computed-retention":"20","global-retention":"","retention":""}\n')
    expect(several.b("report", "myapp", "--format", "json"), json_line)
    everything = several.b("report")
    assert everything.out.startswith(text + "=====> other builds information\n") and everything.code == 0
    assert several.b("report", "--format", "json").out.splitlines(True)[0] == json_line
    expect(several.b("report", "--build-id"), "ghost1\noth001\n")
    for flag, value in (("--build-status", "abandoned"), ("--build-id", "ghost1"),
                        ("--builds-computed-retention", "20"), ("--builds-retention", "")):
        expect(several.b("report", "myapp", flag), value + "\n")


def test_report_of_what_is_global(dokku):
    expect(dokku.b("report", "--global"),
           "=====> --global builds information\n       Builds global retention:       \n")
    expect(dokku.b("report", "--global", "--format", "json"), '{"builds-global-retention":"","global-retention":""}\n')
    expect(dokku.b("report", "--global", "--builds-global-retention"), "\n")


@pytest.mark.parametrize("words, message, code", [
    (["myapp", "--nope"], VALID_FLAGS, 1),
    (["--global", "--nope"], " !     Invalid flag passed, valid flags: --builds-global-retention\n", 1),
    (["--global", "--builds-retention"], " !     Invalid flag passed, valid flags: --builds-global-retention\n", 1),
    (["myapp", "--format", "json", "--build-id"],
     " !     --format flag cannot be specified when specifying an info flag\n", 1),
    (["myapp", "--format", "yaml"], ' !     Format must be "stdout" or "json": "yaml"\n', 1),
    (["nosuch"], NO_SUCH, 20),
])
def test_report_refuses(dokku, words, message, code):
    dokku.app("myapp")
    expect(dokku.b("report", *words), err=message, code=code)


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
    assert deploy.poll() is not None or deploy.wait(1) is not None
    assert dokku.record("myapp", "lv1")["exit_code"] == -1
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
    assert {p.name for p in dokku.builds("newapp").iterdir()} - {".lock"} == {"g1.json", "g1.log"}
    assert (dokku.lib / "config/builds/newapp/retention").read_text() == "3"
    assert not (dokku.lib / "config/builds/myapp").exists()


def test_times_of_the_record_are_read(dokku):
    """What the triggers write is what the commands show."""
    dokku.app("myapp")
    dokku.t("builds-record-start", "myapp", "b1", os.getpid(), "deploy").ok()
    assert shown(dokku, "myapp", "b1") in dokku.b("list").out
    assert stamp(0) == "1970-01-01T00:00:00.000000Z"
