"""When a SQLite file waits for the disk: at every change under FULL, and at none of the first under NORMAL."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from taskorch.core.unit import Put, Unit
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite.database import Durability
from tests.faults.shim import connecting


class Counting(apsw.VFS):
    """A file system that counts how often somebody waits until a file is on the disk."""

    NAME = "counting"

    def __init__(self) -> None:
        super().__init__(self.NAME, "")
        self.syncs = 0

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        """Open a file."""
        return CountingFile(self, name, flags)


class CountingFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, disk: Counting, name: apsw.URIFilename | str | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        """Wait for the disk."""
        self._disk.syncs += 1
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Counting]:
    """The file system."""
    disk = Counting()
    yield disk
    disk.unregister()


def _unit(number: int) -> Unit:
    id = f"run-{number}"
    return Unit(run=id, epoch=0, number=0, puts=(Put(id=id, body="{}", version=0, expected=None, state="open"),))


@pytest.mark.parametrize(("durability", "each"), [("normal", 0), ("full", 1)])
async def test_changes_wait_for_the_disk_as_it_was_asked(
    disk: Counting, tmp_path: Path, durability: Durability, each: int
) -> None:
    """Under FULL each unit waits once; under NORMAL none does, the first after the opening neither."""
    path = tmp_path / "kept.db"
    async with SQLiteStore(path, durability=durability, connect=connecting(Counting.NAME)) as store:
        await store.read([])  # opens it
        opened = disk.syncs
        assert opened > 0
        for number in range(5):
            before = disk.syncs
            await store.apply([_unit(number)])
            assert disk.syncs - before == each, number


async def test_a_batch_waits_once(disk: Counting, tmp_path: Path) -> None:
    """A batch of units shares one wait."""
    async with SQLiteStore(tmp_path / "kept.db", connect=connecting(Counting.NAME)) as store:
        await store.apply([_unit(0)])
        before = disk.syncs
        await store.apply([_unit(number) for number in range(1, 50)])
        assert disk.syncs - before == 1
