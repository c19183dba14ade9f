"""The harness itself: the base image builds, and what it promises to notice it notices."""
import os
import subprocess

import pytest

from support.cooper import BASE_IMAGE, PROJECT, make_app, processes_of, wait_for

DOCKERFILE = f"FROM {BASE_IMAGE}\nCOPY say.sh /say.sh\nRUN /say.sh > /said && grep -q hello /said\n"


def test_base_image_is_there_and_made_once(store):
    before = store.images()
    assert f"{BASE_IMAGE}:latest" in before
    subprocess.run([PROJECT / "examples/hello/make-base.sh"], env=store.env, check=True, capture_output=True)
    assert store.images() == before
    assert store.working_containers() == []


def test_buildah_builds_on_the_base_image(store, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": DOCKERFILE, "say.sh": "#!/bin/sh\necho hello\n", "empty/": ""})
    assert os.access(app / "say.sh", os.X_OK) and (app / "empty").is_dir()
    store.buildah("build", "--layers", "--isolation", "chroot", "-t", "localhost/harness", app).ok()
    assert "localhost/harness:latest" in store.images()
    store.assert_clean()


def test_a_working_container_and_its_mount_are_noticed(store):
    container = store.buildah("from", BASE_IMAGE).ok().out.strip()
    try:
        with pytest.raises(AssertionError):
            store.assert_clean()
        if store.driver == "overlay":
            store.buildah("mount", container).ok()
            assert store.mounts() != []
    finally:
        store.buildah("rm", container).ok()
    store.assert_clean()


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_a_process_of_a_build_is_noticed(store, where):
    build = f"harness{os.getpid()}"
    argv = ["/bin/sh", "-c", "read x", build if where == "argument" else "none"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, env={**os.environ, "BUILD": build})
    try:
        wait_for(lambda: process.pid in processes_of(build), "the process to show")
    finally:
        process.stdin.close()
        process.wait()
    store.assert_clean(build)


def test_wait_for_says_what_it_waited_for():
    with pytest.raises(AssertionError, match="waited 0 s for the moon"):
        wait_for(lambda: False, "the moon", 0)
