"""Bundles that are damaged, cut, or made to do harm: each is refused whole, with one line."""
import gzip
import hashlib
import io
import tarfile

import pytest

from support.bundles import (CONFIG, FACTS, LAYER, SHOP, export, members, oci_archive, text_of, write_tar)
from support.cooper import Cooper, build_id_of, make_app


@pytest.fixture
def shop(cooper, tmp_path):
    """The id of a build with two images for three services."""
    folder = make_app(tmp_path / "shop", SHOP)
    out = cooper("build", folder, "-a", "shop", "-d", "the first").ok().out
    return build_id_of(out)


def link(name, kind, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def device(name):
    info = tarfile.TarInfo(name)
    info.type = tarfile.CHRTYPE
    return info


def bad_layer():
    image, _ = oci_archive(CONFIG, LAYER, compressed=False)
    return image.replace(b"a page", b"a pagf")


def oddly_compressed(blob, layer=LAYER):
    """An image whose layer is this blob, and of which it says that it is `layer`, compressed."""
    image, _ = oci_archive(CONFIG, layer, blob=blob)
    return [("web.1.tar", image)]


def without(image, part):
    with tarfile.open(fileobj=io.BytesIO(image)) as tar:
        return write_tar([(m.name, tar.extractfile(m).read()) for m in tar.getmembers() if part not in m.name], "w")


GOOD, _ = oci_archive(CONFIG, LAYER)
WEB = ("web.BABC.tar", GOOD)
HOSTILE = {
    "empty": (b"", "it is empty"),
    "no_gzip": (b"\x1f\x8bnonsense", "gzip data is damaged"),
    "no_tar": (gzip.compress(b"nonsense" * 1000), "damaged or cut off"),
    "no_entries": (write_tar([]), "no build.json"),
    "no_facts": (write_tar([WEB]), "no build.json"),
    "no_images": (write_tar([FACTS]), "no image"),
    "facts_no_json": (write_tar([("build.json", b"{"), WEB]), "no JSON object"),
    "facts_a_list": (write_tar([("build.json", b"[]"), WEB]), "no JSON object"),
    "facts_wrong_type": (write_tar([("build.json", b'{"manifest": 1}'), WEB]), "no string"),
    "failed_build": (write_tar([("build.json", b'{"status": "failed"}'), WEB]), "did not succeed"),
    "doubled_facts": (write_tar([FACTS, FACTS, WEB]), "build.json twice"),
    "doubled_image": (write_tar([FACTS, WEB, WEB]), "twice"),
    "two_images_of_a_service": (write_tar([FACTS, WEB, ("web.other.tar", GOOD)]), "two images for service web"),
    "no_service_name": (write_tar([FACTS, ("-web.1.tar", GOOD)]), "no service's name"),
    "parent": (write_tar([FACTS, ("../web.1.tar", GOOD)]), "leads out of it"),
    "parent_inside": (write_tar([FACTS, ("a/../../web.1.tar", GOOD)]), "leads out of it"),
    "absolute": (write_tar([FACTS, ("/tmp/web.1.tar", GOOD)]), "leads out of it"),
    "symbolic_link": (write_tar([FACTS, (link("web.1.tar", tarfile.SYMTYPE, "/etc/passwd"), b"")]), "is a link"),
    "hard_link": (write_tar([FACTS, WEB, (link("api.1.tar", tarfile.LNKTYPE, "web.BABC.tar"), b"")]), "is a link"),
    "device": (write_tar([FACTS, (device("web.1.tar"), b"")]), "is a device"),
    "image_no_tar": (write_tar([FACTS, ("web.1.tar", b"nonsense" * 200)]), "damaged or cut off"),
    "image_empty": (write_tar([FACTS, ("web.1.tar", write_tar([], "w"))]), "image archive is none"),
    "image_of_nothing": (write_tar([FACTS, ("web.1.tar", write_tar([("x", b"")], "w"))]), "image archive is none"),
    "image_without_manifest": (write_tar([FACTS, ("web.1.tar", without(GOOD, "index"))]), "lacks"),
    "image_without_blobs": (write_tar([FACTS, ("web.1.tar", without(GOOD, "blobs"))]), "lacks"),
    "image_outside": (write_tar([FACTS, ("web.1.tar", write_tar([("../../x", b"x")], "w"))]), "leads out of it"),
    "image_link_outside": (write_tar([FACTS, ("web.1.tar", write_tar(
        [(link("a/layer.tar", tarfile.SYMTYPE, "../../../etc/passwd"), b"")], "w"))]), "leads out of it"),
    "image_link_loop": (write_tar([FACTS, ("web.1.tar", write_tar(
        [(link("manifest.json", tarfile.SYMTYPE, "manifest.json"), b"")], "w"))]), "image archive is none"),
    "image_device": (write_tar([FACTS, ("web.1.tar", write_tar([(device("x"), b"")], "w"))]), "is a device"),
    "layer_changed": (write_tar([FACTS, ("web.1.tar", bad_layer())]), "is damaged"),
    "bomb": (write_tar([FACTS, *oddly_compressed(gzip.compress(bytes(80 << 20)), bytes(80 << 20))]), "it may be a bomb"),
    "bomb_behind_a_layer": (write_tar([FACTS, *oddly_compressed(gzip.compress(LAYER) + gzip.compress(bytes(80 << 20)))]),
                            "it may be a bomb"),
    "bomb_that_few_see": (write_tar([FACTS, *oddly_compressed(gzip.compress(LAYER) + b"\x1f\x8b\x08\x20" +
                                                              gzip.compress(LAYER)[4:])]), "something follows"),
    "compressed_layer_changed": (write_tar([FACTS, *oddly_compressed(gzip.compress(LAYER[:600] + b"x" + LAYER[601:]))]),
                                 "layer 1 is not what its image says"),
    "compressed_layer_cut": (write_tar([FACTS, *oddly_compressed(gzip.compress(LAYER)[:-9])]), "damaged or cut off"),
    "compressed_twice": (write_tar([FACTS, *oddly_compressed(gzip.compress(gzip.compress(LAYER)))]),
                         "not compressed once"),
    "blob_not_its_name": (write_tar([FACTS, ("web.1.tar", write_tar(
        [("oci-layout", b"{}"), ("index.json", b"{}"), ("blobs/sha256/" + "0" * 64, b"x")], "w"))]), "is damaged"),
    "manifest_by_path": (write_tar([FACTS, ("web.1.tar", write_tar(
        [("manifest.json", b'[{"Config": "../../etc/passwd", "Layers": []}]')], "w"))]), "lacks the configuration"),
    "manifest_damaged": (write_tar([FACTS, ("web.1.tar", write_tar([("manifest.json", b"[{")], "w"))]),
                         "damaged manifest.json"),
    "layers_too_few": (write_tar([FACTS, ("web.1.tar", write_tar(
        [("manifest.json", b'[{"Config": "c", "Layers": []}]'),
         ("c", b'{"rootfs": {"diff_ids": ["sha256:00"]}}')], "w"))]), "whose configuration names 1"),
    "deep_json": (write_tar([("build.json", b"[" * 100000), WEB]), "no JSON object"),
    "checksums_missing": (write_tar([FACTS, ("cooper/log", b"x"), WEB]), "checksums are missing"),
    "checksums_damaged": (write_tar([FACTS, WEB, ("cooper/checksums", b"nonsense")]), "checksums are damaged"),
    "checksums_name_more": (write_tar([FACTS, ("cooper/checksums", (
        hashlib.sha256(FACTS[1]).hexdigest() + "  build.json\n" + "0" * 64 + "  web.tar\n").encode())]), "it lacks web.tar"),
    "checksums_name_less": (write_tar([FACTS, WEB, ("cooper/checksums", b"")]), "checksums do not name"),
    "after_checksums": (write_tar([FACTS, ("cooper/checksums", b""), WEB]), "follows its checksums"),
}


def huge(name):
    """A header that claims more than any disk has, without what it claims."""
    info = tarfile.TarInfo(name)
    info.size = 1 << 50
    return gzip.compress(write_tar([FACTS], "w")[:1024] + info.tobuf(tarfile.GNU_FORMAT))


HOSTILE["huge_log"] = (huge("cooper/log"), "it needs 1 PiB more")
HOSTILE["huge_blob"] = (huge("blobs/sha256/" + "0" * 64), "it needs 1 PiB more")
HOSTILE["huge_facts"] = (huge("cooper/record.json"), "is too large")


def everything(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def assert_refused(cooper, store, data, why):
    """Nothing of it is there afterwards."""
    images = store.images()
    files = everything(cooper.root)
    done = cooper("builds", "import", "-a", "evil", input=text_of(data))
    assert done.code != 0
    assert done.err.count("ERROR: ") == 1, done.err
    assert why in done.err, done.err
    assert everything(cooper.root) == files
    assert "evil" not in cooper("apps").ok().out
    assert store.images() == images
    assert not (cooper.root / "data/work/evil").exists()


@pytest.fixture(scope="module")
def victim(store, tmp_path_factory):
    """A data root for files that are refused: nothing gets into it."""
    folder = tmp_path_factory.mktemp("victim")
    runner = Cooper(folder, store.env)
    runner("apps", "create", "shop").ok()
    yield runner
    runner.close()


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_whole(victim, store, case):
    data, why = HOSTILE[case]
    assert_refused(victim, store, data, why)


def test_compressed_layers_have_a_limit_together(cooper, store):
    layers = [write_tar([("page", bytes([n]) * (1 << 20))], "w") for n in (1, 2)]
    images = [(f"{name}.1.tar", oci_archive(CONFIG, layer)[0]) for name, layer in zip(("web", "api"), layers)]
    cooper("apps", "create", "evil").ok()
    cooper("builds", "set", "unpack-limit", "1536k", "-a", "evil").ok()
    done = cooper("builds", "import", "-a", "evil", input=text_of(write_tar([FACTS, *images])))
    assert done.code != 0 and "unpacks to more than" in done.err and "unpack-limit" in done.err, done
    cooper("builds", "set", "unpack-limit", "3m", "-a", "evil").ok()
    cooper("builds", "import", "-a", "evil", input=text_of(write_tar([FACTS, *images]))).ok()


def test_a_file_that_is_cut_is_refused(cooper, victim, store, shop, tmp_path):
    """At each boundary of an entry, and within."""
    raw = gzip.decompress(export(cooper, shop, tmp_path / "bundle.tgz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        places = [m.offset for m in tar.getmembers()] + [m.offset_data + m.size // 2 for m in tar.getmembers()]
    for place in sorted(set(places) - {0}):
        done = victim("builds", "import", "-a", "evil", input=text_of(gzip.compress(raw[:place], 1)))
        assert done.code != 0 and "nothing was imported" in done.err, (place, done.err)
    whole = (tmp_path / "bundle.tgz").read_bytes()
    for size in (1, 10, 25, len(whole) // 2, len(whole) - 1):
        done = victim("builds", "import", "-a", "evil", input=text_of(whole[:size]))
        assert done.code != 0 and "nothing was imported" in done.err, (size, done.err)
    assert everything(victim.root) == ["data/apps/shop/app.json"]


def test_a_changed_byte_is_noticed(cooper, victim, shop, tmp_path):
    entries = members(export(cooper, shop, tmp_path / "bundle.tgz"))
    for i, (name, content) in enumerate(entries):
        if not content:
            continue
        changed = list(entries)
        flipped = bytearray(content)
        flipped[len(flipped) // 2] ^= 1
        changed[i] = (name, bytes(flipped))
        done = victim("builds", "import", "-a", "evil", input=text_of(write_tar(changed)))
        assert done.code != 0 and "nothing was imported" in done.err, (name, done.err)


def test_an_export_has_nowhere_to_go(cooper, shop, tmp_path):
    done = cooper("builds", "export", shop, "-a", "shop", "-f", tmp_path / "no/bundle.tgz")
    assert done.code == 3 and f"there is no folder {tmp_path}/no" in done.err, done
    done = cooper("builds", "export", shop, "-a", "shop", "-f", tmp_path)
    assert done.code == 2 and f"{tmp_path} is a folder, no file" in done.err, done
    done = cooper("builds", "export", shop, "-a", "shop", "-f", "")
    assert done.code == 2 and "ERROR: the name of the file is empty\n" in done.err, done
