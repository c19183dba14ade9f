"""What is said of mistakes that several commands have in common."""
import pytest


@pytest.mark.parametrize("words", [("ssh-keys", "add", "alice"), ("git:from-archive", "shop"),
                                   ("builds", "import", "-a", "shop", "-f")])
def test_files_that_cannot_be_read(plain_cooper, tmp_path, words):
    done = plain_cooper(*words, tmp_path / "no")
    assert done.code == 3 and f"ERROR: there is no file {tmp_path}/no\n" in done.err, done
    done = plain_cooper(*words, tmp_path)
    assert done.code == 2 and f"ERROR: {tmp_path} is a folder, no file\n" in done.err, done
    done = plain_cooper(*words, "")
    assert done.code == 2 and "ERROR: the name of the file is empty\n" in done.err, done


def test_properties_may_be_wanted_before_the_app(plain_cooper):
    done = plain_cooper("builds", "set", "fetch-private", "on", "-a", "shop")
    assert done.code == 3 and "no such app: shop\n  hint: cooper apps create shop\n" in done.err, done
    plain_cooper("apps", "create", "shop").ok()
    done = plain_cooper("builds", "set", "fetch-private", "on", "-a", "shpo")
    assert 'did you mean "shop"? Else: cooper apps create shpo\n' in done.err, done


@pytest.mark.parametrize("url", ["../hello", "hello.git", "./hello"])
def test_a_relative_path_is_no_url(plain_cooper, url):
    done = plain_cooper("git:sync", "shop", url)
    assert done.code == 2 and "it has no scheme" in done.err and "absolute path" in done.err, done


def test_usage_of_images(plain_cooper):
    for command in ("git:load-image", "git:from-image"):
        assert f"Usage: cooper {command} APP [IMAGE] [USER] [EMAIL] [flags]\n" in plain_cooper(command, "--help").ok().out


def test_what_is_not_there_is_not_unset_by_a_deploy(plain_cooper):
    plain_cooper("apps", "create", "shop").ok()
    said = "Nothing to change: app shop has this already\n"
    assert plain_cooper("config:unset", "shop", "NOPE").ok().out == said
    plain_cooper("config:set", "shop", "A=1", "--no-restart").ok()
    releases = plain_cooper("releases", "-a", "shop").ok().out
    assert plain_cooper("config:unset", "shop", "NOPE").ok().out == said
    assert plain_cooper("releases", "-a", "shop").ok().out == releases and plain_cooper.build_ids("shop") == []
