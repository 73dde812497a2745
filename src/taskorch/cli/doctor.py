"""The command that says whether this machine and a store are sound: doctor."""

import platform
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import anyio

from taskorch.api import open_store
from taskorch.cli.exits import Exit
from taskorch.cli.screen import Screen, shown
from taskorch.errors import StoreError
from taskorch.stores.sqlite.health import Finding, examine, examine_library

_EXTRAS = {"trio": "trio", "cli": "rich", "postgres": "psycopg"}
"""What each extra brings, by the name it is imported by."""


def doctor(asked: Namespace, screen: Screen) -> Exit:
    """Say what was looked at, and what has to be done."""
    findings = [*_machine(), *(() if asked.store is None else _store(asked.store))]
    for finding in findings:
        screen.put(f"{'ok  ' if finding.is_fine else 'look'}  {shown(finding.text)}")
    return Exit.COMPLETED if all(finding.is_fine for finding in findings) else Exit.FAILED


def _machine() -> Iterator[Finding]:
    yield Finding(True, f"Python {platform.python_version()} on {platform.system()}")
    installed = [extra for extra, module in _EXTRAS.items() if find_spec(module) is not None]
    yield Finding(True, f"extras: {', '.join(installed) or 'none'}")
    yield examine_library()


def _store(url: str) -> Iterator[Finding]:
    scheme, _, rest = url.partition("://")
    if rest and scheme != "sqlite":
        yield anyio.run(_asked, url)
    else:
        yield from examine(Path(rest.removeprefix("/") if rest else url))


async def _asked(url: str) -> Finding:
    """Whether a store answers."""
    store = open_store(url)
    try:
        await store.read(["doctor"])
    except StoreError as error:
        return Finding(False, str(error))
    finally:
        await store.aclose()
    return Finding(True, f"{store.name} answers")
