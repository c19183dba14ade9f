"""Base images and `image:` services that come from a registry: a real one, on loopback."""
import os
import shutil
import subprocess
import urllib.request

import pytest

from support.cooper import BASE_IMAGE, build_id_of, make_app, wait_for
from support.ports import free_port


@pytest.fixture(scope="module")
def registry(tmp_path_factory, store):
    """host:port of a registry that holds `base`, and of nothing else."""
    program = shutil.which("docker-registry")
    assert program, "docker-registry is not installed: ./dev setup"
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\nhttp:\n  addr: 127.0.0.1:{port}\n")
    log = open(folder / "registry.log", "wb")
    server = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log, cwd=folder)

    def answers():
        assert server.poll() is None, (folder / "registry.log").read_text()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).status == 200
        except OSError:
            return False
    try:
        wait_for(answers, "the registry")
        address = f"127.0.0.1:{port}"
        store.buildah("push", "--tls-verify=false", BASE_IMAGE, f"docker://{address}/base").ok()
        yield address
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture
def client(cooper, registry, tmp_path):
    """cooper on a host whose registries.conf allows that registry without TLS."""
    conf = tmp_path / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    cooper.env["CONTAINERS_REGISTRIES_CONF"] = str(conf)
    return cooper


@pytest.fixture(autouse=True)
def pulled_images_go_again(store, registry):
    yield
    for name in store.images():
        if name.startswith(registry):
            store.buildah("rmi", "--force", name)


def test_images_are_pulled_once(client, store, registry, tmp_path):
    app = make_app(tmp_path / "app", {
        "convox.yml": f"services:\n  db:\n    image: {registry}/base\n  web:\n    build: .\n",
        "Dockerfile": f"FROM {registry}/base\nRUN echo made\n"})
    build = build_id_of(client("build", app).ok().out)
    record = client.record("app", build)
    assert set(record["images"]) == {"db", "web"}
    assert store.images()[f"localhost/app:db.{build}"] == store.images()[f"{BASE_IMAGE}:latest"]
    pull = next(s for s in client.steps("app", build) if s["service"] == "db")
    assert pull["text"] == f"pull {registry}/base" and pull["exit"] == 0
    again = build_id_of(client("build", app).ok().out)
    assert all(s["cached"] for s in client.steps("app", again) if s["text"].startswith("pull"))


def test_an_image_that_the_registry_lacks(client, store, registry, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM {registry}/base:none\n"})
    done = client("build", app)
    record = client.record("app", client.build_ids("app")[0])
    assert done.code == 1 and record["status"] == "failed"
    assert f"{registry}/base:none" in record["reason"] and "unknown" in record["reason"], record["reason"]
    store.assert_clean(record["id"])


def test_a_registry_that_is_gone(client, store, tmp_path):
    app = make_app(tmp_path / "app", {"Dockerfile": f"FROM 127.0.0.1:{free_port()}/base\n"})
    done = client("build", app, env={"CONTAINERS_REGISTRIES_CONF": os.devnull})
    record = client.record("app", client.build_ids("app")[0])
    assert done.code == 1 and "connection refused" in record["reason"]
    store.assert_clean(record["id"])
