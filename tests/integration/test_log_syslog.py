"""A build's lines in the system's log: property `syslog`, against real datagram sockets."""
import re
import socket
import time

import pytest


@pytest.fixture
def daemon(plain_cooper, tmp_path):
    """A socket that a syslog daemon would read, and cooper that writes to it."""
    path = tmp_path / "syslog"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    server.settimeout(30)
    plain_cooper.env["COOPER_SYSLOG_SOCKET"] = str(path)
    plain_cooper("apps", "create", "app").ok()
    assert plain_cooper("builds", "set", "syslog", "yes", "-a", "app").code == 2
    plain_cooper("builds", "set", "syslog", "on", "-a", "app").ok()
    yield server
    server.close()


def track(cooper, script):
    cooper("track", "-a", "app", "--", "sh", "-c", script).ok()
    build = cooper.build_ids("app")[-1]
    return build, cooper.log("app", build).decode()


SHORT_LINES = "yes '' | head -c 4000000"


def seconds_of(cooper, script):
    begin = time.monotonic()
    build, log = track(cooper, script)
    return time.monotonic() - begin, log


def seconds_without_syslog(cooper, script):
    cooper("builds", "set", "syslog", "-a", "app").ok()
    seconds, _ = seconds_of(cooper, script)
    cooper("builds", "set", "syslog", "on", "-a", "app").ok()
    return seconds


def messages(server):
    server.setblocking(False)
    received = []
    try:
        while True:
            received.append(server.recv(65536).decode())
    except BlockingIOError:
        return received


def test_every_line_has_the_builds_tag_and_no_secret(plain_cooper, daemon):
    plain_cooper.env["COOPER_REDACT"] = "hunter2-hunter2"
    build, log = track(plain_cooper, "echo one; printf 'hunter2-'; printf 'hunter2\\n'; printf '\\033[1mlast'")
    pid = plain_cooper.record("app", build)["pid"]
    tag = rf"<13>[A-Z][a-z]{{2}} [ 1-3]\d \d\d:\d\d:\d\d dokku-{build}\[{pid}\]: "
    texts = [re.fullmatch(tag + "(.*)", message)[1] for message in messages(daemon)]
    assert texts == ["one", "[redacted]", "#033[1mlast"]
    assert log == "one\n[redacted]\n\033[1mlast"


def test_the_prefix_can_be_set_and_syslog_is_off_by_default(plain_cooper, daemon):
    plain_cooper("builds", "set", "syslog-prefix", "site.", "-a", "app").ok()
    build, _ = track(plain_cooper, "echo one")
    assert f" site.{build}[" in messages(daemon)[0]
    plain_cooper("builds", "set", "syslog", "-a", "app").ok()
    track(plain_cooper, "echo two")
    assert messages(daemon) == []


def test_what_a_daemon_does_not_read_is_counted_in_the_log(plain_cooper, daemon):
    lines = 300_000
    build, log = track(plain_cooper, f"seq 1 {lines}")
    printed, said = log.split("[cooper] ")
    assert printed == "".join(f"{n}\n" for n in range(1, lines + 1))
    missing = re.fullmatch(r"(\d+) lines did not get into syslog\n", said)
    received = [int(message.rsplit(" ", 1)[1]) for message in messages(daemon)]
    assert received == list(range(1, len(received) + 1)) and len(received) + int(missing[1]) == lines


# The worst case is one line a byte. A second more is what is promised at the end; a call to the
# system for each line takes a minute.
@pytest.mark.parametrize("absent", [False, True])
def test_nobody_who_reads_slows_no_build(plain_cooper, daemon, tmp_path, absent):
    usual = seconds_without_syslog(plain_cooper, SHORT_LINES)
    if absent:
        (tmp_path / "syslog").unlink()
    seconds, log = seconds_of(plain_cooper, SHORT_LINES)
    printed, said = log.split("[cooper] ")
    assert printed == "\n" * 4_000_000
    missing = re.fullmatch(r"(\d+) lines did not get into syslog\n", said)
    assert len(messages(daemon)) + int(missing[1]) == 4_000_000
    assert seconds < 5 * usual + 30, (seconds, usual)


def test_no_daemon_at_all(plain_cooper, daemon, tmp_path):
    (tmp_path / "syslog").unlink()
    _, log = track(plain_cooper, "echo one; echo two")
    assert log == "one\ntwo\n[cooper] 2 lines did not get into syslog\n"

