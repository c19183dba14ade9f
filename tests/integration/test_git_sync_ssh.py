"""git:sync over ssh, from a real sshd: with keys and known hosts of the user's, and for nobody who names a URL."""
import os
import subprocess

import pytest

from support import internet
from support.cooper import BASE_IMAGE, build_id_of, make_app
from support.git import Sshd, end
from support.git_remote import branch, commit, git

#: An address that is not taken for this host's own, where there is an Internet of the test's.
PUBLIC = "198.41.0.4"


@pytest.fixture
def remote(tmp_path):
    folder = make_app(tmp_path / "remotes/hello", {"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /\nRUN cat /page /part/page\n"})
    part = make_app(tmp_path / "remotes/part", {"page": ""})
    for made in (folder, part):
        git(made, "init", "-q", "-b", "main")
    commit(part, "the part's")
    commit(folder, "the page's")
    return folder


@pytest.fixture
def sshd(tmp_path):
    if reason := Sshd.missing():
        pytest.skip(reason)
    made = Sshd(tmp_path / "sshd", dict(os.environ))
    yield made
    made.stop()


class User:
    """Somebody's ssh: a configuration with a key and known hosts, as in ~/.ssh."""

    def __init__(self, sshd):
        self.key, self.known_hosts = sshd.key("me"), sshd.folder / "known_hosts"
        sshd.serve_git(self.key)
        self.config = sshd.folder / "config"
        self.configure(f"IdentityFile {self.key}")
        self.known_hosts.touch()

    def configure(self, *lines):
        self.config.write_text("\n".join([*lines, "IdentitiesOnly yes", f"UserKnownHostsFile {self.known_hosts}",
                                          "GlobalKnownHostsFile /dev/null", ""]))

    def knows(self, name, key):
        self.known_hosts.write_text(f"{name} {key.with_suffix('.pub').read_text()}")

    @property
    def env(self):
        return {"GIT_SSH_COMMAND": f"ssh -F {self.config}"}


@pytest.fixture
def user(sshd):
    sshd.start()
    made = User(sshd)
    made.knows(f"[127.0.0.1]:{sshd.port}", sshd.folder / "host")
    return made


def allow(cooper):
    cooper("apps", "create", "shop").ok()
    cooper("builds", "set", "fetch-private", "on", "-a", "shop").ok()


def test_a_repository_and_its_submodule_are_built(cooper, sshd, user, remote):
    allow(cooper)
    git(remote, "submodule", "--quiet", "add", remote.parent / "part", "part")
    git(remote, "config", "--file", ".gitmodules", "submodule.part.url", sshd.url(f"{remote.parent}/part"))
    head = commit(remote, "the page's", "over ssh")
    done = cooper("git:sync", "--build", "shop", sshd.url(f"{remote}/.git"), env=user.env).ok()
    assert "the page's" in done.out and "the part's" in done.out
    record = cooper.record("shop", build_id_of(done.out))
    assert (record["source"], record["status"], record["git_sha"]) == ("git:sync", "succeeded", head)
    again = cooper("git:sync", "--build-if-changes", "shop", sshd.url(f"{remote}/.git"), env=user.env).ok()
    assert f"Branch main of shop was at {head[:10]} already" in again.out


def test_a_key_in_an_agent_is_used(plain_cooper, sshd, user, remote, tmp_path):
    allow(plain_cooper)
    user.configure("IdentityFile none")
    url = sshd.url(f"{remote}/.git")
    done = plain_cooper("git:sync", "shop", url, env={**user.env, "SSH_AUTH_SOCK": ""})
    assert done.code == 4 and "the host accepts none of our ssh keys" in done.err and done.err.count("ERROR") == 1, done
    assert "hint: " in done.err and "Permission denied" not in done.err
    user.config.write_text(user.config.read_text().replace("IdentitiesOnly yes\n", ""))
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.PIPE, process_group=0)
    try:
        agent.stdout.readline()  # it listens
        env = {**user.env, "SSH_AUTH_SOCK": str(tmp_path / "agent")}
        subprocess.run(["ssh-add", "-q", user.key], env={**os.environ, **env}, check=True)
        plain_cooper("git:sync", "shop", url, env=env).ok()
    finally:
        end(agent)
    assert branch(plain_cooper) == git(remote, "rev-parse", "main")


def test_an_unknown_host_is_one_clear_line(plain_cooper, sshd, user, remote):
    allow(plain_cooper)
    user.known_hosts.write_text("")
    url = sshd.url(f"{remote}/.git")
    done = plain_cooper("git:sync", "shop", url, env=user.env)
    assert done.code == 4 and done.err.splitlines()[-2:] == [
        f"ERROR: can't fetch ssh://127.0.0.1:{sshd.port}{remote}/.git: the host's ssh key is not known",
        f"  hint: look at it, and add it: ssh-keyscan -p {sshd.port} 127.0.0.1 >> ~/.ssh/known_hosts"], done
    # What the hint says makes it known.
    keys = subprocess.run(["ssh-keyscan", "-T", "60", "-p", str(sshd.port), "127.0.0.1"], capture_output=True, check=True).stdout
    user.known_hosts.write_bytes(keys)
    plain_cooper("git:sync", "shop", url, env=user.env).ok()
    assert branch(plain_cooper) == git(remote, "rev-parse", "main")


def test_a_host_with_another_key_is_not_said_to_be_unknown(plain_cooper, sshd, user, remote):
    allow(plain_cooper)
    user.knows(f"[127.0.0.1]:{sshd.port}", sshd.key("other"))
    done = plain_cooper("git:sync", "shop", sshd.url(f"{remote}/.git"), env=user.env)
    assert done.code == 4 and "the host's ssh key is not the one that is known" in done.err, done
    assert done.err.count("ERROR") == 1 and "ssh-keyscan" not in done.err


def test_a_repository_that_there_is_not(plain_cooper, sshd, user, remote):
    allow(plain_cooper)
    done = plain_cooper("git:sync", "shop", sshd.url(f"{remote}/nothing"), env=user.env)
    assert done.code == 3 and "there is no repository" in done.err and done.err.count("ERROR") == 1, done


def test_a_host_with_a_public_address_is_known_by_its_name(plain_cooper, sshd, remote, tmp_path):
    if reason := internet.missing():
        pytest.skip(reason)
    plain_cooper("apps", "create", "shop").ok()
    sshd.host = PUBLIC

    def run():
        user = User(sshd.start())
        user.knows(f"[git.example]:{sshd.port}", sshd.folder / "host")
        url = sshd.url(f"{remote}/.git", host="git.example")
        synced = plain_cooper("git:sync", "shop", url, env=user.env)
        user.known_hosts.write_text("")
        return synced, plain_cooper("git:sync", "shop", url, env=user.env)
    synced, unknown = internet.inside(tmp_path, {"git.example": PUBLIC}, run)
    synced.ok()
    assert branch(plain_cooper) == git(remote, "rev-parse", "main")
    assert unknown.code == 4 and f"ssh-keyscan -p {sshd.port} git.example" in unknown.err, unknown


@pytest.mark.parametrize("url, says", [
    ("-oProxyCommand=touch${{IFS}}{mark}", "it begins with a dash"),
    ("-oProxyCommand=touch${{IFS}}{mark}@127.0.0.1:hello", "it begins with a dash"),
    ("ssh://-oProxyCommand=touch${{IFS}}{mark}", "its host is no name"),
    ("ssh://-oProxyCommand=touch$IFS'{mark}'/hello", "its host is no name"),
    ("ssh://me@-oProxyCommand=touch/hello", "its host is no name"),
    ("me@-oProxyCommand=touch:hello", "it has no scheme"),
    ("ssh://%2DoProxyCommand=touch/hello", "its host is no name"),
    ("ssh://-oProxyCommand=touch@127.0.0.1/hello", "its user or password can't be read"),
    ("ssh://%2DoProxyCommand=touch%20{code}@127.0.0.1/hello", "its user or password can't be read"),
    ("ssh://127.0.0.1%20-oProxyCommand=touch/hello", "its host is no name"),
    ("ssh://127.0.0.1 -oProxyCommand=touch/hello", "it holds blanks"),
    ("ssh://127.0.0.1;touch${{IFS}}{mark}/hello", "its host is no name"),
    ("ssh://$(touch${{IFS}}mark)/hello", "its host is no name"),
    ("127.0.0.1:--upload-pack=touch", "it has no scheme"),
])
def test_no_option_is_smuggled_in(plain_cooper, tmp_path, url, says):
    allow(plain_cooper)
    mark = tmp_path / "mark"
    url = url.format(mark=mark, code=str(mark).replace("/", "%2F"))
    done = plain_cooper("git:sync", "shop", "--", url, cwd=tmp_path)
    assert done.code == 2 and says in done.err and done.err.count("ERROR") == 1, done
    assert not mark.exists() and not (plain_cooper.root / "data/git").exists()


def test_what_a_path_holds_is_no_shells(plain_cooper, sshd, user, remote, tmp_path):
    allow(plain_cooper)
    mark = tmp_path / "mark"
    for path in (f"/x'$(touch${{IFS}}{mark})'", f"/$(touch${{IFS}}{mark})", f"/x;touch${{IFS}}{mark}", "/--upload-pack=touch"):
        done = plain_cooper("git:sync", "shop", sshd.url(path), env=user.env)
        assert done.code in (3, 5) and done.err.count("ERROR") == 1, done
    assert not mark.exists()
