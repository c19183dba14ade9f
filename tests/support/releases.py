"""Fixtures of tests that deploy releases of the app `shop`: import those that are used."""
import json

import pytest

from .cooper import BASE_IMAGE, make_app

SECRET = "s3cret-of-the-app"


@pytest.fixture
def built(cooper, tmp_path):
    """The app `shop` with one build, whose release is not promoted; the folder of its source is `built.source`."""
    cooper.source = make_app(tmp_path / "src", {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY page /page\n", "page": "1"})
    cooper("build", cooper.source, "-a", "shop").ok()
    return cooper


@pytest.fixture
def script(built, tmp_path):
    """Makes `text` the deploy command of `shop`; what it writes lies in `script.folder`."""
    folder = tmp_path / "deploys"
    folder.mkdir()

    def use(text):
        program = folder / "deploy.sh"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        built("builds", "set", "deployer", "command", "-a", "shop").ok()
        built("builds", "set", "deploy-command", program, "-a", "shop").ok()
    use.folder = folder
    return use


def app_facts(cooper):
    return json.loads((cooper.root / "data/apps/shop/app.json").read_text())


def active(cooper):
    return app_facts(cooper).get("release", "")


def newest(cooper):
    return max(path.stem for path in (cooper.root / "data/releases/shop").glob("*.json"))


def deploys(cooper):
    """Records of deploys, oldest first."""
    records = [cooper.record("shop", build) for build in cooper.build_ids("shop")]
    return [record for record in records if record["kind"] == "deploy"]


def public_files(cooper):
    """Everything in the data root that is no release's own file."""
    cooper.wait_until_idle()
    return b"".join(path.read_bytes() for path in sorted(cooper.root.rglob("*"))
                    if path.is_file() and "releases" not in path.parts)
