"""`cooper builds logs`: the whole log, its end, following, resuming, what a terminal gets to see."""
import os
import pty
import subprocess
import threading

import pytest

from support.cooper import BASE_IMAGE, build_id_of, executable, make_app

QUICK = f"FROM {BASE_IMAGE}\nRUN for n in 1 2 3 4 5; do echo line $n; done\n"


@pytest.fixture
def app(tmp_path):
    """Prints five lines."""
    return make_app(tmp_path / "app", {"Dockerfile": QUICK})


@pytest.fixture
def halting(tmp_path, gate):
    """Prints two lines, waits at the gate, prints three."""
    return make_app(tmp_path / "app", {"Dockerfile": f"""FROM {BASE_IMAGE}
RUN echo line 1; echo line 2; {gate.command}; for n in 3 4 5; do echo line $n; done
"""})


def first_bytes(process):
    """Returns once a follower has shown something: it follows."""
    return os.read(process.stdout.fileno(), 4).decode()


def read_all(process):
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    return out


def test_followers_get_every_byte_once_and_end_with_the_build(cooper, halting, gate):
    build = build_id_of(cooper("build", halting, "--detach").ok().out)
    early = cooper.start("builds", "logs", build, "-a", "app")
    cooper.wait_for_log("app", build, "line 2\n")
    late = cooper.start("builds", "logs", "current", "-a", "app", "--follow")
    shown = [first_bytes(early), first_bytes(late)]
    gate.open()
    cooper.wait_for_end("app", build)
    log = cooper.log("app", build).decode()
    assert "line 5\n" in log
    assert [first + read_all(follower) for first, follower in zip(shown, (early, late))] == [log, log]
    assert cooper("builds", "logs", build, "-a", "app").ok().out == log


def test_no_follow_shows_what_is_there_and_returns(cooper, halting, gate):
    build = build_id_of(cooper("build", halting, "--detach").ok().out)
    cooper.wait_for_log("app", build, "line 2\n")
    shown = cooper("builds", "logs", build, "-a", "app", "--no-follow").ok().out
    assert cooper.record("app", build)["status"] == "running"
    assert "line 2\n" in shown and "line 3" not in shown
    gate.open()
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"


def test_tail_shows_the_last_lines(cooper, app):
    build = build_id_of(cooper("build", app).ok().out)
    log = cooper.log("app", build).decode()
    lines = log.splitlines(keepends=True)
    for count in (1, 3, len(lines) + 5):
        assert cooper("builds", "logs", build, "-a", "app", "--tail", count).ok().out == "".join(lines[-count:])
    assert cooper("builds", "logs", build, "-a", "app", "--tail", 0).ok().out == ""


def test_a_reader_that_goes_away_is_no_error(cooper, app):
    build = build_id_of(cooper("build", app).ok().out)
    shell = f'{executable()} builds logs {build} -a app | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", shell], env=cooper.env, capture_output=True, text=True, timeout=180)
    assert done.stdout.splitlines()[-1] in ("0", "141") and done.stderr == ""


def on_terminal(cooper, *args, env=None):
    """What a command writes to a terminal, as bytes."""
    mine, theirs = pty.openpty()
    environment = {**cooper.env, "TERM": "xterm-256color", **(env or {})}
    environment = {name: value for name, value in environment.items() if value is not None}
    process = subprocess.Popen([executable(), *args], env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = bytearray()

    def read():
        try:
            while chunk := os.read(mine, 65536):
                seen.extend(chunk)
        except OSError:
            pass  # the terminal has no writer any more
    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(timeout=180) is not None
    reader.join()
    os.close(mine)
    return process.returncode, bytes(seen)


HOSTILE = r"""FROM %s
RUN printf 'A\033]0;title\007B\033[2JC\033]52;c;Zm9v\007D \033[31mred\033[0m bad\rgood\n'
""" % BASE_IMAGE


def test_a_terminal_is_shown_harmless_output_and_raw_shows_it_as_it_is(cooper, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": HOSTILE})
    code, seen = on_terminal(cooper, "build", str(app))
    assert code == 0
    build = cooper.build_ids("app")[0]
    for trick in (b"\x1b]", b"\x1b[2J", b"\x07"):
        assert trick in cooper.log("app", build) and trick not in seen.split(b"STEP 2", 1)[1], trick
    assert b"bad\rgood" not in seen
    code, raw = on_terminal(cooper, "builds", "logs", build, "-a", "app", "--raw")
    assert code == 0 and b"\x1b]0;title\x07" in raw


def test_colour_only_on_a_terminal_and_not_with_no_color(cooper, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    cooper("build", app).ok()
    colour = b"\x1b["
    assert colour in on_terminal(cooper, "builds", "-a", "app", env={"NO_COLOR": None})[1]
    assert colour not in on_terminal(cooper, "builds", "-a", "app")[1]
    assert colour not in cooper("builds", "-a", "app", env={"NO_COLOR": ""}).ok().out.encode()


def test_a_follower_that_is_killed_harms_no_build(cooper, halting, gate):
    build = build_id_of(cooper("build", halting, "--detach").ok().out)
    follower = cooper.start("builds", "logs", build, "-a", "app")
    first_bytes(follower)
    follower.kill()
    gate.open()
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"
