"""A TLS front before a Docker Engine's BuildKit: to its clients it is a BuildKit
daemon on TCP that asks for a certificate."""
import select
import socket
import ssl
import subprocess
import threading

from .ports import free_port


def make_certificates(folder, name="127.0.0.1"):
    """ca.pem, and cert.pem with key.pem for both sides; server- and client certificates in one."""
    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=folder)
    folder.mkdir(parents=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=test", "-keyout", "key.pem", "-out", "request.pem")
    (folder / "names").write_text(f"subjectAltName=IP:{name}\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-extfile", "names", "-out", "cert.pem")
    return folder


class TlsFront:
    """Each connection is upgraded to the engine's BuildKit and then passed on as it is."""

    def __init__(self, engine_socket, certificates):
        self._engine = str(engine_socket)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "ca.pem")
        self._tls.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.set_alpn_protocols(["h2"])
        self._server = socket.create_server(("127.0.0.1", free_port()))
        self._open = []
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.refused = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            client = self._tls.wrap_socket(plain, server_side=True)
        except OSError:
            self.refused += 1
            return
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(self._engine)
        engine.sendall(b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += engine.recv(1)
        assert b" 101 " in head, head
        self._open.append((client, engine))
        # One thread for all of a TLS connection: its object is not to be used by two at once.
        threading.Thread(target=self._pass_on, args=(client, engine), daemon=True).start()

    @staticmethod
    def _pass_on(client, engine):
        try:
            while True:
                if not client.pending():
                    ready, _, _ = select.select([client, engine], [], [])
                    if engine in ready:
                        data = engine.recv(65536)
                        if not data:
                            return
                        client.sendall(data)
                    if client not in ready:
                        continue
                data = client.recv(65536)
                if not data:
                    return
                engine.sendall(data)
        except OSError:
            return
        finally:
            client.close()
            engine.close()

    def cut(self):
        """Ends every connection without a word."""
        for client, engine in self._open:
            for end in (client, engine):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        if self._server.fileno() >= 0:
            self._server.shutdown(socket.SHUT_RDWR)  # ends the accept() that waits
            self._server.close()
        self.cut()
