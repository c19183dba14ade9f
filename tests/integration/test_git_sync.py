"""git:sync: commits of elsewhere, fetched and built."""
import base64
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from support.cooper import BASE_IMAGE, build_id_of, files_below, make_app, processes_of, wait_for
from support.git_remote import add_submodule_entry, branch, commit, git
from support.ports import free_port
from support.web import Web, git_backend


@pytest.fixture
def remote(tmp_path):
    """A repository with two branches and two tags."""
    folder = make_app(tmp_path / "remotes/hello", {
        "Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\nRUN echo page $(cat /src/page); find /src -type f -name lib* -exec cat {{}} +\n"})
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one", "first")
    git(folder, "tag", "v1")
    git(folder, "checkout", "-q", "-b", "next")
    commit(folder, "next")
    git(folder, "tag", "-a", "-m", "two", "v2")
    git(folder, "checkout", "-q", "main")
    return folder


@pytest.fixture
def web(tmp_path):
    made = Web()
    made.others = git_backend(tmp_path / "remotes")
    yield made
    made.close()


@pytest.fixture
def shop(plain_cooper):
    """The app `shop`, which may fetch from here."""
    allow(plain_cooper)
    return plain_cooper


def allow(cooper, schemes="https,http,ssh,git,file"):
    cooper("apps", "create", "shop")
    cooper("builds", "set", "fetch-schemes", schemes, "-a", "shop").ok()
    cooper("builds", "set", "fetch-private", "on", "-a", "shop").ok()


def repository(cooper, app="shop"):
    return cooper.root / f"data/git/{app}.git"


def deploy_branch(cooper):
    settings = cooper("builds", "settings", "-a", "shop").ok().out
    return next(line.split()[1:2] for line in settings.splitlines() if line.startswith("deploy-branch"))


def assert_no_scratch(cooper):
    work = cooper.root / "data/work/shop"
    assert not work.exists() or list(work.iterdir()) == []


def test_build_from_http(cooper, remote, web):
    allow(cooper)
    done = cooper("git:sync", "--build", "shop", f"http://me:s3cret-t0ken@{web.host}/hello/.git").ok()
    head = git(remote, "rev-parse", "main")
    assert f"Branch main of shop is at {head[:10]}\n" in done.out and "page one" in done.out
    record = cooper.record("shop", build_id_of(done.out))
    assert (record["source"], record["status"], record["git_sha"]) == ("git:sync", "succeeded", head)
    assert record["description"] == f"build {head[:10]} first"
    assert_no_scratch(cooper)
    # The password went to the server, and nowhere else.
    sent = {headers.get("Authorization") for _, headers in web.asked}
    assert sent == {"Basic " + base64.b64encode(b"me:s3cret-t0ken").decode()}
    kept = b"".join(files_below(cooper.root / "data").values())
    assert b"s3cret-t0ken" not in kept and "s3cret-t0ken" not in done.out + done.err

    # Unchanged: built if asked to, not if it must have changed; nothing is fetched.
    asked = len(web.asked)
    done = cooper("git:sync", "--build-if-changes", "shop", f"{web.url}/hello/.git").ok()
    assert f"was at {head[:10]} already" in done.out and len(cooper.build_ids("shop")) == 1
    assert len(web.asked) - asked == 2  # what is there, and its refs
    cooper("git:sync", "--build", "shop", f"{web.url}/hello/.git").ok()
    commit(remote, "two")
    done = cooper("git:sync", "--build-if-changes", "shop", f"{web.url}/hello/.git").ok()
    assert "page two" in done.out and len(cooper.build_ids("shop")) == 3


def test_a_commit_whose_build_could_not_begin_is_built_the_next_time(cooper, remote):
    allow(cooper)
    words = ("git:sync", "--build-if-changes", "--no-wait", "shop", f"file://{remote}/.git")
    deploy = cooper.start("track", "-a", "shop", "--detach", "--", "sleep", "600")
    assert deploy.wait(180) == 0
    refused = cooper(*words)
    assert refused.code == 6 and branch(cooper) == git(remote, "rev-parse", "main")
    cooper("builds", "cancel", "current", "-a", "shop").ok()
    done = cooper(*words).ok()
    assert "already" in done.out and "Release: " in done.out
    assert "Release: " not in cooper(*words).ok().out


def test_without_a_flag_nothing_is_built(shop, remote):
    done = shop("git:sync", "shop", f"file://{remote}/.git").ok()
    assert branch(shop) == git(remote, "rev-parse", "main")
    assert shop.build_ids("shop") == [] and "Branch main of shop is at" in done.out
    shop("git:sync", "-a", "shop", f"{remote}/.git").ok()


@pytest.mark.parametrize("ref, of", [
    ("next", "next"), ("v1", "v1"), ("v2", "v2^{commit}"), ("refs/tags/v1", "v1"), ("refs/heads/next", "next"),
    ("SHA", "v1"), ("SHORT", "v1"), ("", "main")])
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_refs(shop, remote, web, ref, of, scheme):
    url = f"file://{remote}/.git" if scheme == "file" else f"{web.url}/hello/.git"
    head = git(remote, "rev-parse", of)
    words = [{"SHA": head, "SHORT": head[:12]}.get(ref, ref)] if ref else []
    shop("git:sync", "shop", url, *words).ok()
    name = "next" if ref.endswith("next") else "main"
    assert branch(shop, name) == head
    assert git(repository(shop), "symbolic-ref", "HEAD") == f"refs/heads/{name}"
    assert git(repository(shop), "fsck") is not None
    assert_no_scratch(shop)


def test_the_deploy_branch_follows_unless_told_otherwise(shop, remote):
    url = f"file://{remote}/.git"
    shop("git:sync", "shop", url, "next").ok()
    assert deploy_branch(shop) == ["next"]
    shop("git:sync", "--skip-deploy-branch", "shop", url, "main").ok()
    assert deploy_branch(shop) == ["next"]
    assert branch(shop, "next") == git(remote, "rev-parse", "main")
    shop("git:sync", "shop", url, "v1").ok()  # a tag is no branch
    assert deploy_branch(shop) == ["next"] and branch(shop, "next") == git(remote, "rev-parse", "v1")
    # Backwards, and of a history of its own: what the remote says counts.
    git(remote, "checkout", "-q", "--orphan", "fresh")
    other = commit(remote, "fresh")
    shop("git:sync", "--skip-deploy-branch", "shop", url, "fresh").ok()
    assert branch(shop, "next") == other


def test_a_shallow_remote(shop, remote, tmp_path):
    commit(remote, "two")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{remote}", shallow], check=True)
    shop("git:sync", "shop", f"file://{shallow}/.git").ok()
    assert branch(shop) == git(remote, "rev-parse", "main")
    commit(remote, "three")
    shop("git:sync", "shop", f"file://{remote}/.git").ok()
    assert branch(shop) == git(remote, "rev-parse", "main")


def test_a_server_of_plain_files(shop, remote, tmp_path):
    """`git update-server-info` and any web server: no single commit can be asked for."""
    bare = tmp_path / "plain.git"
    subprocess.run(["git", "clone", "-q", "--bare", remote, bare], check=True)
    git(bare, "update-server-info")
    web = Web()
    try:
        for path in bare.rglob("*"):
            if path.is_file():
                web.pages[f"/plain.git/{path.relative_to(bare)}"] = path.read_bytes()
                web.pages[f"/plain.git/{path.relative_to(bare)}?service=git-upload-pack"] = path.read_bytes()
        shop("git:sync", "shop", f"{web.url}/plain.git").ok()
        assert branch(shop) == git(remote, "rev-parse", "main")
    finally:
        web.close()


@pytest.fixture
def daemon(tmp_path, remote):
    """git daemon on a port that nobody has."""
    port = free_port()
    process = subprocess.Popen(["git", "daemon", "--export-all", f"--base-path={tmp_path}/remotes", "--listen=127.0.0.1",
                                f"--port={port}", "--reuseaddr"], process_group=0, stderr=subprocess.DEVNULL)

    def answers():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False
    wait_for(answers, "git daemon")
    yield f"git://localhost:{port}/hello/.git"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def test_git_daemon(shop, remote, daemon):
    shop("git:sync", "shop", daemon, "next").ok()
    assert branch(shop, "next") == git(remote, "rev-parse", "next")


def test_submodules_are_fetched(cooper, remote, web, tmp_path):
    allow(cooper)
    library = make_app(tmp_path / "remotes/library", {"lib.txt": "from the library\n"})
    git(library, "init", "-q", "-b", "main")
    commit(library, "lib")
    git(remote, "submodule", "--quiet", "add", f"{web.url}/library/.git", "library")
    git(remote, "remote", "add", "origin", f"{web.url}/hello/.git")
    git(remote, "submodule", "--quiet", "add", "../../library/.git", "relative")
    commit(remote, "with submodules")
    done = cooper("git:sync", "--build", "shop", f"{web.url}/hello/.git").ok()
    assert done.out.count("from the library") >= 2
    assert_no_scratch(cooper)


def test_a_token_is_for_submodules_on_the_same_server_too(cooper, remote, web, tmp_path):
    allow(cooper)
    library = make_app(tmp_path / "remotes/library", {"lib.txt": "from the library\n"})
    git(library, "init", "-q", "-b", "main")
    commit(library, "lib")
    other = Web()
    other.others = web.others
    try:
        git(remote, "submodule", "--quiet", "add", f"{web.url}/library/.git", "near")
        git(remote, "submodule", "--quiet", "add", f"{other.url}/library/.git", "far")
        commit(remote, "with submodules")
        web.asked.clear()
        other.asked.clear()
        cooper("git:sync", "--build", "shop", f"http://me:s3cret-t0ken@{web.host}/hello/.git").ok()
        token = "Basic " + base64.b64encode(b"me:s3cret-t0ken").decode()
        for path in ("/hello/", "/library/"):
            assert {headers.get("Authorization") for asked, headers in web.asked if asked.startswith(path)} == {token}
        assert {headers.get("Authorization") for _, headers in other.asked} == {None}
    finally:
        other.close()
    kept = b"".join(files_below(cooper.root / "data").values())
    assert b"s3cret-t0ken" not in kept


def test_submodules_have_the_limits_too(cooper, remote, silent, tmp_path):
    allow(cooper)
    library = make_app(tmp_path / "remotes/library", {"page": "a page"})
    git(library, "init", "-q", "-b", "main")
    (library / "large").write_bytes(os.urandom(3 << 20))
    commit(library, "large")
    git(remote, "submodule", "--quiet", "add", library, "large")
    git(remote, "config", "--file", ".gitmodules", "submodule.large.url", f"file://{library}/.git")
    commit(remote, "large")
    cooper("builds", "set", "fetch-limit", "1m", "-a", "shop").ok()
    done = cooper("git:sync", "--build", "shop", f"file://{remote}/.git")
    assert done.code == 2 and "submodule large: can't fetch" in done.err and "larger than 1 MiB" in done.err, done
    git(remote, "config", "--file", ".gitmodules", "submodule.large.url", silent)
    commit(remote, "silent")
    # Time enough for the repository itself.
    cooper("builds", "set", "fetch-timeout", "10s", "-a", "shop").ok()
    done = cooper("git:sync", "--build", "shop", f"file://{remote}/.git")
    assert done.code == 5 and "submodule large: " in done.err and "it takes too long" in done.err, done
    assert cooper.build_ids("shop") == []
    assert_no_scratch(cooper)


@pytest.mark.parametrize("name", [".dockerignore", "convox.yml"])
def test_no_file_of_this_host_is_read_by_a_link(shop, remote, tmp_path, name):
    (tmp_path / "secret").write_text("[s3cret-line\n")
    (remote / name).symlink_to(tmp_path / "secret")
    commit(remote, "link")
    done = shop("git:sync", "--build", "shop", f"file://{remote}/.git")
    assert done.code == 2 and f"the {name} of commit " in done.err and "leads out of the source" in done.err, done
    assert "s3cret" not in done.out + done.err and shop.build_ids("shop") == []


@pytest.mark.parametrize("url, says", [
    ("file:///etc", "submodule x: source may not be fetched by file"),
    ("/etc", "submodule x: source may not be fetched by file"),
    ("ext::sh -c touch% evil", "submodule x: this is no URL that source can come from"),
    ("-oProxyCommand=touch", "disallowed submodule url"),
    ("gopher://git.example/x", "its scheme is gopher"),
])
def test_submodules_urls_are_checked(plain_cooper, remote, web, url, says):
    add_submodule_entry(remote, url)
    allow(plain_cooper, "https,http")
    done = plain_cooper("git:sync", "--build", "shop", f"{web.url}/hello/.git")
    assert done.code != 0 and says in done.err, done
    assert plain_cooper.build_ids("shop") == []
    assert_no_scratch(plain_cooper)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/hello/.git", "http://localhost:{port}/hello/.git",
                                 "git://127.0.0.1:{port}/hello", "ssh://git@127.0.0.1:{port}/hello",
                                 "git@localhost:hello", "http://[::1]:{port}/hello", "https://10.0.0.1/hello.git"])
def test_addresses_that_are_not_public_are_refused(plain_cooper, web, url):
    allow(plain_cooper)
    plain_cooper("builds", "set", "fetch-private", "off", "-a", "shop").ok()
    done = plain_cooper("git:sync", "shop", url.format(port=web.port), env={"http_proxy": web.url})
    assert done.code == 4 and "no public address" in done.err and web.asked == [], done
    assert not repository(plain_cooper).exists()


@pytest.mark.parametrize("words, code, says", [
    (["file:///srv/hello.git"], 4, "source may not be fetched by file"),
    (["/srv/hello.git"], 4, "source may not be fetched by file"),
    (["http://git.example/hello.git"], 4, "source may not be fetched by http"),
    (["ext::sh -c id"], 2, "no URL that source can come from"),
    (["ext::sh"], 2, "no URL that source can come from"),
    (["--", "--upload-pack=touch"], 2, "it begins with a dash"),
    (["--", "-oProxyCommand=touch"], 2, "it begins with a dash"),
    (["ssh://-oProxyCommand=touch/x"], 2, "its host is no name"),
    ([], 2, "no repository is named"),
    (["https://git.example/a", "main", "more"], 2, "unexpected argument"),
])
def test_bad_urls(plain_cooper, words, code, says):
    plain_cooper("apps", "create", "shop").ok()
    done = plain_cooper("git:sync", "shop", *words)
    assert done.code == code and says in done.err and done.err.count("ERROR") == 1, done


@pytest.mark.parametrize("ref, code, says", [
    ("no-such-branch", 3, "has no branch or tag no-such-branch"),
    ("1" * 40, 3, "has no commit " + "1" * 40),
    ("abcdef1", 3, "has no commit abcdef1"),
    ("main:evil", 2, "is no branch, tag or commit"),
    ("a..b", 2, "is no branch, tag or commit"),
    ("main^{tree}", 2, "is no branch, tag or commit"),
])
def test_bad_refs(shop, remote, ref, code, says):
    done = shop("git:sync", "shop", f"file://{remote}/.git", ref)
    assert done.code == code and says in done.err and done.err.count("ERROR") == 1, done
    done = shop("git:sync", "shop", f"file://{remote}/.git", "--", "--upload-pack=touch")
    assert done.code == 2
    assert_no_scratch(shop)


@pytest.mark.parametrize("page, code, says", [
    ((404, {}, b"internal"), 3, "there is no repository"),
    ((401, {"WWW-Authenticate": "Basic realm=x"}, b"internal"), 4, "the server refuses the credentials"),
    ((403, {}, b"internal"), 4, "the server refuses it (HTTP 403)"),
    ((500, {}, b"internal"), 5, "can't fetch"),
    ((200, {}, b"internal"), 3, "has no branch that is its HEAD"),
])
def test_what_the_server_says_is_told(plain_cooper, page, code, says):
    web = Web()
    try:
        allow(plain_cooper)
        web.others = page
        done = plain_cooper("git:sync", "shop", f"{web.url}/hello.git")
        assert done.code == code and says in done.err and "internal" not in done.err, done
        assert done.err.count("ERROR") == 1
    finally:
        web.close()


def test_what_is_too_large_is_refused(shop, remote, web):
    (remote / "large").write_bytes(os.urandom(3 << 20))
    commit(remote, "large")
    shop("builds", "set", "fetch-limit", "1m", "-a", "shop").ok()
    done = shop("git:sync", "shop", f"{web.url}/hello/.git")
    assert done.code == 2 and "it is larger than 1 MiB" in done.err, done
    assert_no_scratch(shop)
    assert not (repository(shop) / "refs/heads/main").exists()


@pytest.fixture
def silent():
    """A server that takes connections and says nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{server.getsockname()[1]}/hello.git"
    server.close()


def test_a_time_limit(shop, silent):
    shop("builds", "set", "fetch-timeout", "1s", "-a", "shop").ok()
    done = shop("git:sync", "shop", silent)
    assert done.code == 5 and "it takes too long" in done.err, done


def test_ctrl_c(shop, silent):
    job = shop.start("git:sync", "shop", silent)
    wait_for(lambda: any("remote-http" in line for line in processes_of(silent).values()), "git")
    job.send_signal(signal.SIGINT)
    _, err = job.communicate(timeout=180)
    assert job.returncode == 130 and "canceled" in err, (job.returncode, err)
    wait_for(lambda: not processes_of(silent), "the end of git")
    assert_no_scratch(shop)
