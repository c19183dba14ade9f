"""`cooper builds search` and `builds erase-log`: what logs hold, and what they must not hold."""
import json
import os
import re

import pytest

from support.cooper import BASE_IMAGE, build_id_of, make_app


def put_build(cooper, app, build, started, log=None, **fields):
    """A build that has ended: its record, and its log if there is one."""
    cooper("apps", "create", app)
    folder = cooper.builds_folder(app)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{build}.json").write_text(json.dumps(
        {"id": build, "app": app, "kind": "build", "pid": 0, "started_at": started, "finished_at": started,
         "status": "succeeded", "source": "build", "exit_code": 0, **fields}))
    if log is not None:
        (folder / f"{build}.log").write_bytes(log)


@pytest.fixture
def history(plain_cooper):
    """Builds of two apps, of which four have a log."""
    put_build(plain_cooper, "one", "b1", "2026-01-01T00:00:00Z", b"first\nan Error: disk\nlast\n")
    put_build(plain_cooper, "one", "b3", "2026-01-03T00:00:00Z", b"no error: it went well\nerror: again")
    put_build(plain_cooper, "two", "b2", "2026-01-02T00:00:00Z", b"\n\n\nerror: two\n")
    put_build(plain_cooper, "two", "b4", "2026-01-04T00:00:00Z", b"")
    put_build(plain_cooper, "two", "b5", "2026-01-05T00:00:00Z")
    return plain_cooper


def test_the_newest_build_comes_first(history):
    assert history("builds", "search", "error:").ok().out == (
        "one  b3  2026-01-03T00:00:00Z  1: no error: it went well\n"
        "one  b3  2026-01-03T00:00:00Z  2: error: again\n"
        "two  b2  2026-01-02T00:00:00Z  4: error: two\n")


def test_what_narrows_a_search(history):
    def found(*args):
        done = history("builds", "search", *args)
        assert done.code == (0 if done.out.strip("[]\n") else 1), done
        return re.findall(r"^\w+  (\w+)  ", done.out, re.M)
    assert found("error:", "-a", "two") == ["b2"]
    assert found("error:", "-i") == ["b3", "b3", "b2", "b1"]
    assert found("error:", "--since", "2026-01-03") == ["b3", "b3"]
    assert found("error:", "--since", "2026-01-03T00:00:01Z") == []
    assert found("error:", "--since", "1h") == []
    assert found("of that there is nothing") == []
    done = history("builds", "search", "error:", "--limit", "2").ok()
    assert done.out.count("\n") == 2 and "there is more" in done.err


def test_json(history):
    hits = json.loads(history("builds", "search", "error:", "--format", "json").ok().out)
    assert [(hit["build"], hit["line"], hit["text"]) for hit in hits] == [
        ("b3", 1, "no error: it went well"), ("b3", 2, "error: again"), ("b2", 4, "error: two")]
    assert hits[0]["app"] == "one" and hits[0]["started_at"] == "2026-01-03T00:00:00Z"
    none = history("builds", "search", "nothing", "--format", "json")
    assert (none.code, none.out) == (1, "[]\n")


def test_bad_questions(history):
    for bad in (["", "x"], ["a\nb"], ["x", "--since", "yesterday"], []):
        assert history("builds", "search", *bad).code == 2, bad
    assert history("builds", "search", "x", "-a", "none").code == 3


def test_a_hit_is_shown_harmless(plain_cooper):
    put_build(plain_cooper, "app", "b1", "2026-01-01T00:00:00Z",
              b"\x1b[31mred \x1b]0;title\x07 needle\x9b2J\xff \xe2\x80\xae\r\n")
    out = plain_cooper("builds", "search", "needle").ok().out
    assert "red" in out and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out), repr(out)


def test_what_is_no_log_is_not_read(history):
    folder = history.builds_folder("two")
    os.mkfifo(folder / "b5.log")
    (folder / "b4.log").unlink()
    (folder / "b4.log").symlink_to("/etc/passwd")
    done = history("builds", "search", "root:")
    assert done.out == "" and "two/b4" in done.err
    assert done.code > 1, "not none, but unknown"
    assert history("builds", "search", "root:", "-a", "one").code == 1


SECRET = "hunter2-hunter2"


@pytest.fixture
def leaked(cooper, tmp_path):
    """Id of a build whose log, steps and reason show SECRET."""
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo {SECRET} && exit 3\n"})
    assert cooper("build", app).code == 1
    return cooper.build_ids("app")[-1]


def kept(cooper):
    cooper.wait_until_idle()
    files = [path for path in (cooper.root / "data/builds").rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files).decode()


def test_an_erased_log_is_gone_everywhere(cooper, leaked):
    before = cooper.record("app", leaked)
    assert SECRET in before["reason"] and SECRET in str(cooper.steps("app", leaked))
    done = cooper("builds", "erase-log", leaked, "-a", "app", env={"SUDO_USER": "ann"}).ok()
    assert "syslog" in done.err
    assert SECRET not in kept(cooper)
    assert not (cooper.root / f"data/sources/app/{leaked}.json").exists(), "build arguments may be secret"
    assert cooper("builds", "search", SECRET).code == 1
    record = cooper.record("app", leaked)
    who = "ann" if os.geteuid() == 0 else r"\S+"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by " + who, record["log_erased"])
    assert {**before, "reason": "(erased)", "log_erased": record["log_erased"]} == record
    log = cooper("builds", "logs", leaked, "-a", "app").ok().out
    assert log == f"[cooper] this log was erased: {record['log_erased']}\n"
    steps = cooper.steps("app", leaked)
    assert steps and all(step["text"] == "(erased)" and step["log_end"] == 0 for step in steps)
    assert record["log_erased"] in cooper("builds", "info", leaked, "-a", "app", "--steps").ok().out
    cooper("builds", "erase-log", leaked, "-a", "app").ok()  # again is fine


def test_what_a_crash_left_half_erased_can_be_erased_again(cooper, leaked):
    folder = cooper.builds_folder("app")
    (folder / f"{leaked}.log").write_text("[cooper] this log was erased\n")
    (folder / f"{leaked}.log.tail-1").write_text(SECRET)
    cooper("builds", "erase-log", "last", "-a", "app").ok()
    assert SECRET not in kept(cooper)


def test_a_missing_log_is_noted_as_erased_too(cooper, leaked):
    folder = cooper.builds_folder("app")
    for path in folder.glob(f"{leaked}.*"):
        if path.suffix != ".json":
            path.unlink()
    cooper("builds", "erase-log", leaked, "-a", "app").ok()
    assert "this log was erased" in cooper("builds", "logs", leaked, "-a", "app").ok().out


def test_the_log_of_a_running_build_stays(cooper, tmp_path, gate):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo before; {gate.command}\n"})
    build = build_id_of(cooper("build", app, "--detach").ok().out)
    cooper.wait_for_log("app", build, "before\n")
    assert cooper("builds", "erase-log", build, "-a", "app").code == 6
    gate.open()
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"
    assert b"\nbefore\n" in cooper.log("app", build)
