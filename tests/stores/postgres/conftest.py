"""PostgreSQL for the tests: one server for all, a schema for each."""

import os
from collections.abc import Callable, Iterator

import pytest

from taskorch.stores import PostgresStore
from tests.stores.postgres import server

Fresh = Callable[..., PostgresStore]


@pytest.fixture(scope="session")
def dsn() -> Iterator[str]:
    """The address of a database that tests may fill."""
    with server.dsn() as address:
        yield address


@pytest.fixture(scope="session")
def own_server() -> Iterator[server.Server]:
    """A server that tests may kill; never the one that was given."""
    with server.running() as started:
        yield started


@pytest.fixture
def schema(dsn: str) -> Iterator[str]:
    """The name of a schema that does not exist; whatever it holds in the end is dropped."""
    name = f"test {os.urandom(6).hex()} \"é'"
    yield name
    server.drop(dsn, name)


@pytest.fixture
def fresh(dsn: str, schema: str) -> Fresh:
    """Makes a store object on the schema of the test."""

    def make(**settings: object) -> PostgresStore:
        return PostgresStore(dsn, **{"schema": schema, "connect_timeout": 60, **settings})

    return make
