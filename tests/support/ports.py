"""Ports for what a test starts."""
import random
import socket


def free_port():
    """A port of loopback that no program has, and that the kernel gives to no connection: those begin at 32768."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
