"""What cooper keeps on the disk is bounded, shown, and nobody else's."""
import json
import os
import pathlib
import subprocess
import urllib.parse

import pytest

from support.cooper import Cooper, ImageStore, build_id_of, make_app, wait_for
from test_conformance import engine  # noqa: F401 (fixture)
from test_failures import small_disk  # noqa: F401 (fixture)

DOCKERFILE = "FROM scratch\nCOPY text /text\n"


@pytest.fixture
def cooper(root, engine):  # noqa: F811
    runner = Cooper(root, engine.env)
    yield runner
    runner.close()


@pytest.fixture
def folder(tmp_path):
    return make_app(tmp_path / "app", {"Dockerfile": DOCKERFILE, "text": "first"})


def build_at_once(cooper, folder, text, app="hello"):
    """The build's id; its process may still prune."""
    (folder / "text").write_text(text)
    done = cooper("build", folder, "-a", app).ok()
    return build_id_of(done.out + done.err)


def build(cooper, folder, text, app="hello"):
    """The build's id, once nothing of it goes on."""
    made = build_at_once(cooper, folder, text, app)
    cooper.wait_for_supervisor(made)
    return made


def is_buildah(engine):  # noqa: F811
    return hasattr(engine, "store")


def all_images(engine):  # noqa: F811
    """Ids of all images, those of single steps and those without a name included."""
    if is_buildah(engine):
        found = json.loads(engine.store.buildah("images", "--all", "--json", "--no-trunc").ok().out)
        return {image["id"] for image in found}
    return {image["Id"] for image in json.loads(engine.daemon.ask("GET", "/images/json?all=1")[1])}


def tag(engine, image, name):  # noqa: F811
    if is_buildah(engine):
        engine.store.buildah("tag", image, name).ok()
        return
    repository, text = name.rsplit(":", 1)
    status, body = engine.daemon.ask("POST", f"/images/{urllib.parse.quote(image, safe='')}/tag?repo="
                                     f"{urllib.parse.quote(repository, safe='')}&tag={text}")
    assert status == 201, body


def usage(cooper):
    """{(where, what): item} of `cooper system df`; engines without their version"""
    listed = json.loads(cooper("system", "df", "--format", "json").ok().out)
    return {(item["where"].split(" ")[0], item["what"]): item for item in listed}


def forget(cooper, app, build_id):
    """As if the records had been removed while the engine did not answer."""
    for place in (cooper.root / "data").rglob(f"{build_id}*"):
        place.unlink()
    for release in (cooper.root / "data/releases" / app).glob("*.json"):
        if json.loads(release.read_text())["build"] == build_id:
            release.unlink()


def test_fifty_rebuilds_do_not_grow_the_store(cooper, engine, folder):  # noqa: F811
    cooper("builds", "set", "--global", "retention", "3").ok()

    def settled():
        names = [name for name in engine.images() if name.startswith("localhost/many:")]
        return len(cooper.build_ids("many")) == len(names) == 3
    for n in range(50):
        made = build_at_once(cooper, folder, f"{n} " * 50000, "many")
        if n == 9:
            cooper.wait_for_supervisor(made)
            wait_for(settled, "the first prunes")
            after_ten = len(all_images(engine))
    cooper.wait_for_supervisor(made)
    wait_for(settled, "the last prunes")
    assert len(all_images(engine)) == after_ten
    images = usage(cooper)["buildah" if is_buildah(engine) else "docker", "images"]
    assert images["count"] == 3, images
    if is_buildah(engine):
        return
    # What the engine's cache holds goes down to the limit, whoever asks for it.
    cache = ("docker", "build cache (everybody's)")
    assert usage(cooper)[cache]["bytes"] > 5_000_000
    cooper("builds", "set", "--global", "cache-limit", "3m").ok()
    said = cooper("system", "prune", "--dry-run").ok().out
    assert "would be cut by" in said and usage(cooper)[cache]["bytes"] > 5_000_000, said
    assert "cut by" in cooper("system", "prune").ok().out
    assert usage(cooper)[cache]["bytes"] <= 3 << 20
    cooper("builds", "set", "--global", "cache-limit", "1m").ok()
    looked_at = cooper.root / "cache/engine-docker.json"
    build(cooper, folder, "lately", "many")
    assert usage(cooper)[cache]["bytes"] > 1 << 20, "the engine is not asked after each build"
    os.utime(looked_at, (1, 1))
    build(cooper, folder, "long ago", "many")
    # What is all gone is not listed.
    wait_for(lambda: usage(cooper).get(cache, {"bytes": 0})["bytes"] <= 1 << 20, "the cache to be cut after a build")


def test_prune_touches_only_what_is_its_own(cooper, engine, folder, tmp_path):  # noqa: F811
    other = Cooper(tmp_path / "other", engine.env)
    theirs = build(other, folder, "theirs")
    gone, tagged, kept = (build(cooper, folder, text) for text in ("gone", "tagged", "kept"))
    names = {b: f"localhost/hello:web.{b}" for b in (theirs, gone, tagged, kept)}
    forged = "localhost/hello:web.00000000000000"
    tag(engine, names[theirs], forged)
    tag(engine, names[tagged], "localhost/mine:1")
    forget(cooper, "hello", gone)
    forget(cooper, "hello", tagged)
    before = engine.images()

    said = cooper("system", "prune", "--dry-run").ok().out
    assert f"{names[gone]}  would be removed" in said and f"{names[tagged]}  would be removed" in said, said
    assert names[theirs] not in said and names[kept] not in said and forged not in said, said
    assert engine.images() == before

    said = cooper("system", "prune").ok().out
    assert f"{names[gone]}  removed because its build is gone" in said and "\nfreed " in said, said
    left = {name: image for name, image in before.items() if name not in (names[gone], names[tagged])}
    assert engine.images() == left, "nothing else goes, and an image with a name of its own stays"
    assert cooper("system", "prune").ok().out == "freed 0 B\n"


def test_images_of_a_release_stay(cooper, engine, folder):  # noqa: F811
    released = build(cooper, folder, "released")
    for place in (cooper.root / "data/builds/hello").glob(f"{released}*"):
        place.unlink()
    for place in (cooper.root / "data/sources/hello").glob(f"{released}*"):
        place.unlink()
    cooper("system", "prune").ok()
    assert f"localhost/hello:web.{released}" in engine.images()


def test_without_a_folder_of_builds_nothing_is_taken_for_gone(cooper, engine, folder):  # noqa: F811
    made = build(cooper, folder, "made")
    (cooper.root / "data").rename(cooper.root / "unmounted")
    cooper("system", "prune").ok()
    assert f"localhost/hello:web.{made}" in engine.images()


def test_df_shows_what_there_is(cooper, engine, folder):  # noqa: F811
    made = build(cooper, folder, "x" * 1_000_000)
    use, root = usage(cooper), str(cooper.root)
    assert use[root, "records and provenance"]["count"] == 2
    assert use[root, "logs and steps"]["count"] == 2
    assert use[root, "sources"]["bytes"] >= (cooper.root / f"data/sources/hello/{made}.tar.zst").stat().st_size
    images = use["buildah" if is_buildah(engine) else "docker", "images"]
    assert images["count"] == 1 and 1_000_000 <= images["bytes"] < 2_000_000, images
    table = cooper("system", "df").ok().out
    assert table.startswith("WHERE") and "logs and steps" in table


def test_a_build_that_cannot_fit_is_refused_and_keeps_nothing(cooper, engine, folder, small_disk):  # noqa: F811
    env = {"COOPER_ROOT": str(small_disk)}
    done = cooper("build", folder, "-a", "hello", env=env)
    assert done.code == 5, done
    lines = [line for line in done.err.splitlines() if "ERROR" in line]
    assert len(lines) == 1 and "the disk is too full for a build" in lines[0] and str(small_disk) in lines[0], done
    assert not list(small_disk.rglob("*"))
    cooper("builds", "set", "--global", "disk-min", "1m", env=env).ok()
    cooper("build", folder, "-a", "hello", env=env).ok()


def test_a_full_store_of_images_refuses_a_build(root, folder, small_disk, store):  # noqa: F811
    images = ImageStore(small_disk, store.driver)
    cooper = Cooper(root, images.env)
    cooper("builds", "set", "--global", "disk-min", "1m").ok()
    cooper("build", folder, "-a", "hello").ok()
    (small_disk / "filler").write_bytes(bytes(7 << 20) if _free(small_disk) > 7 << 20 else b"")
    while _free(small_disk) >= 1 << 20:
        with (small_disk / "filler").open("ab") as filler:
            filler.write(bytes(1 << 18))
    known = cooper.build_ids("hello")
    done = cooper("build", folder, "-a", "hello")
    assert done.code == 5 and "where the store of images is" in done.err, done
    assert cooper.build_ids("hello") == known
    for place in sorted(pathlib.Path("/proc/self/mountinfo").read_text().splitlines(), reverse=True):
        point = place.split()[4]
        if point.startswith(f"{small_disk}/"):
            subprocess.run(["umount", "-l", point], check=False)


def _free(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
