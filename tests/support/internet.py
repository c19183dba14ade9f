"""A little Internet: a network namespace in which this host has public addresses."""
import ctypes
import os
import subprocess
import threading

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000


def missing():
    """Why there can't be one here; empty if there can."""
    return "" if os.getuid() == 0 else "only root can make a network namespace"


def inside(folder, hosts, run):
    """Calls run() in a thread of a network of its own, whose programs know `hosts`, {name: address}:
    all of them are this host's. Returns or raises what it does."""
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, a in hosts.items()))
    ended = {}

    def thread():
        try:
            # Of this thread, and of what it starts; the rest of the program stays where it is.
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET | _CLONE_NEWNS) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            for words in (["mount", "--make-rprivate", "/"],
                          ["mount", "--bind", folder / "hosts", "/etc/hosts"],
                          ["ip", "link", "set", "lo", "up"],
                          *(["ip", "addr", "add", f"{a}/32", "dev", "lo"] for a in set(hosts.values())
                            if not a.startswith("127."))):
                subprocess.run(words, check=True, capture_output=True,
                               env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
            ended["result"] = run()
        except BaseException as error:  # of the test, and the test's to show
            ended["error"] = error

    running = threading.Thread(target=thread)
    running.start()
    running.join()
    if "error" in ended:
        raise ended["error"]
    return ended["result"]
