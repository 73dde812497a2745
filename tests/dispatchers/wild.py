"""Programs that do not want to end: ``python wild.py KIND TAG``. The kinds are the functions below."""

import os
import signal
import sys
import time

COUNT = {"plain": 1, "deaf": 1, "session": 2, "double_fork": 2, "closed": 2, "forest": 31, "restless": 3}


def plain() -> None:
    """Sleep."""
    time.sleep(120)


def deaf() -> None:
    """Sleep, whoever asks for the end."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    plain()


def session() -> None:
    """A child in a session of its own, deaf."""
    if os.fork() == 0:
        os.setsid()
        deaf()
    plain()


def double_fork() -> None:
    """A daemon as the book has it: its parent is gone, it is deaf."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            deaf()
        os._exit(0)
    os.wait()
    plain()


def closed() -> None:
    """A child that has closed all it was given, as its parent has."""
    for descriptor in range(3):
        os.close(descriptor)
    os.fork()
    deaf()


def forest() -> None:
    """Many generations, each in a session of its own."""
    for _ in range(30):
        if os.fork():
            deaf()
        os.setsid()
    deaf()


def restless() -> None:
    """Processes that live for a moment only, each after leaving another one behind."""
    for _ in range(2):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            limit = time.monotonic() + 10  # what nobody ends must neither outlive a failed test by much …
            while time.monotonic() < limit:
                time.sleep(0.004)  # … nor use up the process ids of the machine
                os.setsid() if os.getpgrp() != os.getpid() else None
                if os.fork():
                    os._exit(0)
            os._exit(0)
    deaf()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
