"""`cooper build` from a folder to images, record, log, steps and release."""
import json
import re
import subprocess

import pytest

from support.cooper import BASE_IMAGE, PROJECT, build_id_of, make_app

ID = r"[0-9a-z]{14}"

TWO_DOCKERFILES = {
    "convox.yml": """\
services:
  web:
    build: ./site
  worker:
    build: ./site
    command: work
  api:
    build:
      path: ./api
      manifest: Dockerfile.api
      args:
        - VERSION=7
        - UNDECLARED=secret
  cache:
    image: localhost/hello-base
timers:
  clean:
    schedule: "1 * * * *"
    command: rake clean
    service: worker
""",
    "site/Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /site\nRUN echo site is made && ls /site\n",
    "site/page": "hello\n",
    "api/Dockerfile.api": f"FROM {BASE_IMAGE}\nARG VERSION=1\nRUN echo version is $VERSION > /version\n",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop"


def read_from_image(store, image, path):
    """The text of a file in an image."""
    container = store.buildah("from", image).ok().out.strip()
    try:
        return store.buildah("run", "--isolation", "chroot", container, "--", "cat", path).ok().out
    finally:
        store.buildah("rm", container).ok()


def test_builds_each_distinct_image_once_and_keeps_it_all(cooper, store, folder):
    make_app(folder, TWO_DOCKERFILES)
    done = cooper("build", folder, "-a", "shop", "-d", "the first").ok()

    build = build_id_of(done.out)
    record = cooper.record("shop", build)
    assert re.search(rf"^Build:   {ID}\nRelease: r{ID}\n\Z", done.out, re.M)
    for phase in ("Packaging source", "Uploading source", "Starting build"):
        assert f"{phase}... OK" in done.out

    assert {key: record[key] for key in ("id", "app", "kind", "status", "source", "exit_code", "description")} == {
        "id": build, "app": "shop", "kind": "build", "status": "succeeded", "source": "build", "exit_code": 0,
        "description": "the first"}
    assert record["engine"].startswith("buildah 1.")
    assert record["started_at"] < record["finished_at"]
    assert set(record["images"]) == {"web", "worker", "api", "cache"}

    images = store.images()
    for service in ("web", "worker", "api", "cache"):
        reference = f"localhost/shop:{service}.{build}"
        assert record["images"][service].startswith(f"{reference}@sha256:")
        assert reference in images
    assert images[f"localhost/shop:web.{build}"] == images[f"localhost/shop:worker.{build}"]
    assert images[f"localhost/shop:cache.{build}"] == images[f"{BASE_IMAGE}:latest"]
    assert read_from_image(store, f"localhost/shop:api.{build}", "/version") == "version is 7\n"

    log = cooper.log("shop", build).decode()
    assert log.count("site is made\n") == 1, "web and worker share one build"
    assert re.search(r"^web\s+\| ", log, re.M) and re.search(r"^api\s+\| ", log, re.M)
    assert "secret" not in log
    assert log in done.out

    release = cooper.release("shop", record["release"])
    assert release["build"] == build and release["images"] == record["images"]
    assert release["manifest"] == TWO_DOCKERFILES["convox.yml"]
    store.assert_clean(build)
    assert not list((cooper.root / "data/work").rglob("*"))[1:], "scratch files are left"


def test_steps_tell_service_text_times_cache_and_place_in_the_log(cooper, folder):
    make_app(folder, TWO_DOCKERFILES)
    cold = build_id_of(cooper("build", folder, "--no-cache").ok().out)
    cached = build_id_of(cooper("build", folder, "--force").ok().out)

    steps = cooper.steps("shop", cold)
    of_web = [s for s in steps if s["service"] == "web"]
    assert [s["text"] for s in of_web[:3]] == [
        f"FROM {BASE_IMAGE}", "COPY . /site", "RUN echo site is made && ls /site"]
    assert [s["number"] for s in of_web[:3]] == [1, 2, 3]
    run = of_web[2]
    assert run["exit"] == 0 and not run["cached"] and run["started"] <= run["finished"]
    part = cooper.log("shop", cold)[run["log_begin"]:run["log_end"]].decode()
    assert "site is made" in part

    again = {(s["service"], s["text"]): s for s in cooper.steps("shop", cached)}
    assert again["web", "RUN echo site is made && ls /site"]["cached"] is True
    assert "site is made\n" not in cooper.log("shop", cached).decode()


def test_no_cache_builds_again(cooper, folder):
    make_app(folder, TWO_DOCKERFILES)
    cooper("build", folder).ok()
    build = build_id_of(cooper("build", folder, "--no-cache").ok().out)
    assert "site is made\n" in cooper.log("shop", build).decode()
    assert not any(s["cached"] for s in cooper.steps("shop", build) if s["service"] == "web")


def test_build_args_of_the_command_line_win_and_reach_only_declared_args(cooper, store, folder):
    make_app(folder, TWO_DOCKERFILES)
    done = cooper("build", folder, "--build-args", "VERSION=8 or more", "--build-args", "OTHER=x").ok()
    image = f"localhost/shop:api.{build_id_of(done.out)}"
    assert read_from_image(store, image, "/version") == "version is 8 or more\n"


def test_a_dockerfile_alone_is_the_service_web(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo one line\n"})
    build = build_id_of(cooper("build", folder).ok().out)
    assert list(cooper.record("shop", build)["images"]) == ["web"]
    assert "one line" in cooper.log("shop", build).decode()
    assert "web | " not in cooper.log("shop", build).decode(), "one service needs no prefix"


def test_another_manifest(cooper, folder):
    make_app(folder, {"other.yml": "services:\n  jobs:\n    build: .\n    manifest: Jobs\n",
                      "Jobs": f"FROM {BASE_IMAGE}\nRUN true\n"})
    build = build_id_of(cooper("build", folder, "-m", "other.yml").ok().out)
    assert list(cooper.record("shop", build)["images"]) == ["jobs"]


def test_development_selects_the_stage_of_that_name(cooper, store, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE} AS development\nRUN echo dev > /stage\n"
                                    f"FROM {BASE_IMAGE}\nRUN echo production > /stage\n"})
    for flags, stage in (([], "production\n"), (["--development"], "dev\n")):
        build = build_id_of(cooper("build", folder, *flags).ok().out)
        assert read_from_image(store, f"localhost/shop:web.{build}", "/stage") == stage


def test_dockerignore_keeps_files_out_but_not_what_the_build_needs(cooper, store, folder):
    make_app(folder, {
        "Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\nRUN cd /src && find . | sort > /files\n",
        ".dockerignore": "# all but the sources\n*\n!src/**\nsrc/**/*.tmp\n!src/keep.tmp\n",
        "src/a.c": "", "src/deep/b.tmp": "", "src/keep.tmp": "", "secret.key": "", "src/empty/": "",
    })
    build = build_id_of(cooper("build", folder).ok().out)
    files = read_from_image(store, f"localhost/shop:web.{build}", "/files").split()
    assert files == [".", "./src", "./src/a.c", "./src/deep", "./src/empty", "./src/keep.tmp"]


def test_modes_links_and_odd_names_arrive(cooper, store, folder):
    make_app(folder, {
        "Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\nRUN /src/run.sh > /out\n",
        "run.sh": "#!/bin/sh\ncat '/src/a b/ü\\n.txt' /src/link\n",
        "a b/ü\\n.txt": "odd\n",
    })
    (folder / "link").symlink_to("a b/ü\\n.txt")
    build = build_id_of(cooper("build", folder).ok().out)
    assert read_from_image(store, f"localhost/shop:web.{build}", "/out") == "odd\nodd\n"


def test_id_prints_the_release_alone_on_stdout(cooper, folder):
    make_app(folder, TWO_DOCKERFILES)
    done = cooper("build", folder, "--id").ok()
    release = done.out.strip()
    assert re.fullmatch(rf"r{ID}", release) and cooper.release("shop", release)["app"] == "shop"
    assert "Packaging source... OK" in done.err


def test_detach_returns_while_the_build_runs(cooper, store, folder, gate):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {gate.command}; echo awake\n"})
    done = cooper("build", folder, "--detach").ok()
    build = build_id_of(done.out)
    gate.wait()
    assert cooper.record("shop", build)["status"] == "running"
    gate.open()
    assert cooper.wait_for_end("shop", build)["status"] == "succeeded"
    assert b"awake" in cooper.log("shop", build)
    store.assert_clean(build)


def test_description_and_sha_come_from_a_clean_git_work_tree(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n"})

    def git(*args):
        return subprocess.run(["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org", *args],
                              check=True, capture_output=True, text=True).stdout.strip()
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "Say hello\n\nat length")
    sha = git("rev-parse", "HEAD")
    clean = cooper.record("shop", build_id_of(cooper("build", folder).ok().out))
    assert clean["git_sha"] == sha and clean["description"] == f"build {sha[:10]} Say hello"
    (folder / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN true\n")
    dirty = cooper.record("shop", build_id_of(cooper("build", folder).ok().out))
    assert dirty["git_sha"] == sha and dirty.get("description", "") == ""


def test_app_falls_back_to_the_environment_then_to_the_folders_name(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n"})
    cooper("build", env={"COOPER_APP": "named"}, cwd=folder).ok()
    cooper("build", cwd=folder).ok()
    cooper("build", folder).ok()
    assert (len(cooper.build_ids("named")), len(cooper.build_ids("shop"))) == (1, 2)


def test_one_build_of_an_app_at_a_time(cooper, folder, gate):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN {gate.command}; echo first\n"})
    first = build_id_of(cooper("build", folder, "--detach").ok().out)
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo second\n"})
    waiting = cooper.start("build", folder)
    second = cooper.wait_for_new_build("shop", {first})
    cooper.wait_for_log("shop", second, f"app shop is being deployed by build {first}: waiting for its turn")
    assert cooper.record("shop", second)["status"] == "queued"
    gate.open()
    out, err = waiting.communicate(timeout=180)
    assert waiting.returncode == 0, err
    second = cooper.record("shop", build_id_of(out))
    assert second["started_at"] >= cooper.record("shop", first)["finished_at"]


def test_the_example_app(cooper, store):
    done = cooper("build", PROJECT / "examples/hello", "-a", "hello").ok()
    record = cooper.record("hello", build_id_of(done.out))
    assert set(record["images"]) == {"web", "worker", "api", "cache"}
    store.assert_clean(record["id"])


def test_declared_secrets_never_reach_log_steps_or_record(cooper, folder):
    make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo pass: hunter2secret && false\n"})
    done = cooper("build", folder, "-d", "uses hunter2secret", env={"COOPER_REDACT": "hunter2secret"})
    assert done.code == 1
    build = cooper.build_ids("shop")[0]
    cooper.wait_until_idle()
    kept = "".join(path.read_text() for path in cooper.builds_folder("shop").iterdir() if path.is_file())
    assert "hunter2" not in kept + done.out + done.err
    assert json.loads((cooper.builds_folder("shop") / f"{build}.json").read_text())["status"] == "failed"
