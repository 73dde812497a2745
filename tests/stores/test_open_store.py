"""open_store(): which store an address names."""

import pytest

import taskorch
from taskorch.errors import InvalidParameters, StoreUnreadable
from taskorch.stores import MemoryStore, PostgresStore, SQLiteStore


def test_each_address_names_its_store(path):
    """Memory, files in both spellings, and PostgreSQL in both; nothing is opened."""
    assert isinstance(taskorch.open_store("memory:"), MemoryStore)
    for address in (str(path), path, f"sqlite:///{path}"):
        store = taskorch.open_store(address)
        assert isinstance(store, SQLiteStore)
        assert (store.name, store.is_shared) == (str(path), False)
    for scheme in ("postgresql", "postgres"):
        store = taskorch.open_store(f"{scheme}://me:hidden@nowhere/tasks")
        assert isinstance(store, PostgresStore)
        assert "hidden" not in store.name + repr(store)
        assert store.is_shared
    assert list(path.parent.iterdir()) == []


def test_a_file_may_be_shared(path):
    """shared=True is for files; what is in memory belongs to one process."""
    assert taskorch.open_store(path, shared=True).is_shared
    assert taskorch.open_store(f"sqlite:///{path}", shared=True).is_shared
    with pytest.raises(InvalidParameters, match="cannot be shared"):
        taskorch.open_store("memory:", shared=True)


@pytest.mark.parametrize("address", ["", ":memory:", "mysql://x", "sqlite://x", "sqlite:///", "a\0b"])
def test_what_names_no_store_is_told(address):
    """Any other address is refused, with what would be one."""
    with pytest.raises(StoreUnreadable, match="use "):
        taskorch.open_store(address)
