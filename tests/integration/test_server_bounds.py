"""What some clients do or leave undone holds up no others: readers who don't read, strangers who don't send."""
import contextlib
import os
import socket
import time

import pytest

from support.cooper import HEAD, build_id_of, wait_for

#: more than sockets and pipes hold
MUCH = 24 << 20


@pytest.fixture
def loud(cooper):
    """A build whose log nobody's buffers hold."""
    cooper("track", "-a", "web", "--", "sh", "-c", f"yes 0123456789 | head -c {MUCH}", timeout=400).ok()
    return cooper.build_ids("web")[-1]


@contextlib.contextmanager
def silent(server, request, count):
    """So many who ask, and read nothing."""
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", server.port))
            one.sendall(request)
            sockets.append(one)
        yield sockets


def head_of(one, seconds=180):
    """An answer's headers."""
    one.settimeout(seconds)
    text = b""
    while b"\r\n\r\n" not in text:
        more = one.recv(1)
        assert more, text
        text += more
    return text.decode()


def get(path, token):
    return (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            "Connection: close\r\n\r\n").encode()


def test_who_reads_nothing_holds_up_nobody(cooper, serve, loud):
    reader = cooper("tokens", "create", "--role", "read").ok().out.strip()
    other = cooper("tokens", "create", "--role", "read").ok().out.strip()
    server = serve()
    with silent(server, get(f"/v1/apps/web/builds/{loud}/log", reader), 180) as sockets:
        heads = [head_of(one) for one in sockets]
        sent = [head for head in heads if head.startswith("HTTP/1.1 200 ")]
        refused = [head for head in heads if head.startswith("HTTP/1.1 503 ")]
        assert len(sent) == 64 and len(sent) + len(refused) == 180
        assert all("Retry-After: " in head for head in refused)
        # Slow work, and answers of the same kind, of somebody else.
        for path in ("/v1/system/disk", f"/v1/apps/web/builds/{loud}/log?tail=1"):
            with silent(server, get(path, other), 1) as (one,):
                assert head_of(one).startswith("HTTP/1.1 200 "), path
    # Once they are gone there is room again.
    def has_room():
        return server.rack(password=reader).raw("GET", f"/v1/apps/web/builds/{loud}/log?tail=1")[0] == 200
    wait_for(has_room, "room for the same token")


def test_strangers_who_do_not_send_are_bounded(cooper, serve):
    """Of what needs no credentials only so much is taken at once from an address."""
    server = serve()
    request = (b"POST /hooks/none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n"
               b"Expect: 100-continue\r\n\r\n")
    with silent(server, request, 40) as sockets:
        heads = [head_of(one) for one in sockets]
        taken = [head for head in heads if head.startswith("HTTP/1.1 100 ")]
        refused = [head for head in heads if head.startswith("HTTP/1.1 503 ")]
        assert len(taken) == 32 and len(refused) == 8 and all("Retry-After: " in head for head in refused)
        # Who has credentials works on.
        assert server.rack().raw("GET", "/apps")[0] == 200

    def is_taken():
        return server.rack().raw("POST", "/hooks/none", b"{}")[0] == 401
    wait_for(is_taken, "a place for strangers")


def test_strangers_who_send_slowly_are_cut_off(serve):
    """Else a few of them would hold the places of all for a quarter of an hour."""
    server = serve()
    with silent(server, b"POST /hooks/none HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\n", 1) as (one,):
        begun = time.monotonic()
        one.settimeout(4)
        for _ in range(15):
            try:
                one.sendall(bytes(256 << 10))
                if one.recv(1) == b"":
                    break
            except TimeoutError:
                continue  # it waits for more
            except OSError:
                break
        else:
            pytest.fail("it takes what comes slowly to the end")
        assert time.monotonic() - begun > 15, "it was not cut off for being slow"


def test_an_answer_that_breaks_off_is_in_the_log(cooper, serve, app):
    noise = f"head -c {MUCH} /dev/urandom | base64"
    build = build_id_of(cooper("build", app(HEAD + f"RUN {noise}\n"), "-a", "web", timeout=400).ok().out)
    server = serve()
    with silent(server, get(f"/v1/apps/web/builds/{build}/bundle", "any"), 1) as (one,):
        assert head_of(one).startswith("HTTP/1.1 200 ")
        # Some of the log must have come: one that is short when it is opened makes a whole bundle.
        come = 0
        while come < MUCH // 4:
            come += len(one.recv(1 << 16)) or pytest.fail("the answer ended early")
        os.truncate(cooper.root / f"data/builds/web/{build}.log", 1000)
        while one.recv(1 << 16):
            pass
    wait_for(lambda: "was broken off: " in server.log.read_text(), "the end of the answer in the log")
