"""What did not change is not built again, and what a build was made from is told."""
import hashlib
import json
import re
import shutil
import subprocess
import time

import pytest

from support.cooper import BASE_IMAGE, BUSYBOX, Cooper, build_id_of, make_app, moment, wait_for
from support.opened import Opened


class Buildah:
    name = "buildah"

    def __init__(self, store):
        self.store, self.env = store, store.env

    def images(self):
        return self.store.images()

    def tag(self, image, name):
        self.store.buildah("tag", image, name).ok()

    def untag(self, name):
        self.store.buildah("rmi", name).ok()


class Docker:
    name = "docker"

    def __init__(self, engine):
        self.engine, self.env = engine, engine.env

    def images(self):
        return self.engine.images()

    def tag(self, image, name):
        repository, tag = name.rsplit(":", 1)
        status, body = self.engine.ask("POST", f"/images/{image}/tag?repo={repository}&tag={tag}")
        assert status == 201, body

    def untag(self, name):
        status, body = self.engine.ask("DELETE", f"/images/{name}")
        assert status == 200, body


@pytest.fixture(params=["buildah", "docker"])
def engine(request):
    if request.param == "buildah":
        return Buildah(request.getfixturevalue("store"))
    return Docker(request.getfixturevalue("docker_engine"))


@pytest.fixture
def cooper(root, engine):
    runner = Cooper(root, engine.env)
    runner("builds", "set", "engine", engine.name, "--global").ok()
    yield runner
    for app in ("shop", "base"):
        runner("apps", "delete", app)
    runner.close()


@pytest.fixture
def base(cooper, engine, tmp_path):
    """base(text): the image localhost/test-base:1 with a file of this text."""
    def make(text):
        head = f"FROM {BASE_IMAGE}" if engine.name == "buildah" else "FROM scratch\nCOPY busybox /bin/"
        folder = make_app(tmp_path / "base", {"Dockerfile": f"{head}\nCOPY text /text\n", "text": text})
        if engine.name == "docker":
            shutil.copy(BUSYBOX, folder / "busybox")
        build = build_id_of(cooper("build", folder, "-a", "base").ok().out)
        engine.tag(f"localhost/base:web.{build}", "localhost/test-base:1")
        return "localhost/test-base:1"
    yield make
    engine.untag("localhost/test-base:1")


@pytest.fixture
def shop(cooper, base, tmp_path):
    """A folder with two services."""
    return make_app(tmp_path / "shop", {
        "convox.yml": "services:\n  web: {build: web}\n  api:\n    build: {path: api, args: [VERSION=1]}\n",
        "web/Dockerfile": f"FROM {base('one')}\nCOPY page /page\n",
        "web/page": "hello\n",
        "web/notes": "not for the image\n",
        "web/.dockerignore": "notes\n",
        "api/Dockerfile": "ARG BASE=localhost/test-base\nFROM ${BASE}:1 AS base\nARG VERSION\n"
                          "FROM scratch\nCOPY --from=base /text /text\nCOPY . /api\n",
        "api/code": "x = 1\n",
    })


def unchanged(cooper, folder, *arguments):
    """Builds; the services that were not made, and the build's id, once nothing of it goes on."""
    done = cooper("build", folder, "-a", "shop", *arguments).ok()
    build = build_id_of(done.out)
    cooper.wait_for_supervisor(build)
    return sorted(cooper.record("shop", build).get("unchanged", {})), build


def statement(cooper, build):
    return json.loads(cooper("builds", "provenance", build, "-a", "shop").ok().out)


def test_only_the_service_that_changed_is_built(cooper, engine, shop):
    none, first = unchanged(cooper, shop)
    assert none == []
    (shop / "api/code").write_text("x = 2\n")
    assert (again := unchanged(cooper, shop))[0] == ["web"]
    record, before = cooper.record("shop", again[1]), cooper.record("shop", first)
    assert record["unchanged"] == {"web": first}
    images = engine.images()
    for service in ("web", "api"):
        reference, digest = record["images"][service].split("@")
        assert reference == f"localhost/shop:{service}.{again[1]}" and reference in images
        assert (digest == before["images"][service].split("@")[1]) == (service == "web")
    steps = [s for s in cooper.steps("shop", again[1]) if s["service"] == "web"]
    assert [(s["text"], s["cached"], s["exit"]) for s in steps] == [(f"unchanged since build {first}", True, 0)]
    assert f"web | Unchanged since build {first}" in cooper.log("shop", again[1]).decode()
    assert re.search(r"^Unchanged +web$", cooper("builds", "info", again[1], "-a", "shop").ok().out, re.M)
    # A chain of builds tells the one that really made it.
    both, last = unchanged(cooper, shop)
    assert both == ["api", "web"]
    assert cooper.record("shop", last)["unchanged"] == {"web": first, "api": again[1]}


@pytest.mark.parametrize("change, rest", [
    (lambda shop: (shop / "web/notes").write_text("more\n"), ["api", "web"]),
    (lambda shop: (shop / "web/Dockerfile").touch(), ["api", "web"]),
    (lambda shop: (shop / "web/page").chmod(0o700), ["api"]),
    (lambda shop: (shop / "web/.dockerignore").write_text("note\n"), ["api"]),
    (lambda shop: (shop / "web/empty").mkdir(), ["api"]),
    (lambda shop: (shop / "api/Dockerfile").write_text((shop / "api/Dockerfile").read_text() + "# more\n"), ["web"]),
], ids=["ignored file", "touched", "mode", "ignore rules", "new folder", "Dockerfile"])
def test_what_counts_as_a_change(cooper, shop, change, rest):
    unchanged(cooper, shop)
    change(shop)
    assert unchanged(cooper, shop)[0] == rest


def test_services_may_use_one_image_again(cooper, engine, shop):
    names = [f"s{number}" for number in range(6)]
    (shop / "convox.yml").write_text("services:\n" + "".join(f"  {name}: {{build: {name}}}\n" for name in names))
    for name in names:
        shutil.copytree(shop / "web", shop / name)
    unchanged(cooper, shop)
    for _ in range(3):
        services, build = unchanged(cooper, shop, "--jobs", "6")
        assert services == names
        assert {f"localhost/shop:{name}.{build}" for name in names} <= set(engine.images())


def test_an_ignore_file_outside_of_the_context_counts(cooper, shop):
    (shop / "docker").mkdir()
    (shop / "web/Dockerfile").rename(shop / "docker/web.Dockerfile")
    ignored = shop / "docker/web.Dockerfile.dockerignore"
    ignored.write_text("page*\n!page\n")
    manifest = (shop / "convox.yml").read_text()
    (shop / "convox.yml").write_text(manifest.replace("build: web", "build: {path: web, manifest: ../docker/web.Dockerfile}"))
    unchanged(cooper, shop)
    assert unchanged(cooper, shop)[0] == ["api", "web"]
    ignored.write_text("notes\n")
    assert unchanged(cooper, shop)[0] == ["api"]


def test_build_arguments_count_where_they_are_declared(cooper, shop):
    unchanged(cooper, shop)
    assert unchanged(cooper, shop, "--build-args", "NOWHERE=1")[0] == ["api", "web"]
    assert unchanged(cooper, shop, "--build-args", "VERSION=2")[0] == ["web"]
    assert unchanged(cooper, shop)[0] == ["api", "web"]  # of the first build


def test_a_new_base_image_is_a_change(cooper, shop, base):
    unchanged(cooper, shop)
    base("two")
    assert unchanged(cooper, shop)[0] == []


def test_all_is_built_if_asked_for(cooper, shop):
    unchanged(cooper, shop)
    assert unchanged(cooper, shop, "--force")[0] == []
    assert unchanged(cooper, shop, "--no-cache")[0] == []
    assert unchanged(cooper, shop)[0] == ["api", "web"]


def test_an_image_that_is_gone_is_made_again(cooper, engine, shop):
    _, first = unchanged(cooper, shop)
    engine.untag(f"localhost/shop:web.{first}")
    assert unchanged(cooper, shop)[0] == ["api"]


def test_the_image_outlives_the_build_that_made_it(cooper, engine, shop):
    _, first = unchanged(cooper, shop)
    cooper("builds", "set", "retention", "1", "-a", "shop").ok()
    both, second = unchanged(cooper, shop)
    assert both == ["api", "web"]
    cooper("builds", "prune", "-a", "shop").ok()
    assert cooper.build_ids("shop") == [second]
    images = engine.images()
    assert f"localhost/shop:web.{second}" in images and f"localhost/shop:web.{first}" not in images
    assert unchanged(cooper, shop)[0] == ["api", "web"]


def test_provenance_tells_what_it_was_made_from(cooper, shop, root, tmp_path):
    _, build = unchanged(cooper, shop, "--build-args", "VERSION=hush")
    told = statement(cooper, build)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://slsa.dev/provenance/v1"
    record = cooper.record("shop", build)
    assert {s["name"] + "@sha256:" + s["digest"]["sha256"] for s in told["subject"]} == set(record["images"].values())
    definition = told["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "app": "shop", "manifest": "convox.yml", "buildArguments": ["VERSION"], "noCache": False, "development": False,
        "platform": ""}
    assert "hush" not in json.dumps(told)
    archive = (root / f"data/sources/shop/{build}.tar.zst").read_bytes()
    # A source within a git work tree has its commit, too.
    needs = {each["name"]: each["digest"]["sha256"] for each in definition["resolvedDependencies"]
             if each["name"] != "commit"}
    assert needs["source"] == hashlib.sha256(archive).hexdigest()
    assert set(needs) == {"source", "localhost/test-base:1"}
    details = told["predicate"]["runDetails"]
    assert details["builder"]["version"]["engine"] == record["engine"]
    assert details["metadata"]["invocationId"] == build
    metadata = details["metadata"]
    assert moment(record["started_at"]) <= moment(metadata["startedOn"]) <= moment(metadata["finishedOn"])


def run(script):
    """A RUN that needs no shell of the image's."""
    return f"RUN {json.dumps(['/bin/busybox', 'sh', '-c', script])}\n"


def details_of_failure(cooper, build, root, status):
    """The statement of a build that made nothing, once it has been looked at."""
    told, record = statement(cooper, build), cooper.record("shop", build)
    details = told["predicate"]["runDetails"]
    assert told["subject"] == [] and record["status"] == status
    assert details["outcome"] == {"status": status, "exitCode": record["exit_code"]}
    assert details["metadata"]["invocationId"] == build and "hush" not in json.dumps(told)
    archive = (root / f"data/sources/shop/{build}.tar.zst").read_bytes()
    needs = {each["name"]: each["digest"] for each in told["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert needs["source"] == {"sha256": hashlib.sha256(archive).hexdigest()}
    return told["predicate"]["buildDefinition"], details


def test_a_failed_build_tells_what_it_was_made_from(cooper, shop, root):
    _, first = unchanged(cooper, shop)
    (shop / "web/Dockerfile").write_text("FROM localhost/test-base:1\n" + run("echo hush; exit 7"))
    done = cooper("build", shop, "-a", "shop", "--build-args", "VERSION=hush")
    build = build_id_of(done.out + done.err)
    definition, details = details_of_failure(cooper, build, root, "failed")
    assert details["outcome"]["exitCode"] == 7
    assert details["builder"]["version"]["engine"] == cooper.record("shop", build)["engine"]
    assert definition["externalParameters"]["manifest"] == "convox.yml"
    assert [i["services"] for i in definition["internalParameters"]["images"]] == [["web"], ["api"]]
    # A later build takes nothing from it.
    (shop / "web/Dockerfile").write_text("FROM localhost/test-base:1\nCOPY page /page\n")
    both, last = unchanged(cooper, shop)
    assert cooper.record("shop", last)["unchanged"] == {"web": first, "api": first}


def test_a_build_without_a_plan_tells_its_source(cooper, shop, root):
    (shop / "convox.yml").write_text("services: 7\n")
    done = cooper("build", shop, "-a", "shop")
    definition, details = details_of_failure(cooper, build_id_of(done.out + done.err), root, "failed")
    assert definition["internalParameters"]["images"] == [] and details["builder"]["version"]["engine"] == ""


def test_a_canceled_build_tells_what_it_was_made_from(cooper, shop, root, gate):
    (shop / "web/Dockerfile").write_text("FROM localhost/test-base:1\n" + run(f"/bin/busybox {gate.command}"))
    cooper.start("build", shop, "-a", "shop")
    gate.wait()
    build = cooper.build_ids("shop")[-1]
    assert "made when the build ends" in cooper("builds", "provenance", build, "-a", "shop").err
    cooper("builds", "cancel", build, "-a", "shop").ok()
    details_of_failure(cooper, build, root, "canceled")


def test_a_tracked_command_has_no_provenance(cooper):
    cooper("track", "-a", "shop", "--", "true").ok()
    (deploy,) = cooper.build_ids("shop")
    refused = cooper("builds", "provenance", deploy, "-a", "shop")
    assert refused.code == 3 and "only a `cooper build`" in refused.err
    assert "no build of app shop" in cooper("builds", "provenance", "last", "-a", "shop").err


def test_a_statement_goes_with_its_build(cooper, shop, root):
    _, build = unchanged(cooper, shop)
    assert (root / f"data/builds/shop/{build}.intoto.jsonl").exists()
    cooper("builds", "set", "retention", "1", "-a", "shop").ok()
    unchanged(cooper, shop)
    cooper("builds", "prune", "-a", "shop").ok()
    assert not (root / f"data/builds/shop/{build}.intoto.jsonl").exists()


def archive(root, build):
    return root / f"data/sources/shop/{build}.tar.zst"


def test_an_unchanged_source_is_kept_once(cooper, shop, root):
    builds = [unchanged(cooper, shop)[1] for _ in range(3)]
    assert len({archive(root, build).stat().st_ino for build in builds}) == 1
    whole = archive(root, builds[0]).read_bytes()
    for build in builds:
        needs = statement(cooper, build)["predicate"]["buildDefinition"]["resolvedDependencies"]
        assert {"name": "source", "digest": {"sha256": hashlib.sha256(whole).hexdigest()}} in needs
    [sources] = [row for row in json.loads(cooper("system", "df", "--format", "json").ok().out)
                 if row["what"] == "sources"]
    requests = sum(each.stat().st_blocks for each in root.glob("data/sources/*/*.json"))
    of_base = sum(each.stat().st_blocks for each in root.glob("data/sources/base/*.zst"))
    assert sources["bytes"] == 512 * (requests + of_base + archive(root, builds[0]).stat().st_blocks)
    # What one build no longer needs, the others still have.
    cooper("builds", "remove", builds[0], "-a", "shop").ok()
    assert archive(root, builds[1]).read_bytes() == whole and not archive(root, builds[0]).exists()
    (shop / "api/code").write_text("x = 2\n")
    assert archive(root, unchanged(cooper, shop)[1]).stat().st_ino != archive(root, builds[1]).stat().st_ino


def test_files_are_kept_from_build_to_build(cooper, shop, root):
    kept, work = root / "cache/sources/shop", root / "data/work/shop"
    unchanged(cooper, shop)
    page = kept / "source/web/page"
    assert page.read_text() == "hello\n" and list(work.iterdir()) == []
    inode = page.stat().st_ino
    (shop / "api/code").write_text("x = 2\n")
    (shop / "web/Dockerfile").rename(shop / "web/Other")
    (shop / "convox.yml").write_text((shop / "convox.yml").read_text().replace(
        "{build: web}", "{build: {path: web, manifest: Other}}"))
    assert unchanged(cooper, shop)[0] == []
    assert page.stat().st_ino == inode and (kept / "source/api/code").read_text() == "x = 2\n"
    assert not (kept / "source/web/Dockerfile").exists() and list(work.iterdir()) == []
    # A build that fails leaves them, too.
    (shop / "api/Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    assert cooper("build", shop, "-a", "shop").code == 1
    assert page.stat().st_ino == inode
    wait_for(lambda: cooper("apps", "delete", "shop").code == 0, "the last build's prune, and the app, to be gone")
    assert not kept.exists() and not (root / "cache/stat/shop").exists()


def test_files_that_somebody_changed_are_not_built(cooper, shop, root):
    unchanged(cooper, shop)
    page = root / "cache/sources/shop/source/web/page"
    page.write_text("false\n")
    assert unchanged(cooper, shop)[0] == ["api", "web"]
    assert page.read_text() == "hello\n"
    shutil.rmtree(root / "cache/sources")
    assert unchanged(cooper, shop)[0] == ["api", "web"]


def test_one_changed_file_among_many_costs_little(cooper, shop, root):
    for package in range(20):
        folder = shop / f"api/package-{package}"
        folder.mkdir()
        for number in range(80):
            (folder / f"{number}.js").write_text(f"// {package} {number}\n" + "module.exports = {}\n" * 250)
    newest = max(path.stat().st_ctime for path in shop.rglob("*"))
    wait_for(lambda: time.time() > newest + 2.1, "the files to be old enough to be remembered")
    opened = Opened(shop)
    first = unchanged(cooper, shop)[1]
    assert len(opened.files()) > 1600
    changed = "api/package-7/30.js"
    (shop / changed).write_text("changed\n")
    kept = root / "cache/sources/shop/source"
    inodes = {path: path.stat().st_ino for path in kept.rglob("*") if path.is_file()}
    second = unchanged(cooper, shop)[1]
    # Read are the files of one segment; one is written.
    read = {path for path in opened.files() if path.startswith("api/package-")}
    opened.close()
    assert changed in read and len(read) < 800
    assert [path for path in inodes if path.stat().st_ino != inodes[path]] in ([], [kept / changed])
    assert (kept / changed).read_text() == "changed\n"
    assert subprocess.run(["zstd", "-tq", archive(root, second)]).returncode == 0
    # Nothing is taken over from an archive that is damaged.
    whole = archive(root, second).read_bytes()
    archive(root, second).write_bytes(bytes(len(whole)))
    (shop / changed).write_text("other\n")
    third = unchanged(cooper, shop)[1]
    assert subprocess.run(["zstd", "-tq", archive(root, third)]).returncode == 0
    # Packing all of it gives the same bytes.
    for build in (first, second, third):
        archive(root, build).unlink()
    (shop / changed).write_text("changed\n")
    assert archive(root, unchanged(cooper, shop)[1]).read_bytes() == whole
