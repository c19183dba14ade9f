"""What the tests of bundles share: files as others write them, and looks at images."""
import gzip
import hashlib
import io
import json
import tarfile

#: an app with two images for three services
SHOP = {
    "convox.yml": "services:\n  web:\n    build: web\n  worker:\n    build: web\n  api:\n    build: api\n",
    "web/Dockerfile": "FROM scratch\nCOPY page /page\nCMD [\"/page\"]\n",
    "web/page": "a page\n",
    "api/Dockerfile": "FROM scratch\nCOPY data /data\n",
    "api/data": "some data\n",
}


def export(cooper, build, file, *flags):
    cooper("builds", "export", build, "-a", "shop", "-f", file, *flags).ok()
    return file


def text_of(data):
    """Bytes as Cooper's calls take them for stdin."""
    return data.decode("utf-8", "surrogateescape")


def members(file):
    """[(name, bytes)] of a bundle in Convox's form, in their order."""
    with tarfile.open(file, "r:gz") as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]


def write_tar(entries, mode="w:gz"):
    """The bytes of a tar with these (name, content) entries; a TarInfo is an entry without content."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode, format=tarfile.GNU_FORMAT) as tar:
        for name, content in entries:
            if isinstance(name, tarfile.TarInfo):
                tar.addfile(name)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def config_digests(store, app, build):
    """{service: id of its image}, which is the digest of its configuration."""
    prefix, suffix = f"localhost/{app}:", f".{build}"
    return {name[len(prefix):-len(suffix)]: image.removeprefix("sha256:") for name, image in store.images().items()
            if name.startswith(prefix) and name.endswith(suffix)}


def newest(cooper, app):
    return cooper.build_ids(app)[-1]


def oci_archive(config, layer, compressed=True, name=None, blob=None):
    """What `skopeo copy ... oci-archive:` writes."""
    diff_id = hashlib.sha256(layer).hexdigest()
    blob = blob or (gzip.compress(layer, mtime=0) if compressed else layer)
    text = json.dumps({**config, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}}).encode()
    blobs = {hashlib.sha256(b).hexdigest(): b for b in (text, blob)}
    kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compressed else "")

    def descriptor(content, media_type):
        return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(content).hexdigest(),
                "size": len(content)}
    manifest = json.dumps({"schemaVersion": 2, "config": descriptor(text, "application/vnd.oci.image.config.v1+json"),
                           "layers": [descriptor(blob, kind)]}).encode()
    blobs[hashlib.sha256(manifest).hexdigest()] = manifest
    entry = descriptor(manifest, "application/vnd.oci.image.manifest.v1+json")
    if name:
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    entries = [(f"blobs/sha256/{digest}", content) for digest, content in blobs.items()]
    entries += [("index.json", index), ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]
    return write_tar(entries, "w"), hashlib.sha256(text).hexdigest()


def docker_archive(config, layer, names=()):
    """What `docker save` writes."""
    text = json.dumps({**config, "rootfs": {"type": "layers",
                                            "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
    digest = hashlib.sha256(text).hexdigest()
    manifest = json.dumps([{"Config": f"{digest}.json", "RepoTags": list(names), "Layers": ["abc/layer.tar"]}])
    return write_tar([("abc/VERSION", b"1.0"), ("abc/json", b"{}"), ("abc/layer.tar", layer),
                      (f"{digest}.json", text), ("manifest.json", manifest.encode())], "w"), digest


CONFIG = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/page"]}, "history": [{}]}
LAYER = write_tar([("page", b"a page\n")], "w")
CONVOX = {"id": "BABCDEFGHIJ", "app": "shop", "description": "from convox", "entrypoint": "", "git-sha": "abc",
          "logs": "object://shop/logs", "manifest": "services:\n  web:\n    build: .\n", "process": "",
          "release": "RABCDEFGHIJ", "status": "complete", "started": "2026-01-02T03:04:05Z"}

#: the first entry of a bundle
FACTS = ("build.json", json.dumps(CONVOX).encode())
