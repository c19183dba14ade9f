"""A proxy before a unix socket; at SIGTERM it prints how many bytes went to the server.

    count_bytes.py SERVER_SOCKET OWN_SOCKET
"""
import signal
import socket
import sys
import threading

sent = 0
lock = threading.Lock()


def carry(source, target, counts):
    global sent
    try:
        while part := source.recv(1 << 16):
            target.sendall(part)
            if counts:
                with lock:
                    sent += len(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one side is gone: the other one hears it


def main():
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[2])
    server.listen(64)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            client = server.accept()[0]
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(sys.argv[1])
            for pair in ((client, upstream, True), (upstream, client, False)):
                threading.Thread(target=carry, args=pair, daemon=True).start()
    except KeyboardInterrupt:
        print(sent)


main()
