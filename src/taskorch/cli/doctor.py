"""The command that says whether this machine and a store are sound: doctor."""

import platform
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from taskorch.api import open_store
from taskorch.cli.exits import Exit
from taskorch.cli.screen import Screen, shown
from taskorch.errors import StoreError
from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.stores.sqlite.health import Finding, Mark, examine, examine_library

if TYPE_CHECKING:
    from taskorch.stores import PostgresStore

_EXTRAS = {"trio": "trio", "cli": "rich", "postgres": "psycopg"}
"""What each extra brings, by the name it is imported by."""


def doctor(asked: Namespace, screen: Screen) -> Exit:
    """Say what was looked at, and what has to be done."""
    store = None if asked.store is None else open_store(asked.store)  # what names no store is refused as run does
    findings = [*_store(store), *_machine()]
    for finding in findings:
        screen.put(f"{finding.mark:<4}  {shown(finding.text)}")
    return Exit.COMPLETED if all(finding.is_fine for finding in findings) else Exit.FAILED


def _machine() -> Iterator[Finding]:
    yield Finding(Mark.OK, f"Python {platform.python_version()} on {platform.system()}")
    installed = [extra for extra, module in _EXTRAS.items() if find_spec(module) is not None]
    yield Finding(Mark.OK, f"extras: {', '.join(installed) or 'none'}")


def _store(store: Store | None) -> Iterator[Finding]:
    """How the store is, and the SQLite library."""
    if isinstance(store, SQLiteStore):
        yield from examine(Path(store.name))
        return
    if isinstance(store, MemoryStore):
        yield Finding(Mark.OK, "memory: keeps nothing, so there is nothing to examine")
    elif store is not None:
        from taskorch.stores import PostgresStore  # it is one, so its driver is installed

        if isinstance(store, PostgresStore):
            yield anyio.run(_asked, store)
    yield examine_library()


async def _asked(store: "PostgresStore") -> Finding:
    """Whether a server answers, and what it holds."""
    try:
        version = await store.version()
    except StoreError as error:
        return Finding(Mark.LOOK, str(error))
    finally:
        await store.aclose()
    held = f"schema version {version}" if version else "no store yet; the next run makes one"
    return Finding(Mark.OK, f"{store.name} answers: {held}")
