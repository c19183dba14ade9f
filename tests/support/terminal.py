"""A person at a terminal: a program as the foreground job of a terminal of its own."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Terminal:
    """Runs `argv` on a new terminal, in a session of its own."""

    def __init__(self, argv, env, rows=40, columns=100, cwd=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if cwd:
                os.chdir(cwd)
            # Before the program looks; our parent may not have been quick enough.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(argv[0], [str(word) for word in argv], env)
        self.seen = b""

    def read_until(self, text, seconds=90):
        """What was printed so far, once it holds `text`."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, f"waited for {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], 0.1)[0] and not self._read():
                assert text.encode() in self.seen, f"ended without {text!r}: {self.seen!r}"
        return self.seen.decode(errors="replace")

    def _read(self):
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False  # nobody has the terminal open any more
        self.seen += chunk
        return bool(chunk)

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def settings(self):
        return termios.tcgetattr(self.fd)

    def hang_up(self):
        """The terminal's window is closed."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)

    def end(self, seconds=120):
        """The exit code; the output up to the end is in `seen`."""
        deadline = time.monotonic() + seconds
        while not select.select([self.fd], [], [], 0.1)[0] or self._read():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"did not end after {self.seen!r}")
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.end()
