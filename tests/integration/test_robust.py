"""What must hold when something around a build goes wrong, or two things happen at once."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from support.cooper import BASE_IMAGE, build_id_of, executable, make_app, processes_of, wait_for
from support.opened import Opened

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="mounts, so it needs root")

#: Runs until it is ended.
ENDLESS = f"FROM {BASE_IMAGE}\nCOPY . /x\nRUN echo step runs; sleep 600\n"


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN true\n"})


def endless(tmp_path, name="app"):
    return make_app(tmp_path / f"endless-{name}" / name, {"Dockerfile": ENDLESS})


def start_endless(cooper, tmp_path):
    build = build_id_of(cooper("build", endless(tmp_path), "--detach").ok().out)
    cooper.wait_for_log("app", build, "step runs\n")
    return build


def test_a_build_does_not_need_whoever_started_it(cooper, app):
    first = build_id_of(cooper("build", app).ok().out)
    other = first[:-6] + "zzzzzz"
    for suffix in (".tar.zst", ".json"):
        shutil.copy(cooper.root / f"data/sources/app/{first}{suffix}", cooper.root / f"data/sources/app/{other}{suffix}")
    lock = os.open(cooper.root / "data/apps/app/.deploy.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    reader, ready = os.pipe()
    os.close(reader)  # nobody will hear that it has started
    supervisor = os.path.join(os.path.dirname(executable()), "../libexec/cooper/cooper-supervisor")
    subprocess.run([supervisor, "--root", cooper.root, "--app", "app", "--id", other, "--lock-fd", str(lock),
                    "--ready-fd", str(ready)], env=cooper.env, pass_fds=[lock, ready], check=True, timeout=240,
                   start_new_session=True)
    os.close(lock)
    os.close(ready)
    assert cooper.record("app", other)["status"] == "succeeded"


@needs_root
def test_scratch_that_can_not_be_removed_costs_no_outcome(cooper, app, tmp_path):
    build = start_endless(cooper, tmp_path)
    stuck = cooper.root / "data/work/app" / build / "stuck"
    stuck.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", stuck], check=True)
    try:
        cooper("builds", "cancel", build, "-a", "app").ok()
        assert cooper.record("app", build)["status"] == "canceled"
        assert "warning: " in cooper.log("app", build).decode()
        cooper("builds", "prune", "-a", "app").ok()
    finally:
        # Whoever looks into it holds it for a moment.
        wait_for(lambda: subprocess.run(["umount", stuck], check=False).returncode == 0, f"umount {stuck}")
    cooper("apps", "delete", "app").ok()
    assert not stuck.exists()


def test_prune_leaves_alone_what_waits_for_its_turn(cooper, app, tmp_path):
    holder = start_endless(cooper, tmp_path)
    waiting = cooper.start("build", app)
    wait_for(lambda: len(cooper.build_ids("app")) == 2, "the second build")
    for path in cooper.root.glob("data/sources/app/*"):
        os.utime(path, (time.time() - 7200,) * 2)
    cooper("builds", "prune", "-a", "app").ok()
    cooper("builds", "cancel", holder, "-a", "app").ok()
    out, err = waiting.communicate(timeout=180)
    assert waiting.returncode == 0, out + err


def test_two_first_builds_of_an_app_at_once(cooper, app):
    # Their folder may lie in the project's own work tree, and so be of one branch.
    cooper("builds", "set", "--global", "supersede", "off").ok()
    both = [cooper.start("build", app, "-a", "new") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, out + err
    assert len(cooper.build_ids("new")) == 2


def test_who_has_ended_keeps_no_app_from_being_deleted(cooper, app):
    """A build's process goes on for a moment after its record has ended: it prunes."""
    cooper.wait_for_supervisor(build_id_of(cooper("build", app).ok().out))
    lock = os.open(cooper.root / "data/apps/app/.deploy.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    opened = Opened(cooper.root / "data/apps/app")
    deleting = cooper.start("apps", "delete", "app")
    wait_for(lambda: ".deploy.lock" in opened.files(), "the deletion to ask for the lock")
    assert deleting.poll() is None
    os.close(lock)
    opened.close()
    assert deleting.wait(180) == 0


@pytest.mark.parametrize("waits", [False, True], ids=["at-once", "queued"])
def test_an_app_that_is_deleted_gets_no_build(cooper, app, tmp_path, waits):
    """Wherever a build is on its way into the records when the app is deleted."""
    if waits:
        cooper("builds", "set", "--global", "concurrency", "1").ok()
        first = start_endless(cooper, tmp_path)
    records = cooper.builds_folder("shop")
    refused = attempt = 0
    while attempt < 24 or refused == 0:
        assert attempt < 240
        building = cooper.start("build", app, "-a", "shop", "--detach")
        wait_for(lambda: (cooper.root / "data/apps/shop/app.json").exists(), "the app")
        time.sleep(attempt % 24 * 0.008)  # any moment will do
        attempt += 1
        deleted = cooper("apps", "delete", "shop")
        out, err = building.communicate(timeout=180)
        assert deleted.code in (0, 6), deleted
        if deleted.code == 0 and building.returncode != 0:
            refused += 1
            assert err.count("ERROR: ") == 1 and "app shop was deleted" in err, err
            assert not (cooper.root / "data/apps/shop/app.json").exists()
            assert list(records.glob("*.json")) == [] and cooper("queue").ok().out.count("shop") == 0
        if (cooper.root / "data/apps/shop/app.json").exists():
            for build in cooper.build_ids("shop"):
                cooper("builds", "cancel", build, "-a", "shop") if waits else cooper.wait_for_end("shop", build)
            wait_for(lambda: cooper("apps", "delete", "shop").code == 0, "the end of the app")
    if waits:
        cooper("builds", "cancel", first, "-a", "app").ok()


def test_images_and_releases_of_an_abandoned_build_go_with_the_next_prune(cooper, store, tmp_path):
    app = make_app(tmp_path / "app", {
        "convox.yml": "services:\n  quick:\n    build: quick\n  slow:\n    build: slow\n",
        "quick/Dockerfile": f"FROM {BASE_IMAGE}\nRUN true\n", "slow/Dockerfile": ENDLESS})
    build = build_id_of(cooper("build", app, "--detach").ok().out)
    cooper.wait_for_log("app", build, "Made the image of quick")
    cooper.wait_for_log("app", build, "step runs\n")
    assert [name for name in store.images() if build in name]
    os.kill(cooper.record("app", build)["pid"], signal.SIGKILL)
    wait_for(lambda: "abandoned" in cooper("builds", "info", build, "-a", "app").ok().out, "its process to be gone")
    release = cooper.root / "data/releases/app/rphantom0000000.json"
    release.parent.mkdir(parents=True)
    release.write_text(json.dumps({"id": release.stem, "app": "app", "build": build, "description": "",
                                   "manifest": "", "created_at": "2026-01-01T00:00:00Z", "environment": {},
                                   "images": {}}))
    cooper("builds", "prune", "-a", "app").ok()
    assert not [name for name in store.images() if build in name]
    assert not release.exists()
    store.assert_clean(build)


def test_images_that_only_a_record_claims_are_not_touched(cooper, store, app):
    store.buildah("tag", BASE_IMAGE, "localhost/precious:1").ok()
    build = build_id_of(cooper("build", app).ok().out)
    path = cooper.builds_folder("app") / f"{build}.json"
    path.write_text(path.read_text().replace(f"localhost/app:web.{build}", "localhost/precious:1"))
    cooper("apps", "delete", "app").ok()
    assert "localhost/precious:1" in store.images()
    assert not [name for name in store.images() if build in name]
    store.buildah("rmi", "localhost/precious:1").ok()


def test_cancel_of_a_process_that_leads_no_group(cooper, app):
    build = build_id_of(cooper("build", app).ok().out)
    other = subprocess.Popen(["sleep", "600"])  # as a record of another program may name it
    try:
        record = cooper.record("app", build)
        foreign = {key: record[key] for key in ("app", "kind", "source")} | {
            "id": "foreign-1", "pid": other.pid, "started_at": "2100-01-01T00:00:00Z", "status": "running"}
        (cooper.builds_folder("app") / "foreign-1.json").write_text(json.dumps(foreign))
        cooper("builds", "cancel", "foreign-1", "-a", "app")
        assert other.wait(timeout=180) in (-signal.SIGQUIT, -signal.SIGTERM)
        assert cooper.record("app", "foreign-1")["status"] == "canceled"
    finally:
        other.kill()
        other.wait()


@needs_root
def test_a_memory_limit_that_can_not_be_kept_is_said(cooper, app):
    cooper("apps", "create", "app").ok()
    cooper("builds", "set", "memory", "64m", "-a", "app").ok()
    hidden = f"mount -t tmpfs tmpfs /sys/fs/cgroup && exec {executable()} build {app}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", hidden], env=cooper.env, capture_output=True, text=True,
                          timeout=240)
    assert "warning: the memory limit of 64 MiB is not enforced" in done.stdout, done


def test_a_folder_without_anything_to_build_is_refused_before_it_is_kept(cooper, tmp_path):
    done = cooper("build", make_app(tmp_path / "wrong", {"notes": "x"}))
    assert done.code == 2 and "neither a convox.yml nor a Dockerfile" in done.err
    assert not list(cooper.root.rglob("*"))


@pytest.mark.parametrize("name", ["convox.yml", ".dockerignore"])
def test_a_fifo_or_a_folder_in_place_of_a_file_is_a_mistake_not_a_wait(cooper, tmp_path, name):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    os.mkfifo(app / name)
    done = cooper("build", app, timeout=120)
    # A FIFO is never packed: without its convox.yml this folder is one with a Dockerfile.
    assert done.code == (0 if name == "convox.yml" else 2) and f"{name} " in done.err, done
    (app / name).unlink()
    (app / name).mkdir()
    done = cooper("build", app, timeout=120)
    assert done.code in (1, 2) and name in done.err + done.out, done


def test_closed_standard_streams_harm_nothing(cooper, app):
    shell = f"exec {executable()} build {app} --detach <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell], env=cooper.env, timeout=240).returncode == 0
    build = cooper.build_ids("app")[0]
    assert cooper.wait_for_end("app", build)["status"] == "succeeded"
    wait_for(lambda: not processes_of(build), "the supervisor's end")


@pytest.mark.parametrize("name", ["a,b", 'a "quoted" one', "with space"])
def test_any_name_of_a_folder_or_dockerfile_is_only_a_name(cooper, tmp_path, name):
    app = make_app(tmp_path / "app", {
        "convox.yml": json.dumps({"services": {"web": {"build": {"path": name, "manifest": f"{name}.df"}}}}),
        f"{name}/{name}.df": f"FROM {BASE_IMAGE}\nRUN echo made from it\n"})
    root = tmp_path / f"root {name}"
    env = {"COOPER_ROOT": str(root)}
    build = build_id_of(cooper("build", app, env=env).ok().out)
    assert "made from it" in (root / f"data/builds/app/{build}.log").read_text()


def test_a_manifest_can_not_name_a_file_of_the_host(cooper, tmp_path):
    secret = tmp_path / "hostsecret"
    secret.write_text(f"FROM {BASE_IMAGE}\nRUN echo A-HOST-FILE\n")
    name = f"x,{secret}"  # a list of two, if somebody splits at commas
    app = make_app(tmp_path / "app", {
        "convox.yml": json.dumps({"services": {"web": {"build": {"path": ".", "manifest": name}}}}),
        "x": f"FROM {BASE_IMAGE}\n", name: f"FROM {BASE_IMAGE}\nRUN echo the right file\n"})
    build = build_id_of(cooper("build", app).ok().out)
    log = cooper.log("app", build).decode()
    assert "the right file" in log and "A-HOST-FILE" not in log
