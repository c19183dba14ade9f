"""Every name that Dokku has an app by is an app's here, too; no other is."""
import os

import pytest

from support.cooper import make_app, processes_of, wait_for
from support.dokku import BAD_NAME, expect

NAMES = ["a..b", "a-", "a.", "a.-b", "a--b", "0", "a" * 64, "x" * 255]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:8])
def test_an_app_of_any_name_is_tracked(dokku, name):
    dokku.app(name, "other")
    expect(dokku.t("builds-record-start", name, "b1", os.getpid(), "git-hook"))
    expect(dokku.t("builds-record-finalize", name, "b1", "0"))
    build = dokku.cooper("track", "-a", name, "--no-wait", "--", "echo", "tracked").ok()
    assert build.out == "tracked\n"
    wait_for(lambda: not processes_of(str(dokku.lib)), "the end of its process, which prunes")
    assert dokku.b("list", name).ok().out.count(" succeeded ") == 2
    assert dokku.b("list", name, "--format", "json").ok().out.count(f'"app":"{name}"') == 2
    assert f" {name}" in dokku.b("info", name, "b1").ok().out
    (dokku.builds(name) / "b1.log").write_text("said\n")
    assert dokku.b("output", name, "b1").ok().out == "said\n"
    assert "not currently deploying" in dokku.b("cancel", name).ok().out
    dokku.b("set", name, "retention", "1").ok()
    assert f"=====> {name} builds information" in dokku.b("report", name).ok().out
    dokku.b("prune", name).ok()
    assert len(list(dokku.builds(name).glob("*.json"))) == 1
    (dokku.home / name).rename(dokku.home / "renamed")
    expect(dokku.t("post-app-rename-setup", name, "renamed"))
    assert not dokku.builds(name).exists() and len(list(dokku.builds("renamed").glob("*.json"))) == 1
    (dokku.home / "renamed").rename(dokku.home / name)
    expect(dokku.t("post-app-rename-setup", "renamed", name))
    (dokku.home / name).rmdir()
    expect(dokku.t("post-delete", name))
    assert not dokku.builds(name).exists() and not (dokku.lib / "config/builds" / name).exists()


@pytest.mark.parametrize("name", ["..", ".", ".a", "-a", "a/b", "../a", "A", "a_b", "a b", "a:b", "a\n", "a\x1b[2J",
                                  "\u00e4", "x" * 256], ids=repr)
def test_no_other_name_is_an_apps(dokku, name):
    before = sorted(dokku.lib.rglob("*"))
    for done in (dokku.t("builds-record-finalize", name, "b1", "0"),
                 dokku.t("builds-record-start", name, "b1", os.getpid(), "git-hook"),
                 dokku.t("post-app-rename-setup", name, "b"), dokku.t("post-app-rename-setup", "b", name),
                 dokku.t("post-delete", name), *(dokku.b(verb, "--", name) for verb in ("list", "report", "prune"))):
        assert done.code == 1 and BAD_NAME.removeprefix(" !     ").rstrip() in done.err and "\x1b" not in done.err, done
    assert sorted(dokku.lib.rglob("*")) == before


@pytest.mark.parametrize("name", ["a..b", "a-", "a" * 64])
def test_an_app_that_no_image_can_be_named_after_is_not_built(dokku, name, tmp_path):
    dokku.app(name)
    source = make_app(tmp_path / "source", {"Dockerfile": "FROM scratch\n"})
    done = dokku.cooper("build", source, "-a", name)
    assert done.code == 2 and done.err.startswith(f"ERROR: no image can be named after app {name}\n  hint: "), done
    assert not [path for path in dokku.lib.rglob("*") if not path.is_dir()]
