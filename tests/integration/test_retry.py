"""Building again from what is kept of a build, and what changed between two."""
import json

import pytest

from support.cooper import BASE_IMAGE, build_id_of, make_app


@pytest.fixture
def source(tmp_path):
    return make_app(tmp_path / "src", {
        "Dockerfile": f"FROM {BASE_IMAGE}\nARG VERSION\nCOPY page /page\nRUN echo version $VERSION; cat /page\n",
        "page": "1"})


def build(cooper, source, *flags):
    return build_id_of(cooper("build", source, "-a", "shop", *flags).ok().out)


def request(cooper, build_id):
    return json.loads((cooper.root / "data/sources/shop" / f"{build_id}.json").read_text())


def source_file(cooper, build_id):
    return cooper.root / "data/sources/shop" / f"{build_id}.tar.zst"


def test_retry_takes_the_same_source_and_arguments(cooper, source):
    first = build(cooper, source, "--build-args", "VERSION=7", "-d", "the first", "--no-cache")
    (source / "page").write_text("changed since")
    done = cooper("builds", "retry", first, "-a", "shop").ok()
    again = build_id_of(done.out)
    assert "version 7" in done.out and "changed since" not in done.out
    record = cooper.record("shop", again)
    assert (record["retry_of"], record["source"], record["description"], record["status"]) == \
        (first, "build", "the first", "succeeded")
    asked = request(cooper, first)
    asked.pop("branch", None)  # nothing newer takes the place of what was asked for by its id
    assert {**asked, "retry_of": first} == request(cooper, again)
    assert source_file(cooper, first).samefile(source_file(cooper, again))
    # The first one's end is not the second one's.
    cooper("builds", "remove", first, "-a", "shop").ok()
    third = build_id_of(cooper("builds", "retry", again, "-a", "shop").ok().out)
    assert cooper.record("shop", third)["retry_of"] == again


def test_a_failed_build_can_be_retried(cooper, source, tmp_path):
    (source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN exit 3\n")
    assert cooper("build", source, "-a", "shop").code == 1
    done = cooper("builds", "retry", "last-failed", "-a", "shop")
    assert done.code == 1 and "exit" in done.err
    assert len(cooper.build_ids("shop")) == 2


def test_secrets_are_given_again(cooper, source, tmp_path):
    (tmp_path / "token").write_text("s3cret-token")
    (source / "Dockerfile").write_text(
        f"FROM {BASE_IMAGE}\nRUN --mount=type=secret,id=token cp /run/secrets/token /t\n")
    first = build(cooper, source, "--secret", f"id=token,src={tmp_path}/token")
    assert request(cooper, first)["secrets"] == ["token"]
    cooper.wait_until_idle()
    assert b"s3cret-token" not in b"".join(p.read_bytes() for p in cooper.root.rglob("*") if p.is_file())
    for verb in (["builds", "retry", first, "-a", "shop"], ["ps:rebuild", "shop"]):
        done = cooper(*verb)
        assert done.code == 2 and "its --secret token is kept nowhere" in done.err, done
    assert cooper.build_ids("shop") == [first]
    cooper("builds", "retry", first, "-a", "shop", "--secret", f"id=token,src={tmp_path}/token").ok()


def test_what_cant_be_retried_is_said_and_nothing_is_kept(cooper, source):
    first = build(cooper, source)
    cooper("releases", "promote", "-a", "shop").ok()
    cooper("track", "-a", "shop", "--", "true").ok()
    deploys = [b for b in cooper.build_ids("shop") if b != first]
    for deploy in deploys:
        done = cooper("builds", "retry", deploy, "-a", "shop")
        assert done.code == 2 and "can't be built again" in done.err, done
    source_file(cooper, first).unlink()
    done = cooper("builds", "retry", first, "-a", "shop")
    assert done.code == 2 and "its source is not kept" in done.err
    assert cooper("builds", "retry", "nope", "-a", "shop").code == 3
    assert cooper("ps:rebuild", "nope").code == 3
    assert len(cooper.build_ids("shop")) == 1 + len(deploys)
    assert len(list((cooper.root / "data/sources/shop").iterdir())) == 2  # requests of build and promote


def test_rebuild_deploys_what_it_builds(cooper, source):
    first = build(cooper, source)
    (source / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN exit 3\n")
    assert cooper("build", source, "-a", "shop").code == 1
    cooper("config:set", "shop", "A=1").ok()
    done = cooper("ps:rebuild", "shop").ok()
    record = cooper.record("shop", build_id_of(done.out))
    assert (record["kind"], record["source"], record["retry_of"]) == ("build", "ps:rebuild", first)
    facts = json.loads((cooper.root / "data/apps/shop/app.json").read_text())
    assert facts["release"] == record["release"]
    assert cooper.release("shop", record["release"])["environment"] == {"A": "1"}


def test_diff_names_what_changed(cooper, source):
    first = build(cooper, source, "--build-args", "VERSION=s3cret-1")
    (source / "page").write_text("2")
    (source / "new").write_text("")
    second = build(cooper, source, "--build-args", "VERSION=s3cret-2")
    done = cooper("builds", "diff", first, "-a", "shop").ok()
    assert "changed  page" in done.out and "added    new" in done.out and "changed  VERSION" in done.out
    assert "s3cret" not in done.out and "RUN echo version" in done.out
    diff = json.loads(cooper("builds", "diff", first, second, "-a", "shop", "--format", "json").ok().out)
    assert diff["files"] == [{"name": "new", "change": "added"}, {"name": "page", "change": "changed"}]
    assert diff["arguments"] == [{"name": "VERSION", "change": "changed"}]
    assert diff["bases"] == [] and [image["name"] for image in diff["images"]] == ["web"]
    assert any("before" in step and "after" in step for step in diff["steps"])
    same = json.loads(cooper("builds", "diff", first, first, "-a", "shop", "--format", "json").ok().out)
    assert not any(same[key] for key in ("files", "arguments", "facts", "bases", "images"))
    assert cooper("builds", "diff", first, "nope", "-a", "shop").code == 3


def test_the_last_build_is_no_deploy(cooper, source):
    first = build(cooper, source)
    cooper("releases", "promote", "-a", "shop").ok()
    assert cooper.build_ids("shop")[-1] != first
    assert first in cooper("builds", "provenance", "last", "-a", "shop").ok().out
    assert cooper.record("shop", build_id_of(cooper("builds", "retry", "-a", "shop").ok().out))["retry_of"] == first
    assert cooper("builds", "diff", first, "last", "-a", "shop").ok().err == ""
