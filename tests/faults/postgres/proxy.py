"""A proxy before a server of PostgreSQL that cuts the connection at a COMMIT: before it, at it, or after it."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Cut = Literal["before", "at once", "after"]
"""Before the COMMIT is forwarded; at once behind it; or once the server has carried it out, instead of its answer."""


class Proxy:
    """Listens on a port of this host and forwards to the socket of a server.

    Args:
        target: The file of the server's socket.

    Attributes:
        port: The port.
        cuts: How many connections were cut.
        flows: Cleared, nothing is forwarded either way, and nobody is told: the connections are half open.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cuts = 0
        self.flows = threading.Event()
        self.flows.set()
        self._mutex = threading.Lock()
        self._cut: Cut | None = None
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def arm(self, cut: Cut | None) -> None:
        """Cut the connection of the next COMMIT, or of none."""
        with self._mutex:
            self._cut = cut

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flows.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target))
                pair = _Pair(client, server, self)
                threading.Thread(target=pair.to_server, daemon=True).start()
                threading.Thread(target=pair.to_client, daemon=True).start()

    def take(self) -> Cut | None:
        """How to cut a connection that has just said COMMIT."""
        with self._mutex:
            cut, self._cut = self._cut, None
            self.cuts += cut is not None
            return cut


class _Pair:
    """One connection, seen from both sides."""

    def __init__(self, client: socket.socket, server: socket.socket, proxy: Proxy) -> None:
        self._client, self._server, self._proxy = client, server, proxy
        self._reading = _Frontend()
        self._is_mute = self._is_over = False

    def to_server(self) -> None:
        """Forward what the client says."""
        with suppress(OSError):
            while data := self._client.recv(65536):
                self._proxy.flows.wait()
                cut = self._proxy.take() if self._reading.says_commit(data) else None
                if cut == "before":
                    break
                if cut == "after":
                    self._is_mute = True  # the other side closes both when the server has answered
                self._is_over = cut == "at once"  # however quick the answer is, it comes too late
                self._server.sendall(data)
                if cut == "at once":
                    break
        self.close()

    def to_client(self) -> None:
        """Forward what the server says."""
        with suppress(OSError):
            while data := self._server.recv(65536):
                self._proxy.flows.wait()
                if self._is_over:
                    break
                if self._is_mute:
                    if b"COMMIT\0" not in data and b"ROLLBACK\0" not in data:
                        continue
                    break
                self._client.sendall(data)
        self.close()

    def close(self) -> None:
        """Cut both sides."""
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class _Frontend:
    """Reads what a client says, as far as it takes to know a COMMIT, prepared ones included."""

    def __init__(self) -> None:
        self._rest = b""
        self._has_begun = False
        self._prepared: dict[bytes, bool] = {}

    def says_commit(self, data: bytes) -> bool:
        """Whether these bytes end a message that executes a COMMIT."""
        self._rest += data
        found = False
        while True:
            head = 1 if self._has_begun else 0
            if len(self._rest) < head + 4:
                return found
            length = int.from_bytes(self._rest[head : head + 4], "big")
            if len(self._rest) < head + length:
                return found
            kind, body = self._rest[:head], self._rest[head + 4 : head + length]
            self._rest = self._rest[head + length :]
            found = self._is_commit(kind, body) or found

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        if not kind:  # the first message has no letter; one that asks for encryption comes before it
            self._has_begun = body[:4] not in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")
        elif kind == b"Q":
            return body.startswith(b"COMMIT")
        elif kind == b"P":
            name, query = body.split(b"\0")[:2]
            self._prepared[name] = query.startswith(b"COMMIT")
        elif kind == b"B":
            return self._prepared.get(body.split(b"\0")[1], False)
        return False
