"""Run one command and answer for every process that comes of it. A script: nothing imports it.

``python -I -S -E supervisor.py REPORT NAME`` is started by ``CommandDispatcher`` in a session of its own,
once for each command. What it and the host say to each other:

- *Standard input* brings the order (``read_order``) and then nothing. Its end means "stop everything"; that
  is also how the host's death looks from here, however the host died.
- The descriptor *REPORT* takes a line when nothing of the command is left: ``exit N``, ``signal N``,
  ``errno N`` (it could not be started) or ``unable`` (this system does not let a process adopt its orphans).
  No line means that the supervisor itself was killed.
- Standard output and standard error are the command's. *NAME* is for people who read lists of processes.

As "subreaper" the supervisor is the parent of every orphan below it, so no descendant can leave its tree,
by ``setsid`` or by forking twice. If it is killed itself, the kernel kills the command; what the command had
started by then is beyond its reach, as are programs that the user may not signal (setuid).

Only built-in modules are imported, because every command pays for them: ``os`` costs 1.5 ms, ``signal`` 5 ms.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums
import posix
import select
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
EPERM = 1
PASSES = 50  # over the tree, each stopping what was born during the last one
HAS_LISTS = posix.access(f"/proc/self/task/{posix.getpid()}/children", posix.R_OK)  # most kernels


class Order:
    """What to run: all of it as bytes, as the kernel wants it."""

    def __init__(self, fields: list[bytes]) -> None:
        self.host = int(fields[0])
        self.grace = float(fields[1])
        self.directory, self.program = fields[2], fields[3]
        end = 5 + int(fields[4])
        self.argv = fields[5:end]
        pairs = [field.split(b"=", 1) for field in fields[end:]]
        self.environment = {name: value for name, value in pairs}  # noqa: C416  # mypy: lists are no pairs


def read_order() -> Order | None:
    """The order: its length, a newline, fields parted by NUL; None if the host goes before its end."""
    data = b""
    while b"\n" not in data:
        if not (chunk := posix.read(0, 65536)):
            return None
        data += chunk
    size, data = data.split(b"\n", 1)
    while len(data) < int(size):
        if not (chunk := posix.read(0, 65536)):
            return None
        data += chunk
    return Order(data.split(b"\0"))


def prctl(option: int, value: int) -> bool:
    """Set a property of this process; False if the kernel refuses."""
    try:
        import _ctypes  # 0.4 ms; `ctypes` around it takes 4

        loaded = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None: this program itself
        function = _ctypes.dlsym(loaded, "prctl")
        return bool(_ctypes.call_function(function, (option, value, 0, 0, 0)) == 0)
    except (ImportError, AttributeError, TypeError):  # another Python than CPython as we know it
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def start(order: Order) -> tuple[int, bytes]:
    """Start the command; its process id, and why it did not start (empty if it did)."""
    supervisor = posix.getpid()
    reader, writer = posix.pipe()
    pid = posix.fork()
    if pid == 0:
        try:
            become(order, supervisor)
        except OSError as error:
            posix.write(writer, b"errno %d" % (error.errno or EPERM))
        finally:
            posix._exit(127)
    posix.close(writer)
    problem = posix.read(reader, 64)  # ends when exec closes the other end
    posix.close(reader)
    return pid, problem


def become(order: Order, supervisor: int) -> None:
    """In the child: turn into the command."""
    posix.setsid()
    if not prctl(PR_SET_PDEATHSIG, _signal.SIGKILL) or posix.getppid() != supervisor:
        posix.kill(posix.getpid(), _signal.SIGKILL)  # the supervisor is dead, and so is its command
    posix.dup2(posix.open("/dev/null", posix.O_RDWR), 0)
    for ignored in (_signal.SIGPIPE, _signal.SIGXFSZ):  # by Python, for itself
        _signal.signal(ignored, _signal.SIG_DFL)
    posix.chdir(order.directory)
    posix.execve(order.program, order.argv, order.environment)


def content(path: str) -> bytes:
    """What is in a file of ``/proc``; nothing if the process has gone."""
    data = b""
    try:
        file = posix.open(path, posix.O_RDONLY)
    except OSError:
        return data
    try:
        while chunk := posix.read(file, 65536):
            data += chunk
    except OSError:
        pass
    finally:
        posix.close(file)
    return data


def numbers(directory: str) -> list[str]:
    """The entries of a directory of ``/proc`` that are process or thread ids."""
    try:
        return [name for name in posix.listdir(directory) if name.isdigit()]
    except OSError:
        return []


def parent_of(pid: int) -> int:
    """The parent of a process; 0 if there is no such process."""
    fields = content(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def children_of(pid: int) -> list[int]:
    """The children of a process. One that is born or dies meanwhile may be missing."""
    if not HAS_LISTS:  # slow: a chain of processes that live for less than a millisecond may outrun it
        return [int(name) for name in numbers("/proc") if parent_of(int(name)) == pid]
    found: list[int] = []
    for thread in numbers(f"/proc/{pid}/task"):
        found += map(int, content(f"/proc/{pid}/task/{thread}/children").split())
    return found


def handle_of(pid: int) -> int:
    """A descriptor that stands for this process and no later one; -1 if there is none to be had."""
    try:
        return posix.pidfd_open(pid)
    except (OSError, AttributeError):  # it is gone, or the kernel or Python is too old
        return -1


def strike(pid: int, parent: int, signum: int) -> bool:
    """Send a signal to a descendant that was seen as a child of *parent*; False if that is not allowed."""
    handle = -1
    try:
        if parent == posix.getpid():  # its number is its own until it is reaped, here and nowhere else
            posix.kill(pid, signum)
            return True
        handle = handle_of(pid)
        if parent_of(pid) not in (parent, posix.getpid()):  # it has gone, and its number may be another's
            return True
        if handle >= 0:
            _signal.pidfd_send_signal(handle, signum)
        else:
            posix.kill(pid, signum)
    except OSError as error:
        return error.errno != EPERM
    finally:
        if handle >= 0:
            posix.close(handle)
    return True


class Tree:
    """The command and all that comes of it."""

    def __init__(self, command: int, wake: int) -> None:
        self.command, self.wake = command, wake
        self.status: int | None = None
        self.gone = False

    def reap(self) -> None:
        """Take note of the dead. Without a child there is no descendant: orphans become children."""
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                self.gone = True
                return
            if pid == 0:
                return
            if pid == self.command:
                self.status = status

    def watch(self, host: int) -> bool:
        """Wait for the command's end; False if everything is to be stopped before that."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        poll.register(0, select.POLLIN)
        host_end = handle_of(host)
        if host_end >= 0:  # a process forked by the host may hold our input open after the host's death
            poll.register(host_end, select.POLLIN)
        if posix.getppid() != host:
            return False
        while True:
            stop = False
            for descriptor, _ in poll.poll():
                told = posix.read(self.wake, 512) if descriptor == self.wake else b"\0"
                stop = stop or any(signum != _signal.SIGCHLD for signum in told)
            self.reap()
            if self.status is not None or stop:
                return self.status is not None

    def reach(self, signum: int, known: dict[int, tuple[int, bool]]) -> bool:
        """Send a signal to every descendant that is not known yet, parents first; whether there was one.

        Args:
            signum: The signal.
            known: For each process that was reached its parent, and whether it may be signalled.
        """
        before, waiting = len(known), [posix.getpid()]
        while waiting:
            parent = waiting.pop()
            for pid in children_of(parent):
                if pid not in known:
                    known[pid] = (parent, strike(pid, parent, signum))
                waiting.append(pid)
        return len(known) > before

    def ask(self, grace: float) -> None:
        """Ask every process to end, and give them *grace* seconds for it."""
        self.reach(_signal.SIGTERM, {})
        limit = time.monotonic() + grace
        self.reap()
        while not self.gone and (left := limit - time.monotonic()) > 0:
            self.rest(left)

    def kill(self) -> None:
        """Kill every process, and return when none is left that may be killed."""
        self.reap()
        while not self.gone:
            known: dict[int, tuple[int, bool]] = {}
            for _ in range(PASSES):  # what is stopped cannot fork, nor make up for another's death
                if not self.reach(_signal.SIGSTOP, known):
                    break
            for pid, (parent, allowed) in known.items():
                if allowed:
                    strike(pid, parent, _signal.SIGKILL)
            if known and not any(allowed for _, allowed in known.values()):
                return
            self.rest(0.02)

    def rest(self, seconds: float) -> None:
        """Wait until a process ends, but not longer than *seconds*."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        if poll.poll(seconds * 1000):
            posix.read(self.wake, 512)
        self.reap()


def listen() -> int:
    """Have signals write their number to a pipe; the end to read from."""
    reader, writer = posix.pipe()
    posix.set_blocking(reader, False)
    posix.set_blocking(writer, False)
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for signum in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP):
        _signal.signal(signum, lambda *_: None)
    return reader


def supervise(order: Order) -> bytes:
    """Carry out the order; the line for the report."""
    wake = listen()
    if not prctl(PR_SET_CHILD_SUBREAPER, 1):
        return b"unable"
    command, problem = start(order)
    tree = Tree(command, wake)
    if not problem and not tree.watch(order.host):
        tree.ask(order.grace)
    tree.kill()
    if problem or tree.status is None:
        return problem or b"signal %d" % _signal.SIGKILL
    if posix.WIFSIGNALED(tree.status):
        return b"signal %d" % posix.WTERMSIG(tree.status)
    return b"exit %d" % posix.WEXITSTATUS(tree.status)


def main() -> None:
    """Read the order, carry it out, report."""
    report = int(sys.argv[1])
    posix.set_inheritable(report, False)
    order = read_order()
    if order is not None:
        posix.write(report, supervise(order))
    posix._exit(0)  # there is nothing to tidy up, and tidying up takes 2 ms


if __name__ == "__main__":
    main()
