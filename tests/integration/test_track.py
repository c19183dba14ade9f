"""`cooper track`: any command as a tracked deploy. Streams, exit codes, records, the
deploy lock."""
import json
import os
import signal
import subprocess

import pytest

from support.cooper import build_id_of, executable, only_record, processes_of, runs, wait_for

SECRET = "hunter2-very-secret"


def test_output_comes_byte_by_byte_and_the_record_tells(plain_cooper, track, tmp_path):
    done = track("sh", "-c", r"printf 'out\n\033[31mred\033[0m \001\tno end'; printf 'err' >&2", cwd=tmp_path).ok()
    assert done.out == "out\n\033[31mred\033[0m \001\tno enderr"
    build = build_id_of(done.err)
    assert plain_cooper.log("shop", build).decode() == done.out
    record = plain_cooper.record("shop", build)
    assert (record["status"], record["exit_code"], record["kind"], record["source"]) == \
        ("succeeded", 0, "deploy", "deploy")
    assert "release" not in record and "reason" not in record and "engine" not in record
    assert record["description"].startswith("sh -c 'printf ")


def test_bytes_that_are_no_text_pass_through(plain_cooper, track, tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "data").write_bytes(data)
    out = tmp_path / "out"
    with open(out, "wb") as file:
        subprocess.run([executable(), "track", "-a", "shop", "--", "cat", tmp_path / "data"], stdout=file,
                       env=plain_cooper.env, check=True, stderr=subprocess.DEVNULL)
    assert out.read_bytes() == data
    assert plain_cooper.log("shop", plain_cooper.build_ids("shop")[0]) == data


@pytest.mark.parametrize("script, code, reason", [
    ("exit 3", 3, "exit code 3"),
    ("exit 124", 124, "exit code 124"),
    ("exit 130", 130, "exit code 130"),
    ("kill -9 $$", 137, "killed by signal 9 (SIGKILL)"),
    ("kill -TERM $$", 143, "killed by signal 15 (SIGTERM)"),
])
def test_exit_codes_pass_through(plain_cooper, track, script, code, reason):
    done = track("sh", "-c", f"echo before; {script}")
    assert (done.code, done.out) == (code, "before\n"), done
    record = only_record(plain_cooper)
    assert (record["status"], record["exit_code"], record["reason"]) == ("failed", code, reason)
    assert reason in done.err


def test_a_command_that_cant_be_run(plain_cooper, tmp_path, track):
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for words, code in ((["no-such-program"], 127), (["/no/such/program"], 127), ([plain], 126), ([tmp_path], 126)):
        done = track(*words)
        build = build_id_of(done.err)
        record = plain_cooper.record("shop", build)
        assert done.code == code, done
        assert (record["status"], record["exit_code"]) == ("failed", code)
        assert b"ERROR: the command can't be run" in plain_cooper.log("shop", build)
        assert "ERROR: deploy failed: the command can't be run" in done.err and "build failed" not in done.err


def test_why_a_command_cant_be_run_is_said_once_on_a_terminal(on_terminal):
    job = on_terminal("track", "-a", "shop", "--", "/no/such/program")
    assert job.end() == 127
    assert job.seen.count(b"can't be run") == 1 and b"ERROR: deploy failed\r\n" in job.seen


def test_words_after_the_dashes_are_literal(track):
    words = ["--help", "-a", "", "--", "two words", "$HOME", "*", "--id=3", "-h", "{}", "ü"]
    assert track("printf", "<%s>", *words).ok().out == "".join(f"<{word}>" for word in words)


def test_words_may_hold_any_bytes(plain_cooper):
    done = subprocess.run([executable(), "track", "-a", "shop", "--", "printf", "%s", b"\xff\xfe'\x80"],
                          env=plain_cooper.env, capture_output=True, check=True)
    assert done.stdout == b"\xff\xfe'\x80"


def test_a_command_is_needed(track, plain_cooper):
    for words in (["track", "-a", "shop"], ["track", "-a", "shop", "--"]):
        done = plain_cooper(*words)
        assert done.code == 2 and "needs COMMAND" in done.err, done
    done = plain_cooper("track", "-a", "shop", "ls", "-l")
    assert done.code == 2 and "-- COMMAND" in done.err, done
    assert plain_cooper.build_ids("shop") == []


def test_folder_environment_umask_and_input_are_the_callers(plain_cooper, track, tmp_path):
    script = "pwd; umask; echo $COOPER_APP $MARK; test $COOPER_BUILD_ID = $DOKKU_BUILD_ID && echo $DOKKU_BUILD_ID; cat"
    done = track("sh", "-c", script, cwd=tmp_path, input="from the pipe", env={"MARK": "seen"}).ok()
    lines = done.out.splitlines()
    mask = f"{os.umask(0o22):04o}"
    os.umask(int(mask, 8))
    assert lines == [str(tmp_path), mask, "shop seen", build_id_of(done.err), "from the pipe"]


def test_the_supervisor_keeps_no_input_open(plain_cooper, tmp_path):
    """Whoever writes to a command that reads no more must hear of it."""
    os.mkfifo(tmp_path / "gate")
    with subprocess.Popen([executable(), "track", "-a", "shop", "--detach", "--", "sh", "-c",
                           f"exec <&-; echo closed; cat {tmp_path}/gate"], stdin=subprocess.PIPE,
                          env=plain_cooper.env, stdout=subprocess.DEVNULL) as process:
        process.wait()
        build = plain_cooper.build_ids("shop")[0]
        plain_cooper.wait_for_log("shop", build, "closed")
        with pytest.raises(BrokenPipeError):
            os.write(process.stdin.fileno(), b"x")
    (tmp_path / "gate").write_text("")
    assert plain_cooper.wait_for_end("shop", build)["status"] == "succeeded"


def test_a_command_without_a_terminal_reads_nothing_from_it(on_terminal):
    job = on_terminal("track", "-a", "shop", "--", "sh", "-c", "cat; tty; echo done")
    job.read_until("done")
    assert job.end() == 0 and b"not a tty" in job.seen


def test_source_kind_and_description(plain_cooper, track):
    flags = ["--source", "ps:rebuild", "-d", "by hand"]
    record = plain_cooper.record("shop", build_id_of(track("true", flags=flags).ok().err))
    assert (record["source"], record["kind"], record["description"]) == ("ps:rebuild", "build", "by hand")
    record = plain_cooper.record("shop", build_id_of(track("true", flags=["--kind", "build"]).ok().err))
    assert (record["source"], record["kind"]) == ("deploy", "build")
    done = track("true", flags=["--source", "frobnicate"]).ok()
    record = plain_cooper.record("shop", build_id_of(done.err))
    assert (record["source"], record["kind"]) == ("unknown", "deploy")
    assert 'WARNING: source "frobnicate" is recorded as unknown' in done.err
    assert track("true", flags=["--kind", "party"]).code == 2


def test_the_id_alone(plain_cooper, track):
    done = track("echo", "output", flags=["--id"]).ok()
    assert done.out.split() == plain_cooper.build_ids("shop") and "output" in done.err


def test_secrets_reach_neither_log_nor_record_nor_output(plain_cooper, track):
    done = track("sh", "-c", f"printf '%s' {SECRET[:7]}; printf '%s\n' {SECRET[7:]}; echo {SECRET} >&2; exit 1",
                 env={"COOPER_REDACT": SECRET})
    assert SECRET not in done.out + done.err and done.out.count("[redacted]") == 2
    for path in plain_cooper.builds_folder("shop").iterdir():
        assert SECRET not in path.read_text(), path


def test_a_long_command_makes_a_short_description(plain_cooper, track):
    track("sh", "-c", "true\n" * 1000).ok()
    description = only_record(plain_cooper)["description"]
    assert len(description) <= 200 and "\n" not in description


def test_what_it_leaves_in_the_background_goes_on(plain_cooper, track, tmp_path):
    mark = tmp_path / "pid"
    track("sh", "-c", f"setsid sleep 600 >/dev/null 2>&1 & echo $! >{mark}").ok()
    pid = int(mark.read_text())
    try:
        os.kill(pid, 0)
        build = plain_cooper.build_ids("shop")[0]
        assert f"/cooper/{build}" not in open(f"/proc/{pid}/cgroup").read()
    finally:
        os.kill(pid, signal.SIGKILL)


def test_what_it_leaves_in_the_background_needs_an_output_of_its_own(plain_cooper, track, tmp_path):
    """As the help says: the log's pipe is closed soon after the command."""
    mark = tmp_path / "pid"
    track("sh", "-c", f"setsid sh -c 'while :; do echo more || exit; sleep 0.05; done' & echo $! >{mark}").ok()
    pid = int(mark.read_text())
    wait_for(lambda: not runs(pid), "whoever prints into the log's pipe to end")
    assert only_record(plain_cooper)["status"] == "succeeded"
    assert "an output of its own" in " ".join(plain_cooper("track", "--help").ok().out.split())


def test_detach_prints_the_id_and_leaves(plain_cooper, track, tmp_path):
    os.mkfifo(tmp_path / "gate")
    done = track("sh", "-c", f"echo begins; cat {tmp_path}/gate", flags=["--detach"]).ok()
    build = build_id_of(done.out)
    assert plain_cooper.record("shop", build)["status"] == "running"
    (tmp_path / "gate").write_text("ends\n")
    assert plain_cooper.wait_for_end("shop", build)["status"] == "succeeded"
    assert plain_cooper.log("shop", build) == b"begins\nends\n"


@pytest.fixture
def held(plain_cooper, tmp_path):
    """A deploy of `shop` that runs until its gate is opened: (id, open)."""
    gate = tmp_path / "held"
    os.mkfifo(gate)
    build = build_id_of(plain_cooper("track", "-a", "shop", "--detach", "--", "sh", "-c", f"echo up; cat {gate}").ok().out)
    plain_cooper.wait_for_log("shop", build, "up\n")
    opened = []

    def release():
        if not opened:
            opened.append(gate.write_text(""))
    yield build, release
    plain_cooper("builds", "cancel", build, "-a", "shop")


def test_no_wait_fails_at_once_and_names_the_holder(plain_cooper, track, held, tmp_path):
    build, _ = held
    done = track("true", flags=["--no-wait"])
    assert done.code == 6 and f"by build {build}" in done.err
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    done = plain_cooper("build", tmp_path, "-a", "shop", "--no-wait")
    assert done.code == 6 and f"by build {build}" in done.err and "Packaging" not in done.out
    assert plain_cooper.build_ids("shop") == [build], "a build that was refused leaves no record"
    assert not list(plain_cooper.root.glob("data/sources/shop/*"))
    assert plain_cooper("track", "-a", "other", "--no-wait", "--", "true").code == 0


def test_the_next_waits_with_a_message(plain_cooper, held):
    build, release = held
    waiting = plain_cooper.start("track", "-a", "shop", "--", "echo", "my turn")
    line = waiting.stderr.readline()
    assert f"by build {build}: waiting for its turn" in line
    release()
    out, err = waiting.communicate(timeout=180)
    assert (waiting.returncode, out) == (0, "my turn\n")
    first, second = (plain_cooper.record("shop", i) for i in (build, build_id_of(err)))
    assert first["finished_at"] <= second["started_at"]


def test_a_stale_lock_heals_by_itself(plain_cooper, track, held):
    build, _ = held
    os.kill(plain_cooper.record("shop", build)["pid"], signal.SIGKILL)
    wait_for(lambda: track("true", flags=["--no-wait"]).code == 0, "the lock to be free")
    assert plain_cooper.wait_for_end("shop", build)["status"] == "failed"
    wait_for(lambda: not processes_of(build), "the processes of the abandoned build to end")


def test_a_deploy_does_not_wait_for_itself(track):
    done = track(executable(), "track", "-a", "shop", "--", "true")
    assert done.code == 6 and "which runs this command" in done.out, done
    assert track(executable(), "track", "-a", "inner", "--", "echo", "inside").ok().out.endswith("inside\n")


def test_time_limits_hold(plain_cooper, track):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "timeout", "1s", "-a", "shop").ok()
    done = track("sh", "-c", "trap '' TERM; echo begins; while :; do sleep 0.1; done")
    assert done.code == 124, done
    record = only_record(plain_cooper)
    assert (record["status"], record["exit_code"]) == ("failed", 124) and "property timeout" in record["reason"]
    # The record is final before its supervisor has pruned and left.
    wait_for(lambda: not processes_of(record["id"]), "the deploy's processes to end")


def test_under_a_dokku_root(plain_cooper, tmp_path):
    lib, apps = tmp_path / "lib", tmp_path / "home"
    (apps / "shop").mkdir(parents=True)
    env = {"COOPER_ROOT": "", "DOKKU_LIB_ROOT": str(lib), "DOKKU_ROOT": str(apps)}
    done = plain_cooper("track", "-a", "shop", "--source", "ps:restart", "--", "echo", "hi", env=env).ok()
    build = build_id_of(done.err)
    record = json.loads((lib / "data/builds/shop" / f"{build}.json").read_text())
    assert done.out == "hi\n" and (record["status"], record["source"]) == ("succeeded", "ps:restart")
    assert (lib / "data/builds/shop" / f"{build}.log").read_text() == "hi\n"
    # For Dokku's own commands the file alone means locked.
    wait_for(lambda: not list(lib.glob("**/.deploy.lock")), "the lock's file to be removed")
    refused = plain_cooper("track", "-a", "absent", "--", "echo", "hi", env=env)
    assert refused.code == 3 and not (lib / "data/builds/absent").exists() and "hi" not in refused.out
