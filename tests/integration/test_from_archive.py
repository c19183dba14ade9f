"""Building archives that come from files, pipes and the network."""
import gzip
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import zipfile

import pytest

from support.cooper import BASE_IMAGE, build_id_of, make_app, wait_for
from support.tls_front import make_certificates
from support.web import Web


@pytest.fixture
def source(tmp_path):
    folder = make_app(tmp_path / "shop-1.2", {
        "Dockerfile": f"FROM {BASE_IMAGE}\nCOPY . /src\nRUN ls -l /src && /src/run\n",
        "run": "#!/bin/sh\necho page $(cat /src/page)\n", "page": "one"})
    (folder / "link").symlink_to("page")
    return folder


@pytest.fixture
def web():
    made = Web()
    yield made
    made.close()


def archive(source, name):
    """As people make them, with the real tools."""
    path = source.parent / name
    if name.endswith(".zip"):
        subprocess.run(["zip", "-q", "-r", "-y", path, source.name], cwd=source.parent, check=True)
    else:
        subprocess.run(["tar", "-c", "-a", "-f", path, source.name], cwd=source.parent, check=True)
    return path


def tar_of(files):
    """{name: bytes}, or {name: (type, target)} -> the bytes of a tar"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type, info.linkname = content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def files_below(root):
    return [path for path in pathlib.Path(root).rglob("*") if path.is_file() or path.is_symlink()]


def assert_nothing_kept(cooper, app="shop"):
    """No build began, and no scratch is left."""
    assert cooper.build_ids(app) == []
    for place in ("work", "sources"):
        assert files_below(cooper.root / "data" / place) == []
    work = cooper.root / "data/work" / app
    assert not work.exists() or list(work.iterdir()) == []


def from_network(cooper, schemes="https,http", app="shop"):
    cooper("apps", "create", app)
    cooper("builds", "set", "fetch-schemes", schemes, "-a", app).ok()
    cooper("builds", "set", "fetch-private", "on", "-a", app).ok()


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.zst", "a.tar.xz", "a.tar.bz2", "a.zip"])
def test_every_kind_of_file_is_built(cooper, source, name):
    (source / "page").write_text(name)  # else it would be the image of another kind's test
    path = archive(source, name)
    done = cooper("git:from-archive", "shop", path).ok()
    assert f"page {name}" in done.out and "link -> page" in done.out
    record = cooper.record("shop", build_id_of(done.out))
    assert (record["source"], record["kind"], record["status"]) == ("git:from-archive", "build", "succeeded")
    assert record["description"] == f"archive {name}"
    assert list((cooper.root / "data/work/shop").iterdir()) == []


def test_the_content_tells_the_kind_and_the_flag_checks_it(cooper, source, tmp_path):
    lie = tmp_path / "really.tar.gz"
    shutil.copy(archive(source, "a.zip"), lie)
    done = cooper("git:from-archive", "--archive-type", "tar.gz", "shop", lie)
    assert done.code == 2 and "ERROR: the archive is a zip, no tar.gz\n" in done.err
    done = cooper("git:from-archive", "--archive-type", "rar", "shop", lie)
    assert done.code == 2 and 'unknown archive type "rar"' in done.err
    assert_nothing_kept(cooper)
    cooper("git:from-archive", "--archive-type", "zip", "shop", lie).ok()


@pytest.mark.parametrize("words", [["-"], ["--"], []])
def test_stdin(cooper, source, words):
    """A pipe, of a zip, which is read from its end; `--` is Dokku's word for it."""
    path = archive(source, "a.zip")
    job = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    process = subprocess.run([os.environ["COOPER_BIN"], "git:from-archive", "shop", *words],
                             env=cooper.env, stdin=job.stdout, capture_output=True, text=True, timeout=180)
    job.stdout.close()
    assert job.wait() == 0 and process.returncode == 0, process.stderr
    assert cooper.record("shop", build_id_of(process.stdout))["description"] == "archive from stdin"


def test_the_app_may_be_a_flag_and_user_and_email_are_taken(cooper, source):
    path = archive(source, "a.tar")
    cooper("git:from-archive", "-a", "shop", path).ok()
    cooper("git:from-archive", "shop", path, "Ada", "ada@mail.example").ok()
    assert len(cooper.build_ids("shop")) == 2


def test_it_is_deployed_if_there_is_a_deployer(cooper, source, tmp_path):
    script = tmp_path / "deploy"
    script.write_text(f"#!/bin/sh\necho deployed $RELEASE\n")
    script.chmod(0o755)
    cooper("apps", "create", "shop").ok()
    cooper("builds", "set", "deployer", "command", "-a", "shop").ok()
    cooper("builds", "set", "deploy-command", script, "-a", "shop").ok()
    done = cooper("git:from-archive", "shop", archive(source, "a.tar")).ok()
    assert "deployed r" in done.out
    assert [cooper.record("shop", b)["kind"] for b in cooper.build_ids("shop")] == ["build", "deploy"]


def test_git_is_not_asked_about_it(cooper, source, tmp_path):
    """A repository in an archive could make git run anything."""
    subprocess.run(["git", "init", "-q", source], check=True)
    subprocess.run(["git", "-C", source, "config", "core.fsmonitor", f"touch {tmp_path}/evil"], check=True)
    subprocess.run(["git", "-C", source, "config", "filter.x.clean", f"touch {tmp_path}/evil"], check=True)
    (source / ".gitattributes").write_text("* filter=x\n")
    done = cooper("git:from-archive", "shop", archive(source, "a.tar")).ok()
    assert not (tmp_path / "evil").exists()
    assert cooper.record("shop", build_id_of(done.out)).get("git_sha", "") == ""


HOSTILE = {
    "up": (tar_of({"../evil": b"x"}), "leads out of the folder by .."),
    "absolute": (tar_of({"/tmp/cooper-evil": b"x"}), "has an absolute name"),
    "link": (tar_of({"a": b"x", "l": (tarfile.SYMTYPE, "/etc/passwd")}), "l is a link that leads out of it"),
    "through": (tar_of({"l": (tarfile.SYMTYPE, ".."), "l/evil": b"x"}), "leads through a link"),
    "device": (tar_of({"d": (tarfile.CHRTYPE, "")}), "is a device"),
    "fifo": (tar_of({"f": (tarfile.FIFOTYPE, "")}), "is a device, fifo or socket"),
    "bomb": (gzip.compress(tar_of({"zeros": bytes(80 << 20)}), 9), "it may be a bomb"),
    "cut": (gzip.compress(tar_of({"a": os.urandom(5000)}))[:3000], "damaged or cut off"),
    "web page": (b"<!DOCTYPE html><html>Sign in</html>", "it looks like a web page"),
    "empty": (b"", "it is empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ones_are_refused_and_nothing_is_kept(plain_cooper, tmp_path, name):
    content, says = HOSTILE[name]
    path = tmp_path / "archive"
    path.write_bytes(content)
    done = plain_cooper("git:from-archive", "shop", path)
    assert done.code == 1 and says in done.err and done.err.count("ERROR") == 1, done
    assert_nothing_kept(plain_cooper)
    assert not (tmp_path / "evil").exists() and not pathlib.Path("/tmp/cooper-evil").exists()


def test_memory_is_bounded(plain_cooper, tmp_path):
    """A filter of xz that wants 1 GiB."""
    path = tmp_path / "archive"
    made = subprocess.run(["xz", "-c", "--format=xz", "--lzma2=dict=768MiB,mode=fast,mf=hc3,nice=16"],
                          input=tar_of({"a": b"x"}), capture_output=True)
    if made.returncode != 0:
        pytest.skip("xz has not enough memory here: " + made.stderr.decode())
    path.write_bytes(made.stdout)
    done = plain_cooper("git:from-archive", "shop", path)
    assert done.code != 0 and "memory" in done.err, done
    assert_nothing_kept(plain_cooper)


def test_files_together_have_a_limit(plain_cooper, tmp_path):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "unpack-limit", "1m", "-a", "shop").ok()
    path = tmp_path / "archive"
    path.write_bytes(tar_of({"a": os.urandom(1 << 20), "b": b"x"}))
    done = plain_cooper("git:from-archive", "shop", path)
    assert done.code == 1 and "b is too large: all files together may have 1 MiB" in done.err
    assert_nothing_kept(plain_cooper)


def test_a_url_is_fetched(cooper, source, web):
    from_network(cooper)
    (source / "page").write_text("of a URL")
    web.pages["/shop.tar.gz"] = archive(source, "a.tar.gz").read_bytes()
    web.pages["/moved"] = (302, {"Location": "/shop.tar.gz"}, b"")
    done = cooper("git:from-archive", "shop", f"http://me:s3cret-t0ken@{web.host}/moved?key=t0pken").ok()
    build = build_id_of(done.out)
    assert "page of a URL" in done.out
    assert cooper.record("shop", build)["description"] == "archive moved"
    cooper.wait_until_idle()
    kept = b"".join(path.read_bytes() for path in files_below(cooper.root / "data"))
    for secret in (b"s3cret-t0ken", b"t0pken"):
        assert secret not in kept and secret.decode() not in done.out + done.err


def test_https_checks_certificates(cooper, source, tmp_path):
    certificates = make_certificates(tmp_path / "certificates")
    web = Web(certificates)
    try:
        web.pages["/shop.zip"] = archive(source, "a.zip").read_bytes()
        cooper("apps", "create", "shop").ok()
        cooper("builds", "set", "fetch-private", "on", "-a", "shop").ok()
        done = cooper("git:from-archive", "shop", f"{web.url}/shop.zip")
        assert done.code == 5 and "certificate can't be trusted" in done.err, done
        assert cooper.build_ids("shop") == []
        cooper("git:from-archive", "shop", f"{web.url}/shop.zip",
               env={"SSL_CERT_FILE": f"{certificates}/ca.pem"}).ok()
    finally:
        web.close()


def slow(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x" * 1000)
    handler.wfile.flush()
    handler.server.stop.wait(300)


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass  # who asked has enough


FAILURES = {
    "missing": (404, 3, "nothing is there (HTTP 404)"),
    "private": (401, 4, "the server wants credentials (HTTP 401)"),
    "forbidden": (403, 4, "the server wants credentials (HTTP 403)"),
    "busy": (429, 5, "the server is asked too often (HTTP 429)"),
    "broken": (503, 5, "the server has failed (HTTP 503)"),
    "odd": (418, 5, "the server refuses it (HTTP 418)"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_the_server_says_is_told_and_its_body_is_not(plain_cooper, web, name):
    status, code, says = FAILURES[name]
    from_network(plain_cooper)
    web.pages["/a"] = (status, {}, b"internal secrets of that host")
    done = plain_cooper("git:from-archive", "shop", f"{web.url}/a?token=t0ken")
    assert done.code == code and f"can't fetch {web.url}/a: {says}" in done.err, done
    assert "internal secrets" not in done.err and "t0ken" not in done.err
    assert_nothing_kept(plain_cooper)


@pytest.mark.parametrize("page, limit, code, says", [
    (cut, "1m", 5, "ended the connection before all was there"),
    (endless, "1m", 2, "it is larger than 1 MiB"),
    ((200, {"Content-Length": 1 << 40}, b""), "1m", 2, "it is larger than 1 MiB"),
    ((302, {"Location": "/a"}, b""), "1m", 5, "more than 5 redirects"),
    ((302, {"Location": "file:///etc/passwd"}, b""), "1m", 4, "redirects to what is not https or http"),
    ((302, {"Location": "ftp://127.0.0.1/x"}, b""), "1m", 4, "redirects to what is not https or http"),
], ids=["cut", "endless", "too large", "round", "to a file", "to ftp"])
def test_bad_answers(plain_cooper, web, page, limit, code, says):
    from_network(plain_cooper)
    plain_cooper("builds", "set", "fetch-limit", limit, "-a", "shop").ok()
    web.pages["/a"] = page
    done = plain_cooper("git:from-archive", "shop", f"{web.url}/a")
    assert done.code == code and says in done.err, done
    assert_nothing_kept(plain_cooper)


def test_a_time_limit(plain_cooper, web):
    import threading
    web.server.stop = threading.Event()
    from_network(plain_cooper)
    plain_cooper("builds", "set", "fetch-timeout", "1s", "-a", "shop").ok()
    web.pages["/a"] = slow
    done = plain_cooper("git:from-archive", "shop", f"{web.url}/a")
    web.server.stop.set()
    assert done.code == 5 and "it takes too long" in done.err, done
    assert_nothing_kept(plain_cooper)


def test_ctrl_c_and_sigkill_leave_nothing_that_counts(plain_cooper, web):
    import threading
    web.server.stop = threading.Event()
    from_network(plain_cooper)
    web.pages["/a"] = slow
    job = plain_cooper.start("git:from-archive", "shop", f"{web.url}/a")
    wait_for(lambda: web.asked, "the request")
    job.send_signal(signal.SIGINT)
    _, err = job.communicate(timeout=120)
    assert job.returncode == 130 and "canceled" in err, (job.returncode, err)
    assert_nothing_kept(plain_cooper)

    job = plain_cooper.start("git:from-archive", "shop", f"{web.url}/a")
    wait_for(lambda: len(web.asked) == 2, "the request")
    job.kill()
    job.communicate(timeout=120)
    # Its helper goes with it; what is left is no source, and old leftovers are pruned.
    plain_cooper.wait_until_idle()
    web.server.stop.set()
    left = list((plain_cooper.root / "data/work/shop").iterdir())
    assert len(left) == 1 and left[0].name.startswith(".tmp-")
    os.utime(left[0], (0, 0))
    plain_cooper("builds", "prune", "-a", "shop").ok()
    assert_nothing_kept(plain_cooper)


PRIVATE = ["http://127.0.0.1:{port}/a", "http://localhost:{port}/a", "http://[::1]:{port}/a",
           "http://[::ffff:127.0.0.1]:{port}/a", "http://0.0.0.0:{port}/a", "http://169.254.169.254/latest/meta-data/",
           "http://10.0.0.1/", "http://192.168.0.1/", "http://[fe80::1]/", "http://[fd00:ec2::254]/"]


@pytest.mark.parametrize("url", PRIVATE)
def test_addresses_that_are_not_public_are_refused(plain_cooper, web, url):
    plain_cooper("apps", "create", "shop").ok()
    plain_cooper("builds", "set", "fetch-schemes", "https,http", "-a", "shop").ok()
    web.pages["/a"] = b"internal"
    # A proxy would connect for us.
    done = plain_cooper("git:from-archive", "shop", url.format(port=web.port),
                        env={"http_proxy": web.url, "all_proxy": web.url})
    assert done.code == 4 and "no public address" in done.err and "fetch-private" in done.err, done
    assert web.asked == []
    assert_nothing_kept(plain_cooper)


@pytest.mark.parametrize("url, code, says", [
    ("http://git.example/a", 4, "source may not be fetched by http"),
    ("file:///etc/passwd", 4, "source may not be fetched by file"),
    ("gopher://git.example/a", 2, "its scheme is gopher"),
    ("https://2130706433/a", 2, "its host is a number"),
    ("https://0x7f000001/a", 2, "its host is a number"),
    ("https://-oProxyCommand=x/a", 2, "its host is no name"),
    ("ssh://git@git.example/a.tar", 2, "an archive can't be fetched by ssh"),
])
def test_bad_urls(plain_cooper, url, code, says):
    plain_cooper("apps", "create", "shop").ok()
    done = plain_cooper("git:from-archive", "shop", url)
    assert done.code == code and says in done.err and done.err.count("ERROR") == 1, done
    assert_nothing_kept(plain_cooper)


def test_a_file_url_where_it_is_allowed(cooper, source):
    from_network(cooper, "file")
    cooper("git:from-archive", "shop", f"file://{archive(source, 'a.tar')}").ok()
    done = cooper("git:from-archive", "shop", "file:///no/such/file")
    assert done.code == 3 and "there is no file /no/such/file" in done.err


def test_a_file_that_is_not_there(plain_cooper, tmp_path):
    done = plain_cooper("git:from-archive", "shop", tmp_path / "no.tar")
    assert done.code == 3 and "there is no file" in done.err
    assert not (plain_cooper.root / "data/apps/shop").exists()


def test_nothing_is_left_of_an_app_that_never_came_to_be(plain_cooper, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"Dockerfile": b"FROM scratch\n"}))
    for manifest in ("../../etc/passwd", "/etc/passwd"):
        done = plain_cooper("git:from-archive", "shop", path, "-m", manifest)
        assert done.code == 2 and f"the {manifest} of {path} leads out of the source\n" in done.err, done
        assert not (plain_cooper.root / "data/work/shop").exists()


def test_build_arguments(cooper, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"Dockerfile": f"FROM {BASE_IMAGE}\nARG WORD\nRUN echo the word is $WORD\n".encode()}))
    assert "the word is hello" in cooper("git:from-archive", "shop", path, "--build-args", "WORD=hello").ok().out
    done = cooper("git:from-archive", "shop", path, "--build-args", "hello")
    assert done.code == 2 and "--build-args is not NAME=VALUE" in done.err, done


def test_an_archive_without_an_app(plain_cooper, tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"a": b"x", "b": b"y"}))
    done = plain_cooper("git:from-archive", "shop", path)
    assert done.code == 2 and f"neither a convox.yml nor a Dockerfile in {path}" in done.err, done
    assert_nothing_kept(plain_cooper)
