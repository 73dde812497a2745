"""What a run that is recorded has, and the time during which it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio

from taskorch.engine.committer import Committer
from taskorch.engine.leases import Lease
from taskorch.engine.mailbox import Mailbox


class Records(NamedTuple):
    """Who writes, under which lease, and what is asked of the run from elsewhere."""

    committer: Committer
    lease: Lease
    mailbox: Mailbox


@asynccontextmanager
async def recording(records: Records, hand_back: Callable[[], None]) -> AsyncIterator[None]:
    """The time during which a run is recorded.

    In the end *hand_back* says what else is to be recorded. The lease is kept alive until that is.
    """
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(records.committer.run)
            try:
                yield
            finally:
                hand_back()
                records.committer.close()
    finally:
        await records.lease.end()
