"""Where source is fetched from: public addresses alone, whatever names and redirects say."""
import io
import tarfile

import pytest

from support import internet
from support.cooper import make_app
from support.git_remote import add_submodule_entry, branch, commit, git
from support.web import Web, git_backend

PUBLIC, OTHER = "198.41.0.4", "198.41.0.5"
HOSTS = {"git.example": PUBLIC, "other.example": OTHER, "inner.example": "127.0.0.1"}


@pytest.fixture
def online(tmp_path):
    if reason := internet.missing():
        pytest.skip(reason)
    return lambda run: internet.inside(tmp_path, HOSTS, run)


@pytest.fixture
def shop(plain_cooper):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "fetch-schemes", "https,http,git", "-a", "shop").ok()
    return plain_cooper


def tar():
    """Without a Dockerfile, so that nothing is built of what was fetched."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
        archive.addfile(tarfile.TarInfo("b"))
    return out.getvalue()


FETCHED = "neither a convox.yml nor a Dockerfile"


def test_a_public_address_is_fetched_from(shop, online):
    def run():
        web = Web(host=PUBLIC)
        web.pages["/a"] = tar()
        return shop("git:from-archive", "shop", f"http://git.example:{web.port}/a")
    assert FETCHED in online(run).err


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/a", "http://inner.example:{port}/a",
                                    "http://localhost:{port}/a", "http://0.0.0.0:{port}/a"])
def test_a_redirect_to_another_one_is_refused(shop, online, target):
    asked = []

    def run():
        inner = Web()
        inner.pages["/a"], asked[:] = tar(), [inner.asked]
        web = Web(host=PUBLIC)
        web.pages["/a"] = (302, {"Location": target.format(port=inner.port)}, b"")
        return shop("git:from-archive", "shop", f"http://git.example:{web.port}/a")
    done = online(run)
    assert done.code == 4 and "no public address" in done.err and "redirects to" in done.err, done
    assert asked == [[]]


def test_credentials_stay_with_their_host(shop, online):
    asked = []

    def run():
        other, web = Web(host=OTHER), Web(host=PUBLIC)
        other.pages["/a"] = tar()
        web.pages["/a"] = (302, {"Location": f"http://other.example:{other.port}/a"}, b"")
        asked[:] = [web.asked, other.asked]
        return shop("git:from-archive", "shop", f"http://me:s3cret-t0ken@git.example:{web.port}/a")
    done = online(run)
    assert FETCHED in done.err and "s3cret" not in done.err + done.out, done
    (_, first), (_, second) = asked[0][0], asked[1][0]
    assert "Authorization" in first and "Authorization" not in second


@pytest.fixture
def remote(tmp_path):
    folder = make_app(tmp_path / "remotes/hello", {"Dockerfile": "FROM scratch\n"})
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one")
    return folder


def test_git_is_pinned_to_the_address_that_was_checked(shop, online, remote):
    def run():
        web = Web(host=PUBLIC)
        web.others = git_backend(remote.parent)
        return shop("git:sync", "shop", f"http://git.example:{web.port}/hello/.git")
    online(run).ok()
    assert branch(shop) == git(remote, "rev-parse", "main")


def test_git_follows_no_redirect(shop, online, remote):
    asked = []

    def run():
        inner, web = Web(), Web(host=PUBLIC)
        inner.others, asked[:] = git_backend(remote.parent), [inner.asked]
        web.others = (302, {"Location": f"http://127.0.0.1:{inner.port}/hello/.git/info/refs?service=git-upload-pack"}, b"")
        return shop("git:sync", "shop", f"http://git.example:{web.port}/hello/.git")
    done = online(run)
    assert done.code == 4 and "the server redirects, which is not followed" in done.err, done
    assert asked == [[]]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/library/.git", "http://inner.example:{port}/library/.git",
                                 "git://inner.example:{port}/library", "../../../127.0.0.1:{port}/library/.git"])
def test_submodules_are_looked_at_like_all_else(shop, online, remote, url):
    asked = []

    def run():
        inner, web = Web(), Web(host=PUBLIC)
        asked[:] = [inner.asked]
        add_submodule_entry(remote, url.format(port=inner.port))
        web.others = git_backend(remote.parent)
        return shop("git:sync", "--build", "shop", f"http://git.example:{web.port}/hello/.git")
    done = online(run)
    assert done.code == 4 and "submodule x: " in done.err and "no public address" in done.err, done
    assert asked == [[]] and shop.build_ids("shop") == []
