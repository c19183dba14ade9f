"""A client of the rack's interface, written from its description: what the convox
command does, in another language than the server's. And a server for tests."""
import base64
import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse

import websocket

from support.cooper import executable, wait_for
from support.ports import free_port


class Refused(Exception):
    """An answer with a status of 400 or more."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status, self.text = status, text


class Rack:
    """One rack. Each call has a connection of its own, but within `keep()`."""

    def __init__(self, port, user="convox", password="any", host="127.0.0.1", tls=False):
        self.port, self.host, self.tls = port, host, tls
        self.credentials = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": self.credentials, "User-Agent": "convox.go/test", "Version": "test"}

    def connect(self, timeout=180):
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # as convox does
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def raw(self, method, path, body=None, headers=None, connection=None, **options):
        """(status, headers, bytes); the path gets a `?` as the real client's does."""
        used = connection or self.connect()
        try:
            used.request(method, path + ("" if "?" in path else "?"), body,
                         {**self.headers, **(headers or {})}, **options)
            answer = used.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            if not connection:
                used.close()

    def call(self, method, path, form=None, query=None, body=None, headers=None, **options):
        """The answer's JSON, or its text."""
        headers = dict(headers or {})
        if query:
            path += "?" + urllib.parse.urlencode(query)
        if form is not None:
            body = urllib.parse.urlencode(form, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            headers["Content-Type"] = "application/octet-stream"
        status, got, data = self.raw(method, path, body, headers, **options)
        if status >= 400:
            raise Refused(status, error_of(data))
        return json.loads(data) if got.get_content_type() == "application/json" and data else data.decode()

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def post(self, path, **form):
        return self.call("POST", path, form={name.replace("_", "-"): value for name, value in form.items()})

    def put(self, path, **form):
        return self.call("PUT", path, form=form)

    def delete(self, path):
        return self.call("DELETE", path)

    def refused(self, method, path, **options):
        """The Refused that the call must end with."""
        try:
            answer = self.call(method, path, **options)
        except Refused as refused:
            return refused
        raise AssertionError(f"{method} {path} was not refused: {answer!r}")

    def web_socket(self, path, headers=None, timeout=180):
        scheme = "wss" if self.tls else "ws"
        origin = f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"
        return websocket.create_connection(
            f"{scheme}://{self.host}:{self.port}{path}?", timeout=timeout, origin=origin,
            header={**self.headers, **(headers or {})}, sslopt={"cert_reqs": ssl.CERT_NONE})

    def stream(self, path, headers=None, timeout=180):
        """(all text of the stream, close code)"""
        follower = Follower(self.web_socket(path, headers, timeout))
        return follower.end(timeout)


class Follower:
    """Reads a stream's text frames in a thread, until it is closed."""

    def __init__(self, connection):
        self.connection, self.pieces, self.code, self.failure = connection, [], None, None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            while True:
                kind, data = self.connection.recv_data()
                if kind == websocket.ABNF.OPCODE_TEXT:
                    self.pieces.append(data.decode())  # strictly: text frames are UTF-8
                elif kind == websocket.ABNF.OPCODE_CLOSE:
                    self.code = int.from_bytes(data[:2], "big")
                    return
        except Exception as error:  # what the peer did is told by end()
            self.failure = error

    @property
    def text(self):
        return "".join(self.pieces)

    def wait_for(self, text, seconds=180):
        wait_for(lambda: text in self.text or self.failure, f"{text!r} in {self.text!r}", seconds)
        assert text in self.text, f"{self.failure!r} before {text!r} came: {self.text!r}"

    def end(self, seconds=180):
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the stream did not end; so far: {self.text!r}"
        if self.failure:
            raise AssertionError(f"the stream broke: {self.failure!r} after {self.text!r}")
        self.connection.close()
        return self.text, self.code


def error_of(data):
    try:
        return json.loads(data)["error"]
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")


class Server:
    """`cooper serve` on a free port."""

    def __init__(self, cooper, *flags, port=0, env=None):
        self.cooper, self.flags, self.env = cooper, flags, env or {}
        self.port = port or free_port()
        self.process = None
        self.log = cooper.root.parent / f"server-{self.port}.log"

    @property
    def tls(self):
        return any(flag.startswith("--tls") for flag in self.flags)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [executable(), "serve", "--listen", f"127.0.0.1:{self.port}", *self.flags],
                env={**self.cooper.env, **self.env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                process_group=0)
        wait_for(lambda: self.answers() or self.process.poll() is not None, "the server to answer")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.rack().raw("GET", "/readyz")[0] == 200
        return False

    def rack(self, **options):
        return Rack(self.port, tls=self.tls, **options)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(90)

    def stop(self, seconds=120):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()


@contextlib.contextmanager
def servers_of(cooper):
    """start(*flags) starts a server of this cooper's data root; all are gone at the end."""
    servers = []

    def start(*flags, **options):
        servers.append(Server(cooper, *flags, **options).start())
        return servers[-1]
    try:
        yield start
    finally:
        for server in servers:
            server.close()
