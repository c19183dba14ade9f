"""A build that prints more than its log may hold: the head and the newest tail are kept."""
import os
import re
import signal
import subprocess

import pytest

from support.cooper import BASE_IMAGE, build_id_of, executable, make_app, wait_for

LIMIT = 1 << 20
#: what is read at once: it goes into the head whole, or not at all
PIECE = 256 << 10
LINES = 60_000
PRINT = f"n=0; while [ $n -lt {LINES} ]; do echo this is line number $n; n=$((n+1)); done"


@pytest.fixture
def limited(cooper):
    """cooper with an app whose logs may have 1 MiB."""
    cooper("apps", "create", "app").ok()
    assert cooper("builds", "set", "log-limit", "1000k", "-a", "app").code != 0
    cooper("builds", "set", "log-limit", "1m", "-a", "app").ok()
    return cooper


def numbers(text):
    return [int(n) for n in re.findall(r"^this is line number (\d+)$", text, re.M)]


def check(log, last_line):
    """Head, one marker, what is cut, and the tail up to the last line."""
    text = log.decode()
    assert len(log) < LIMIT + 4096
    head, rest = re.split(r"^\[cooper\] log limit of 1 MiB reached: .*\n", text, flags=re.M)
    cut = re.match(r"\[cooper\] (\d+) bytes \((\d+) lines\) are cut here\n", rest)
    assert cut, rest[:200]
    before, after = numbers(head), numbers(rest)
    assert before == list(range(len(before))) and len(head) > LIMIT / 2 - PIECE
    assert after == list(range(after[0], last_line + 1)) and len(rest) > LIMIT / 4
    assert len(before) + int(cut[2]) == after[0]


def tails(folder):
    """Bytes of the tail files. A full one may go while we look."""
    found = []
    for path in folder.glob("*.log.tail-*"):
        try:
            found.append(path.read_bytes())
        except FileNotFoundError:
            continue
    return found


def all_is_printed(folder):
    return any(f"line number {LINES - 1}\n".encode() in tail for tail in tails(folder))


def test_the_middle_is_cut_and_followers_see_what_is_kept(limited, tmp_path, gate):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {PRINT}; {gate.command}; echo the end\n"})
    build = build_id_of(limited("build", app, "--detach").ok().out)
    gate.wait()
    limited.wait_for_log("app", build, "log limit of 1 MiB reached")
    folder = limited.builds_folder("app")
    wait_for(lambda: tails(folder), "a tail file")
    follower = limited.start("builds", "logs", build, "-a", "app")
    gate.open()
    assert limited.wait_for_end("app", build)["status"] == "succeeded"
    log = limited.log("app", build)
    check(log, LINES - 1)
    assert b"\nthe end\n" in log and not tails(folder)
    assert follower.communicate(timeout=180)[0] == log.decode()
    for step in limited.steps("app", build):
        assert 0 <= step["log_begin"] <= step["log_end"] <= len(log), step


def test_a_failed_build_says_why_at_the_end(limited, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {PRINT}; exit 3\n"})
    assert limited("build", app).code == 1
    build = limited.build_ids("app")[-1]
    log = limited.log("app", build)
    check(log, LINES - 1)
    assert log.decode().splitlines()[-1].startswith("ERROR: service")


def test_after_a_killed_supervisor_the_tail_is_found(limited, tmp_path, gate, store):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {PRINT}; {gate.command}\n"})
    build = build_id_of(limited("build", app, "--detach").ok().out)
    gate.wait()
    folder = limited.builds_folder("app")
    wait_for(lambda: all_is_printed(folder), "the last line in a tail file")
    os.kill(limited.record("app", build)["pid"], signal.SIGKILL)
    wait_for(lambda: "abandoned" in limited("builds", "info", build, "-a", "app").ok().out, "the supervisor's end")
    limited("builds", "prune", "-a", "app").ok()
    log = limited.log("app", build)
    check(log, LINES - 1)
    assert b"ERROR: abandoned" in log and not tails(folder)
    store.assert_clean(build)


@pytest.mark.parametrize("new_is_there", [False, True])
def test_an_app_that_is_renamed_meanwhile_keeps_its_log(dokku, tmp_path, new_is_there):
    dokku.app("old")
    dokku.cooper("builds", "set", "log-limit", "1m", "-a", "old").ok()
    if new_is_there:
        dokku.finished("new", "x", log="another\n")
    first = f"n=0; while [ $n -lt {LINES} ]; do echo this is line number $n; n=$((n+1)); done"
    go_on = tmp_path / "go-on"
    rest = first.replace("n=0", f"n={LINES}").replace(f"-lt {LINES}", f"-lt {2 * LINES}")
    script = f"{first}; while [ ! -e {go_on} ]; do sleep 0.02; done; {rest}"
    process = subprocess.Popen([executable(), "track", "-a", "old", "--", "sh", "-c", script], env=dokku.env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    dokku.children.append(process)
    wait_for(lambda: all_is_printed(dokku.builds("old")), "the last line in a tail file")
    build = next(dokku.builds("old").glob("*.log")).stem
    dokku.t("post-app-rename-setup", "old", "new").ok()
    dokku.app("new")
    go_on.touch()
    process.communicate(timeout=180)
    wait_for(lambda: dokku.record("new", build)["status"] != "running", "the end of the build")
    record = dokku.record("new", build)
    assert (record["status"], record["exit_code"]) == ("succeeded", 0), record
    check((dokku.builds("new") / f"{build}.log").read_bytes(), 2 * LINES - 1)
    assert not list(dokku.builds("new").glob("*.tail-*")) and not dokku.builds("old").exists()


def test_the_caller_hears_what_is_left_out(plain_cooper):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "log-limit", "1m", "-a", "shop").ok()
    done = plain_cooper("track", "-a", "shop", "--", "seq", "1", "1000000").ok()
    cut = re.search(r"\[cooper\] (\d+ bytes \(\d+ lines\)) are cut here\n", done.out)
    assert done.err.count("WARNING: ") == 1 and f"the output above lacks {cut[1]}: " in done.err
    assert "WARNING" not in plain_cooper("track", "-a", "shop", "--", "seq", "1", "1000").ok().err


def test_without_a_limit_all_is_kept(limited, tmp_path):
    limited("builds", "set", "log-limit", "0", "-a", "app").ok()
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {PRINT}\n"})
    build = build_id_of(limited("build", app).ok().out)
    assert numbers(limited.log("app", build).decode()) == list(range(LINES))


def test_a_log_that_somebody_removes_is_there_again(limited, tmp_path, gate):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo before; {gate.command}; echo after\n"})
    build = build_id_of(limited("build", app, "--detach").ok().out)
    limited.wait_for_log("app", build, "before\n")
    (limited.builds_folder("app") / f"{build}.log").unlink()
    gate.open()
    limited.wait_for_end("app", build)
    assert re.search(rb"\nbefore\n(.*\n)*after\n", limited.log("app", build))
