"""What `cooper serve` writes on stderr: a line for each request, which nothing breaks."""
import contextlib
import json
import re
import socket

from support.cooper import wait_for
from support.rack_client import Follower

LINE = re.compile(r'\S+Z level=info msg="request"( [a-z]+=("(\\.|[^"\\])*"|[^" ]+))+\Z')


def lines_of(server):
    return server.log.read_text().splitlines()


def line_of(server, request):
    """The line of the request with that id; it is written once the answer has been sent."""
    def look():
        return [line for line in lines_of(server) if request in line]
    (line,) = wait_for(look, f"a line about {request}")
    return line


def test_each_request_has_a_line(serve, plain_cooper):
    server = serve()
    rack = server.rack()
    _, headers, _ = rack.raw("GET", "/apps/none?secret=geheim")
    line = line_of(server, headers["X-Request-Id"])
    assert LINE.match(line), line
    for part in ("from=127.0.0.1", "method=GET", "path=/apps/none", "route=/apps/{app}", "who=local", "status=404"):
        assert f" {part} " in line, line
    assert re.search(r" ms=\d+\.\d$", line) and "geheim" not in line
    _, headers, _ = rack.raw("GET", "/nothing", headers={"Authorization": ""})
    line = line_of(server, headers["X-Request-Id"])
    assert " status=401 " in line and "who=" not in line and "route=" not in line


def test_nothing_in_a_request_breaks_its_line(serve):
    server = serve()
    evil = b"/apps/\x1b[31m%0alevel=error\"\\\xff"
    with socket.create_connection(("127.0.0.1", server.port), timeout=180) as connection:
        connection.sendall(b"GET " + evil + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    server.rack(user="a\nb\x1b").raw("GET", "/apps/" + "x" * 5000)
    wait_for(lambda: "xxxx" in server.log.read_text(), "the line of the long one")
    for line in server.log.read_bytes().splitlines():
        assert not re.search(rb"[\x00-\x1f\x7f-\xff]", line), line
        assert len(line) < 4096
    assert all(LINE.match(line) for line in lines_of(server) if 'msg="request"' in line)


def test_lines_can_be_json(serve):
    server = serve("--log-format", "json")
    _, headers, _ = server.rack().raw("GET", "/apps")
    line = json.loads(line_of(server, headers["X-Request-Id"]))
    assert line["msg"] == "request" and line["level"] == "info" and line["status"] == "200"
    assert line["path"] == "/apps" and line["id"] == headers["X-Request-Id"]
    assert all(json.loads(each)["time"] for each in lines_of(server))


def test_quiet_is_without_them(serve):
    server = serve("--quiet")
    server.rack().get("/apps")
    server.stop()
    assert not any('msg="request"' in line for line in lines_of(server))
    assert any("listening on" in line for line in lines_of(server))


def test_an_id_of_a_trusted_proxy_goes_on(serve, plain_cooper):
    plain_cooper("tokens", "create", "--role", "admin").ok()
    secret = plain_cooper("tokens", "create", "--role", "admin").ok().out.strip()
    server = serve("--trusted-proxy", "127.0.0.1")
    rack = server.rack(password=secret)
    given = {"X-Request-Id": "4f0e-8a7b.c_d1", "X-Forwarded-For": "192.0.2.7"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert rack.raw("POST", "/apps", "name=web", {**given, **form})[1]["X-Request-Id"] == "4f0e-8a7b.c_d1"
    assert " from=192.0.2.7 " in line_of(server, "4f0e-8a7b.c_d1")
    newest, *_ = json.loads(plain_cooper("audit", "--format", "json").ok().out)
    assert (newest["request"], newest["from"]) == ("4f0e-8a7b.c_d1", "192.0.2.7")
    for bad in ("short", "x" * 65, "a b c d e f g", 'aaaaaaaa"', "äääääääää"):
        assert rack.raw("GET", "/apps", headers={"X-Request-Id": bad.encode()})[1]["X-Request-Id"] != bad
    plain = serve()
    assert plain.rack(password=secret).raw("GET", "/apps", headers=given)[1]["X-Request-Id"] != "4f0e-8a7b.c_d1"


def test_a_stream_has_its_line_at_its_end(serve, plain_cooper, track):
    server = serve()
    track("true", flags=("--app", "web"))
    build = json.loads(plain_cooper("builds", "-a", "web", "--format", "json").ok().out)[0]["id"]
    follower = Follower(server.rack().web_socket(f"/apps/web/builds/{build}/logs"))
    follower.end()
    wait_for(lambda: [line for line in lines_of(server) if "/logs " in line and " status=101 " in line],
             "the stream's line")


def test_who_reads_the_log_slowly_holds_up_nobody(serve, plain_cooper):
    """stderr is a pipe that nobody reads: lines are lost, requests are not."""
    import os
    import subprocess
    from support.cooper import executable
    from support.rack_client import Server
    server = Server(plain_cooper)
    reader, writer = os.pipe()
    server.process = subprocess.Popen([executable(), "serve", "--listen", f"127.0.0.1:{server.port}"],
                                      env=plain_cooper.env, stdout=writer, stderr=writer, process_group=0)
    os.close(writer)
    try:
        wait_for(server.answers, "the server to answer")
        rack = server.rack()
        connection = rack.connect()
        for _ in range(1500):  # more than a pipe holds
            assert rack.raw("GET", "/apps", connection=connection)[0] == 200
        connection.close()
        got = b""
        while b" lost=" not in got:  # once there is room again, it says how many were
            got += os.read(reader, 1 << 20)
            rack.get("/apps")
        assert got.count(b'msg="request"') < 1500
    finally:
        os.close(reader)
        server.close()
