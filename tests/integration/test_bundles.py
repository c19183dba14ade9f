"""Builds that leave as a file, and come back: by buildah and by a Docker Engine, in Convox's form
and as an OCI image layout; and images that come alone."""
import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile

import pytest

from support.bundles import (CONFIG, CONVOX, FACTS, LAYER, SHOP, config_digests, docker_archive, export, members,
                             newest, oci_archive, text_of, write_tar)
from support.cooper import Cooper, build_id_of, executable, make_app, processes_of, wait_for

DOCKERFILE = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo made >/made\"]\n"


@pytest.fixture
def other(tmp_path, store):
    """cooper on another data root, which has nothing."""
    folder = tmp_path / "other"
    folder.mkdir()
    runner = Cooper(folder, store.env)
    yield runner
    runner.close()


@pytest.fixture
def shop(cooper, tmp_path):
    """The id of a build with two images for three services."""
    folder = make_app(tmp_path / "shop", SHOP)
    out = cooper("build", folder, "-a", "shop", "-d", "the first").ok().out
    return build_id_of(out)


@pytest.mark.parametrize("form", ["convox", "oci"])
def test_a_build_comes_back_as_it_left(cooper, other, store, shop, tmp_path, form):
    before = config_digests(store, "shop", shop)
    assert sorted(before) == ["api", "web", "worker"]
    file = export(cooper, shop, tmp_path / "bundle", "--format", form)
    log = cooper.log("shop", shop)
    steps = cooper.steps("shop", shop)
    provenance = cooper("builds", "provenance", shop, "-a", "shop").ok().out
    cooper("apps", "delete", "shop").ok()
    assert config_digests(store, "shop", shop) == {}

    done = other("builds", "import", "-a", "copy", "-f", file).ok()
    build = newest(other, "copy")
    record = other.record("copy", build)
    assert done.out == f"Importing build... OK, {record['release']}\n"
    assert config_digests(store, "copy", build) == before
    assert (record["status"], record["source"], record["kind"]) == ("succeeded", "import", "build")
    assert record["imported_from"] == f"shop/{shop}"
    assert record["description"] == "the first"
    assert build != shop
    assert sorted(record["images"]) == ["api", "web", "worker"]
    release = other.release("copy", record["release"])
    assert release["manifest"] == SHOP["convox.yml"]
    assert release["images"] == record["images"]
    assert other.log("copy", build).startswith(log)
    again = other.steps("copy", build)
    assert [s for s in again if not s["text"].startswith("LOAD ")] == steps
    assert other("builds", "provenance", build, "-a", "copy").ok().out == provenance
    assert not (other.root / "data/work/copy" / build).exists()
    # The images bear another root's labels; they go with their build all the same.
    other("apps", "delete", "copy").ok()
    assert config_digests(store, "copy", build) == {}


def test_an_imported_image_runs(cooper, other, store, app, tmp_path):
    cooper("build", app(DOCKERFILE), "-a", "shop").ok()
    file = export(cooper, "last", tmp_path / "bundle.tgz")
    cooper("apps", "delete", "shop").ok()
    other("builds", "import", "-a", "copy", "-f", file).ok()
    image = f"localhost/copy:web.{newest(other, 'copy')}"
    container = store.buildah("from", "--pull-never", image).ok().out.strip()
    try:
        seen = store.buildah("run", "--isolation", "chroot", container, "/bin/busybox", "cat", "/made").ok()
        assert seen.out == "made\n"
    finally:
        store.buildah("rm", container)


def test_it_goes_through_a_pipe(cooper, other, store, shop):
    left = subprocess.Popen([executable(), "builds", "export", shop, "-a", "shop"], env=cooper.env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    right = subprocess.run([executable(), "builds", "import", "-a", "copy", "--id"], env=other.env,
                           stdin=left.stdout, capture_output=True, text=True, timeout=240)
    left.stdout.close()
    assert left.wait() == 0
    assert left.stderr.read() == b"Exporting build... OK\n"
    assert right.returncode == 0, right.stderr
    assert right.stdout.strip() == other.record("copy", newest(other, "copy"))["release"]
    assert right.stderr.startswith("Importing build... OK, r")


def test_what_convox_reads_is_in_it(cooper, shop, tmp_path):
    entries = members(export(cooper, shop, tmp_path / "bundle.tgz"))
    names = [name for name, _ in entries]
    assert names[0] == "build.json"
    assert names[-1] == "cooper/checksums"
    facts = json.loads(entries[0][1])
    assert (facts["id"], facts["app"], facts["status"]) == (shop, "shop", "complete")
    assert (facts["manifest"], facts["description"]) == (SHOP["convox.yml"], "the first")
    archives = {name: content for name, content in entries if name.endswith(".tar")}
    assert sorted(archives) == [f"{service}.{shop}.tar" for service in ("api", "web", "worker")]
    # What others make of one of them.
    (tmp_path / "web.tar").write_bytes(archives[f"web.{shop}.tar"])
    with tarfile.open(tmp_path / "web.tar") as tar:
        index = json.load(tar.extractfile("index.json"))
        manifest = index["manifests"][0]["digest"].removeprefix("sha256:")
        config = json.load(tar.extractfile(f"blobs/sha256/{manifest}"))["config"]["digest"]
    assert config == "sha256:" + config_digests_of(cooper, shop)["web"]


def config_digests_of(cooper, build):
    from support.cooper import ImageStore  # the store's folder is in its environment
    conf = pathlib.Path(cooper.env["CONTAINERS_STORAGE_CONF"])
    driver = conf.read_text().split('driver = "')[1].split('"')[0]
    store = ImageStore.__new__(ImageStore)
    store.folder, store.driver, store.env = conf.parent, driver, cooper.env
    return config_digests(store, "shop", build)


def test_skopeo_reads_it(cooper, shop, tmp_path):
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed")
    file = export(cooper, shop, tmp_path / "bundle.tgz")
    entries = dict(members(file))
    archive = tmp_path / "web.tar"
    archive.write_bytes(entries[f"web.{shop}.tar"])
    for transport in ("oci-archive", "docker-archive"):
        seen = subprocess.run(["skopeo", "inspect", "--config", "--raw", f"{transport}:{archive}"],
                              capture_output=True, timeout=180)
        assert seen.returncode == 0, seen.stderr
        digest = hashlib.sha256(seen.stdout).hexdigest()
        assert digest == config_digests_of(cooper, shop)["web"], transport
    layout = export(cooper, shop, tmp_path / "layout", "--format", "oci")
    seen = subprocess.run(["skopeo", "inspect", "--config", "--raw",
                           f"oci-archive:{layout}:localhost/shop:api.{shop}"], capture_output=True, timeout=180)
    assert hashlib.sha256(seen.stdout).hexdigest() == config_digests_of(cooper, shop)["api"], seen.stderr


def test_nothing_secret_is_in_it(cooper, tmp_path):
    folder = make_app(tmp_path / "shop", SHOP)
    cooper("apps", "create", "shop").ok()
    cooper("config:set", "shop", "TOKEN=s3cr3tvalue", "--no-restart").ok()
    cooper("build", folder, "-a", "shop", "--build-args", "KEY=anothersecret").ok()
    for name, content in members(export(cooper, "last", tmp_path / "bundle.tgz")):
        assert b"s3cr3tvalue" not in content, name
        assert b"anothersecret" not in content, name


def test_the_same_build_is_the_same_file(cooper, shop, tmp_path):
    one = export(cooper, shop, tmp_path / "one").read_bytes()
    assert export(cooper, shop, tmp_path / "two").read_bytes() == one


def test_what_cant_be_exported_is_said(cooper, shop, store, app, tmp_path):
    file = tmp_path / "bundle.tgz"
    failing = cooper("build", app("FROM scratch\nCOPY nothing /\n"), "-a", "shop")
    assert failing.code == 1
    done = cooper("builds", "export", "last-failed", "-a", "shop", "-f", file)
    assert done.code == 2 and "has no images: it failed" in done.err, done.err
    assert "builds export" not in done.out
    store.buildah("rmi", f"localhost/shop:api.{shop}").ok()
    done = cooper("builds", "export", shop, "-a", "shop", "-f", file)
    assert done.code == 3 and "the image of service api is gone" in done.err, done.err
    assert [p.name for p in tmp_path.iterdir() if "bundle" in p.name] == []
    assert not list((cooper.root / "data/work").glob("shop/*"))


def test_a_terminal_gets_no_bundle(cooper, shop, on_terminal):
    job = on_terminal("builds", "export", shop, "-a", "shop")
    assert job.end() == 2
    assert b"a bundle is nothing for a terminal" in job.seen


# Convox's own files

@pytest.mark.parametrize("archive, folder, stream", [
    (oci_archive, "", gzip.compress),
    (docker_archive, "", gzip.compress),
    (oci_archive, "export/", lambda raw: raw),
])
def test_a_file_of_convox_is_imported(other, store, tmp_path, archive, folder, stream):
    image, digest = archive(CONFIG, LAYER)
    raw = write_tar([("build.json", json.dumps(CONVOX).encode()), (f"{folder}web.BABCDEFGHIJ.tar", image)], "w")
    file = tmp_path / "bundle.tgz"
    file.write_bytes(stream(raw))
    other("builds", "import", "-a", "shop", "-f", file).ok()
    build = newest(other, "shop")
    record = other.record("shop", build)
    assert (record["description"], record["git_sha"]) == ("from convox", "abc")
    assert record["imported_from"] == "shop/BABCDEFGHIJ"
    assert other.release("shop", record["release"])["manifest"] == CONVOX["manifest"]
    assert config_digests(store, "shop", build) == {"web": digest}
    # It goes with its build, although nothing in the image says that it is ours.
    other("apps", "delete", "shop").ok()
    assert config_digests(store, "shop", build) == {}


def test_an_import_can_be_exported_and_repeated(cooper, other, store, shop, tmp_path):
    file = export(cooper, shop, tmp_path / "one")
    for _ in range(2):
        other("builds", "import", "-a", "shop", "-f", file).ok()
    assert len(other.build_ids("shop")) == 2
    again = export(other, "last", tmp_path / "two")
    cooper("builds", "import", "-a", "back", "-f", again).ok()
    assert config_digests(store, "back", newest(cooper, "back")) == config_digests(store, "shop", shop)
    retried = other("builds", "retry", "last", "-a", "shop")
    assert retried.code == 2
    assert "its source is not kept" in retried.err


def test_names_in_a_bundle_take_nobodys_place(cooper, other, store, shop, tmp_path):
    """An archive that calls its image as another app's."""
    theirs = config_digests(store, "shop", shop)
    image, digest = docker_archive(CONFIG, LAYER, [f"localhost/shop:web.{shop}", "busybox:latest"])
    file = tmp_path / "bundle"
    file.write_bytes(write_tar([FACTS, ("web.1.tar", image)]))
    other("builds", "import", "-a", "evil", "-f", file).ok()
    assert config_digests(store, "shop", shop) == theirs
    assert {name for name, i in store.images().items() if i == f"sha256:{digest}"} == {
        f"localhost/evil:web.{newest(other, 'evil')}"}


def test_its_provenance_chooses_no_image_of_later_builds(cooper, other, shop, tmp_path):
    folder = make_app(tmp_path / "again", SHOP)
    file = export(cooper, shop, tmp_path / "bundle.tgz")
    other("builds", "import", "-a", "shop", "-f", file).ok()
    other("build", folder, "-a", "shop").ok()
    assert "unchanged" not in other.record("shop", newest(other, "shop"))


def test_several_imports_at_once(cooper, other, store, shop, tmp_path):
    file = export(cooper, shop, tmp_path / "bundle.tgz")
    jobs = [other.start("builds", "import", "-a", app, "-f", file, "--id") for app in ("a", "b", "b", "c")]
    for job in jobs:
        out, err = job.communicate(timeout=240)
        assert job.returncode == 0, err
    for app, count in (("a", 1), ("b", 2), ("c", 1)):
        assert len(other.build_ids(app)) == count
        for build in other.build_ids(app):
            assert config_digests(store, app, build) == config_digests(store, "shop", shop)


def test_ctrl_c_while_nothing_comes(other):
    job = subprocess.Popen([executable(), "builds", "import", "-a", "copy"], env=other.env, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    work = other.root / "data/work/copy"
    wait_for(lambda: list(work.glob("*/import/images.tar")), "the import to begin")
    job.send_signal(signal.SIGINT)
    assert job.wait(timeout=120) == 130
    assert not work.exists()
    job.communicate()


# Crashes

def test_kill_while_it_is_read(cooper, other, store, shop, tmp_path):
    """What has come so far is no build, and goes with the next prune."""
    whole = export(cooper, shop, tmp_path / "bundle.tgz").read_bytes()
    images = store.images()
    job = subprocess.Popen([executable(), "builds", "import", "-a", "copy"], env=other.env,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    job.stdin.write(whole[:len(whole) * 2 // 3])
    job.stdin.flush()
    work = other.root / "data/work/copy"
    wait_for(lambda: work.exists() and list(work.glob("*/import/images.tar")), "the staged archive")
    job.kill()
    job.communicate()
    assert "copy" not in other("apps").ok().out
    assert store.images() == images
    assert other.build_ids("copy") == []
    for path in work.rglob("*"):
        os.utime(path, (0, 0))
    other("builds", "prune", "--all-apps").ok()
    assert not list(work.glob("*"))


def test_kill_while_images_are_loaded(cooper, other, store, shop, tmp_path):
    file = export(cooper, shop, tmp_path / "bundle.tgz")
    images = store.images()
    job = other.start("builds", "import", "-a", "copy", "-f", file)
    build = other.wait_for_new_build("copy")
    with contextlib.suppress(ProcessLookupError):  # it may be quicker
        os.kill(other.record("copy", build)["pid"], signal.SIGKILL)
    job.communicate(timeout=180)
    wait_for(lambda: not processes_of(build), "its processes to end")
    other("builds", "prune", "-a", "copy").ok()
    record = other.record("copy", build)
    if record["status"] == "succeeded":
        pytest.skip("it was quicker")
    assert record["status"] == "failed"
    assert store.images() == images
    assert not list((other.root / "data/releases").glob("copy/*.json"))
    assert not (other.root / "data/work/copy" / build).exists()


# Images alone

def test_import_image(cooper, store, shop):
    image = f"localhost/shop:web.{shop}"
    done = cooper("builds", "import-image", image, "-a", "proxy", "--service", "front").ok()
    build = newest(cooper, "proxy")
    record = cooper.record("proxy", build)
    assert done.out == (f"Creating build... OK, {build}\nWaiting for import to complete... OK\n"
                        f"Build:   {build}\nRelease: {record['release']}\n")
    assert (record["source"], record["description"]) == ("import", f"image {image}")
    assert config_digests(store, "proxy", build) == {"front": store.images()[image].removeprefix("sha256:")}
    assert cooper("builds", "import-image", image, "-a", "proxy", "--id").ok().out.strip() == \
        cooper.record("proxy", newest(cooper, "proxy"))["release"]


def test_import_image_for_a_manifest(cooper, store, shop, tmp_path):
    image, other = f"localhost/shop:web.{shop}", f"localhost/shop:api.{shop}"
    manifest = tmp_path / "app.yml"
    manifest.write_text(f"services:\n  front:\n    build: ./front\n    port: 8080\n  worker: {{}}\n"
                        f"  other:\n    image: {other}\n")
    wanted = ["builds", "import-image", image, "-a", "proxy", "-m", str(manifest)]
    release = cooper(*wanted, "--id").ok().out.strip()
    build = newest(cooper, "proxy")
    assert cooper.release("proxy", release)["manifest"] == manifest.read_text()
    digests = {name: store.images()[name].removeprefix("sha256:") for name in (image, other)}
    assert config_digests(store, "proxy", build) == {
        "front": digests[image], "worker": digests[image], "other": digests[other]}
    assert json.loads(cooper("builds", "provenance", build, "-a", "proxy").ok().out)[
        "predicate"]["buildDefinition"]["externalParameters"]["image"] == image
    cooper("builds", "retry", build, "-a", "proxy").ok()
    assert config_digests(store, "proxy", newest(cooper, "proxy"))["worker"] == digests[image]
    both = cooper(*wanted, "--service", "web")
    assert both.code != 0 and "--service and --manifest" in both.err
    manifest.write_text("")
    assert f"{manifest} is empty" in cooper(*wanted).err
    manifest.unlink()
    assert cooper(*wanted).code == 3


@pytest.mark.parametrize("image", ["", "-rm", "a b", "x\ny: 1", "docker-archive:/etc/passwd"])
def test_what_names_no_image_is_refused(cooper, image):
    done = cooper("builds", "import-image", "-a", "proxy", "--", image)
    assert done.code != 0
    assert store_of(cooper) == []


def store_of(cooper):
    return [b for b in cooper.build_ids("proxy") if cooper.record("proxy", b)["status"] == "succeeded"]


def test_git_from_image(cooper, store, shop):
    image = f"localhost/shop:api.{shop}"
    cooper("git:from-image", "proxy", image).ok()
    record = cooper.record("proxy", newest(cooper, "proxy"))
    assert (record["source"], record["status"]) == ("git:from-image", "succeeded")
    assert config_digests(store, "proxy", record["id"]) == {"web": store.images()[image].removeprefix("sha256:")}
    assert cooper.release("proxy", record["release"])["manifest"] == f"services:\n  web:\n    image: {image}\n"


@pytest.mark.parametrize("archive", [docker_archive, oci_archive])
@pytest.mark.parametrize("stream", [lambda raw: raw, gzip.compress], ids=["plain", "gzip"])
def test_git_load_image(cooper, store, archive, stream):
    names = {"names": ["shop/web:1"]} if archive is docker_archive else {"name": "shop/web:1"}
    data, digest = archive(CONFIG, LAYER, **names)
    cooper("git:load-image", "proxy", "shop/web:1", input=text_of(stream(data))).ok()
    record = cooper.record("proxy", newest(cooper, "proxy"))
    assert (record["source"], record["imported_from"]) == ("git:load-image", "shop/web:1")
    assert config_digests(store, "proxy", record["id"]) == {"web": digest}
    wrong = cooper("git:load-image", "proxy", "shop/api:1", input=text_of(stream(data)))
    assert wrong.code == 2 and "holds no image shop/api:1" in wrong.err and "shop/web:1" in wrong.err
    assert len(cooper.build_ids("proxy")) == 1


# A Docker Engine

@pytest.fixture
def on_docker(docker_engine, root):
    runner = Cooper(root, docker_engine.env)
    yield runner
    runner.close()


def id_in(engine, reference):
    return engine.images().get(reference)


@pytest.mark.parametrize("form", ["convox", "oci"])
def test_on_a_docker_engine(on_docker, docker_engine, other, store, tmp_path, form):
    folder = make_app(tmp_path / "shop", SHOP)
    build = build_id_of(on_docker("build", folder, "-a", "shop").ok().out)
    before = {s: id_in(docker_engine, f"localhost/shop:{s}.{build}") for s in ("api", "web", "worker")}
    assert None not in before.values()
    file = export(on_docker, build, tmp_path / "bundle", "--format", form)
    on_docker("apps", "delete", "shop").ok()
    assert id_in(docker_engine, f"localhost/shop:web.{build}") is None
    on_docker("builds", "import", "-a", "copy", "-f", file).ok()
    new = newest(on_docker, "copy")
    assert {s: id_in(docker_engine, f"localhost/copy:{s}.{new}") for s in before} == before
    # And to another engine: an image is the same one there.
    other("builds", "import", "-a", "copy", "-f", file).ok()
    assert config_digests(store, "copy", newest(other, "copy")) == {
        s: i.removeprefix("sha256:") for s, i in before.items()}
    back = export_of(other, "copy", tmp_path / "back")
    on_docker("builds", "import", "-a", "back", "-f", back).ok()
    new = newest(on_docker, "back")
    assert {s: id_in(docker_engine, f"localhost/back:{s}.{new}") for s in before} == before


def export_of(cooper, app, file):
    cooper("builds", "export", "last", "-a", app, "-f", file).ok()
    return file


def test_a_docker_engine_loads_an_archive_of_docker_save(on_docker, docker_engine):
    data, digest = docker_archive(CONFIG, LAYER, ["shop/web:1"])
    on_docker("git:load-image", "proxy", "shop/web:1", input=text_of(data)).ok()
    build = newest(on_docker, "proxy")
    assert id_in(docker_engine, f"localhost/proxy:web.{build}") == f"sha256:{digest}"
    assert id_in(docker_engine, "shop/web:1") is None
