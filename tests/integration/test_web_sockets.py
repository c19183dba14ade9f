"""WebSockets as a client sees them on the wire: the handshake, packed messages, and frames of control."""
import base64
import json
import os
import resource
import socket
import ssl
import struct
import zlib

import pytest

from support.cooper import wait_for

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket:
    """One connection; nothing is done for its user."""

    def __init__(self, server, path, extensions=None, version="13", key=KEY, early=b"", receive_bytes=None):
        raw = socket.socket()
        raw.settimeout(100)  # less than what ends a connection where nothing happens
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.connect(("127.0.0.1", server.port))
        if server.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            raw = context.wrap_socket(raw)
        self.socket = raw
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: keep-alive, Upgrade", "Upgrade: websocket",
                 f"Sec-WebSocket-Version: {version}", f"Sec-WebSocket-Key: {key}",
                 "Authorization: Basic " + base64.b64encode(b"convox:any").decode()]
        if extensions:
            lines.append(f"Sec-WebSocket-Extensions: {extensions}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + early)
        self.read = b""
        while b"\r\n\r\n" not in self.read:
            self.more()
        head, _, self.read = self.read.partition(b"\r\n\r\n")
        self.head = head.decode() + "\r\n"
        self.status = int(self.head.split()[1])

    def send(self, first, payload=b"", masked=True):
        mask = os.urandom(4)
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if masked else payload
        self.socket.sendall(bytes([first, (0x80 if masked else 0) | len(payload)]) + (mask if masked else b"") + data)

    def more(self):
        got = self.socket.recv(65536)
        assert got, f"the connection was cut off after {self.read}"
        self.read += got

    def take(self, size):
        while len(self.read) < size:
            self.more()
        data, self.read = self.read[:size], self.read[size:]
        return data

    def is_over(self):
        return not self.read and self.socket.recv(1) == b""

    def frame(self):
        """(packed, opcode, payload)"""
        first, length = self.take(2)
        assert first & 0x80 and not first & 0x30 and not length & 0x80
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return bool(first & 0x40), first & 0x0f, self.take(length)

    def messages(self, last=None):
        """The texts until the connection is closed, or one ends so; whether one was packed, and the code."""
        text, any_packed = b"", False
        while not (last and text.endswith(last)):
            packed, opcode, payload = self.frame()
            if opcode == CLOSE:
                return text, any_packed, struct.unpack(">H", payload[:2])[0]
            if opcode == TEXT:
                any_packed = any_packed or packed
                # Each by itself: no message refers to one before it.
                text += zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff") if packed else payload
        return text, any_packed, None


@pytest.fixture(params=[(), ("--tls-self-signed",)], ids=["plain", "tls"])
def server(serve, request):
    return serve(*request.param)


@pytest.fixture
def logged(plain_cooper, track):
    """(path of a build's log, the log)"""
    script = "i=0; while [ $i -lt 20000 ]; do echo line $i of what a build says; i=$((i+1)); done; echo täil"
    track("sh", "-c", script, flags=("--app", "web"))
    build = json.loads(plain_cooper("builds", "-a", "web", "--format", "json").ok().out)[0]["id"]
    log = plain_cooper("builds", "logs", build, "-a", "web", "--raw").ok().out.encode()
    assert log.count(b"\n") > 20000
    return f"/apps/web/builds/{build}/logs", log


def test_who_unpacks_gets_what_comes_live_as_packed_messages(server, plain_cooper):
    go = plain_cooper.root / "go"
    os.mkfifo(go)
    script = f"echo first; cat {go}; i=0; while [ $i -lt 20000 ]; do echo line $i of what a build says; i=$((i+1)); done; echo täil"
    plain_cooper("track", "-a", "web", "--detach", "--", "sh", "-c", script).ok()
    (build,) = plain_cooper.build_ids("web")
    followed = WebSocket(server, f"/apps/web/builds/{build}/logs", "permessage-deflate; client_max_window_bits")
    assert followed.status == 101 and "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in followed.head
    assert "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" in followed.head
    # From here on it is told what comes; before, it reads what is there, which is not packed.
    assert followed.messages(b"first\n")[0] == b"first\n"
    go.write_text("begin\n")
    text, packed, code = followed.messages()
    log = plain_cooper("builds", "logs", build, "-a", "web", "--raw").ok().out.encode()
    assert log.count(b"\n") > 20000
    assert (b"first\n" + text, packed, code) == (log, True, 1000)


def test_so_does_who_follows_an_app(serve, plain_cooper, track):
    server = serve()
    plain_cooper("apps", "create", "web").ok()
    followed = WebSocket(server, "/apps/web/logs", "permessage-deflate")
    go = plain_cooper.root / "go"
    os.mkfifo(go)
    plain_cooper("track", "-a", "web", "--detach", "--", "sh", "-c", f"echo first; cat {go}; seq 20000").ok()
    assert followed.messages(b"first\n")[0] == b"first\n"
    go.write_text("begin\n")
    text, packed, _ = followed.messages(b"\n20000\n")
    assert text == b"begin\n" + b"".join(b"%d\n" % number for number in range(1, 20001)) and packed
    track("echo", "and the next", flags=("--app", "web"))
    assert followed.messages(b"and the next\n")[0] == b"and the next\n"


@pytest.mark.parametrize("extensions", [None, "permessage-deflate; server_max_window_bits=10", "x-unknown"])
def test_who_does_not_gets_the_bytes(server, logged, extensions):
    path, log = logged
    followed = WebSocket(server, path, extensions)
    assert followed.status == 101 and "Extensions" not in followed.head
    assert followed.messages() == (log, False, 1000)


def test_all_get_all_of_it_also_if_they_are_told_in_turns(serve, plain_cooper):
    """More followers on one loop than hear at once of what was written (2,000); half of them unpack."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})  # a loop for each processor that it may use
    try:
        server = serve()
    finally:
        os.sched_setaffinity(0, processors)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    go = plain_cooper.root / "go"
    os.mkfifo(go)
    script = f"cat {go}; i=0; while [ $i -lt 300 ]; do echo line $i of a log that many follow; i=$((i+1)); " \
             "case $i in *0) sleep 0.01;; esac; done"
    plain_cooper("track", "-a", "web", "--detach", "--", "sh", "-c", script).ok()
    (build,) = plain_cooper.build_ids("web")
    path = f"/apps/web/builds/{build}/logs"
    followers = [WebSocket(server, path, "permessage-deflate" if at % 2 else None) for at in range(2100)]
    go.write_text("begin\n")
    plain_cooper.wait_for_end("web", build)
    log = plain_cooper("builds", "logs", build, "-a", "web", "--raw").ok().out.encode()
    assert log.startswith(b"begin\nline 0 ") and log.count(b"\n") > 300
    for follower in followers:
        text, _, code = follower.messages()
        assert (text, code) == (log, 1000)
        follower.socket.close()


@pytest.fixture
def silent(plain_cooper, serve, track):
    """A server, and the path of the log of a build that says nothing."""
    started = plain_cooper.start("track", "-a", "web", "--", "sleep", "600")
    server = serve()
    folder = plain_cooper.root / "data/builds/web"
    wait_for(lambda: list(folder.glob("*.json")), "the record")
    (build,) = plain_cooper.build_ids("web")
    yield server, f"/apps/web/builds/{build}/logs"
    plain_cooper("builds", "cancel", build, "-a", "web").ok()
    started.wait(120)


def test_a_close_is_answered_also_while_much_is_sent(server, plain_cooper, track):
    """The peer gets whole frames, and the answer is the last one; so is what says that a frame is wrong."""
    track("sh", "-c", "head -c 12000000 /dev/zero | tr '\\0' x | fold -w 99; echo", flags=("--app", "web"))
    (build,) = plain_cooper.build_ids("web")
    for first, payload, masked, code in ((0x88, struct.pack(">H", 1000), True, 1000), (0x81, b"hi", False, 1002)):
        followed = WebSocket(server, f"/apps/web/builds/{build}/logs", receive_bytes=4096)
        followed.frame()
        followed.send(first, payload, masked)
        assert until(followed, CLOSE) == struct.pack(">H", code)
        assert followed.is_over()


def until(followed, opcode):
    while True:
        frame = followed.frame()
        if frame[1] == opcode:
            return frame[2]


def is_taken(followed, server):
    """The server has read all that was sent to it."""
    ours, theirs = (f":{port:04X}" for port in (followed.socket.getsockname()[1], server.port))
    lines = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
    queues = [line[4] for line in lines if line[1].endswith(theirs) and line[2].endswith(ours)]
    return bool(queues) and all(int(queue.split(":")[1], 16) == 0 for queue in queues)


def test_nothing_comes_after_the_close(serve, plain_cooper, track):
    """Not even the answer to a ping that came while the last frame before it was sent."""
    server = serve()
    track("sh", "-c", "head -c 12000000 /dev/zero | tr '\\0' x | fold -w 99; echo", flags=("--app", "web"))
    (build,) = plain_cooper.build_ids("web")
    followed = WebSocket(server, f"/apps/web/builds/{build}/logs", receive_bytes=4096)
    followed.frame()
    followed.send(0x89, b"hi")
    wait_for(lambda: is_taken(followed, server), "the server to read the ping")
    server.process.terminate()
    wait_for(lambda: not server.answers(), "the server to end")
    assert until(followed, CLOSE) == struct.pack(">H", 1001)
    followed.send(0x88, struct.pack(">H", 1001))
    assert followed.is_over()


def test_pings_are_answered_also_those_that_come_with_the_request(silent):
    server, path = silent
    early = bytes([0x89, 0x82, 0, 0, 0, 0]) + b"hi"
    followed = WebSocket(server, path, early=early)
    assert until(followed, PONG) == b"hi"
    followed.send(0x81, b"a message, which means nothing here")
    followed.send(0x89, b"again")
    assert until(followed, PONG) == b"again"
    followed.send(0x88, struct.pack(">H", 1000) + b"enough")
    assert until(followed, CLOSE) == struct.pack(">H", 1000)
    assert followed.is_over()


@pytest.mark.parametrize("first, payload, masked, code", [
    (0x81, b"hi", False, 1002), (0xb1, b"", True, 1002), (0x83, b"", True, 1002), (0x80, b"", True, 1002),
    (0xc1, b"", True, 1002), (0x88, b"x", True, 1002), (0x09, b"", True, 1002)])
def test_what_is_no_frame_ends_the_connection_and_says_so(silent, first, payload, masked, code):
    server, path = silent
    followed = WebSocket(server, path)
    followed.send(first, payload, masked)
    assert until(followed, CLOSE) == struct.pack(">H", code)
    assert followed.is_over()


def test_a_message_that_is_too_long_ends_the_connection(silent):
    server, path = silent
    followed = WebSocket(server, path)
    followed.socket.sendall(bytes([0x82, 0xff]) + struct.pack(">Q", 1 << 20) + b"1234")
    assert until(followed, CLOSE) == struct.pack(">H", 1009)


def test_handshakes_that_can_not_be_are_refused_in_one_line(server, logged):
    path, _ = logged
    old = WebSocket(server, path, version="8")
    assert old.status == 426 and "Sec-WebSocket-Version: 13\r\n" in old.head
    assert WebSocket(server, path, key="c2hvcnQ=").status == 400
    assert WebSocket(server, path, key="").status == 400
