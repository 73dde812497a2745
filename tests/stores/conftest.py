"""Stores to test."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from taskorch.stores import MemoryStore, SQLiteStore

Fresh = Callable[[], MemoryStore | SQLiteStore]


@pytest.fixture(params=["memory", "sqlite-full", "sqlite-normal"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Makes a fresh, empty store of each kind."""
    numbers = count()
    durability = "normal" if request.param == "sqlite-normal" else "full"

    def make() -> MemoryStore | SQLiteStore:
        if request.param == "memory":
            return MemoryStore()
        return SQLiteStore(tmp_path / f"{next(numbers)}.db", durability=durability)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a SQLite store may be made; its folder holds nothing else."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "store.db"
