"""Several processes, and several data roots, at the images of one engine."""
import fcntl
import io
import os
import shutil
import signal
import tarfile

import pytest

from support.cooper import Cooper, Gate, has_open, make_app, wait_for
from test_conformance import engine  # noqa: F401 (fixture)
from test_disk import build, is_buildah

DOCKERFILE = "FROM scratch\nCOPY text /text\n"


KEEPER = "localhost/keeper:1"


# A prune while an image gets another name

class HeldTag:
    """buildah, whose `tag` waits at a gate once it is told to, and whose `pull` loses the name
    once it is told to."""

    def __init__(self, folder):
        self.gate, self.held, self.loses, folder = Gate(), folder / "held", folder / "loses", folder / "bin"
        folder.mkdir()
        wrapper = folder / "buildah"
        busybox, real = shutil.which("busybox"), shutil.which("buildah")
        wrapper.write_text(f'#!/bin/sh\nif [ "$1" = tag ] && [ -e {self.held} ]; then {busybox} {self.gate.command}; fi\n'
                           f'if [ "$1" = pull ] && [ -e {self.loses} ]; then\n'
                           f'  for name; do :; done; id=$({real} "$@") || exit\n'
                           f'  {real} tag "$id" {KEEPER} && {real} rmi "${{name##*.tar:}}" >&2; echo "$id"; exit\n'
                           f'fi\n'
                           f'exec {real} "$@"\n')
        wrapper.chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def held(tmp_path):
    made = HeldTag(tmp_path)
    yield made
    made.gate.close()


@pytest.fixture
def shop(root, store, held, tmp_path):
    """A build of `shop` whose image another one is about to use again: (cooper, build, folder)."""
    runner = Cooper(root, {**store.env, "PATH": held.path})
    folder = make_app(tmp_path / "app", {"Dockerfile": DOCKERFILE, "text": "first"})
    runner("builds", "set", "--global", "engine", "buildah").ok()
    first = build(runner, folder, "first", "shop")
    held.held.touch()
    yield runner, first, folder
    held.held.unlink()
    runner.close()
    runner("builds", "prune", "-a", "shop")
    runner("apps", "delete", "shop").ok()


def waits_for_images(pid, lock="/data/builds/.images.lock"):
    """It has the lock's file open: it holds it, or stands in line."""
    return has_open(pid, lock)


def test_a_prune_waits_for_an_image_to_get_its_next_name(shop, held, store):
    cooper, first, folder = shop
    again = cooper.start("build", folder, "-a", "shop")
    held.gate.wait()
    remover = cooper.start("builds", "remove", first, "-a", "shop")
    wait_for(lambda: remover.poll() is not None or waits_for_images(remover.pid), "the removal to stand in line")
    assert remover.poll() is None and f"localhost/shop:web.{first}" in store.images()
    held.gate.open()
    assert again.wait(180) == 0 and remover.wait(180) == 0, remover.stderr.read()
    second = next(b for b in cooper.build_ids("shop") if b != first)
    assert cooper.record("shop", second)["unchanged"] == {"web": first}
    assert [name for name in store.images() if "/shop:" in name] == [f"localhost/shop:web.{second}"]


def test_a_killed_holder_keeps_nobody_from_pruning(shop, held, store):
    cooper, first, folder = shop
    cooper.start("build", folder, "-a", "shop")
    held.gate.wait()
    second = next(b for b in cooper.build_ids("shop") if b != first)
    os.kill(cooper.record("shop", second)["pid"], signal.SIGKILL)
    cooper("builds", "remove", first, "-a", "shop").ok()
    assert not [name for name in store.images() if "/shop:" in name]


@pytest.mark.parametrize("ends", ["canceled", "succeeded"])
def test_nobody_waits_long_for_images_that_are_locked(shop, held, root, ends):
    cooper, first, folder = shop
    held.held.unlink()
    with open(root / "data/builds/.images.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        again = cooper.start("build", folder, "-a", "shop")
        second = cooper.wait_for_new_build("shop", [first])
        if ends == "canceled":
            pid = cooper.record("shop", second)["pid"]
            wait_for(lambda: waits_for_images(pid), "the build to stand in line")
            cooper("builds", "cancel", second, "-a", "shop").ok()
        again.wait(180)
        record = cooper.record("shop", second)
        assert record["status"] == ends and "unchanged" not in record
    held.held.touch()


# Names that an image gets from several at once: buildah writes back all that it read before

SHARED = {"convox.yml": "services:\n  web: {build: .}\n  worker: {build: .}\n", "Dockerfile": DOCKERFILE, "text": "one"}


@pytest.fixture
def bundle(root, store, held, tmp_path):
    """A build of two services with one image, in a file; (cooper, a second data root's cooper, file)."""
    env = {**store.env, "PATH": held.path}
    runner, other = Cooper(root, env), Cooper(tmp_path / "other", env)
    for each in (runner, other):
        each("builds", "set", "--global", "engine", "buildah").ok()
    runner("build", make_app(tmp_path / "app", SHARED), "-a", "shop").ok()
    file = tmp_path / "bundle.tgz"
    runner("builds", "export", "last", "-a", "shop", "-f", file).ok()
    yield runner, other, file
    for each in (runner, other):
        each.close()
        for app in ("shop", "copy"):
            each("apps", "delete", app)


def test_names_are_given_one_after_the_other_also_by_several_data_roots(bundle, held, store):
    cooper, other, file = bundle
    held.held.touch()
    first = cooper.start("builds", "import", "-a", "copy", "-f", file)
    held.gate.wait()
    held.held.unlink()
    second = other.start("builds", "import", "-a", "copy", "-f", file)
    build = other.wait_for_new_build("copy", [])
    pid = other.record("copy", build)["pid"]
    wait_for(lambda: waits_for_images(pid, "-images/cooper-names.lock"), "the second to stand in line")
    assert other.record("copy", build)["status"] == "running"
    held.gate.open()
    for job in (first, second):
        _, err = job.communicate(timeout=180)
        assert job.returncode == 0, err
    names = store.images()
    for each in (cooper, other):
        assert {f"localhost/copy:{service}.{b}" for b in each.build_ids("copy") for service in ("web", "worker")} <= set(names)


def test_a_name_that_was_lost_is_given_again(bundle, held, store):
    cooper, _, file = bundle
    held.loses.touch()
    cooper("builds", "import", "-a", "copy", "-f", file).ok()
    build = cooper.build_ids("copy")[0]
    assert {KEEPER, f"localhost/copy:web.{build}", f"localhost/copy:worker.{build}"} <= set(store.images())
    store.buildah("rmi", KEEPER).ok()


# A copy of a data root

ELSEWHERE = "localhost/from-elsewhere:1"


def make_plain_image(engine, folder):  # noqa: F811
    """One that no cooper made."""
    if is_buildah(engine):
        make_app(folder, {"Dockerfile": DOCKERFILE, "text": "elsewhere"})
        engine.store.buildah("build", "-t", ELSEWHERE, str(folder)).ok()
        return
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("text"))
    repository, name = ELSEWHERE.split(":")
    status, body = engine.daemon.ask("POST", f"/images/create?fromSrc=-&repo={repository}&tag={name}", archive.getvalue())
    assert status == 200, body


@pytest.fixture
def copied(root, engine, tmp_path):  # noqa: F811
    """A data root with three builds, of an image of its own and one from elsewhere each, and
    a copy of it: (original, copy, folder)."""
    make_plain_image(engine, tmp_path / "plain")
    original, copy = Cooper(root, engine.env), Cooper(tmp_path / "copy", engine.env)
    folder = make_app(tmp_path / "app", {
        "convox.yml": f"services:\n  web: {{build: .}}\n  db: {{image: {ELSEWHERE}}}\n",
        "Dockerfile": DOCKERFILE})
    for text in ("first", "second", "third"):
        build(original, folder, text, "shop")
    shutil.copytree(root, copy.root)
    yield original, copy, folder
    for cooper in (original, copy):
        cooper("apps", "delete", "shop")  # the test may have done so
        cooper.close()


def names(builds):
    return {f"localhost/shop:{service}.{build}" for service in ("web", "db") for build in builds}


def shops(engine):  # noqa: F811
    return {name for name in engine.images() if name.startswith("localhost/shop:")}


def keep_one(cooper):
    cooper("builds", "set", "--global", "retention", "1").ok()
    cooper("builds", "prune", "-a", "shop").ok()
    return cooper.build_ids("shop")


def test_what_a_copy_prunes_leaves_the_originals_images(copied, engine):  # noqa: F811
    original, copy, folder = copied
    builds = original.build_ids("shop")
    assert keep_one(copy) == builds[-1:]
    assert shops(engine) == names(builds), "before the copy has built anything"
    own = build(copy, folder, "third", "shop")
    assert "unchanged" not in copy.record("shop", own), "the original may remove its images"
    wait_for(lambda: copy.build_ids("shop") == [own], "the prune after the build")
    assert shops(engine) == names([*builds, own])
    # Its own it does remove, and so does the original.
    last = build(copy, folder, "fourth", "shop")
    wait_for(lambda: copy.build_ids("shop") == [last], "the next prune")
    assert shops(engine) == names([*builds, last])
    copy("builds", "remove", last, "-a", "shop").ok()
    keep_one(original)
    assert shops(engine) == names(builds[-1:])
    original("apps", "delete", "shop").ok()
    assert not shops(engine) and ELSEWHERE in engine.images()
