"""The deployer `containers`: a Docker Engine and Podman, both real, run what was built."""
import json
import os
import re
import signal
import socket

import pytest

from support import podman
from support.containers import DOCKERFILE, MANIFEST, Docker, get, make_shop
from support.cooper import Cooper, processes_of, wait_for
from support.ports import free_port

SECRET = "s3cret-of-the-app"


def on_docker(request):
    return "docker", Docker(request.getfixturevalue("docker_engine"))


def on_podman(request):
    if reason := podman.missing():
        pytest.skip(reason)
    return "buildah", podman.Podman(request.getfixturevalue("store"))


@pytest.fixture(params=[on_docker, on_podman], ids=["docker", "podman"])
def any_shop(request, root, tmp_path):
    yield from a_shop(request, root, tmp_path, request.param)


@pytest.fixture
def shop(request, root, tmp_path):
    yield from a_shop(request, root, tmp_path, on_docker)


def a_shop(request, root, tmp_path, make):
    engine, runtime = make(request)
    cooper = Cooper(root, runtime.env)
    try:
        yield make_shop(cooper, runtime, engine, tmp_path / "src")
    finally:
        cooper.close()
        runtime.clear()
        if isinstance(runtime, podman.Podman):
            runtime.remove()


# On both engines.

def test_a_release_runs_and_the_next_one_takes_its_place(any_shop):
    shop = any_shop
    first = shop.deploy().ok()
    assert "web.1 | Healthy\n" in first.out
    [seen] = shop.ps()
    release = shop.active()["release"]
    assert (seen["service"], seen["state"], seen["health"], seen["release"], seen["active"]) == \
        ("web", "running", "healthy", release, True)
    [port] = shop.ports()
    assert get(port) == "one" and seen["ports"][0]["address"] == "127.0.0.1"
    table = shop.cooper("ps", "-a", "shop").ok().out
    assert re.search(rf"^web\.1 +{seen['id'][:12]} +{release} +running +healthy +.* 127\.0\.0\.1:{port} -> 3000$",
                     table, re.M), table
    shop.page("two")
    shop.deploy().ok()
    [port] = shop.ports()
    assert get(port) == "two"
    assert shop.names() == [f"shop.web.1.{shop.active()['deploy']}"]
    assert shop.networks() == {f"cooper-shop-{shop.active()['deploy']}"}
    shop.cooper("releases", "rollback", "-a", "shop").ok()
    assert [get(port) for port in shop.ports()] == ["one"]
    shop.cooper("apps", "delete", "shop").ok()
    assert shop.names() == [] and shop.networks() == set()


def test_at_a_fixed_port_a_failed_release_changes_nothing(any_shop):
    shop = any_shop
    port = free_port()
    shop.set("publish", f"web={port}")
    shop.deploy().ok()
    shop.page("two")
    shop.deploy().ok()
    assert get(port) == "two" and shop.ports() == [port]
    before, [name] = shop.active(), shop.names()
    (shop.source / "www/ok").unlink()
    shop.set("health-timeout", "5s")
    shop.build()
    process, _ = shop.promote_until("to try it")
    assert get(port) == "two"
    out, err = process.communicate(timeout=180)
    assert process.returncode == 1 and "web.1 is not healthy after" in err and "GET /ok answers 404" in err, out + err
    assert get(port) == "two" and shop.names() == [name]
    assert shop.active() == before and len(shop.networks()) == 1


def test_services_find_each_other_and_get_what_they_ask_for(any_shop):
    shop = any_shop
    (shop.source / "convox.yml").write_text(
        "environment: [GLOBAL=dflt]\nservices:\n"
        "  api: {build: ., ports: [3000], environment: [TOKEN, MORE=x]}\n"
        "  web:\n    build: .\n    port: 3000\n    scale: 2\n"
        "    command: /bin/busybox sh -c '/bin/busybox env; until P=$(/bin/busybox wget -q -O- http://api:3000/page);"
        " do /bin/busybox sleep 0.1; done; echo $P; exec /bin/busybox httpd -f -p 3000 -h /www'\n    health: /ok\n"
        "    environment: [HIDDEN=no]\n")
    refused = shop.deploy()
    assert refused.code == 2 and "service api requires TOKEN" in refused.err and shop.names() == []
    shop.cooper("config:set", "shop", f"TOKEN={SECRET}", "UNASKED=1", "--no-restart").ok()
    shop.cooper("releases", "promote", "-a", "shop").ok()
    assert [(seen["service"], seen["instance"]) for seen in shop.ps()] == [("api", 1), ("web", 1), ("web", 2)]
    logs = wait_for(lambda: (lambda out: out if out.count("| one") == 2 else None)(
        shop.cooper("logs", "-a", "shop", "--service", "web").ok().out), "both to have asked")
    lines = set(logs.splitlines())
    assert {"web.1 | GLOBAL=dflt", "web.1 | HIDDEN=no", "web.2 | SERVICE=web", "web.1 | PORT=3000",
            f"web.1 | RELEASE={shop.active()['release']}", "web.1 | one"} <= lines
    assert "TOKEN" not in logs and "UNASKED" not in logs
    assert SECRET not in shop.cooper.log("shop", shop.last_deploy()["id"]).decode()
    assert shop.cooper("logs", "-a", "shop", "--service", "nobody").code == 3


def test_what_ends_or_never_gets_healthy_is_not_taken(any_shop):
    shop = any_shop
    (shop.source / "convox.yml").write_text(
        "services:\n  web:\n    build: .\n    command: /bin/busybox sh -c 'echo out of $TOKEN; exit 7'\n")
    shop.cooper("config:set", "shop", f"TOKEN={SECRET}", "--no-restart")
    done = shop.deploy()
    assert done.code == 1 and "web.1 | out of [redacted]\n" in done.out, done
    assert re.search(r"web\.1 (ended with exit code 7|has ended and was started again)", done.err), done
    assert "What ran before" not in done.out  # nothing did
    logs = shop.cooper("logs", "-a", "shop")
    assert logs.code == 3 and "app shop has no container" in logs.err and "cooper releases promote -a shop" in logs.err
    assert shop.names() == [] and shop.networks() == set() and "release" not in shop.active()


def test_killed_in_the_middle_the_next_deploy_tidies_up(any_shop):
    shop = any_shop
    shop.deploy().ok()
    [name], before = shop.names(), shop.active()
    (shop.source / "www/ok").unlink()
    shop.build()
    process, deploy = shop.promote_until("web.1 | Started")
    os.kill(shop.cooper.record("shop", deploy)["pid"], signal.SIGKILL)
    process.communicate(timeout=180)
    assert len(shop.names("running")) == 2 and shop.active() == before
    shop.cooper("builds", "prune", "-a", "shop").ok()
    assert shop.names() == [name] and shop.networks() == {f"cooper-shop-{before['deploy']}"}
    assert [get(port) for port in shop.ports()] == ["one"]
    wait_for(lambda: not processes_of(deploy), "the end of what it ran")


# One engine is enough for these.

def test_killed_while_it_replaces_a_container_the_old_one_comes_back(shop):
    port = free_port()
    shop.set("publish", f"web={port}")
    # It ends only when it is killed: so long we have for what follows.
    shop.set("stop-timeout", "15s")
    shop.deploy().ok()
    [name] = shop.names()
    shop.page("two")
    shop.build()
    process, deploy = shop.promote_until("Stopping container")
    os.kill(shop.cooper.record("shop", deploy)["pid"], signal.SIGKILL)
    process.communicate(timeout=180)
    shop.cooper("builds", "prune", "-a", "shop").ok()
    assert shop.names() == [name] and shop.names("running") == [name]
    assert wait_for(lambda: get(port), "the old one") == "one"


def test_killed_after_the_switch_the_old_one_goes(shop):
    shop.set("stop-timeout", "15s")  # it ends only when it is killed
    shop.deploy().ok()
    before, [name] = shop.active(), shop.names()
    shop.page("two")
    shop.build()
    process, deploy = shop.promote_until("web.1 | Healthy")
    wait_for(lambda: shop.active()["release"] != before["release"], "the switch")
    os.kill(shop.cooper.record("shop", deploy)["pid"], signal.SIGKILL)
    process.communicate(timeout=180)
    assert name in shop.names("running")
    shop.cooper("builds", "prune", "-a", "shop").ok()
    assert shop.cooper.record("shop", deploy)["status"] == "succeeded"
    assert shop.names() == [f"shop.web.1.{deploy}"] and len(shop.networks()) == 1
    assert [get(port) for port in shop.ports()] == ["two"]


def test_cancel_while_it_waits_for_health(shop):
    shop.deploy().ok()
    [name] = shop.names()
    (shop.source / "www/ok").unlink()
    shop.build()
    process, deploy = shop.promote_until("web.1 | Started")
    assert shop.cooper("ps:stop", "shop").code == 6
    shop.cooper("builds", "cancel", deploy, "-a", "shop").ok()
    process.communicate(timeout=180)
    assert process.returncode == 130 and shop.cooper.record("shop", deploy)["status"] == "canceled"
    assert shop.names() == [name] and len(shop.networks()) == 1


def test_a_new_one_that_fails_in_its_place_makes_way_again(shop):
    """The trial is healthy, the one at the fixed port is not: it can't bind what a stranger took meanwhile."""
    port = free_port()
    shop.set("publish", f"web={port}")
    shop.deploy().ok()
    other = free_port()
    shop.set("publish", f"web={port},web:4000={other}")
    before, [name] = shop.active(), shop.names()
    with socket.create_server(("127.0.0.1", other)):
        done = shop.cooper("ps:restart", "shop")
    assert done.code == 1 and "in use" in done.err, done
    assert "again" in done.out and shop.names("running") == [name] and shop.active() == before
    assert wait_for(lambda: get(port), "the old one") == "one"


def test_two_data_roots_share_an_engine(shop, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_shop(Cooper(tmp_path / "other", shop.runtime.env), shop.runtime, "docker", tmp_path / "src2")
    other.page("other")
    shop.deploy().ok()
    other.deploy().ok()
    assert [get(port) for port in shop.ports()] == ["one"]
    shop.page("two")
    shop.deploy().ok()
    other.cooper("builds", "prune", "-a", "shop").ok()
    assert [get(port) for port in other.ports()] == ["other"] and [get(port) for port in shop.ports()] == ["two"]
    shop.cooper("apps", "delete", "shop").ok()
    assert [get(port) for port in other.ports()] == ["other"]


def test_stop_and_start(shop):
    shop.deploy().ok()
    assert shop.cooper("ps:stop", "shop").ok().out == "Stopped 1 container of app shop\n"
    assert [(seen["state"], seen["ports"]) for seen in shop.ps()] == [("stopped", [])]
    assert re.search(r"  stopped +\S.* ago *$", shop.cooper("ps", "-a", "shop").out, re.M)
    shop.cooper("builds", "prune", "-a", "shop").ok()
    assert [seen["state"] for seen in shop.ps()] == ["stopped"]
    assert shop.cooper("ps:stop", "shop").ok().out == "Nothing of app shop runs\n"
    shop.cooper("ps:start", "shop").ok()
    assert [(seen["state"], seen["health"]) for seen in shop.ps()] == [("running", "healthy")]


def test_what_runs_is_neither_pruned_nor_somebody_elses(shop):
    shop.deploy().ok()
    image = f"localhost/shop:web.{shop.cooper.release('shop', shop.active()['release'])['build']}"
    # By hand: it has the image's labels, and no deploy's.
    _, made = shop.runtime.engine.ask("POST", "/containers/create?name=by-hand", json.dumps({"Image": image}))
    shop.set("retention", "1")
    for page in "23":
        shop.page(page)
        shop.cooper("build", shop.source, "-a", "shop").ok()
    shop.cooper.wait_until_idle()
    assert image in shop.runtime.engine.images() and [get(port) for port in shop.ports()] == ["one"]
    shop.cooper("builds", "prune", "-a", "shop").ok()
    assert "by-hand" in shop.names()


def test_logs_are_followed_over_a_deploy(shop):
    (shop.source / "convox.yml").write_text(SPEAKING)
    shop.deploy().ok()
    follower = shop.cooper.start("logs", "-a", "shop", "-f")
    assert follower.stdout.readline() == "web.1 | I am one\n"
    shop.page("two")
    shop.deploy().ok()
    assert follower.stdout.readline() == "web.1 | I am two\n"
    follower.send_signal(signal.SIGINT)
    assert follower.wait(120) == 0
    follower = shop.cooper.start("logs", "-a", "shop", "-f")
    assert follower.stdout.readline() == "web.1 | I am two\n"
    follower.stdout.close()  # as `head` does
    shop.deploy().ok()
    assert follower.wait(120) == 0


SPEAKING = MANIFEST + ("    command: /bin/busybox sh -c 'echo \"I am $(/bin/busybox cat /www/page)\";"
                       " exec /bin/busybox httpd -f -p 3000 -h /www'\n")


def test_logs_are_followed_over_restarts(shop):
    (shop.source / "convox.yml").write_text(SPEAKING)
    shop.deploy().ok()
    follower = shop.cooper.start("logs", "-a", "shop", "-f")
    assert follower.stdout.readline() == "web.1 | I am one\n"
    [name] = shop.names("running")
    for _ in range(2):
        before = shop.runtime.pid(name)
        os.kill(before, signal.SIGKILL)  # its engine starts it again
        assert follower.stdout.readline() == "web.1 | I am one\n"
        wait_for(lambda before=before: shop.runtime.pid(name) not in (0, before), "the restart")
    follower.send_signal(signal.SIGINT)
    assert follower.stdout.read() == "" and follower.wait(120) == 0


def test_logs_are_followed_into_another_engine(request, root, tmp_path):
    _, docker = on_docker(request)
    _, other = on_podman(request)
    cooper = Cooper(root, {**other.env, **docker.env})
    try:
        shop = make_shop(cooper, docker, "docker", tmp_path / "src")
        (shop.source / "convox.yml").write_text(SPEAKING)
        shop.deploy().ok()
        follower = cooper.start("logs", "-a", "shop", "-f")
        assert follower.stdout.readline() == "web.1 | I am one\n"
        shop.set("engine", "buildah")
        shop.page("two")
        shop.deploy().ok()
        assert follower.stdout.readline() == "web.1 | I am two\n"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(120) == 0
    finally:
        cooper.close()
        docker.clear()
        other.remove()


def test_an_images_own_health_check_and_limits_count(shop):
    (shop.source / "convox.yml").write_text(
        "services:\n  web:\n    build: .\n    scale: {limit: {cpu: 500, memory: 64}}\n")
    (shop.source / "Dockerfile").write_text(
        DOCKERFILE + 'HEALTHCHECK --interval=1s --retries=1 CMD ["/bin/busybox", "test", "-e", "/www/ok"]\n')
    done = shop.deploy().ok()
    assert "web.1 | Healthy\n" in done.out
    [seen] = shop.ps()
    assert seen["health"] == "healthy" and [port["container"] for port in seen["ports"]] == [3000]
    made = json.loads(shop.runtime.engine.ask("GET", f"/containers/{seen['id']}/json")[1])
    assert (made["HostConfig"]["Memory"], made["HostConfig"]["NanoCpus"]) == (64 << 20, 500_000_000)
    assert "PORT=3000" in made["Config"]["Env"]
    (shop.source / "www/ok").unlink()
    done = shop.deploy()
    assert done.code == 1 and "web.1 is unhealthy: its HEALTHCHECK fails" in done.err, done
    assert [found["id"] for found in shop.ps()] == [seen["id"]]


def test_another_deployer_takes_over(shop):
    shop.deploy().ok()
    shop.set("deployer", "none")
    assert len(shop.names("running")) == 1
    shop.cooper("releases", "promote", "-a", "shop").ok()
    shop.cooper.wait_until_idle()
    assert shop.names() == [] and shop.networks() == set()


def test_an_engine_that_is_gone_keeps_the_app(shop):
    shop.deploy().ok()
    note = shop.cooper.root / "data/apps/shop/containers.json"
    text = note.read_text()
    note.write_text(json.dumps({"places": [f"docker:{shop.cooper.root}/gone.sock"]}))
    done = shop.cooper("apps", "delete", "shop")
    assert done.code == 5 and "containers can't be removed" in done.err and "containers.json" in done.err, done
    note.write_text(text)
    assert [seen["state"] for seen in shop.ps()] == ["running"]


def test_without_containers_it_is_said(shop):
    assert "has no containers yet" in shop.cooper("ps", "-a", "shop").err
    shop.set("deployer", "none")
    for words in (("ps", "-a", "shop"), ("logs", "-a", "shop"), ("ps:stop", "shop")):
        done = shop.cooper(*words)
        assert done.code == 6 and "its deployer is none" in done.err
    for key, value in (("publish", "web"), ("publish", "web=0"), ("publish", "web=1.2.3:80"), ("network", "none"),
                       ("runtime", "lxc"), ("publish", "a=80,b=80")):
        assert shop.cooper("builds", "set", key, value, "-a", "shop").code == 2
    shop.set("deployer", "containers")
    shop.set("publish", "api=80")
    done = shop.deploy()
    assert done.code == 2 and "names a service api" in done.err


def test_a_network_of_the_operators(shop):
    status, body = shop.runtime.engine.ask("POST", "/networks/create", json.dumps({"Name": "shared"}))
    assert status == 201, body
    shop.set("network", "shared")
    (shop.source / "convox.yml").write_text(
        "services:\n  api: {build: ., ports: [3000]}\n  web:\n    build: .\n    port: 3000\n    health: /ok\n"
        "    command: /bin/busybox sh -c 'until /bin/busybox wget -q -O- http://shop-api:3000/page;"
        " do /bin/busybox sleep 0.1; done; exec /bin/busybox httpd -f -p 3000 -h /www'\n")
    shop.deploy().ok()
    assert {seen["network"] for seen in shop.ps()} == {"shared"} and shop.networks() == set()
    shop.cooper("apps", "delete", "shop").ok()
    assert "shared" in shop.runtime.networks()


def test_the_hosts_network(shop):
    port = free_port()
    (shop.source / "convox.yml").write_text(
        f"services:\n  web:\n    build: .\n    port: {port}\n    health: /ok\n"
        f"    command: /bin/busybox httpd -f -p {port} -h /www\n")
    shop.set("network", "host")
    shop.deploy().ok()
    assert get(port) == "one" and "the host's" in shop.cooper("ps", "-a", "shop").out
    shop.page("two")
    shop.deploy().ok()
    assert get(port) == "two" and len(shop.names()) == 1
    (shop.source / "www/ok").unlink()
    shop.set("health-timeout", "1s")
    assert shop.deploy().code == 1
    assert wait_for(lambda: get(port), "the old one") == "two" and len(shop.names()) == 1
