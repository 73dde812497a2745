"""The faults of PostgreSQL, as functions that take counts and a seed: run them from a test, or by hand.

``python -m tests.faults.postgres.chaos 100 300 20 300`` makes so many kills, cut commits, restarts and terminated
back ends, and prints how long each took. The server is one of our own; it is started in a temporary directory.
"""

import os
import random
import sys
import time
from collections import Counter

import anyio
import psycopg
from psycopg.conninfo import make_conninfo

from taskorch.core.receipts import Done, Repeated
from taskorch.core.unit import LeaseAction, Message, Put, Unit
from taskorch.errors import StoreUnavailable
from taskorch.stores import PostgresStore
from tests.faults.postgres import checkers
from tests.faults.postgres.crowd import Crowd
from tests.faults.postgres.proxy import Proxy
from tests.stores.postgres import server as servers

CUTS = ("before", "at once", "after")


def kill_workers(dsn: str, schema: str, kills: int, seed: int = 0) -> checkers.Aftermath:
    """Kill workers with SIGKILL while three of them work, and check what they leave behind."""
    chance = random.Random(seed)
    with Crowd(dsn, schema) as crowd:
        crowd.feed(200)
        fed = 200
        for _ in range(kills):
            before = len(crowd.after.acknowledged)
            time.sleep(chance.uniform(0.0, 0.06))
            crowd.kill(chance.randrange(len(crowd.pids)))
            if chance.random() < 0.5:
                crowd.wait_for(min(before + 1, fed))
            if len(crowd.after.acknowledged) > fed - 100:
                crowd.feed(200)
                fed += 200
        crowd.drain()
    return _checked(crowd)


def restart_server(server: servers.Server, schema: str, restarts: int, seed: int = 0) -> checkers.Aftermath:
    """Stop the server as if it crashed, and start it again, while three workers work."""
    chance = random.Random(seed)
    with Crowd(server.dsn, schema) as crowd:
        crowd.feed(100)
        for _ in range(restarts):
            before = len(crowd.after.acknowledged)
            crowd.feed(60)
            crowd.wait_for(before + 10)
            time.sleep(chance.uniform(0, 0.05))
            server.restart()
        crowd.drain()
    return _checked(crowd)


def terminate_back_ends(dsn: str, schema: str, terminations: int, seed: int = 0) -> checkers.Aftermath:
    """Terminate back ends, of whatever they are in the middle, while three workers work."""
    chance = random.Random(seed)
    done, fed = 0, 300
    name = f"chaos {os.urandom(4).hex()}"
    with (
        Crowd(make_conninfo(dsn, application_name=name), schema) as crowd,
        psycopg.connect(dsn, autocommit=True) as killer,
    ):
        crowd.feed(fed)
        while done < terminations:
            if len(crowd.after.acknowledged) > fed - 100:
                crowd.feed(300)
                fed += 300
            alive = killer.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", (name,)).fetchall()
            if alive:
                row = killer.execute("SELECT pg_terminate_backend(%s)", chance.choice(alive)).fetchone()
                done += bool(row and row[0])
            time.sleep(chance.uniform(0, 0.02))
        crowd.drain(120)
    return _checked(crowd)


def cut_commits(server: servers.Server, schema: str, cuts: int, seed: int = 0) -> Counter[str]:
    """Cut the connection at COMMITs, repeat each unit until its outcome is known, and check that it took effect once.

    Returns:
        How often the repeated unit was kept anew, and how often it had been kept.
    """
    with Proxy(server.socket) as proxy:
        address = make_conninfo(server.dsn, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable")
        return anyio.run(_cut, proxy, address, schema, cuts, random.Random(seed))


async def _cut(proxy: Proxy, address: str, schema: str, cuts: int, chance: random.Random) -> Counter[str]:
    answers: Counter[str] = Counter()
    units: list[Unit] = []
    number, version = 0, 0
    async with PostgresStore(address, schema=schema, size=2) as store:
        await store.apply(
            [Unit(run="run", epoch=0, number=0, puts=(Put(id="run", body="", version=0, expected=None),))]
        )
        await store.lease("me", "run")
        while proxy.cuts < cuts:
            nth = len(units)
            fact = (nth, 3, 1, 0, nth)
            match chance.randrange(3):
                case 0:
                    number, version = number + 1, version + 1
                    put = Put(id="run", body=f"{version}", version=version, expected=version - 1)
                    unit = Unit(run="run", epoch=1, number=number, puts=(put,), facts=(fact,), lease=LeaseAction.KEEP)
                case 1:
                    put = Put(id=f"new-{nth}", body="{}", version=0, expected=None)
                    unit = Unit(run=f"new-{nth}", epoch=0, number=0, puts=(put,), facts=(fact,))
                case _:
                    message = Message(id=f"message-{nth}", run="run", body="{}")
                    unit = Unit(run="run", epoch=0, number=0, messages=(message,), facts=(fact,))
            units.append(unit)
            kind = chance.choice(CUTS)
            proxy.arm(kind)
            try:
                await store.apply([unit])
                raise AssertionError(f"the cut {kind!r} of {unit} was not noticed")
            except StoreUnavailable:
                pass
            [receipt] = await store.apply([unit])
            assert isinstance(receipt, Done if kind == "before" else Repeated if kind == "after" else Done | Repeated)
            answers[f"{kind}: {type(receipt).__name__}"] += 1
        journals = {run: await store.journal(run, n=len(units) + 1) for run in {unit.run for unit in units}}
        checkers.s10_ambiguous_commit_is_one(units, journals)
        assert len(await store.messages("run", len(units))) == sum(len(unit.messages) for unit in units)
        records = await store.read(["run"])
        assert [record and record.version for record in records] == [version]
    return answers


def _checked(crowd: Crowd) -> checkers.Aftermath:
    after = crowd.look()
    for check in checkers.ALL:
        check(after)
    return after


def main(counts: list[int]) -> None:
    """Make so many kills, cuts, restarts and terminations; print what came of it."""
    kills, cuts, restarts, terminations = counts
    with servers.running() as server:
        for what, fault, count in (
            ("kills", lambda n: kill_workers(server.dsn, "kills", n), kills),
            ("cuts", lambda n: cut_commits(server, "cuts", n), cuts),
            ("restarts", lambda n: restart_server(server, "restarts", n), restarts),
            ("terminations", lambda n: terminate_back_ends(server.dsn, "terminations", n), terminations),
        ):
            if count:
                began = time.monotonic()
                found = fault(count)
                told = len(found.acknowledged) if isinstance(found, checkers.Aftermath) else dict(found)
                print(f"{count} {what}: {time.monotonic() - began:.1f} s, acknowledged: {told}", flush=True)


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:5]])
