"""A registry of the tests' own (docker-registry, on loopback), and a front before it
that misbehaves as a test asks."""
import base64
import http.client
import http.server
import json
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request

from .cooper import wait_for
from .ports import free_port

MANIFEST_TYPES = ", ".join(["application/vnd.docker.distribution.manifest.v2+json",
                            "application/vnd.docker.distribution.manifest.list.v2+json",
                            "application/vnd.oci.image.manifest.v1+json",
                            "application/vnd.oci.image.index.v1+json"])


#: user, password, and what htpasswd -B makes of it
USER, PASSWORD = "me", "never-shown-4711"
HTPASSWD = "me:$2b$05$abcdefghijklmnopqrstuu91.AZelXY/Mb/wfks9HRuUA/i5kgoHC\n"


class Registry:
    """docker-registry; a private one is for USER with PASSWORD alone."""

    def __init__(self, folder, private=False):
        self.folder, self.port, self.private = folder, free_port(), private
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        program = shutil.which("docker-registry")
        assert program, "docker-registry is not installed: ./dev setup"
        auth = ""
        if self.private:
            (self.folder / "htpasswd").write_text(HTPASSWD)
            auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {self.folder}/htpasswd\n"
        (self.folder / "config.yml").write_text(
            f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {self.folder}/data\n"
            f"  delete:\n    enabled: true\nhttp:\n  addr: {self.address}\n{auth}")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, "serve", self.folder / "config.yml"], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        wait_for(self._answers, "the registry")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            return self.ask("/v2/")[0] == 200
        except OSError:
            return False

    def ask(self, path, method="GET"):
        """(status, headers, body)"""
        headers = {"Accept": MANIFEST_TYPES}
        if self.private:
            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def tags(self, repository):
        status, _, body = self.ask(f"/v2/{repository}/tags/list")
        return sorted(json.loads(body)["tags"] or []) if status == 200 else []

    def digest(self, repository, tag):
        """Of the manifest, as the registry itself tells it."""
        status, headers, _ = self.ask(f"/v2/{repository}/manifests/{tag}")
        assert status == 200, f"{repository}:{tag}: {status}"
        return headers["Docker-Content-Digest"]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Front:
    """Passes all requests on to a registry, but those that `fault` answers:
    fault(method, path) returns None (passed on), a status, "cut" (the connection is
    closed) or a callable that is run before the request is passed on."""

    def __init__(self, registry, fault):
        front = self
        self.registry, self.fault, self.seen = registry, fault, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                # As docker-registry answers those who try TLS first, and then know better.
                if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    return
                super().handle()

            def answer(self):
                front.answer(self)
            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that went away
                pass
        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler):
        method, path = handler.command, handler.path
        self.seen.append((method, path))
        verdict = self.fault(method, path)
        if verdict == "cut":
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if callable(verdict):
            verdict()
        body = self._body(handler)
        if isinstance(verdict, int):
            handler.send_response(verdict)
            if verdict == 401:
                handler.send_header("WWW-Authenticate", 'Basic realm="test"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        self._pass_on(handler, method, path, body)

    def _body(self, handler):
        if handler.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(handler.rfile.readline().split(b";")[0], 16):
                parts.append(handler.rfile.read(size))
                handler.rfile.readline()
            handler.rfile.readline()
            return b"".join(parts)
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    def _pass_on(self, handler, method, path, body):
        connection = http.client.HTTPConnection(self.registry.address, timeout=120)
        headers = {k: v for k, v in handler.headers.items()
                   if k.lower() not in ("transfer-encoding", "content-length", "connection")}
        headers["Content-Length"] = str(len(body))
        connection.request(method, path, body, headers)  # with the front's own name as Host
        answer = connection.getresponse()
        data = answer.read()
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") if method == "HEAD" else len(data)
        handler.send_header("Content-Length", str(length or 0))
        handler.end_headers()
        if method != "HEAD":
            handler.wfile.write(data)
        connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
