"""Repositories that tests fetch from."""
import os
import subprocess


def git(folder, *args):
    """git in a folder, without the user's settings; what it printed."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    return subprocess.run(["git", "-c", "protocol.file.allow=always", "-C", str(folder), *map(str, args)],
                          check=True, capture_output=True, text=True, env=env).stdout.strip()


def commit(folder, text, message="change"):
    """Writes the text to `page` and commits all that is there; the commit's id."""
    (folder / "page").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def add_submodule_entry(folder, url):
    """A commit with a submodule `x` of this URL, wherever that leads."""
    (folder / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = {url}\n')
    git(folder, "add", ".gitmodules")
    git(folder, "update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",x")
    git(folder, "commit", "-q", "-m", "submodule")


def branch(cooper, name="main", app="shop"):
    """Where a branch of the app's repository is."""
    return git(cooper.root / f"data/git/{app}.git", "rev-parse", f"refs/heads/{name}")
