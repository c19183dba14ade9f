"""Dokku's commands and triggers, byte for byte, called as Dokku calls them: the
texts here are the contract. What differs from the original, and why, is told in
docs/dokku.md."""
import re
import stat

import pytest

from support.dokku import BAD_NAME, NO_APP, NO_APPS, NO_SUCH, expect, report_text, shown

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
    no_pid = 4194304  # the system gives smaller ones
    several.live_record("myapp", "ghost1", several.children[0], pid=no_pid)  # the newest of myapp, and abandoned
    started = shown(several, "myapp", "ghost1")
    text = report_text("myapp", build_id="ghost1", build_kind="build", build_pid=str(no_pid), build_source="git-hook",
                       build_started_at=started, build_status="abandoned", builds_computed_retention="20")
    expect(several.b("report", "myapp"), text)
    expect(several.b("report", "myapp", env={"DOKKU_QUIET_OUTPUT": "1"}), text.split("\n", 1)[1])
    json_line = (f'{{"build-exit-code":"","build-finished-at":"","build-id":"ghost1","build-kind":"build","build-pid":"{no_pid}",'
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
