"""cooper as the client of a server, and a line to it that counts bytes and can be cut."""
import os
import re
import selectors
import socket
import threading

from support.cooper import Cooper


class RemoteCooper(Cooper):
    """cooper that knows of no data root, but of a server; `root` is that server's, to look at."""

    def __init__(self, local, url, home):
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(local.root, {**local.env, "HOME": str(home)})
        for name in ("COOPER_ROOT", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOKKU_LIB_ROOT"):
            self.env.pop(name, None)
        self.home = home
        if url:
            self.env["COOPER_URL"] = url

    @property
    def logins(self):
        return self.home / ".config/cooper/logins.json"


class Line:
    """Hands bytes on between clients and 127.0.0.1:port. `sent`: what clients have sent so far."""

    def __init__(self, port):
        self.target, self.sent, self.cuts = port, 0, 0
        self._cut_at, self._when_cut = None, None
        #: first lines of requests, such as "POST /v1/apps HTTP/1.1"
        self.requests = []
        #: called with the first line of each request before that is handed on
        self.watch = None
        self._lost, self._before_loss = None, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count, then=None):
        """Once clients have sent so many bytes more, their connection is gone; `then()` is called before."""
        self._when_cut, self._cut_at = then, self.sent + count

    def lose_answer(self, begin, before=None):
        """The next request that begins so is answered, but nobody hears it; `before(request)` is called before."""
        self._before_loss, self._lost = before, begin.encode()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=120)
        except OSError:
            client.close()
            return
        with client, server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            is_lost = False
            while True:
                for key, _ in ready.select():
                    try:
                        data = key.fileobj.recv(16384)
                        if key.fileobj is client:
                            if self._is_cut(data):
                                return
                            is_lost = self._is_lost(data) or is_lost
                        elif is_lost:
                            self.cuts += 1
                            return
                        if not data:
                            return
                        key.data.sendall(data)
                    except OSError:
                        return

    def _is_cut(self, data):
        self.sent += len(data)
        if self._cut_at is None or self.sent < self._cut_at:
            return False
        self._cut_at = None
        self.cuts += 1
        if self._when_cut:
            self._when_cut()
        return True

    def _is_lost(self, data):
        if re.match(rb"[A-Z]+ /\S* HTTP/1.1\r\n", data):
            self.requests.append(data.split(b"\r\n")[0].decode())
            if self.watch:
                self.watch(self.requests[-1])
        if not self._lost or not data.startswith(self._lost):
            return False
        self._lost = None
        if self._before_loss:
            self._before_loss(data.decode(errors="replace"))
        return True


def fill(folder, files, size):
    """So many files of incompressible bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (folder / f"file-{number:04}").write_bytes(os.urandom(size))
    return folder
