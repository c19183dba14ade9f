"""builds, releases, apps: what they print, how they name things, what they say to mistakes."""
import json
import re
import subprocess

import pytest

from support.cooper import BASE_IMAGE, build_id_of, executable, make_app


@pytest.fixture(scope="module")
def history(tmp_path_factory, store):
    """An app with three builds: good, failed, good; the ids oldest first."""
    from support.cooper import Cooper
    runner = Cooper(tmp_path_factory.mktemp("root"), store.env)
    folder = tmp_path_factory.mktemp("source")
    for text, code in (("RUN true", 0), ("RUN exit 9", 1), ("RUN echo again", 0)):
        make_app(folder, {"Dockerfile": f"FROM {BASE_IMAGE}\n{text}\n"})
        done = runner("build", folder, "-a", "shop", "-d", text)
        assert done.code == code, done
    runner.ids = runner.build_ids("shop")
    runner.wait_until_idle()
    yield runner
    runner.close()


def test_builds_lists_newest_first(history):
    out = history("builds", "-a", "shop").ok().out.splitlines()
    assert re.split(r"\s{2,}", out[0]) == ["ID", "STATUS", "RELEASE", "STARTED", "ELAPSED", "DESCRIPTION"]
    rows = [re.split(r"\s{2,}", line) for line in out[1:]]
    assert [row[0] for row in rows] == history.ids[::-1]
    assert [row[1] for row in rows] == ["succeeded", "failed", "succeeded"]
    assert rows[0][-1] == "RUN echo again"
    assert len(history("builds", "-a", "shop", "--limit", 2).ok().out.splitlines()) == 3


def test_builds_as_json_are_the_records(history):
    listed = json.loads(history("builds", "-a", "shop", "--format", "json").ok().out)
    assert [b["id"] for b in listed] == history.ids[::-1]
    for entry in listed:
        record = history.record("shop", entry["id"])
        assert {key: entry[key] for key in record} == record


def test_info_shows_the_facts(history):
    out = history("builds", "info", history.ids[2], "-a", "shop").ok().out
    labels = dict(re.split(r":?\s+", line, maxsplit=1) for line in out.splitlines() if re.match(r"\S+:?\s", line))
    assert labels["Id"] == history.ids[2] and labels["Status"] == "succeeded"
    assert labels["Description"] == "RUN echo again" and labels["Release"].startswith("r")
    record = json.loads(history("builds", "info", "last", "-a", "shop", "--format", "json").ok().out)
    assert record["id"] == history.ids[2] and record["images"]


@pytest.mark.parametrize("name,index", [("last", 2), ("last-failed", 1)])
def test_builds_have_names(history, name, index):
    assert history.ids[index] in history("builds", "info", name, "-a", "shop").ok().out


def test_without_a_name_it_is_the_last(history):
    assert history.ids[2] in history("builds", "info", "-a", "shop").ok().out


def test_a_unique_prefix_names_a_build(history, plain_cooper):
    record = history.record("shop", history.ids[0])
    ids = ["mwq3aaaaaaaaaa", "mwq3abbbbbbbbb", "mwq3bccccccccc"]
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper.builds_folder("shop").mkdir(parents=True)
    for name in ids:
        path = plain_cooper.builds_folder("shop") / f"{name}.json"
        path.write_text(json.dumps({**record, "id": name}))

    def named(text):
        done = plain_cooper("builds", "info", text, "-a", "shop", "--format", "json")
        return json.loads(done.out)["id"] if done.code == 0 else (done.code, done.out, done.err.splitlines()[0])
    assert [named(text) for text in ("mwq3aa", "mwq3ab", "mwq3b")] == ids
    assert named("mwq3bccccccccc") == ids[2]
    assert named("mwq3a") == (2, "", 'ERROR: "mwq3a" fits 2 builds of app shop')
    assert named("m") == (2, "", 'ERROR: "m" fits 3 builds of app shop')
    assert named("mwq3ac") == (3, "", 'ERROR: no build "mwq3ac" of app shop')


def test_releases(history):
    out = history("releases", "-a", "shop").ok().out.splitlines()
    assert out[0].split()[0] == "ID" and len(out) == 3
    newest = out[1].split()[0]
    assert newest == history.record("shop", history.ids[2])["release"]
    assert history.ids[2] in history("releases", "info", newest, "-a", "shop").ok().out
    listed = json.loads(history("releases", "-a", "shop", "--format", "json").ok().out)
    assert [r["build"] for r in listed] == [history.ids[2], history.ids[0]]


@pytest.mark.parametrize("args,code,expected", [
    (["biulds", "-a", "shop"], 2, "builds"),
    (["builds", "inof", "last", "-a", "shop"], 2, "info"),
    (["builds", "-a", "shpo"], 3, 'did you mean "shop"'),
    (["builds", "-a", "shop", "--limt", "3"], 2, "--limit"),
    (["builds", "-a", "shop", "--limit", "many"], 2, "many"),
    (["builds", "-a", "shop", "--format", "xml"], 2, "json"),
    (["builds", "-a", "../etc"], 2, "../etc"),
    (["builds", "info", "../../x", "-a", "shop"], 3, "../../x"),
    (["builds", "info", "nosuchbuild", "-a", "shop"], 3, "nosuchbuild"),
    (["builds", "logs", "last", "-a", "shop", "--tail", "-3"], 2, "tail"),
    (["builds", "logs", "last", "-a", "shop", "--follow", "--no-follow"], 2, "follow"),
    (["build", "/no/such/folder", "-a", "shop"], 3, "/no/such/folder"),
    (["build", ".", "-a", "shop"], 2, "neither a convox.yml nor a Dockerfile"),
    (["build", ".", "-a", "new"], 2, "neither a convox.yml nor a Dockerfile"),
    (["build", ".", "-a", "Sh*p"], 2, "Sh*p"),
    (["build", ".", "-a", "shop", "--build-args", "=x"], 2, "--build-args"),
    (["build", ".", "-a", "shop", "--jobs", "0"], 2, "jobs"),
    (["build", ".", "-a", "shop", "--jobs", "65"], 2, "from 1 to 64"),
    (["releases", "info", "rnosuch", "-a", "shop"], 3, "rnosuch"),
    (["apps", "create", "shop"], 6, "shop"),
    (["apps", "info", "nosuch"], 3, "nosuch"),
    (["apps", "delete", "nosuch"], 3, "nosuch"),
])
def test_a_mistake_gets_a_clear_line_and_changes_nothing(history, tmp_path, args, code, expected):
    before = sorted(str(p) for p in history.root.rglob("*"))
    done = history(*args, cwd=tmp_path)
    assert done.code == code, done
    assert expected in done.err and done.out == "", done
    assert done.err.startswith("ERROR: ") and len(done.err.splitlines()) <= 3, done.err
    assert sorted(str(p) for p in history.root.rglob("*")) == before


def test_apps(plain_cooper):
    assert plain_cooper("apps").ok().out.splitlines()[0].split()[0] in ("APP", "NAME")
    plain_cooper("apps", "create", "one").ok()
    plain_cooper("apps", "create", "two").ok()
    assert "one" in plain_cooper("apps").ok().out
    assert "two" in plain_cooper("apps", "info", "two").ok().out
    plain_cooper("apps", "delete", "one").ok()
    assert [a["name"] for a in json.loads(plain_cooper("apps", "--format", "json").ok().out)] == ["two"]
    assert not (plain_cooper.root / "data/apps/one").exists()


@pytest.mark.parametrize("words", [["apps"], ["builds", "-a", "shop"], ["builds", "--all"], ["builds:list"],
                                   ["track", "-a", "shop", "--", "true"], ["apps", "create", "shop"]])
def test_a_data_root_that_is_no_folder(plain_cooper, tmp_path, words):
    (tmp_path / "file").write_text("")
    done = plain_cooper(*words, env={"COOPER_ROOT": str(tmp_path / "file")})
    assert done.code in (1, 2) and done.out == "", done
    assert f"the data root {tmp_path}/file is no folder" in done.err, done


def test_a_long_description_is_cut_in_the_list_alone(plain_cooper):
    text = "word " * 100 + "last"
    plain_cooper("track", "-a", "shop", "-d", text, "--", "true").ok()
    assert max(map(len, plain_cooper("builds", "-a", "shop").ok().out.splitlines())) < 250
    assert text in plain_cooper("builds", "info", "-a", "shop").ok().out


def test_help_and_version_need_no_data_root(plain_cooper, tmp_path):
    env = {"COOPER_ROOT": str(tmp_path / "none")}
    for args in (["help"], ["--help"], ["build", "--help"], ["builds", "logs", "--help"], ["version"], ["--version"]):
        assert plain_cooper(*args, env=env).ok().out
    assert not (tmp_path / "none").exists()


def test_completion(history, tmp_path):
    script = history("completion", "bash").ok().out
    (tmp_path / "cooper.bash").write_text(script)

    def complete(*words):
        line = " ".join(words)
        program = f"""
source {tmp_path}/cooper.bash
PATH={executable().rsplit("/", 1)[0]}:$PATH
COMP_WORDS=({" ".join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}
COMP_LINE={line!r}; COMP_POINT={len(line)}
$(complete -p cooper | sed 's/.*-F \\([^ ]*\\).*/\\1/') cooper {words[-1]!r} {words[-2]!r}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        done = subprocess.run(["bash", "-c", program], env=history.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [word.strip() for word in done.stdout.split()]
    assert "builds" in complete("cooper", "bu") and "build" in complete("cooper", "bu")
    assert complete("cooper", "builds", "canc") == ["cancel"]
    assert "--no-cache" in complete("cooper", "build", "--no")
    assert complete("cooper", "builds", "-a", "sh") == ["shop"]
    assert set(history.ids) <= set(complete("cooper", "builds", "info", "-a", "shop", ""))


def test_retention_keeps_the_newest_and_removes_all_of_the_others(cooper, store, tmp_path):
    folder = make_app(tmp_path / "app", {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN true\n"})
    cooper("apps", "create", "app").ok()
    cooper("builds", "set", "retention", "2", "-a", "app").ok()
    ids = [build_id_of(cooper("build", folder).ok().out) for _ in range(4)]
    cooper("builds", "prune", "-a", "app").ok()
    cooper.wait_until_idle()  # the last build prunes as well
    assert cooper.build_ids("app") == ids[2:]
    left = "\n".join([*(str(p) for p in cooper.root.rglob("*")), *store.images()])
    for gone in ids[:2]:
        assert gone not in left
    assert len(list(cooper.root.glob("data/releases/app/*.json"))) == 2


def test_remove_takes_what_has_ended_and_is_not_pinned(plain_cooper):
    build = build_id_of(plain_cooper("track", "-a", "shop", "--detach", "--", "sleep", "600").ok().out)
    refused = plain_cooper("builds", "remove", build, "-a", "shop")
    assert refused.code == 6 and "cooper builds cancel" in refused.err
    plain_cooper("builds", "cancel", build, "-a", "shop").ok()
    plain_cooper("builds", "pin", build, "-a", "shop").ok()
    refused = plain_cooper("builds", "remove", build, "-a", "shop")
    assert refused.code == 6 and "cooper builds unpin" in refused.err
    plain_cooper("builds", "unpin", build, "-a", "shop").ok()
    assert plain_cooper("builds", "remove", build, "-a", "shop").ok().out == f"Removing build {build}... OK\n"
    assert not [path for path in plain_cooper.root.rglob(f"*{build}*")]
    assert plain_cooper("builds", "remove", build, "-a", "shop").code == 3
