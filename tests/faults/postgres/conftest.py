"""PostgreSQL for the faults: one server of our own, as it is killed; a schema for each test."""

import os
from collections.abc import Iterator

import pytest

from tests.stores.postgres import server as servers


@pytest.fixture(scope="session")
def server() -> Iterator[servers.Server]:
    """A server that may be killed."""
    with servers.running() as started:
        yield started


@pytest.fixture
def schema() -> str:
    """The name of a new schema."""
    return f"faults {os.urandom(4).hex()}"
