"""Layers that come from a registry: a machine without any reuses those of another."""

import json

import pytest

from support.cooper import HEAD, Cooper, build_id_of
from support.ports import free_port
from test_push import front, machine, registry, set_registry  # noqa: F401 (fixtures)


@pytest.fixture(params=["buildah", "docker"])
def new_machine(request, machine, tmp_path):  # noqa: F811
    """new_machine() is cooper on a machine without images and data; .host is its part
    that makes images."""
    made = []

    def make():
        host = machine(request.param)
        made.append(Cooper(tmp_path / f"root-{len(made)}", host.env))
        made[-1].host = host
        made[-1].root.mkdir()
        return made[-1]
    make.engine = request.param
    yield make
    for runner in made:
        runner.close()


def build(cooper, folder, *args):
    # Forced: else an image that is there already would be used again, without a step.
    done = cooper("build", folder, "-a", "hello", "--force", *args, timeout=400).ok()
    return build_id_of(done.out + done.err)


def cacheable(cooper, build_id):
    """{text: cached} of the steps that a cache can spare."""
    return {s["text"]: s["cached"] for s in cooper.steps("hello", build_id)
            if s["text"].split()[0] in ("COPY", "RUN")}


DOCKERFILE = HEAD + "COPY text /text\nRUN cat /text > /copy; echo ran; cat /proc/sys/kernel/random/uuid > /made\n"


def test_a_clean_machine_reuses_layers(new_machine, registry, app):  # noqa: F811
    folder = app(DOCKERFILE, {"text": "one"})
    first, name = new_machine(), f"clean-{new_machine.engine}"
    set_registry(first, registry.address, name, "registry")
    made = build(first, folder)
    assert not any(cacheable(first, made).values())

    # What is kept already is not kept again.
    assert "Pushing cache" not in first.log("hello", build(first, folder)).decode()

    second = new_machine()
    set_registry(second, registry.address, name, "registry")
    reused = build(second, folder)
    steps = cacheable(second, reused)
    assert len(steps) == 3 and all(steps.values()), steps
    log = second.log("hello", reused).decode()
    assert "ran\n" not in log and "warning" not in log, log
    # The very same: what ran left a random text in it.
    layers = [first.host, second.host]
    assert same_layers(layers, first.record("hello", made), second.record("hello", reused))
    # Only what changed is made.
    (folder / "text").write_text("two")
    third = build(second, folder)
    assert list(cacheable(second, third).values()) == [True, False, False]
    # Nothing of the cache bears the name of an image that prune would keep.
    assert not [n for n in second.host.images() if ".cache" in n]


def same_layers(hosts, *records):
    def layers(host, record):
        reference = record["images"]["web"].split("@")[0]
        if host.name == "docker":
            return host.engine.image(reference)["RootFS"]["Layers"]
        text = host.store.buildah("inspect", "--type", "image", reference).ok().out
        return json.loads(text)["OCIv1"]["rootfs"]["diff_ids"]
    a, b = (layers(h, r) for h, r in zip(hosts, records))
    return a == b


def test_a_cache_without_a_registry_for_images(new_machine, registry, app):  # noqa: F811
    folder = app(DOCKERFILE, {"text": "one"})
    wish = f"registry:{registry.address}/only-{new_machine.engine}"
    first, second = new_machine(), new_machine()
    for each in (first, second):
        each("builds", "set", "--global", "cache", wish).ok()
    made = build(first, folder)
    assert "pushed" not in first.record("hello", made)
    assert all(cacheable(second, build(second, folder)).values())


def test_no_cache_makes_all_of_it(new_machine, registry, app):  # noqa: F811
    folder = app(DOCKERFILE, {"text": "one"})
    first, second = new_machine(), new_machine()
    for each in (first, second):
        set_registry(each, registry.address, f"none-{new_machine.engine}", "registry")
    build(first, folder)
    assert not any(cacheable(second, build(second, folder, "--no-cache")).values())


@pytest.mark.parametrize("verdict", ["gone", 500, 401, "cut"])
def test_a_registry_that_serves_no_cache_is_one_warning(new_machine, front, app, verdict):  # noqa: F811
    cooper = new_machine()
    address = f"127.0.0.1:{free_port()}" if verdict == "gone" else front(lambda m, p: verdict).address
    cooper("builds", "set", "--global", "cache", f"registry:{address}/cache").ok()
    folder = app(DOCKERFILE, {"text": "one"})
    made = build(cooper, folder)
    log = cooper.log("hello", made).decode()
    assert log.count("warning: ") == 1, log
    assert f"{address}/cache" in next(line for line in log.splitlines() if "warning: " in line)
    assert cooper.record("hello", made)["status"] == "succeeded"
    # Local layers are used as ever.
    assert all(cacheable(cooper, build(cooper, folder)).values())


def test_a_registry_that_takes_no_cache_is_one_warning(new_machine, front, app):  # noqa: F811
    cooper = new_machine()
    broken = front(lambda method, path: 403 if method in ("POST", "PUT", "PATCH") else None)
    cooper("builds", "set", "--global", "cache", f"registry:{broken.address}/refuses").ok()
    made = build(cooper, app(DOCKERFILE, {"text": "one"}))
    log = cooper.log("hello", made).decode()
    assert log.count("warning: ") == 1 and f"{broken.address}/refuses" in log, log


def test_an_inline_cache(new_machine, registry, app):  # noqa: F811
    folder = app(DOCKERFILE, {"text": "one"})
    first, second = new_machine(), new_machine()
    for each in (first, second):
        set_registry(each, registry.address, f"inline-{new_machine.engine}", "inline")
    log = first.log("hello", build(first, folder)).decode()
    steps = cacheable(second, build(second, folder))
    if new_machine.engine == "buildah":
        assert log.count("warning: ") == 1 and "inline" in log and not any(steps.values())
    else:
        assert "warning: " not in log and all(steps.values()), steps
