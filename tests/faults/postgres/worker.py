"""A worker that may be killed at any instant: it claims, begins and completes tasks, and acknowledges them by a pipe.

``python -m tests.faults.postgres.worker`` is a nursery: it reads ``dsn<TAB>schema<TAB>seed`` lines, forks a warm
worker for each, and writes ``pid <number>``; its workers write ``given <pid>`` when a claim has given them something,
and ``ack <id> <epoch>``. A worker ends with its nursery.
"""

import os
import signal
import sys

import anyio

from taskorch.core.receipts import Claimed, Receipt, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Put, Unit
from taskorch.errors import StoreUnavailable
from taskorch.stores import PostgresStore

QUEUE = "work"
TTL = 3.0
START, COMPLETE = 2, 3
"""The verbs of the facts by which the checkers know what happened."""


async def live(dsn: str, schema: str, out: int, nursery: int) -> None:
    """Work until killed, or until the nursery has ended."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work, dsn, schema, out)
        while os.getppid() == nursery:  # noqa: ASYNC110 - nobody tells when a parent ends
            await anyio.sleep(0.5)
        os._exit(0)


async def work(dsn: str, schema: str, out: int) -> None:
    """Claim and complete tasks."""
    async with PostgresStore(dsn, schema=schema, size=2, statement_timeout=10, connect_timeout=5) as store:
        while True:
            try:
                claims = await store.claim(f"process {os.getpid()}", [Lane((QUEUE,))], {}, TTL, 2)
            except StoreUnavailable:
                await anyio.sleep(0.01)
                continue
            if claims:
                os.write(out, f"given {os.getpid()}\n".encode())
            for claimed in claims:
                if await complete(store, claimed):
                    os.write(out, f"ack {claimed.record.id} {claimed.epoch}\n".encode())
            if not claims:
                await anyio.sleep(0.02)


async def complete(store: PostgresStore, claimed: Claimed) -> bool:
    """Begin and complete a task under its lease; whether the store has said that it is kept."""
    id, epoch, version = claimed.record.id, claimed.epoch, claimed.record.version
    begun = Unit(run=id, epoch=epoch, number=1, facts=((0, START, epoch, 0, None),))
    done = Unit(
        run=id,
        epoch=epoch,
        number=2,
        puts=(Put(id=id, body=f'{{"epoch":{epoch}}}', version=version + 1, expected=version, state="done"),),
        gone=(id,),
        facts=((0, COMPLETE, epoch, 0, None),),
        lease=LeaseAction.RELEASE,
    )
    for unit in (begun, done):
        receipt = await repeated(store, unit)
        if isinstance(receipt, Refused):
            if receipt.why is not Refusal.STALE_LEASE:  # nothing else can stand in the way of an owner
                raise AssertionError(f"{unit} was refused: {receipt}")
            return False
    return True


async def repeated(store: PostgresStore, unit: Unit) -> Receipt:
    """Apply a unit again and again until its outcome is known."""
    while True:
        try:
            return (await store.apply([unit]))[0]
        except StoreUnavailable:
            await anyio.sleep(0.01)


def nursery() -> None:
    """Fork a worker for each line that is read."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    mother = os.getpid()
    for line in sys.stdin:
        dsn, schema, seed = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            try:
                anyio.run(live, dsn, schema, 1, mother, backend="asyncio" if int(seed) % 2 else "trio")
            except BaseException as error:  # noqa: BLE001 - whatever it is, the checker must hear of it
                os.write(1, f"died {error!r}\n".replace("\n", " ").encode()[:2000] + b"\n")
            os._exit(1)
        os.write(1, f"pid {pid}\n".encode())


if __name__ == "__main__":
    nursery()
