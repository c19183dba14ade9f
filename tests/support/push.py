"""Fixtures of tests that push to the repository of the app `shop`: import those that are used."""
import pytest

from .cooper import BASE_IMAGE
from .git import WorkTree, end

GOOD = f"FROM {BASE_IMAGE}\nCOPY page /page\nRUN echo the page says $(cat /page)\n"
#: The reason in the record of a build that was canceled so.
PUSHER_LEFT = "canceled: the pusher left"
BAD = f"FROM {BASE_IMAGE}\nRUN echo about to fail; exit 3\n"


@pytest.fixture
def repository(cooper):
    cooper("git:initialize", "shop").ok()
    return cooper.root / "data/git/shop.git"


@pytest.fixture
def tree(cooper, repository, tmp_path):
    """A work tree with one commit that can be built, and a remote `cooper`."""
    made = WorkTree(tmp_path / "src", cooper.env)
    made.git("remote", "add", "cooper", repository).ok()
    made.commit({"Dockerfile": GOOD, "page": "one"}, "The first page")
    return made


@pytest.fixture
def pushing(tree):
    """pushing(*words): a push in the background, ended after the test at the latest."""
    started = []

    def push(*words):
        started.append(tree.start("push", "cooper", *words))
        return started[-1]
    yield push
    for process in started:
        end(process)


def read_until(process, text):
    """What the process has printed up to the line that holds `text`."""
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"no {text!r} in:\n{seen}")


def records(cooper):
    return [cooper.record("shop", build) for build in cooper.build_ids("shop")]


def no_scratch_is_left(cooper):
    return not list((cooper.root / "data/work").glob("*/*"))
