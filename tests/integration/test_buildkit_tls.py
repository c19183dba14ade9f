"""A BuildKit daemon over TCP with mutual TLS: a front with certificates before a
real engine's BuildKit."""
import json
import os
import shutil
import tarfile

import pytest

from support import docker, tls_front
from support.cooper import HEAD, Cooper, build_id_of
from support.registry import Registry


@pytest.fixture(scope="module")
def engine(docker_engine):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    return docker_engine


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return tls_front.make_certificates(tmp_path_factory.mktemp("tls") / "certs")


@pytest.fixture
def front(engine, certificates):
    front = tls_front.TlsFront(engine.socket, certificates)
    yield front
    front.close()


@pytest.fixture
def cooper(root, engine, front, certificates):
    runner = Cooper(root, {**engine.env, "DOCKER_HOST": "unix:///nonexistent.sock"})
    runner("builds", "set", "--global", "buildkit", front.address).ok()
    runner("builds", "set", "--global", "buildkit-certs", certificates).ok()
    yield runner
    runner.close()


def test_a_daemon_over_tls_builds(cooper, engine, app):
    build = build_id_of(cooper("build", app(HEAD + "COPY Dockerfile /\n"), "-a", "hello").ok().out)
    record = cooper.record("hello", build)
    assert record["engine"].startswith("buildkit")
    reference, digest = record["images"]["web"].split("@")
    assert engine.images()[reference] == digest
    assert "chosen" in cooper("engines", "--format", "json").ok().out


@pytest.mark.skipif(not docker.has_containerd_store(), reason="a BuildKit that pushes is that of an engine with the "
                    "containerd store: ./dev setup --with-current-docker")
def test_a_daemon_pushes_images_and_layers_itself(cooper, app, tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("registry"))
    folder = app(HEAD + "COPY Dockerfile /\n")
    cooper("builds", "set", "--global", "registry", f"{registry.address}/shop").ok()
    try:
        registry.start()
        build = build_id_of(cooper("build", folder, "-a", "hello").ok().out)
        record = cooper.record("hello", build)
        tag = f"web.{build}"
        assert registry.digest("shop", tag) == record["pushed"]["web"].split("@")[1]
        assert record["pushed"]["web"].startswith(f"{registry.address}/shop:{tag}@")
        assert registry.tags("shop") == sorted([tag, "hello.web.cache"])
    finally:
        registry.stop()


def test_the_next_of_several_daemons_builds_when_an_apps_own_is_gone(cooper, engine, front, certificates, app):
    fronts = {front.address: front}
    other = tls_front.TlsFront(engine.socket, certificates)
    fronts[other.address] = other
    try:
        cooper("builds", "set", "--global", "buildkit", ",".join(fronts)).ok()
        using = "Using the BuildKit daemon at "

        def daemon_of(build):
            log = cooper("builds", "logs", build_id_of(build.ok().out), "-a", "hello").ok().out
            return next(line.removeprefix(using) for line in log.splitlines() if line.startswith(using)), log
        own, _ = daemon_of(cooper("build", app(HEAD), "-a", "hello"))
        fronts.pop(own).close()
        [(left, _)] = fronts.items()
        after, log = daemon_of(cooper("build", app(HEAD), "-a", "hello"))
        assert after == left and f"warning: no BuildKit daemon can be reached at {own}" in log
        shown = cooper("engines", "-a", "hello").ok().out
        assert f"nothing answers at {own}" in shown and "ready; used: a BuildKit daemon is configured" in shown
    finally:
        other.close()


def test_an_image_is_sent_as_an_archive(cooper, engine, app, tmp_path):
    done = cooper("build", app(HEAD), "-a", "hello", "--output", tmp_path / "out")
    build = build_id_of(done.out + done.err)
    if not docker.has_containerd_store():  # a graph driver's BuildKit has no exporter for it
        reason = cooper.record("hello", build)["reason"]
        assert reason.startswith(f"service web: {tmp_path}/out/web.tar: ") and "exporter" in reason, reason
        assert not list((tmp_path / "out").iterdir())
        return
    done.ok()
    with tarfile.open(tmp_path / "out/web.tar") as archive:
        [image] = json.load(archive.extractfile("manifest.json"))
        assert image["RepoTags"] == [f"localhost/hello:web.{build}"]
        assert len(image["Layers"]) == 1 and archive.getmember(image["Layers"][0]).size > 100_000


@pytest.mark.skipif(docker.has_containerd_store(), reason="this one can")
def test_a_daemon_that_can_not_push_says_so(cooper, engine, app):
    # With a graph driver, an engine's BuildKit has no exporter that pushes; its own API can't be reached here.
    cooper("builds", "set", "--global", "registry", "127.0.0.1:1/shop").ok()
    cooper("builds", "set", "--global", "cache", "off").ok()
    done = cooper("build", app(HEAD), "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert done.code == 1 and record["status"] == "failed"
    assert "push to 127.0.0.1:1/shop:web." in record["reason"] and "exporter" in record["reason"], record["reason"]


def cache_of(cooper):
    """The daemon's line of `cooper system df`, and what else it said."""
    done = cooper("system", "df", "--format", "json").ok()
    return [item for item in json.loads(done.out) if item["where"].startswith("buildkit")], done.err


def test_the_daemons_cache_is_shown_and_cut_where_a_limit_is_set(cooper, front, app):
    folder = app(HEAD + "COPY filler /\n", {"filler": os.urandom(3 << 20)})
    cooper("build", folder, "-a", "hello").ok()
    cooper("builds", "remove", "last", "-a", "hello").ok()
    [item], _ = cache_of(cooper)
    assert item["where"].endswith(f"at {front.address}") and item["what"] == "build cache (everybody's)", item
    assert item["bytes"] > 3 << 20
    # Other hosts may build there: nobody said how much it may keep.
    assert "build cache" not in cooper("system", "prune").ok().out
    assert cache_of(cooper)[0] == [item]
    cooper("builds", "set", "--global", "cache-limit", "1m").ok()
    said = cooper("system", "prune", "--dry-run").ok().out
    assert f"at {front.address}  build cache  would be cut by" in said and cache_of(cooper)[0] == [item], said
    assert "cut by" in cooper("system", "prune").ok().out
    assert cache_of(cooper)[0][0]["bytes"] <= 1 << 20


def test_a_daemon_that_does_not_answer_is_a_warning(cooper, certificates, tmp_path):
    cooper("builds", "set", "--global", "buildkit", "tcp://127.0.0.1:1").ok()
    items, said = cache_of(cooper)
    assert items == [] and said.count("WARNING") == 1 and "127.0.0.1:1" in said, said
    done = cooper("system", "prune").ok()
    assert "127.0.0.1:1" in done.err and done.out == "freed 0 B\n", done


def test_a_certificate_of_somebody_else_is_refused_clearly(cooper, front, app, tmp_path):
    other = tls_front.make_certificates(tmp_path / "other")
    cooper("builds", "set", "--global", "buildkit-certs", other).ok()
    done = cooper("build", app(HEAD), "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert record["status"] == "failed"
    assert f"no BuildKit daemon can be reached at {front.address}" in record["reason"]


def test_missing_certificates_are_named(cooper, app, tmp_path):
    cooper("builds", "set", "--global", "buildkit-certs", tmp_path / "none").ok()
    done = cooper("build", app(HEAD), "-a", "hello")
    record = cooper.record("hello", build_id_of(done.out + done.err))
    assert str(tmp_path / "none/ca.pem") in record["reason"]


def test_a_connection_that_is_cut_fails_the_build_and_a_later_one_works(cooper, front, app, gate):
    # Only what needs no network of its own runs in an engine without a bridge; the
    # daemon itself stands at the gate, for a file that never comes.
    port = gate.command.split()[2]
    process = cooper.start("build", app(HEAD + f"ADD http://127.0.0.1:{port}/file /\n"), "-a", "hello")
    build = cooper.wait_for_new_build("hello")
    gate.wait()
    front.cut()
    assert process.wait(180) != 0
    record = cooper.record("hello", build)
    assert record["status"] == "failed" and "went away during the build" in record["reason"], record["reason"]
    cooper("build", app(HEAD), "-a", "hello").ok()
