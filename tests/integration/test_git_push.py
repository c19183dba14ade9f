"""git push to a repository of an app's: what is built, and what is refused."""
import json
import stat
import subprocess

import pytest

from support.cooper import BASE_IMAGE, executable, only_record
from support.git import GitDaemon, WorkTree, ref
from support.push import BAD, GOOD, no_scratch_is_left, records, repository, tree  # noqa: F401


def test_initialize_makes_a_bare_repository_and_can_be_repeated(plain_cooper):
    done = plain_cooper("git:initialize", "shop").ok()
    repository = plain_cooper.root / "data/git/shop.git"
    assert done.out == "Initializing the repository of shop... OK\n" and str(repository) in done.err
    assert "shop" in plain_cooper("apps").out
    assert stat.S_IMODE(repository.stat().st_mode) == 0o700
    assert sorted(path.name for path in (repository / "hooks").iterdir()) == ["post-receive", "pre-receive"]
    assert f"cooper='{executable()}'" in (repository / "hooks/pre-receive").read_text()
    (repository / "hooks/pre-receive").write_text("#!/bin/sh\n")
    plain_cooper("git:initialize", "-a", "shop").ok()
    assert executable() in (repository / "hooks/pre-receive").read_text()
    assert list(repository.parent.iterdir()) == [repository]
    two = plain_cooper("git:initialize", "shop", "-a", "other")
    assert two.code == 2 and "two apps are named" in two.err


def test_a_push_is_built_and_recorded(cooper, repository, tree):
    done = tree.git("push", "cooper", "main").ok()
    record = only_record(cooper)
    assert (record["source"], record["status"], record["kind"], record["git_sha"]) == \
        ("git-hook", "succeeded", "build", tree.head())
    assert record["description"] == f"build {tree.head()[:10]} The first page"
    assert "remote: " in done.err and "the page says one" in done.err
    assert f"Build:   {record['id']}" in done.err and f"Release: {record['release']}" in done.err
    assert ref(repository, "refs/heads/main") == tree.head() and no_scratch_is_left(cooper)
    # What is built is the commit, and nothing of the work tree or of git's.
    archive = cooper.root / "data/sources/shop" / f"{record['id']}.tar.zst"
    names = subprocess.run(["tar", "--zstd", "-tf", archive], capture_output=True, text=True, check=True).stdout
    assert ".git" not in names and "page" in names
    clone = tree.git("clone", "-q", repository, tree.folder.parent / "clone").ok()
    assert clone.err == "" and (tree.folder.parent / "clone/page").read_text() == "one"


def test_a_failed_build_rejects_the_push(cooper, repository, tree):
    first = tree.head()
    tree.git("push", "-q", "cooper", "main").ok()
    tree.commit({"Dockerfile": BAD})
    done = tree.git("push", "cooper", "main", "main:refs/heads/copy")
    assert done.code == 1 and "about to fail" in done.err and "pre-receive hook declined" in done.err
    assert "The push is rejected: main stays where it was" in done.err
    assert ref(repository, "refs/heads/main") == first and ref(repository, "refs/heads/copy") is None
    assert [record["status"] for record in records(cooper)] == ["succeeded", "failed"]
    # The objects did not stay, either.
    assert ref(repository, tree.head() + "^{commit}") is None


def test_a_failed_build_keeps_the_push_if_asked_to(cooper, repository, tree):
    cooper("builds", "set", "failed-push", "accept", "-a", "shop").ok()
    tree.commit({"Dockerfile": BAD})
    done = tree.git("push", "cooper", "main").ok()
    assert "about to fail" in done.err and only_record(cooper)["status"] == "failed"
    assert ref(repository, "refs/heads/main") == tree.head()
    tree.commit({"Dockerfile": GOOD})
    tree.git("push", "cooper", "main").ok()
    assert records(cooper)[-1]["git_sha"] == tree.head() and records(cooper)[-1]["status"] == "succeeded"


def test_what_can_not_be_built_is_said_at_once(cooper, repository, tree):
    tree.git("rm", "-q", "Dockerfile").ok()
    tree.commit()
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and f"there is neither a convox.yml nor a Dockerfile in commit {tree.head()[:10]}" in done.err
    assert str(cooper.root / "data/work") not in done.err
    assert records(cooper) == [] and no_scratch_is_left(cooper) and ref(repository, "refs/heads/main") is None


# Which pushes are built.

def test_other_branches_and_tags_are_kept_and_not_built(cooper, repository, tree):
    tree.git("tag", "v1").ok()
    done = tree.git("push", "cooper", "main:topic/one", "v1").ok()
    assert "Nothing is built of topic/one, tag v1: pushes to main or master are" in done.err
    assert "cooper builds set deploy-branch topic/one -a shop" in done.err
    assert ref(repository, "refs/heads/topic/one") == ref(repository, "refs/tags/v1") == tree.head()
    assert records(cooper) == []
    cooper("builds", "set", "deploy-branch", "live", "-a", "shop").ok()
    done = tree.git("push", "cooper", "main").ok()
    assert "Nothing is built of main: pushes to live are" in done.err and "git push REMOTE main:live" in done.err
    tree.git("push", "cooper", "main:live", "main:other").ok()
    assert only_record(cooper)["git_sha"] == tree.head()
    assert tree.git("ls-remote", "--symref", "cooper", "HEAD").out.startswith("ref: refs/heads/live\t")
    tree.git("push", "cooper", "--delete", "other", "v1").ok()
    assert ref(repository, "refs/tags/v1") is None and len(records(cooper)) == 1


def test_master_is_built_where_there_is_no_main(cooper, repository, tree):
    tree.git("push", "-q", "cooper", "main:master").ok()
    assert only_record(cooper)["status"] == "succeeded"
    assert "pushes to master are" in tree.git("push", "cooper", "main").ok().err
    # From now on there is a main, and it comes first.
    tree.commit({"page": "two"})
    assert "the page says two" in tree.git("push", "cooper", "main").ok().err


def test_a_forced_push_is_built_and_an_unchanged_one_is_not(cooper, repository, tree):
    tree.git("push", "-q", "cooper", "main").ok()
    tree.git("commit", "-q", "--amend", "-m", "Amended").ok()
    assert tree.git("push", "cooper", "main").code == 1  # git's own refusal
    tree.git("push", "--force", "cooper", "main").ok()
    assert records(cooper)[-1]["description"].endswith(" Amended")
    assert "Everything up-to-date" in tree.git("push", "cooper", "main").ok().err
    assert len(records(cooper)) == 2


def test_the_deploy_branch_is_not_deleted(cooper, repository, tree):
    tree.git("push", "-q", "cooper", "main").ok()
    done = tree.git("push", "cooper", "--delete", "main")
    assert done.code == 1 and "main is what app shop is built from: it is not deleted" in done.err
    assert ref(repository, "refs/heads/main") == tree.head()


def test_a_shallow_clone_can_be_pushed(cooper, repository, tree, tmp_path):
    tree.commit({"page": "of a shallow clone"})
    tree.git("clone", "-q", "--depth=1", f"file://{tree.folder}", tmp_path / "shallow").ok()
    done = tree.git("push", repository, "main", folder=tmp_path / "shallow").ok()
    assert "the page says of a shallow clone" in done.err and ref(repository, "refs/heads/main") == tree.head()
    tree.commit({"page": "of a whole one"})
    assert "the page says of a whole one" in tree.git("push", "cooper", "main").ok().err


def test_the_checkout_is_kept_and_what_is_built_is_the_commit_all_the_same(cooper, repository, tree):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\nRUN cd /src; for f in *; do echo in $f: $(cat -v $f); done\n",
                 "gone": "x", "turns": "into a folder", "lines": "a\nb\n"})
    tree.git("push", "-q", "cooper", "main").ok()
    kept = repository / "cooper-checkout"
    page = (kept / "source/page").stat()
    tree.git("rm", "-q", "gone", "turns").ok()
    tree.commit({"turns/file": "y", "added": "z"})
    done = tree.git("push", "cooper", "main").ok()
    assert "in added: z" in done.err and "in gone" not in done.err and "in lines: a b" in done.err
    assert (kept / "source/page").stat().st_ino == page.st_ino and (kept / "source/turns/file").exists()
    # What git would write otherwise than before is written anew, and so is what is damaged.
    tree.commit({".gitattributes": "lines text eol=crlf\n"})
    assert "in lines: a^M b^M" in tree.git("push", "cooper", "main").ok().err
    (kept / "source/added").write_text("not from git")
    (kept / "git/index").write_bytes(b"no index")
    tree.commit({"page": "the last"})
    done = tree.git("push", "cooper", "main").ok()
    assert "in added: z" in done.err and "in page: the last" in done.err and no_scratch_is_left(cooper)
    for path in sorted(kept.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    tree.commit({"page": "after all"})
    assert "in page: after all" in tree.git("push", "cooper", "main").ok().err


# Submodules.

@pytest.fixture
def daemon(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    made = GitDaemon(folder).start()
    yield made
    made.stop()


def test_submodules_are_fetched(cooper, tree, daemon, tmp_path):
    WorkTree(daemon.folder / "inner", cooper.env).commit({"word": "deep"})
    part = WorkTree(daemon.folder / "part", cooper.env)
    part.git("submodule", "--quiet", "add", daemon.url("inner"), "inner").ok()
    part.commit({"code": "from the part"})
    tree.git("submodule", "--quiet", "add", daemon.url("part"), "lib/part").ok()
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\n"
                               "RUN cat /src/lib/part/code /src/lib/part/inner/word; find /src -name .git\n"})
    for key, value in {"fetch-schemes": "git", "fetch-private": "on"}.items():
        done = tree.git("push", "cooper", "main")
        assert done.code == 1 and "submodule lib/part: " in done.err and key in done.err, done
        cooper("builds", "set", key, value, "-a", "shop").ok()
    done = tree.git("push", "cooper", "main").ok()
    assert "from the part" in done.err and "deep" in done.err and "/.git" not in done.err.replace("find /src -name .git", "")
    tree.git("config", "--file", ".gitmodules", "submodule.lib/part.url", daemon.url("nowhere")).ok()
    tree.commit()
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "submodule lib/part: can't fetch git://" in done.err, done


def test_submodules_on_the_host_itself_are_not_fetched(cooper, tree, tmp_path):
    secret = WorkTree(tmp_path / "secret", cooper.env)
    secret.commit({"word": "not yours"})
    tree.git("submodule", "--quiet", "add", secret.folder, "part").ok()
    tree.commit()
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "source may not be fetched by file" in done.err and records(cooper) == []
    assert "remote: The push is rejected: main is not created" in done.err


# What deploys it.

def test_the_deployer_runs_after_the_build_without_gits_variables(cooper, repository, tree, tmp_path):
    script = tmp_path / "deploy.sh"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/env\necho deploying\n[ ! -e {tmp_path}/broken ]\n")
    script.chmod(0o755)
    cooper("builds", "set", "deployer", "command", "-a", "shop").ok()
    cooper("builds", "set", "deploy-command", script, "-a", "shop").ok()
    done = tree.git("push", "cooper", "main").ok()
    build, deploy = records(cooper)
    assert deploy["kind"] == "deploy" and "Promoting" in done.err and "deploying" in done.err
    assert not [line for line in (tmp_path / "env").read_text().splitlines() if line.startswith("GIT_")]
    assert json.loads((cooper.root / "data/apps/shop/app.json").read_text())["release"] == deploy["release"]
    first = tree.head()
    (tmp_path / "broken").write_text("")
    tree.commit({"page": "two"})
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "The push is rejected" in done.err
    assert ref(repository, "refs/heads/main") == first


# What a pusher could try.

def test_no_configuration_of_the_users_keeps_the_hooks_from_running(cooper, repository, tree, tmp_path):
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\thooksPath = {tmp_path}/none\n")
    tree.git("push", "cooper", "main", env={"GIT_CONFIG_GLOBAL": str(config)}).ok()
    assert only_record(cooper)["status"] == "succeeded"


def test_what_the_log_holds_does_not_drive_the_pushers_terminal(cooper, repository, tree):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN printf 'a\\033]0;title\\007b\\033[2Jc\\n'\n"})
    done = tree.git("push", "cooper", "main").ok()
    assert "abc" in done.err and "\033]" not in done.err and "\033[2J" not in done.err
    assert b"\033[2J" in cooper.log("shop", only_record(cooper)["id"])


def test_a_damaged_object_is_refused(cooper, repository, tree):
    entry = b"100644 .git\0" + bytes.fromhex(tree.head("HEAD:page"))
    bad = subprocess.run(["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"], input=entry,
                         cwd=tree.folder, capture_output=True, check=True).stdout.decode().strip()
    commit = tree.git("commit-tree", bad, "-m", "evil").ok().out.strip()
    done = tree.git("push", "cooper", f"{commit}:refs/heads/main")
    assert done.code == 1 and "hasDotgit" in done.err and ref(repository, "refs/heads/main") is None


def test_the_hook_is_for_git_alone(plain_cooper):
    done = plain_cooper("git-hook", "pre-receive")
    assert done.code == 2 and "git runs this when something is pushed" in done.err


# The app's end.

def test_the_repository_goes_with_the_app_and_moves_with_the_root(cooper, repository, tree, tmp_path):
    moved = tmp_path / "moved root"
    cooper.root.rename(moved)
    cooper.root, cooper.env["COOPER_ROOT"] = moved, str(moved)
    tree.git("remote", "set-url", "cooper", moved / "data/git/shop.git").ok()
    tree.git("push", "cooper", "main", env={"COOPER_ROOT": "/nowhere"}).ok()
    assert only_record(cooper)["status"] == "succeeded"
    cooper("apps", "delete", "shop").ok()
    assert list((moved / "data/git").iterdir()) == []


def test_a_cooper_that_is_gone_is_said(cooper, repository, tree):
    hook = repository / "hooks/pre-receive"
    hook.write_text(hook.read_text().replace(executable(), "/nowhere/cooper"))
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "cooper is not at /nowhere/cooper any more" in done.err
    assert ref(repository, "refs/heads/main") is None
