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
_TERMINATE = """
    SELECT pg_terminate_backend(pid), coalesce(state <> 'idle', false) FROM pg_stat_activity
    WHERE application_name = %s AND (%s OR state <> 'idle') ORDER BY random() LIMIT 1
"""
"""One of the back ends of a name; whether it was amid a statement or a transaction. It must have been, or need not."""


def kill_workers(dsn: str, schema: str, kills: int, seed: int = 0) -> checkers.Aftermath:
    """Kill workers with SIGKILL while three of them work, and check what they leave behind.

    One in four is killed at any instant, the others soon after a claim has given them something.
    """
    chance = random.Random(seed)
    with Crowd(dsn, schema) as crowd:
        crowd.feed(200)
        for number in range(kills):
            if crowd.left() < 100:
                crowd.feed(200)
            victim = chance.randrange(len(crowd.pids))
            if number % 4:
                crowd.wait_for_claim(victim)
                time.sleep(chance.uniform(0, 0.01))
            else:
                time.sleep(chance.uniform(0, 0.06))
            crowd.kill(victim)
        crowd.drain()
    after = _checked(crowd)
    # Nobody else loses a lease: they live for longer than all of this takes them.
    assert after.lost * 3 >= kills, f"only {after.lost} leases were lost by {kills} kills"
    return after


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
            assert crowd.left() > 10, "there is no work for the server to die amid"
            server.restart()
        crowd.drain()
    return _checked(crowd)


def terminate_back_ends(dsn: str, schema: str, terminations: int, seed: int = 0) -> checkers.Aftermath:
    """Terminate back ends, most of them amid a statement or a transaction, while three workers work."""
    chance = random.Random(seed)
    done = amid = 0
    name = f"chaos {os.urandom(4).hex()}"
    with (
        Crowd(make_conninfo(dsn, application_name=name), schema) as crowd,
        psycopg.connect(dsn, autocommit=True) as killer,
    ):
        crowd.feed(300)
        while done < terminations:
            if crowd.left() < 100:
                crowd.feed(300)
            row = killer.execute(_TERMINATE, (name, done % 4 == 0)).fetchone()
            if row and row[0]:
                done += 1
                amid += row[1]
            time.sleep(chance.uniform(0, 0.02))
        crowd.drain(120)
    assert amid * 2 >= terminations, f"only {amid} of {terminations} back ends were amid something"
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
            wanted = Done if kind == "before" else Repeated if kind == "after" else Done | Repeated
            assert isinstance(receipt, wanted), f"s10_ambiguous_commit_is_one: cut {kind}, then {receipt}"
            answers[f"{kind}: {type(receipt).__name__}"] += 1
        journals = {run: await store.journal(run, n=len(units) + 1) for run in {unit.run for unit in units}}
        checkers.s10_ambiguous_commit_is_one(units, journals)
        sent, found = sum(len(unit.messages) for unit in units), len(await store.messages("run", len(units)))
        assert found == sent, f"s10_ambiguous_commit_is_one: {sent} messages were sent, and {found} are there"
        [record] = await store.read(["run"])
        found = record and record.version
        assert found == version, f"s10_ambiguous_commit_is_one: the run has version {found}, not {version}"
    return answers


def _checked(crowd: Crowd) -> checkers.Aftermath:
    after = crowd.look()
    for check in checkers.ALL:
        try:
            check(after)
        except AssertionError as broken:
            raise AssertionError(f"{check.__name__}: {broken}") from broken
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
