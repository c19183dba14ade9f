"""Which files beneath a folder programs open, told by inotify."""
import ctypes
import os
import struct

IN_OPEN, IN_ISDIR, IN_Q_OVERFLOW = 0x20, 0x40000000, 0x4000


class Opened:
    """While it lives, the kernel notes each file beneath `folder` that is opened."""

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        self.folders = {}
        for at, _, _ in os.walk(folder):
            watch = self.libc.inotify_add_watch(self.fd, os.fsencode(at), IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self.folders[watch] = os.path.relpath(at, folder)

    def files(self):
        """Paths since the last call, each once."""
        found = set()
        while True:
            try:
                events = os.read(self.fd, 1 << 20)
            except BlockingIOError:
                return found
            while events:
                watch, mask, _, length = struct.unpack_from("iIII", events)
                assert not mask & IN_Q_OVERFLOW
                name = os.fsdecode(events[16:16 + length].rstrip(b"\0"))
                if not mask & IN_ISDIR:
                    found.add(os.path.normpath(os.path.join(self.folders[watch], name)))
                events = events[16 + length:]

    def close(self):
        os.close(self.fd)
