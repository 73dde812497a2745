"""open_store(): which store an address names."""

from pathlib import Path

import pytest

import taskorch
from taskorch.errors import InvalidParameters, StoreUnreadable
from taskorch.stores import MemoryStore, PostgresStore, SQLiteStore


def test_each_address_names_its_store(path):
    """Memory, files in both spellings, and PostgreSQL in both; nothing is opened."""
    for address in ("memory:", "MEMORY:", Path("memory:")):
        assert isinstance(taskorch.open_store(address), MemoryStore)
    for address in (str(path), path, f"sqlite:///{path}", f"SQLite:///{path}"):
        store = taskorch.open_store(address)
        assert isinstance(store, SQLiteStore)
        assert (store.name, store.is_shared) == (str(path), False)
    for scheme in ("postgresql", "postgres", "PostgreSQL"):
        store = taskorch.open_store(f"{scheme}://me:hidden@nowhere/tasks")
        assert isinstance(store, PostgresStore)
        assert "hidden" not in store.name + repr(store)
        assert store.is_shared
    assert list(path.parent.iterdir()) == []


def test_stores_show_where_they_are_but_no_password():
    """The repr of a store is what it was made of, without the password."""
    assert repr(taskorch.open_store("memory:")) == "MemoryStore()"
    assert repr(taskorch.open_store("x.db")) == "SQLiteStore('x.db')"
    assert repr(taskorch.open_store("x.db", shared=True)) == "SQLiteStore('x.db', shared=True)"
    store = taskorch.open_store("postgresql://me:hidden@nowhere/tasks")
    assert repr(store) == "PostgresStore('postgresql://me@nowhere/tasks', schema='taskorch')"


def test_a_file_may_be_shared(path):
    """shared=True is for files; what is in memory belongs to one process."""
    assert taskorch.open_store(path, shared=True).is_shared
    assert taskorch.open_store(f"sqlite:///{path}", shared=True).is_shared
    with pytest.raises(InvalidParameters, match="cannot be shared"):
        taskorch.open_store("memory:", shared=True)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("", 'use "memory:"'),
        (" ", 'use "memory:"'),
        (":memory:", "use .* or ./memory for a file"),
        ("memory", "use .* or ./memory for a file"),
        ("MEMORY", "use .* or ./memory for a file"),
        ("memory:x", 'did you mean "memory:"'),
        ("mysql://x", r"store mysql:…: this kind .* use memory:, .* or ./mysql:… for a file"),
        ("sqlite://x", "use sqlite:///path for a relative path, sqlite:////path for an absolute one"),
        ("sqlite:x.db", "use sqlite:///path for a relative path"),
        ("sqlite:///", "use sqlite:///path for a relative path"),
        ("sqlite:///:memory:", "use "),
        ("file:x.db", "use the plain path"),
        ("a\0b", "use another path"),
        ("a" * 40_000, "use another path"),
        ("\udcff" * 2 + "\ud800", "use another path"),
        ("/", "is a folder; use the path of a file"),
    ],
)
def test_what_names_no_store_is_told(address, hint):
    """Any other address is refused, with what would be one; a store in a file refuses it as well."""
    for make in (taskorch.open_store, SQLiteStore):
        with pytest.raises(StoreUnreadable, match=hint):
            make(address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:/me:hidden@nowhere/x",
        Path("postgresql://me:hidden@nowhere/x"),
        "host=nowhere password=hidden",
        "host=nowhere PASSWORD = hidden",
        "mysql://me:hidden@nowhere/x",
        "me:hidden@nowhere/x",
    ],
    ids=repr,
)
def test_an_address_is_never_taken_for_a_file(address):
    """What may hold a password is no file's name, and is not quoted."""
    for make in (taskorch.open_store, SQLiteStore):
        with pytest.raises(StoreUnreadable, match="use ") as refused:
            make(address)
        assert "hidden" not in f"{refused.value} {refused.value.__dict__}"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:se/cret@localhost:1/x",
        "postgresql://user:se@cret@localhost:1/x",
        "postgresql://user:1/cret@localhost:1/x",
        "postgresql://user:se?cret/a@localhost/x",
        "postgresql://user:se?a@cret@localhost/x",
        "POSTGRESQL://user:hidden@localhost:port/x",
        "postgresql://user:hidden@local%2Fhost/x",
    ],
)
def test_a_password_that_is_not_encoded_is_told_of(address):
    """A URL that falls into odd pieces is refused at once, with what to do, and nothing of it is shown."""
    for make in (taskorch.open_store, PostgresStore):
        with pytest.raises(StoreUnreadable, match=r"percent-encode the password \(urllib.parse.quote") as refused:
            make(address)
        assert refused.value.store == "postgresql://…"
        assert "user:pass" in str(refused.value)
        assert "localhost" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("postgresql://u:se%2Fc%40ret@h:1,i:2/x", "postgresql://u@h,i:1,2/x"),
        ("postgresql://u:a?b@h/x", "postgresql://u@h/x"),
        ("postgresql://%2Fvar%2Frun/x?user=a@b", "postgresql://a@b@/var/run/x"),
        ("postgresql:///x?host=/var/run", "postgresql:///var/run/x"),
        ("host=/tmp dbname=x user=u password=hidden", "postgresql://u@/tmp/x"),
    ],
)
def test_addresses_that_only_look_odd_are_taken(address, name):
    """Encoded passwords, several hosts, sockets and libpq's own words are addresses."""
    assert PostgresStore(address).name == name


@pytest.mark.parametrize("wrong", [5, None, b"x", ["x"]])
def test_what_is_no_text_is_told(wrong):
    """A store is named by a text or a path; everything else is refused with a typed error, also a ValueError."""
    for make in (taskorch.open_store, SQLiteStore, PostgresStore):
        with pytest.raises(InvalidParameters, match=r"expected .*; give a text") as refused:
            make(wrong)
        assert isinstance(refused.value, ValueError)


def test_timeouts_beyond_all_bounds_are_told():
    """A timeout that the server cannot count is refused."""
    for wrong in ({"statement_timeout": float("inf")}, {"connect_timeout": 1e12}):
        with pytest.raises(InvalidParameters, match="at most"):
            PostgresStore("postgresql://h/x", **wrong)
