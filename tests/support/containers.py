"""Apps whose releases run as containers: what tests do with them, and ask of their engine."""
import contextlib
import json
import urllib.error
import urllib.request

from .cooper import BUSYBOX, Cooper, make_app

DOCKERFILE = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\nEXPOSE 3000\n" \
             'CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]\n'
MANIFEST = "services:\n  web:\n    build: .\n    port: 3000\n    health: {path: /ok, grace: 0}\n"


class Docker:
    """What a test asks of a Docker Engine; support/podman.py has the same."""

    def __init__(self, engine):
        self.engine, self.env = engine, engine.env

    def containers(self):
        listed = json.loads(self.engine.ask("GET", "/containers/json?all=true")[1])
        return {entry["Names"][0][1:]: (entry["State"], entry["Labels"]) for entry in listed}

    def networks(self):
        return {entry["Name"] for entry in json.loads(self.engine.ask("GET", "/networks")[1])}

    def pid(self, name):
        return json.loads(self.engine.ask("GET", f"/containers/{name}/json")[1])["State"]["Pid"]

    def kill(self, name):
        self.engine.ask("POST", f"/containers/{name}/kill")

    def clear(self):
        for name in self.containers():
            self.engine.ask("DELETE", f"/containers/{name}?force=true")
        self.engine.ask("POST", "/networks/prune")


class Shop:
    """The app `shop`, its source, and what runs of it."""

    def __init__(self, cooper, runtime, source):
        self.cooper, self.runtime, self.source = cooper, runtime, source

    def page(self, text):
        (self.source / "www/page").write_text(text)

    def set(self, key, value):
        self.cooper("builds", "set", key, value, "-a", "shop").ok()

    def deploy(self, *words):
        return self.cooper("deploy", self.source, "-a", "shop", *words)

    def ps(self):
        return json.loads(self.cooper("ps", "-a", "shop", "--format", "json").ok().out)

    def ports(self, service="web"):
        return [port["host"] for found in self.ps() if found["service"] == service for port in found["ports"]]

    def names(self, state=None):
        return sorted(name for name, (seen, _) in self.runtime.containers().items() if state in (None, seen))

    def networks(self):
        return {name for name in self.runtime.networks() if name.startswith("cooper-shop-")}

    def active(self):
        return json.loads((self.cooper.root / "data/apps/shop/app.json").read_text())

    def last_deploy(self):
        records = [self.cooper.record("shop", build) for build in self.cooper.build_ids("shop")]
        return [record for record in records if record["kind"] == "deploy"][-1]

    def build(self):
        self.cooper("build", self.source, "-a", "shop").ok()

    def promote_until(self, text):
        """The deploy of the newest release, which goes on, once its log says `text`: (process, id)"""
        known = self.cooper.build_ids("shop")
        process = self.cooper.start("releases", "promote", "last", "-a", "shop")
        deploy = self.cooper.wait_for_new_build("shop", known)
        self.cooper.wait_for_log("shop", deploy, text)
        return process, deploy


def get(port, path="/page"):
    """The page, or None while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.read().decode()
    except (OSError, urllib.error.URLError):
        return None


def make_shop(cooper, runtime, engine, source):
    make_app(source, {"Dockerfile": DOCKERFILE, "convox.yml": MANIFEST, "www/page": "one", "www/ok": "ok"})
    (source / "busybox").write_bytes(open(BUSYBOX, "rb").read())
    (source / "busybox").chmod(0o755)
    cooper("apps", "create", "shop").ok()
    shop = Shop(cooper, runtime, source)
    for key, value in (("engine", engine), ("deployer", "containers"), ("stop-timeout", "1s"),
                       ("health-timeout", "60s")):
        shop.set(key, value)
    return shop


@contextlib.contextmanager
def running_shop(docker_engine, root, folder):
    """The app `shop` of a data root, of which one release runs in a Docker Engine."""
    runtime = Docker(docker_engine)
    cooper = Cooper(root, {**runtime.env, "REGISTRY_AUTH_FILE": str(folder / "none")})
    try:
        shop = make_shop(cooper, runtime, "docker", folder / "src")
        shop.deploy().ok()
        yield shop
    finally:
        cooper.close()
        runtime.clear()
