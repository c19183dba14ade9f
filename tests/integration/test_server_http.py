"""`cooper serve` as an HTTP server: what it answers, and what it refuses."""
import contextlib
import json
import re
import socket
import ssl
import subprocess

import pytest

from support.cooper import executable, wait_for
from support.rack_client import Rack, Server

CREDENTIALS = "Authorization: Basic Y29udm94OmFueQ==\r\n"


@pytest.fixture
def rack(server):
    return server.rack()


def talk(server, data, seconds=60):
    """All that the server answers to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(data.encode() if isinstance(data, str) else data)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                got += piece
        return got.decode(errors="replace")


def status_of(answer):
    return int(answer.split(" ", 2)[1]) if answer.startswith("HTTP/") else None


def test_the_system_says_what_the_client_asks_for(rack):
    system = rack.get("/system")
    assert system["status"] == "running" and system["count"] == 1
    assert system["version"] > "20180708231844"
    assert system["rack-domain"] == f"127.0.0.1:{rack.port}"


def test_health_needs_no_credentials(server):
    for path in ("/healthz", "/readyz"):
        status, headers, body = Rack(server.port).raw("GET", path, headers={"Authorization": ""})
        assert status == 200 and body, body
        assert headers["X-Request-Id"]


def test_other_routes_need_credentials(server):
    status, headers, body = Rack(server.port).raw("GET", "/system", headers={"Authorization": ""})
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Basic realm="convox"'
    assert "error" in json.loads(body)
    for wrong in ("Basic", "Basic ???", "Digest abc", "Basic " + "YQ=="):
        assert Rack(server.port).raw("GET", "/apps", headers={"Authorization": wrong})[0] == 401


@pytest.fixture
def token(plain_cooper):
    """token(*flags) makes one and returns it."""
    return lambda *flags: plain_cooper("tokens", "create", *flags).ok().out.strip()


def test_a_token_may_do_what_its_role_allows(server, token):
    for app in ("web", "other"):
        server.rack().post("/apps", name=app)
    roles = {role: server.rack(password=token("--role", role)) for role in ("read", "build", "admin")}
    for rack in roles.values():
        assert [app["name"] for app in rack.get("/apps")] == ["other", "web"]
    assert server.rack(password="any").refused("GET", "/apps").status == 401
    assert roles["read"].refused("POST", "/apps/web/releases", form={"env": "A=b"}).status == 403
    assert roles["build"].post("/apps/web/releases", env="A=b")["env"] == "A=b"
    assert roles["read"].get("/apps/web/releases")[0]["env"] == ""
    assert roles["build"].refused("DELETE", "/apps/web").status == 403
    roles["admin"].call("DELETE", "/apps/web")


def test_a_token_of_one_app_sees_no_other(server, token):
    for app in ("web", "other"):
        server.rack().post("/apps", name=app)
    rack = server.rack(password=token("--role", "admin", "--app", "web"))
    assert [app["name"] for app in rack.get("/apps")] == ["web"]
    assert rack.get("/apps/web")["name"] == "web"
    for method, path in (("GET", "/apps/other"), ("GET", "/apps/other/builds"), ("DELETE", "/apps/other")):
        assert rack.refused(method, path).status == 403


def test_a_revoked_token_is_good_no_more(server, token, plain_cooper):
    secret, admin = token("--role", "read"), token("--role", "admin")
    rack = server.rack(password=secret)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert rack.raw("GET", "/system", headers=bearer)[0] == 200
    plain_cooper("tokens", "revoke", secret.split("_")[1]).ok()
    assert rack.raw("GET", "/system", headers=bearer)[0] == 401
    assert rack.refused("GET", "/system").status == 401
    wrong = admin[:-1] + ("a" if admin[-1] != "a" else "b")
    assert server.rack(password=wrong).refused("GET", "/system").status == 401
    assert server.rack(password=admin).get("/system")["status"] == "running"


def test_unknown_routes_are_json(rack):
    assert rack.refused("GET", "/nothing/here").status == 404
    assert rack.refused("GET", "/machines").status == 404
    assert rack.refused("PATCH", "/apps").status == 405
    assert rack.refused("DELETE", "/system").status == 405


def test_apps_are_made_listed_and_deleted(rack, plain_cooper):
    made = rack.post("/apps", name="web", generation="2")
    assert made["name"] == "web" and made["status"] == "running" and made["generation"] == "2"
    assert rack.get("/apps/web") == made
    assert rack.get("/apps") == [made]
    assert plain_cooper("apps").ok().out.split()[-2:] != []
    refused = rack.refused("POST", "/apps", form={"name": "web"})
    assert refused.status == 409 and "web" in refused.text
    assert rack.delete("/apps/web") == "ok"
    assert rack.refused("GET", "/apps/web").text == "no such app: web"


@pytest.mark.parametrize("name", ["", "Web", "-web", "we/b", "../x", "x" * 300, "wéb", "a b"])
def test_bad_app_names_are_refused(rack, name, plain_cooper):
    assert rack.refused("POST", "/apps", form={"name": name}).status == 400
    assert rack.get("/apps") == []


def test_a_connection_serves_many_requests(rack):
    connection = rack.connect()
    connection.connect()
    sock = connection.sock
    for _ in range(50):
        assert rack.raw("GET", "/system", connection=connection)[0] == 200
    assert connection.sock is sock, "the server closed the connection between requests"
    connection.close()


def test_requests_in_one_go_are_answered_in_order(server):
    one = f"GET /apps/a{{}} HTTP/1.1\r\nHost: localhost\r\n{CREDENTIALS}{{}}\r\n"
    answers = talk(server, one.format(1, "") + one.format(2, "") + one.format(3, "Connection: close\r\n"))
    assert answers.count("HTTP/1.1 404") == 3
    assert answers.index("app: a1") < answers.index("app: a2") < answers.index("app: a3")


@pytest.mark.parametrize("data, status", [
    ("NONSENSE\r\n\r\n", 400),
    ("GET / HTTP/9.9\r\n\r\n", 400),
    ("GET /system HTTP/1.1\r\n" + CREDENTIALS + "\r\n", 400),  # no Host
    ("GET /system HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET /apps/%zz HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET /apps/%00 HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET /apps/../system HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET /apps/%2e%2e HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET //system HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    ("GET system HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "\r\n", 400),
    # What two servers could read differently.
    ("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS +
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS +
     "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
    ("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "Content-Length: -1\r\n\r\n", 400),
    ("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS + "Content-Length: 99999999999\r\n\r\n", 413),
    ("GET /system HTTP/1.1\r\nHost: localhost\r\nX: " + "y" * 20000 + "\r\n\r\n", 431),
    ("GET /" + "y" * 20000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
], ids=lambda value: str(value)[:40].strip() if isinstance(value, str) else str(value))
def test_malformed_requests_are_refused_and_cost_the_connection_alone(server, data, status):
    answer = talk(server, data.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n", 1))
    assert status_of(answer) == status, answer
    assert server.rack().get("/system")["status"] == "running"


def test_a_chunked_body_that_is_too_large_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=180) as connection:
        connection.sendall(("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS +
                            "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        with contextlib.suppress(OSError):  # it may refuse before all is sent
            for _ in range(16):
                connection.sendall(chunk)
        assert status_of(connection.recv(65536).decode()) == 413


def test_a_request_that_is_cut_short_does_nothing(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=45) as connection:
        connection.sendall(("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS +
                            "Content-Length: 100\r\n\r\nname=web").encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert server.rack().get("/apps") == []


def test_curl_waits_for_the_word_to_go_on(server, tmp_path):
    form = tmp_path / "form"
    form.write_text("name=web&x=" + "y" * 200_000)
    done = subprocess.run(["curl", "-sSv", "-u", "convox:any", "-H", "Expect: 100-continue", "--data",
                           f"@{form}", f"http://127.0.0.1:{server.port}/apps"],
                          capture_output=True, text=True, timeout=180)
    assert '"name": "web"' in done.stdout, done.stderr
    assert "100 Continue" in done.stderr


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "127.evil.example"},
    {"Host": "127.0.0.1.evil.example:80", "Origin": "http://127.0.0.1.evil.example:80"},
    {"Host": "evil.example:80", "Origin": "http://evil.example:80"},
], ids=str)
def test_pages_of_other_sites_can_do_nothing(server, headers):
    status, _, body = server.rack().raw("POST", "/apps", "name=web", headers)
    assert status == 403, body
    assert server.rack().get("/apps") == []


def test_the_servers_own_origin_is_no_other_site(server):
    for origin in (f"http://127.0.0.1:{server.port}", f"ws://convox:pw@127.0.0.1:{server.port}/"):
        assert server.rack().raw("GET", "/apps", headers={"Origin": origin})[0] == 200


def test_browsers_are_told_to_keep_out(server):
    """No CORS: a page of another site reads nothing, and asks for nothing that needs a preflight."""
    status, headers, _ = server.rack().raw("GET", "/apps")
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "DELETE"}
    for origin in ("http://evil.example", f"http://127.0.0.1:{server.port}"):
        status, headers, _ = server.rack().raw("OPTIONS", "/apps", headers={**preflight, "Origin": origin})
        assert status in (403, 405), status
        assert not [name for name in headers if name.lower().startswith("access-control-")]
    for method in ("GET", "POST"):
        assert "Access-Control-Allow-Origin" not in server.rack().raw(method, "/apps")[1]


def test_slow_requests_hold_up_nobody(server):
    """More of them than there are threads: each waits for the rest of its headers."""
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"GET /system HTTP/1.1\r\nHost: loc")
    assert server.rack().get("/system")["status"] == "running"
    for connection in slow:  # and they go on where they were
        connection.sendall(b"alhost\r\n" + CREDENTIALS.encode() + b"Connection: close\r\n\r\n")
    for connection in slow:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        connection.close()


def test_a_request_whose_headers_never_end_is_given_up(server):
    """Slow loris: a byte now and then does not keep the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=180) as connection:
        connection.sendall(b"GET /system HTTP/1.1\r\nHost: localhost\r\n")
        connection.settimeout(0.2)

        def given_up():
            try:
                connection.sendall(b"X")
                return connection.recv(100) == b""
            except TimeoutError:
                return False
            except OSError:
                return True
        wait_for(given_up, "the server to give up", 100)


def test_tls_with_a_certificate_of_its_own(serve, plain_cooper):
    server = serve("--tls-self-signed")
    assert server.rack().get("/system")["status"] == "running"
    folder = plain_cooper.root / "config/server"
    assert (folder / "server.key").stat().st_mode & 0o777 == 0o600
    # It can be trusted by name: the certificate is for this host.
    context = ssl.create_default_context(cafile=folder / "server.crt")
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.version() in ("TLSv1.2", "TLSv1.3")
            first = secure.getpeercert(True)
    server.stop()
    again = serve("--tls-self-signed")
    assert ssl.PEM_cert_to_DER_cert((folder / "server.crt").read_text()) == first
    again.stop()
    given = serve("--tls-cert", folder / "server.crt", "--tls-key", folder / "server.key")
    assert given.rack().get("/system")["status"] == "running"


def test_plain_http_to_a_tls_port_harms_nothing(serve):
    server = serve("--tls-self-signed")
    talk(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert server.rack().get("/system")["status"] == "running"


@pytest.mark.parametrize("flags, code, says", [
    (("--listen", "0.0.0.0:0"), 4, "anybody who can reach 0.0.0.0:"),
    (("--listen", ":0"), 4, "anybody who can reach"),
    (("--listen", "nonsense"), 2, "no address to listen on"),
    (("--listen", "127.0.0.1:99999"), 2, "no address to listen on"),
    (("--tls-cert", "/nowhere"), 2, "--tls-cert and --tls-key belong together"),
    (("--listen", "127.0.0.1:0", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"), 2, "/nowhere"),
    (("--unknown",), 2, "unknown"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else None)
def test_what_can_not_be_served_is_said_in_one_line(plain_cooper, flags, code, says):
    done = plain_cooper("serve", *flags)
    assert done.code == code, done
    assert says in done.err and done.err.count("\n") <= 2, done


def test_a_port_that_is_taken(server, plain_cooper):
    done = plain_cooper("serve", "--listen", f"127.0.0.1:{server.port}")
    assert done.code == 5 and "another program does" in done.err


def test_systemd_hands_on_its_socket(plain_cooper):
    server = Server(plain_cooper)
    with socket.create_server(("127.0.0.1", server.port)) as listening:
        # What systemd does: the socket is descriptor 3, and LISTEN_PID the process.
        script = 'exec 3<&"$1"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$2" serve'
        server.process = subprocess.Popen(
            ["bash", "-c", script, "-", str(listening.fileno()), executable()],
            env=plain_cooper.env, pass_fds=[listening.fileno()], process_group=0)
        try:
            # A connection that came before the server waits for it.
            assert server.rack().get("/system")["status"] == "running"
            assert server.stop() == 0
        finally:
            server.close()


def test_the_service_manager_is_told(serve, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(180)
        server = serve(env={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(100) == b"READY=1"
        assert server.stop() == 0
        assert manager.recv(100) == b"STOPPING=1"


def connections_of(server):
    """Those that it has accepted, with the one that asks for it."""
    text = server.rack().raw("GET", "/metrics")[2].decode()
    return int(re.search(r"^cooper_http_connections (\d+)$", text, re.MULTILINE)[1])


def test_at_the_end_idle_connections_close_and_answers_are_finished(server):
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=180)
    half = socket.create_connection(("127.0.0.1", server.port), timeout=180)
    half.sendall(("POST /apps HTTP/1.1\r\nHost: localhost\r\n" + CREDENTIALS +
                  "Content-Length: 8\r\nExpect: 100-continue\r\n\r\n").encode())
    assert half.recv(100).startswith(b"HTTP/1.1 100")  # it is under way
    half.sendall(b"name")
    wait_for(lambda: connections_of(server) == 3, "the server to have accepted both")
    server.process.terminate()
    assert idle.recv(100) == b"", "an idle connection stays open"
    half.sendall(b"=web")
    answer = half.recv(65536).decode()
    assert status_of(answer) == 200 and "Connection: close" in answer
    half.close()
    assert server.process.wait(120) == 0
    assert server.start().rack().get("/apps/web")["name"] == "web"


def test_it_ends_though_somebody_takes_no_more_of_an_answer(serve, plain_cooper):
    plain_cooper("track", "-a", "web", "--", "sh", "-c", "yes | head -c 30000000").ok()
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port), timeout=180) as stuck:
        stuck.sendall(f"GET /v1/apps/web/builds/last/log HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\r\n".encode())
        assert stuck.recv(12) == b"HTTP/1.1 200"
        # Ten seconds for what is under way, then it ends; a minute is what a peer has for a block.
        assert server.stop(50) == 0


def test_a_flag_is_true_or_false(plain_cooper, serve):
    plain_cooper("apps", "create", "web").ok()
    plain_cooper("track", "-a", "web", "--", "true").ok()
    rack = serve().rack()
    for path in ("/v1/apps/web/containers/logs?follow=yes", "/v1/apps/web/builds/last/log?follow=1",
                 "/v1/apps/web/builds/last/log?follow", "/v1/logs/search?text=x&ignore_case=True"):
        status, _, body = rack.raw("GET", path)
        assert status == 400 and b"is neither true nor false" in body, (path, status, body)
    for header in ("Follow", "Prefix"):
        with pytest.raises(Exception, match="400"):
            rack.web_socket("/apps/web/logs", {header: "yes"})


def test_registries_are_not_for_who_has_one_app(plain_cooper, serve):
    plain_cooper("apps", "create", "web").ok()
    bound = plain_cooper("tokens", "create", "--role", "admin", "--app", "web").ok().out.strip()
    reader = plain_cooper("tokens", "create", "--role", "read").ok().out.strip()
    server = serve()
    assert server.rack(password=bound).raw("GET", "/registries")[0] == 403
    assert server.rack(password=reader).raw("GET", "/registries")[0] == 200
