"""`cooper track` on a terminal: Ctrl-C, and a terminal for programs that want one."""
import os
import signal

import pytest

from support.cooper import commands_of, executable, only_record, processes_of, wait_for
from support.terminal import Terminal


# Ctrl-C without a terminal of its own

def test_ctrl_c_cancels_and_waits(plain_cooper, on_terminal):
    job = on_terminal("track", "-a", "shop", "--", "sh", "-c", "trap 'echo tidies up; exit 7' TERM; echo begins; "
                      "while :; do sleep 0.05; done")
    job.read_until("begins")
    job.type("\x03")
    assert job.end() == 130
    assert b"tidies up" in job.seen and b"Build canceled" in job.seen
    record = only_record(plain_cooper)
    assert (record["status"], record["exit_code"]) == ("canceled", -1)
    assert not commands_of(record["id"])
    wait_for(lambda: not processes_of(record["id"]), "its supervisor to leave")


def test_a_second_ctrl_c_leaves_and_the_cancel_goes_on(plain_cooper, on_terminal):
    job = on_terminal("track", "-a", "shop", "--", "sh", "-c", "trap '' TERM INT; echo begins; while :; do sleep 0.05; done")
    job.read_until("begins")
    supervisor = only_record(plain_cooper)["pid"]
    os.kill(supervisor, signal.SIGSTOP)  # the cancel is not over before we have left
    try:
        job.type("\x03")
        job.read_until("Canceling build")
        job.type("\x03")
        assert job.end() == 130 and b"is still being canceled" in job.seen
    finally:
        os.kill(supervisor, signal.SIGCONT)
    record = plain_cooper.wait_for_end("shop", plain_cooper.build_ids("shop")[0])
    assert record["status"] == "canceled"
    wait_for(lambda: not processes_of(record["id"]), "its processes to end")


# A terminal of its own

def test_pty_is_a_terminal_with_the_callers_size(on_terminal):
    job = on_terminal("track", "-a", "shop", "--pty", "--", "sh", "-c",
                      "tty; stty size; ps -o tpgid= -p $$ | tr -d ' '; echo $$; read x; stty size", rows=33, columns=121)
    text = job.read_until("33 121")
    assert "/dev/" in text
    job.resize(44, 99)
    job.type("\r")
    job.read_until("44 99")
    assert job.end() == 0
    numbers = [line for line in job.seen.decode().splitlines() if line.isdigit()]
    assert len(set(numbers)) == 1, "the command leads the foreground of its terminal"


def test_pty_keys_are_the_commands(plain_cooper, on_terminal):
    job = on_terminal("track", "-a", "shop", "--pty", "--", "sh", "-c",
                      "trap 'echo got INT' INT; read a; echo read $a; stty raw -echo; echo raw; "
                      "dd bs=1 count=3 2>/dev/null | od -An -tx1; stty sane; exit 5")
    job.type("hello\r")
    job.read_until("read hello")
    job.read_until("raw")
    job.type("\x03\x1a\x1c")  # raw: Ctrl-C, Ctrl-Z and Ctrl-\ are bytes
    job.read_until("03 1a 1c")
    assert job.end() == 5
    assert only_record(plain_cooper)["status"] == "failed"


def test_pty_ctrl_c_is_the_commands(plain_cooper, on_terminal):
    job = on_terminal("track", "-a", "shop", "--pty", "--", "sh", "-c",
                      "trap 'echo got INT; exit 0' INT; echo begins; while :; do sleep 0.05; done")
    job.read_until("begins")
    job.type("\x03")
    job.read_until("got INT")
    assert job.end() == 0
    assert only_record(plain_cooper)["status"] == "succeeded"


@pytest.mark.parametrize("end", ["exit", "cancel", "SIGTERM", "supervisor"])
def test_pty_gives_the_terminal_back(plain_cooper, on_terminal, end):
    shell = ["sh", "-c", f"{executable()} track -a shop --pty -- sh -c 'echo begins; read x'; echo back: $?; read wait"]
    job = Terminal(["/bin/sh", *shell[1:]], plain_cooper.env)
    before = job.settings()
    job.read_until("begins")
    wait_for(lambda: job.settings() != before, "the terminal to be raw")
    build = plain_cooper.build_ids("shop")[0]
    if end == "exit":
        job.type("\r")
    elif end == "cancel":
        plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    elif end == "supervisor":
        os.kill(plain_cooper.record("shop", build)["pid"], signal.SIGKILL)
    else:
        for pid, command in processes_of(f"COOPER_ROOT={plain_cooper.root}").items():
            if command.startswith(f"{executable()} track"):
                os.kill(pid, signal.SIGTERM)
    job.read_until("back: ")
    assert job.settings() == before
    job.type("\r")
    job.end()
    if end == "SIGTERM":
        assert b"goes on" in job.seen and plain_cooper.record("shop", build)["status"] == "running"
        plain_cooper("builds", "cancel", build, "-a", "shop").ok()


def test_pty_build_goes_on_without_its_window(plain_cooper, on_terminal, tmp_path):
    os.mkfifo(tmp_path / "gate")
    job = Terminal([executable(), "track", "-a", "shop", "--pty", "--", "sh", "-c",
                    f"echo begins; cat {tmp_path}/gate; tty; echo ends"], plain_cooper.env)
    job.read_until("begins")
    build = plain_cooper.build_ids("shop")[0]
    job.hang_up()
    (tmp_path / "gate").write_text("")
    assert plain_cooper.wait_for_end("shop", build)["status"] == "succeeded"
    assert b"ends" in plain_cooper.log("shop", build) and b"not a tty" not in plain_cooper.log("shop", build)


def test_pty_without_a_terminal_of_the_caller(plain_cooper):
    done = plain_cooper("track", "-a", "shop", "--pty", "--", "sh", "-c", "stty size; cat; echo end", input="typed\n").ok()
    # The echo of what is typed comes first, or not.
    assert sorted(done.out.split("\n")) == sorted(["", "24 80", "typed", "typed", "end"]), done
    log = plain_cooper.log("shop", plain_cooper.build_ids("shop")[0])
    assert log.decode().replace("\r", "") == done.out


def test_pty_output_is_whole(plain_cooper, track):
    """What is printed right before the end of the command comes, too."""
    for _ in range(20):
        done = track("sh", "-c", "seq 1 5000", flags=["--pty"]).ok()
        assert done.out.replace("\r", "").split("\n")[:-1] == [str(i) for i in range(1, 5001)]


@pytest.mark.parametrize("shell", [["/bin/sh", "-i"], ["/bin/bash", "--norc", "--noprofile", "--noediting", "-i"]])
def test_pty_in_the_background_leaves_the_terminal_to_the_shell(plain_cooper, shell):
    job = Terminal(shell, {**plain_cooper.env, "PS1": "", "TERM": "dumb"})
    try:
        job.type("echo re''ady\r")
        job.read_until("ready")
        before = job.settings()
        job.type(f"{executable()} track -a shop --pty -- sh -c 'echo be\"\"gins; read x; echo got $x' &\r")
        job.read_until("begins")  # the relay has begun by now
        assert job.settings() == before
        job.type("echo al''ive\r")
        job.read_until("alive")
        assert job.settings() == before
        job.type("fg\r")
        wait_for(lambda: job.settings() != before, "the terminal to be raw")
        job.type("word\r")
        job.read_until("got word")
        wait_for(lambda: job.settings() == before, "the terminal to be the shell's again")
    finally:
        job.kill()


def test_pty_input_may_end_within_a_line(plain_cooper):
    for text in ("abc", "one\nabc", "", "abc\n"):
        done = plain_cooper("track", "-a", "shop", "--pty", "--", "sh", "-c", "stty -echo; echo begins; cat; echo; echo end",
                            input=text).ok()
        assert done.out.endswith("end\n") and text.strip().rsplit("\n", maxsplit=1)[-1] in done.out, done
