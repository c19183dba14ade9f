"""Ports for what a test starts."""
import random
import socket

_claims = []


def free_port():
    """A port of loopback that no program has, and that the kernel gives to no connection: those begin at 32768.
    Each is given once, to all tests that run at this time: who asked for it has not bound it yet, and may bind it
    again."""
    while True:
        port = random.randrange(10000, 30000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
            claim.bind(f"\0cooper-test-port-{port}")  # until this process ends
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
