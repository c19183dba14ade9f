"""git over ssh, with a real sshd: whose keys may push, and what nobody may do."""
import json
import os
import signal
import stat
import subprocess

import pytest

from support.cooper import BASE_IMAGE, executable, only_record, processes_of, wait_for
from support.git import Sshd, WorkTree, add_key, end, ref
from support.push import PUSHER_LEFT

GOOD = f"FROM {BASE_IMAGE}\nRUN echo built over ssh\n"


@pytest.fixture
def sshd(cooper, tmp_path):
    if reason := Sshd.missing():
        pytest.skip(reason)
    made = Sshd(tmp_path / "sshd", cooper.env)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def alice(cooper, sshd):
    return add_key(cooper, sshd, "alice")


@pytest.fixture
def tree(cooper, sshd, alice, tmp_path):
    """A work tree whose remote `cooper` is app `shop` over ssh, as alice."""
    made = WorkTree(tmp_path / "src", {**os.environ, "GIT_SSH_COMMAND": sshd.command(alice)})
    made.git("remote", "add", "cooper", sshd.url("/shop")).ok()
    made.commit({"Dockerfile": GOOD}, "Over ssh")
    return made


def test_a_first_push_makes_the_app_and_builds_it(cooper, sshd, tree, tmp_path):
    done = tree.git("push", "cooper", "main").ok()
    assert "remote: " in done.err and "built over ssh" in done.err
    record = only_record(cooper)
    assert (record["source"], record["git_sha"], record["status"]) == ("git-hook", tree.head(), "succeeded")
    repository = cooper.root / "data/git/shop.git"
    assert ref(repository, "refs/heads/main") == tree.head()
    assert "alice <alice@ssh-key>" in (repository / "logs/refs/heads/main").read_text()
    tree.git("clone", "-q", sshd.url("/shop.git"), tmp_path / "clone").ok()
    assert (tmp_path / "clone/Dockerfile").read_text() == GOOD
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN exit 4\n"})
    done = tree.git("push", "cooper", "main")
    assert done.code == 1 and "The push is rejected: main stays where it was" in done.err


def test_apps_are_not_made_if_that_is_off(cooper, sshd, tree):
    cooper("builds", "set", "auto-create", "off", "--global").ok()
    cooper("apps", "create", "shap").ok()
    done = tree.git("push", "cooper", "main")
    assert done.code == 128 and "no such app: shop" in done.err and 'did you mean "shap"?' in done.err
    assert not (cooper.root / "data/git").exists()
    fetch = tree.git("ls-remote", sshd.url("/nothing"))
    assert fetch.code == 128 and "no such app: nothing" in fetch.err
    fetch = tree.git("ls-remote", sshd.url("/shap"))
    assert fetch.code == 128 and "nothing was ever pushed to app shap" in fetch.err
    assert not (cooper.root / "data/git").exists()


@pytest.mark.parametrize("command", [
    "", "id", "git-receive-pack", "git-receive-pack shop extra", "git-receive-pack 'shop'; touch {mark}",
    "git-receive-pack 'shop'\ntouch {mark}", "git-receive-pack '$(touch {mark})'", "git-receive-pack `touch {mark}`",
    "git-receive-pack 'sh'\\''op'", "git-receive-pack --upload-pack='touch {mark}' shop", "git-receive-pack '--help'",
    "git-upload-pack '../../../../etc'", "git-upload-pack '/etc/passwd'", "git-upload-pack 'shop/../shop'",
    "git-upload-pack 'shop\0'", "git-shell", "git-upload-pack '{root}/data/git/shop.git'", "git upload-pack '-oops'",
    "/usr/bin/git-upload-pack 'shop'", " git-upload-pack 'shop'", "git-upload-pack  'shop'", "git-upload-pack 'shop",
    "git-lfs-authenticate shop download", "scp -t /tmp", "sh -c 'touch {mark}'", "git-upload-pack 'SHOP'",
    "git-upload-pack ''", "git-upload-pack '.git'", "git-upload-pack \"shop\"", "git-upload-pack shop&touch {mark}",
])
def test_nothing_but_git_on_apps_is_run(plain_cooper, tmp_path, command):
    plain_cooper("git:initialize", "shop").ok()
    command = command.format(mark=tmp_path / "mark", root=plain_cooper.root).replace("\0", "%00")
    done = plain_cooper("git-shell", "alice", env={"SSH_ORIGINAL_COMMAND": command})
    assert done.code != 0 and done.out == "" and done.err.startswith("ERROR: ") and len(done.err) < 500
    assert not (tmp_path / "mark").exists()
    assert [path.name for path in (plain_cooper.root / "data/git").iterdir()] == ["shop.git"]


@pytest.mark.parametrize("path", ["shop", "/shop", "~/shop", "/~/shop", "shop.git", "/shop.git/"])
@pytest.mark.parametrize("form", ["git-upload-pack '{}'", "git upload-pack {}"])
def test_the_ways_to_name_a_repository(plain_cooper, path, form):
    plain_cooper("git:initialize", "shop").ok()
    done = plain_cooper("git-shell", "alice", env={"SSH_ORIGINAL_COMMAND": form.format(path), "GIT_PROTOCOL": "version=2"})
    assert "agent=git/" in done.out, done


def test_a_key_lets_nobody_log_in_or_forward(cooper, sshd, alice, tmp_path):
    done = sshd.run(alice, "")
    assert done.code != 0 and "it may push and fetch, but not log in" in done.err
    done = sshd.run(alice, f"touch {tmp_path}/mark")
    assert done.code == 4 and "nothing else" in done.err and not (tmp_path / "mark").exists()
    assert "restrict" in sshd.authorized_keys.read_text()


def test_keys_are_listed_and_removed_and_other_lines_kept(cooper, sshd, tree, tmp_path):
    foreign = sshd.key("foreign")
    other_lines = f"# mine\n\nno-pty,command=\"echo \\\"hi there\\\"\" {foreign.with_suffix('.pub').read_text()}bad line"
    sshd.authorized_keys.write_text(other_lines + "\n" + sshd.authorized_keys.read_text())
    add_key(cooper, sshd, "bob")
    listed = json.loads(cooper("ssh-keys", "list", "--file", sshd.authorized_keys, "--format", "json").ok().out)
    assert [(key["name"], key["type"]) for key in listed] == [("alice", "ssh-ed25519"), ("bob", "ssh-ed25519")]
    assert sshd_fingerprint(sshd, "alice") == listed[0]["fingerprint"]
    assert listed[0]["fingerprint"] in cooper("ssh-keys", "--file", sshd.authorized_keys).ok().out
    assert stat.S_IMODE(sshd.authorized_keys.stat().st_mode) == 0o600
    assert cooper("ssh-keys", "remove", "alice", "--file", sshd.authorized_keys).ok().out == "Removing key alice... OK\n"
    assert sshd.authorized_keys.read_text().startswith(other_lines + "\n")
    done = tree.git("push", "cooper", "main")
    assert done.code == 128 and "Permission denied" in done.err
    again = cooper("ssh-keys", "remove", "alice", "--file", sshd.authorized_keys)
    assert again.code == 3 and "there is no key alice" in again.err
    assert cooper("ssh-keys", "add", "alice", "--file", sshd.authorized_keys,
                  input=f"{(sshd.folder / 'alice.pub').read_text()}").ok().out.startswith("Adding key alice... OK, SHA256:")
    tree.git("push", "-q", "cooper", "main").ok()


def sshd_fingerprint(sshd, name):
    return subprocess.run(["ssh-keygen", "-l", "-f", sshd.folder / f"{name}.pub"], capture_output=True, text=True,
                          check=True).stdout.split()[1]


def test_keys_that_are_refused(plain_cooper, tmp_path):
    keys = Sshd(tmp_path, {})
    first, second = (keys.key(name).with_suffix(".pub").read_text() for name in ("one", "two"))
    file = tmp_path / "new folder/authorized_keys"

    def add(name, text):
        return plain_cooper("ssh-keys", "add", name, "-", "--file", file, input=text)
    add("one", first).ok()
    before = file.read_text()
    for name, text, code, said in [
            ("one", second, 6, "there is a key one already"),
            ("another", first, 6, "this key is there already, as one"),
            ("a b", second, 2, "can't be a key's name"), ("-x", second, 2, ""), ("x\"y", second, 2, "can't be"),
            ("two", (tmp_path / "two").read_text(), 2, "this is a private key"),
            ("two", "", 2, "this is no public key"), ("two", "hello", 2, "this is no public key"),
            ("two", first + second, 2, "more than one key"), ("two", "ssh-ed25519 AAAA\n", 2, "ssh-keygen finds no key"),
            ("two", f"command=\"id\" {second}", 2, "this is no public key"),
            ("two", second.replace("ssh-ed25519", "ssh-rsa"), 2, "ssh-keygen finds no key")]:
        done = add(name, text)
        assert done.code == code and said in done.err, done
        assert "PRIVATE" not in done.err and file.read_text() == before
    # sshd takes the first line that fits: the other one's would let its owner log in.
    file.write_text(before + second)
    done = add("two", second)
    assert done.code == 6 and "in a line that is not cooper's" in done.err
    assert plain_cooper("ssh-keys", "add", "three", tmp_path / "nothing.pub", "--file", file).code == 3


def test_a_linked_file_stays_a_link(plain_cooper, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real/keys")
    (tmp_path / "real/keys").write_text("# here\n")
    public = Sshd(tmp_path, {}).key("one").with_suffix(".pub")
    plain_cooper("ssh-keys", "add", "one", public, "--file", tmp_path / "link").ok()
    assert (tmp_path / "link").is_symlink() and executable() in (tmp_path / "real/keys").read_text()
    assert (tmp_path / "real/keys").read_text().startswith("# here\n")


def test_a_pusher_who_goes_away_cancels_the_build(cooper, sshd, tree, gate):
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = tree.start("push", "cooper", "main")
    try:
        gate.wait()
    finally:
        end(push)  # git and its ssh
    assert_canceled_for_its_pusher(cooper)


def test_a_connection_that_breaks_off_without_a_word(cooper, sshd, tree, gate):
    """Nothing is received any more, and nobody hangs up: sshd asks, if it is told to, and then does."""
    sshd.stop()
    sshd.settings = "ClientAliveInterval 1\nClientAliveCountMax 10\n"  # slow ones are no broken ones
    sshd.start()
    tree.commit({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo at the gate; {gate.command}\n"})
    push = tree.start("push", "cooper", "main")
    try:
        gate.wait()
        os.killpg(push.pid, signal.SIGSTOP)
        assert_canceled_for_its_pusher(cooper)
    finally:
        end(push)


def assert_canceled_for_its_pusher(cooper):
    record = cooper.wait_for_end("shop", cooper.build_ids("shop")[0])
    assert (record["status"], record["reason"]) == ("canceled", PUSHER_LEFT)
    repository = cooper.root / "data/git/shop.git"
    wait_for(lambda: not [line for line in processes_of(str(repository)).values() if "git" in line], "git's end")
    assert ref(repository, "refs/heads/main") is None
