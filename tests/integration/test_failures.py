"""What goes wrong: each time one clear line, the right status, a finalized record, nothing left."""
import os
import re
import subprocess

import pytest

from support.cooper import BASE_IMAGE, build_id_of, make_app, mounts_below, processes_of, runs, wait_for


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "app"


def fail(cooper, folder, *args, code=1, env=None):
    """Builds, expects that code; returns the record and what was printed."""
    before = set(cooper.build_ids("app"))
    done = cooper("build", folder, "-a", "app", *args, env=env)
    assert done.code == code, done
    new = set(cooper.build_ids("app")) - before
    assert len(new) == 1, f"{done}"
    record = cooper.record("app", new.pop())
    assert record["status"] == "failed" and record["finished_at"] and "release" not in record
    assert "\n" not in record["reason"]
    return record, done


def set_property(cooper, key, value):
    cooper("apps", "create", "app")
    cooper("builds", "set", key, value, "-a", "app").ok()


def last_log_line(cooper, record):
    return cooper.log("app", record["id"]).decode().splitlines()[-1]


def test_failing_run_names_service_step_and_code_and_cancels_the_others(cooper, store, folder):
    make_app(folder, {
        "convox.yml": "services:\n  good:\n    build: good\n  bad:\n    build: bad\n",
        "good/Dockerfile": f"FROM {BASE_IMAGE}\nRUN sleep 600\n",
        "bad/Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo last words && exit 7\n",
    })
    record, done = fail(cooper, folder, "--jobs", "2")  # else as many at once as there are processors
    assert record["exit_code"] == 7
    assert re.search(r"service bad: .*RUN echo last words && exit 7.*7", record["reason"])
    assert last_log_line(cooper, record) == f"ERROR: {record['reason']}"
    assert "last words" in done.out and "ERROR: build failed" in done.err
    by_service = {s["service"]: s for s in cooper.steps("app", record["id"])}
    assert by_service["bad"]["exit"] == 7
    store.assert_clean(record["id"])
    assert not [name for name in store.images() if record["id"] in name]


def test_dockerfile_that_does_not_parse(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRNU true\n"})
    record, _ = fail(cooper, folder)
    assert "RNU" in record["reason"].upper() and "service web" in record["reason"]


def test_heredoc_that_buildah_does_not_know_runs_nothing(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN <<EOF\nRUN echo the body ran\nEOF\n"})
    version = re.search(r"(\d+)\.(\d+)", store.buildah("--version").ok().out)
    if (int(version[1]), int(version[2])) >= (1, 33):
        pytest.skip("this buildah knows heredocs")
    record, done = fail(cooper, folder)
    assert "Dockerfile:2: heredocs need buildah 1.33" in record["reason"]
    assert "the body ran" not in done.out


def test_follow_ends_with_the_builds_code(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN exit 3\n"})
    record, _ = fail(cooper, folder)
    assert cooper("builds", "logs", record["id"], "-a", "app").code == 0
    followed = cooper("builds", "logs", record["id"], "-a", "app", "--follow")
    assert followed.code == 1 and "build failed: service web" in followed.err


def test_dockerfile_that_is_missing(cooper, folder):
    make_app(folder, {"convox.yml": "services:\n  web:\n    build: site\n", "site/": ""})
    record, _ = fail(cooper, folder)
    assert "site/Dockerfile" in record["reason"]


def test_manifest_with_a_mistake_names_file_line_and_column(cooper, folder):
    make_app(folder, {"convox.yml": "services:\n  web:\n    build: [1, 2]\n"})
    record, _ = fail(cooper, folder)
    assert re.search(r"convox\.yml:3:\d+: expected .*found", record["reason"])


def test_base_image_that_can_not_be_pulled(cooper, store, folder):
    make_app(folder, {"Dockerfile": "FROM 127.0.0.1:1/no/such:image\nRUN true\n"})
    record, _ = fail(cooper, folder)
    assert "127.0.0.1:1/no/such:image" in record["reason"] and "refused" in record["reason"]
    store.assert_clean(record["id"])


def test_image_service_that_can_not_be_pulled(cooper, folder):
    make_app(folder, {"convox.yml": "services:\n  db:\n    image: 127.0.0.1:1/no/such:image\n"})
    record, _ = fail(cooper, folder)
    assert "service db" in record["reason"] and "127.0.0.1:1/no/such:image" in record["reason"]


def test_buildah_is_missing(cooper, folder, tmp_path):
    (tmp_path / "bin").mkdir()
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    record, done = fail(cooper, folder, env={"PATH": str(tmp_path / "bin")})
    assert "buildah" in record["reason"] and "install" in record["reason"]


def test_data_root_that_can_not_be_made(cooper, folder, tmp_path):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    (tmp_path / "file").write_text("")
    done = cooper("build", folder, env={"COOPER_ROOT": str(tmp_path / "file/root")})
    assert done.code == 2 and "file/root is no folder" in done.err and done.out.count("\n") <= 1, done


@pytest.mark.skipif(os.getuid() != 0, reason="drops root's rights, so it needs root")
def test_data_root_that_can_not_be_written(cooper, folder, root):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    root.chmod(0o755)
    for parent in [root, *root.parents]:
        if str(parent).count("/") > 1:
            parent.chmod(parent.stat().st_mode | 0o055)
    from support.cooper import executable
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", executable(), "build",
                           folder, "-a", "app"], env=cooper.env, capture_output=True, text=True, timeout=180)
    assert done.returncode == 4, done
    assert re.search(r"ERROR: .*[Pp]ermission denied", done.stderr)
    assert not (root / "data").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    yield place
    # Whoever looks at mounts holds one for a moment.
    wait_for(lambda: subprocess.run(["umount", place], capture_output=True).returncode == 0, f"umount {place}")
    assert not mounts_below(tmp_path)


def test_disk_full_while_packing_starts_no_build(cooper, folder, small_disk):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n", "noise": os.urandom(12 << 20)})
    env = {"COOPER_ROOT": str(small_disk)}
    cooper("builds", "set", "--global", "disk-min", "0", env=env).ok()
    done = cooper("build", folder, "-a", "app", env=env)
    assert done.code == 5 and "No space left on device" in done.err, done
    assert not [path for path in small_disk.rglob("*") if path.is_file() and path.stat().st_size > 65536]


def test_disk_full_while_building_still_finalizes_the_record(cooper, store, folder, small_disk):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN yes filling the log | head -c 20000000\n"})
    env = {"COOPER_ROOT": str(small_disk)}
    cooper("builds", "set", "--global", "disk-min", "0", env=env).ok()
    done = cooper("build", folder, "-a", "app", env=env)
    shown = cooper("builds", "info", "last", "-a", "app", env=env).ok()
    assert done.code == 1, done
    assert re.search(r"^Status:?\s+failed$", shown.out, re.M) and "No space left on device" in shown.out
    store.assert_clean(build_id_of(shown.out.replace("Id", "Build:", 1)))


@pytest.mark.parametrize("limit", ["0", "1m"])
def test_disk_full_ends_no_tracked_command(plain_cooper, small_disk, limit):
    env = {"COOPER_ROOT": str(small_disk)}
    plain_cooper("apps", "create", "app", env=env).ok()
    plain_cooper("builds", "set", "log-limit", limit, "-a", "app", env=env).ok()
    # More than a pipe holds is printed while the disk is full, so that some of it is seen then.
    script = f"""echo before; yes filler >{small_disk}/filler 2>/dev/null
                 yes 'this is lost' | head -c 6000000; rm {small_disk}/filler; echo after; exit 7"""
    done = plain_cooper("track", "-a", "app", "--", "sh", "-c", script, env=env)
    assert done.code == 7, done
    wait_for(lambda: not processes_of(str(small_disk)), "the end of what prunes")
    log, = small_disk.rglob("*.log")
    text = log.read_text()
    said = re.findall(r"^\[cooper\] up to (\d+) bytes are missing here: .*No space left on device", text, re.M)
    assert said and int(said[0]) > 100_000, text[-2000:]
    assert text.startswith("before\n") and text.endswith("after\n"), text[-2000:]
    shown = plain_cooper("builds", "info", "last", "-a", "app", env=env).ok()
    assert re.search(r"^Reason:?\s+exit code 7$", shown.out, re.M), shown


def test_disk_full_at_the_end_waits_for_room_for_the_newest_part(plain_cooper, small_disk, tmp_path):
    env = {"COOPER_ROOT": str(small_disk)}
    plain_cooper("apps", "create", "app", env=env).ok()
    plain_cooper("builds", "set", "log-limit", "1m", "-a", "app", env=env).ok()
    script = f"seq 1 400000; echo $$ >{tmp_path}/pid; yes filler >{small_disk}/filler 2>/dev/null; exit 7"
    tracked = plain_cooper.start("track", "-a", "app", "--", "sh", "-c", script, env=env)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the command's pid")
    pid = (tmp_path / "pid").read_text().strip()
    wait_for(lambda: not runs(pid), "the command's end")
    (small_disk / "filler").unlink()
    tracked.communicate(timeout=180)
    assert tracked.returncode == 7
    wait_for(lambda: not processes_of(str(small_disk)), "the end of what prunes")
    log, = small_disk.rglob("*.log")
    text = log.read_text()
    tail = text[text.index(" are cut here\n"):].splitlines()[1:]
    assert text.count(" are cut here\n") == 1 and tail[-1] == "400000" and len(tail) > 30_000
    assert tail == [str(n) for n in range(int(tail[0]), 400_001)]
    assert not list(small_disk.rglob("*.tail-*"))


def test_timeout(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /x\nRUN while :; do echo tick; sleep 0.1; done\n"})
    set_property(cooper, "timeout", "2s")
    record, done = fail(cooper, folder, code=124)
    assert record["exit_code"] == 124 and "timed out: it took longer than 2s" in record["reason"]
    store.assert_clean(record["id"])


def test_stall(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /x\nRUN sleep 600\n"})
    set_property(cooper, "stall-timeout", "1s")
    record, _ = fail(cooper, folder, code=124)
    assert "printed nothing for 1s" in record["reason"]
    store.assert_clean(record["id"])


def test_killed_for_memory_is_named_as_such(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /x\n"
                                    "RUN head -c 400000000 /dev/zero | tail -c 400000000 > /dev/null\n"})
    set_property(cooper, "memory", "150MB")
    record, _ = fail(cooper, folder)
    assert "out of memory" in record["reason"] and "property memory" in record["reason"]
    store.assert_clean(record["id"])


def test_property_mistakes_change_nothing(cooper):
    set_property(cooper, "timeout", "7m")

    def kept():
        return {path: path.read_text() for path in (cooper.root / "config").rglob("*") if path.is_file()}
    before = kept()
    assert list(before.values()) == ["7m"]
    for key, value, hint in (("timeout", "soon", "timeout"), ("memory", "lots", "memory"),
                             ("retention", "0", "retention"), ("timeuot", "5m", "timeout")):
        done = cooper("builds", "set", key, value, "-a", "app")
        assert done.code == 2 and hint in done.err and done.out == "", done
        assert kept() == before, (key, value)


def test_what_a_failed_build_left_is_seen_at_once(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN exit 3\n"})
    record, _ = fail(cooper, folder)
    shown = cooper("builds", "info", "last-failed", "-a", "app").ok().out
    assert record["id"] in shown and record["reason"] in shown
    wait_for(lambda: cooper("builds", "-a", "app").ok().out.count("failed") == 1, "the list")
