"""What is special about the PostgreSQL store, beside what every store does."""

import os
import threading
import time
from contextlib import suppress
from urllib.parse import urlencode

import anyio
import psycopg
import pytest
from psycopg import sql

from taskorch.api import open_store
from taskorch.cli import main
from taskorch.core.receipts import Claimed, Done, Refusal, Refused, Renewed, Repeated
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import LeaseAction, Message, Put, Room, Unit, WaitingEntry
from taskorch.errors import StoreError, StoreUnavailable, StoreUnreadable
from taskorch.stores import PostgresStore
from taskorch.stores.postgres import schema as schemas
from taskorch.testing.store_checks import crowds
from taskorch.testing.stores import CHECKS, check_store
from taskorch.testing.units import a_fact, expect_steps, hold, inserting, owners
from tests.stores.postgres import server

LANES = [Lane(("q",))]


def waiting(id, *, queue="q", rank="", due=0, tags=(), wakes=False, rooms=(), fact=False):
    """A client's unit that inserts a record and lets it wait."""
    return Unit(
        run=id,
        epoch=0,
        number=0,
        puts=(Put(id=id, body="{}", version=0, expected=None),),
        entries=(WaitingEntry(id=id, queue=queue, rank=rank, due=due, tags=tags, wakes=wakes),),
        rooms=rooms,
        facts=(a_fact(0),) if fact else (),
    )


def ids(claims):
    """The ids of what was claimed."""
    return [claimed.record.id for claimed in claims]


def execute(dsn, schema, statement, values=()):
    """Execute a statement in the schema, and give its rows."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        schemas.enter(connection, schema)
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


async def test_it_conforms(dsn):
    """It passes the conformance suite, and all checks ran."""
    made = []

    def make():
        made.append(f"conformance {os.urandom(4).hex()}")
        return PostgresStore(dsn, schema=made[-1])

    try:
        assert await check_store(make) == len(CHECKS)
    finally:
        for name in made:
            server.drop(dsn, name)


# --- opening -----------------------------------------------------------------------------------------------


async def test_nothing_is_opened_before_the_first_verb(fresh, dsn, schema):
    """A store that is made and closed leaves no trace in the database."""
    async with fresh():
        pass
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (schema,))
        assert rows.fetchall() == []


async def test_the_url_opens_it(dsn):
    """``open_store`` knows both spellings of the scheme, and the name shows no password."""
    for scheme in ("postgresql", "postgres"):
        store = open_store(f"{scheme}://me:s3cret@db.example:5433/tasks")
        assert isinstance(store, PostgresStore)
        assert store.name == "postgresql://me@db.example:5433/tasks"
        assert store.is_shared
        await store.aclose()


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://me:s3cret@[::1/x", "s3cret", "password='s3cret", "x=s3cret"],
)
def test_what_is_no_address_is_refused(dsn):
    """A text that is no address is refused at once, without showing it."""
    with pytest.raises(StoreUnreadable) as refused:
        PostgresStore(dsn)
    assert "s3cret" not in f"{refused.value}{refused.value.__cause__}"
    assert "is no address" in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [{"schema": ""}, {"schema": "a\0b"}, {"schema": "é" * 32}, {"size": 0}, {"statement_timeout": 0}],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings):
    """What the database would cut or refuse later is refused at once."""
    with pytest.raises(ValueError, match=r"schema|size|timeouts"):
        PostgresStore("postgresql://host/db", **settings)


async def test_a_server_that_is_not_there_is_named():
    """No server: a typed error says what to do, and never the password."""
    store = PostgresStore("postgresql://me:s3cret@127.0.0.1:1/x", connect_timeout=2)
    with pytest.raises(StoreUnavailable, match="check the address and that the server runs") as refused:
        await store.read(["r"])
    assert "s3cret" not in f"{refused.value!r}{refused.value.__cause__!r}"
    await store.aclose()


async def test_a_database_that_is_not_there_is_named(dsn):
    """A server that refuses the database: a typed error that says what to check."""
    address = psycopg.conninfo.make_conninfo(dsn, dbname="nowhere", password="s3cret")
    async with PostgresStore(address) as store:
        with pytest.raises(StoreUnreadable, match="check the user, the password and the database") as refused:
            await store.read(["r"])
    assert "s3cret" not in str(refused.value)
    assert refused.value.__context__ is None  # the driver's error knows the password


async def test_a_later_schema_is_refused(fresh, dsn, schema):
    """A schema of a later version is not touched, and the error says so."""
    async with fresh() as store:
        await store.apply([inserting()])
    execute(dsn, schema, "INSERT INTO migration VALUES (99, clock_timestamp())")
    async with fresh() as store:
        with pytest.raises(StoreUnreadable, match="is of version 99, and this taskorch knows 1"):
            await store.read(["r"])


async def test_somebody_elses_tables_are_left_alone(fresh, dsn, schema):
    """A schema that holds a table of the same name is refused, and nothing is changed in it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    execute(dsn, schema, "CREATE TABLE record (x int)")
    async with fresh() as store:
        with pytest.raises(StoreUnreadable, match="use another schema"):
            await store.read(["r"])
    assert execute(dsn, schema, "SELECT to_regclass('migration')") == [(None,)]


async def test_a_schema_that_was_made_for_us_is_used(dsn, schema):
    """A user who may not make schemas fills one that was made for him; one who may not use it is told so."""
    role = f"guest_{os.urandom(3).hex()}"
    guest, quoted = psycopg.conninfo.make_conninfo(dsn, user=role), sql.Identifier(schema)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
        admin.execute(sql.SQL("CREATE SCHEMA {}").format(quoted))
        try:
            admin.execute(sql.SQL("GRANT ALL ON SCHEMA {} TO {}").format(quoted, sql.Identifier(role)))
            async with PostgresStore(guest, schema=schema) as store:
                assert isinstance((await store.apply([inserting()]))[0], Done)
            admin.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(quoted, sql.Identifier(role)))
            async with PostgresStore(guest, schema=schema) as store:
                with pytest.raises(StoreUnreadable, match="grant the user USAGE"):
                    await store.read(["r"])
            admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(quoted, sql.Identifier(role)))
            admin.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(quoted, sql.Identifier(role)))
            async with PostgresStore(guest, schema=schema) as store:
                with pytest.raises(StoreUnreadable, match="grant this user its use and that of its tables"):
                    await store.read(["r"])
        finally:
            admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_what_a_schema_holds_is_told_without_a_change(fresh, dsn, schema):
    """The version of a store that is not there yet is 0, and asking for it makes none."""
    async with fresh() as store:
        assert await store.version() == 0
        assert execute(dsn, schema, "SELECT to_regclass('migration')") == [(None,)]
        await store.read(["r"])
        assert await store.version() == schemas.VERSION


def test_the_doctor_changes_no_database(dsn, capsys):
    """The doctor says whether a server answers and what it holds; where no store is, it makes none."""
    database = f"doctor_{os.urandom(4).hex()}"
    url = f"postgresql:///{database}?{urlencode(psycopg.conninfo.conninfo_to_dict(dsn, dbname=database))}"
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {database}")
        try:
            said = []
            for _ in range(2):
                assert main(["doctor", url]) == 0
                said.append(capsys.readouterr().out.splitlines()[0])
            anyio.run(read_once, url)
            assert main(["doctor", url]) == 0
            said.append(capsys.readouterr().out.splitlines()[0])
        finally:
            admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
    assert ["no store yet" in line for line in said] == [True, True, False]
    assert said[2].endswith("answers: schema version 1")


async def read_once(url):
    """Open the store once, which makes it."""
    async with PostgresStore(url) as store:
        await store.read(["r"])


async def test_many_who_open_at_once_make_it_once(fresh, dsn, schema):
    """Stores that open a new schema at the same instant all find it made, once."""
    async with anyio.create_task_group() as tasks:

        async def use(number):
            async with fresh() as store:
                assert isinstance((await store.apply([inserting(f"r{number}")]))[0], Done)

        for number in range(6):
            tasks.start_soon(use, number)
    assert execute(dsn, schema, "SELECT version FROM migration") == [(1,)]


# --- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        inserting("a\0b"),
        inserting(body='"\0"'),
        inserting("\ud800"),
        inserting(version=2**63),
        waiting("r", rank="\0"),
        waiting("r", rank="x" * 20_000 + os.urandom(4000).hex()),
    ],
    ids=["id", "body", "surrogate", "version", "rank", "long rank"],
)
async def test_what_the_database_cannot_hold_is_refused(fresh, unit):
    """A value that PostgreSQL cannot hold is a StoreError, not unknown, and nothing of its batch is kept."""
    async with fresh() as store:
        with pytest.raises(StoreError) as refused:
            await store.apply([inserting("other"), unit])
        assert not isinstance(refused.value, StoreUnavailable)
        assert await store.read(["other"]) == [None]
        assert isinstance((await store.apply([inserting("other")]))[0], Done)


async def test_order_is_that_of_code_points(fresh):
    """Ranks and ids sort by code points, whatever language the database speaks."""
    names = ["a", "B", "_", "é", "z", "\uffee", "\U0001f9ea", "Z"]
    async with fresh() as store:
        await store.apply([waiting(name, rank=name) for name in names])
        assert [record.id for record in await store.find(Filter())] == sorted(names)
        assert ids(await store.claim("me", LANES, {}, None, 100)) == sorted(names)


# --- leases and time ---------------------------------------------------------------------------------------


async def test_a_lease_whose_time_is_over_is_given_anew(fresh):
    """An entry whose lease ran out can be claimed again; losses in a row are counted, until a unit is kept."""
    async with fresh() as store:
        await store.apply([waiting("r", tags=("t",))])
        for losses in range(3):
            [claimed] = await store.claim("me", LANES, {"t": 1}, 0.001, 5)
            assert (claimed.epoch, claimed.losses) == (losses + 1, losses)
            due = await store.next_due(LANES)
            await anyio.sleep(0.01)
            assert due is not None
        assert await store.renew([("r", 3)], 10) == [Refused(Refusal.STALE_LEASE, id="r")]
        assert isinstance((await store.apply([owners(1, 3)]))[0], Done)  # nobody has taken over
        [claimed] = await store.claim("you", LANES, {"t": 1}, 100, 5)
        assert (claimed.epoch, claimed.losses) == (4, 0)
        assert await store.claim("me", LANES, {"t": 1}, 100, 5) == []
        assert await store.apply([owners(1, 3)]) == [Repeated()]
        assert await store.apply([owners(2, 3)]) == [Refused(Refusal.STALE_LEASE, id="r")]


async def test_what_is_due_later_is_claimed_later(fresh):
    """An entry waits for its instant, in the time of the server, and ``next_due`` tells it."""
    async with fresh() as store:
        await store.read(["r"])
        soon = time.time_ns() // 1000 + 500_000
        await store.apply([waiting("soon", due=soon), waiting("never", due=None)])
        claims = await store.claim("me", LANES, {}, None, 5)
        assert claims == [] or time.time_ns() // 1000 >= soon
        if not claims:
            assert await store.next_due(LANES) == soon or time.time_ns() // 1000 >= soon
        while not claims:
            await anyio.sleep(0.05)
            claims = await store.claim("me", LANES, {}, None, 5)
        assert time.time_ns() // 1000 >= soon
        assert ids(claims) == ["soon"]
        assert await store.next_due(LANES) is None


async def test_a_message_wakes(fresh):
    """An entry that wakes is due while there are unread messages, also when they came while a lease lived."""
    async with fresh() as store:
        await store.apply([waiting("r", due=None, wakes=True)])
        assert await store.claim("me", LANES, {}, None, 5) == []
        told = Unit(run="r", epoch=0, number=0, messages=(Message(id="m", run="r", body="1"),))
        assert isinstance((await store.apply([told]))[0], Done)
        [claimed] = await store.claim("me", LANES, {}, 0.001, 5)
        assert await store.apply([told]) == [Repeated()]
        await anyio.sleep(0.01)
        [claimed] = await store.claim("me", LANES, {}, 100, 5)
        assert await store.renew([("r", claimed.epoch)], 100) == [Renewed(has_mail=True)]
        done = Unit(run="r", epoch=claimed.epoch, number=1, consumed=("m",), lease=LeaseAction.RELEASE)
        assert isinstance((await store.apply([done]))[0], Done)
        assert await store.claim("me", LANES, {}, 100, 5) == []


async def test_many_lines_are_merged_by_rank(fresh):
    """Entries of many queues and sets of tags come by rank, however they are spread, limits kept exactly."""
    async with fresh() as store:
        units = [
            waiting(
                f"{n:03}", queue=f"q{n % 3}", rank=f"{(n * 37) % 200:03}", tags=(f"t{n % 40}", "x" if n % 7 else "y")
            )
            for n in range(200)
        ]
        units = [
            Unit(
                run=unit.run,
                epoch=0,
                number=0,
                puts=unit.puts,
                entries=tuple(
                    WaitingEntry(id=e.id, queue=e.queue, rank=e.rank, due=0, tags=tuple(sorted(e.tags)))
                    for e in unit.entries
                ),
            )
            for unit in units
        ]
        await store.apply(units)
        claims = await store.claim("me", [Lane(("q0", "q1", "q2"))], {"y": 3, "t1": 2}, 100, 120)
        ranked = sorted(units, key=lambda unit: (unit.entries[0].rank, unit.run))
        wanted, counts = [], {"y": 3, "t1": 2}
        for unit in ranked:
            tags = unit.entries[0].tags
            if all(counts.get(tag, 1) > 0 for tag in tags) and len(wanted) < 120:
                wanted.append(unit.run)
                for tag in tags:
                    if tag in counts:
                        counts[tag] -= 1
        assert ids(claims) == wanted


async def test_closing_releases_what_was_given(fresh):
    """Leases given through a store object end when it is closed; those given through another live on."""
    async with fresh() as other:
        await other.apply([waiting("a"), waiting("b"), waiting("c")])
        async with fresh() as store:
            assert ids(await store.claim("me", LANES, {}, None, 2)) == ["a", "b"]
            assert ids(await other.claim("you", LANES, {}, None, 1)) == ["c"]
            assert await other.claim("you", LANES, {}, None, 5) == []
        assert ids(await other.claim("you", LANES, {}, None, 5)) == ["a", "b"]


async def test_room_is_kept_exactly(fresh):
    """Of many who put into a queue with a limit at once, so many as fit are kept."""
    async with fresh() as store, fresh() as other:
        answers = []

        async def put(number):
            mine = store if number % 2 else other
            answers.extend(await mine.apply([waiting(f"r{number}", rooms=(Room("q", 5),))]))

        async with anyio.create_task_group() as tasks:
            for number in range(16):
                tasks.start_soon(put, number)
        refused = [one for one in answers if isinstance(one, Refused)]
        assert len(answers) - len(refused) == 5
        assert {(one.why, one.load) for one in refused} == {(Refusal.NO_ROOM, 5)}


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("check", [crowds.a_room_is_kept_by_a_crowd, crowds.a_limit_is_kept_by_a_crowd])
async def test_counts_are_exact_whatever_isolation_is_the_default(dsn, schema, check, level):
    """Where transactions of the database have another isolation by default, rooms and limits are kept as ever."""
    option = "-c default_transaction_isolation=" + level.replace(" ", "\\ ")
    async with PostgresStore(psycopg.conninfo.make_conninfo(dsn, options=option), schema=schema) as store:
        await check(store)


async def test_one_of_two_inserts_wins(fresh):
    """Two clients that insert the same id at once: one is kept, an equal one is Repeated, another refused."""
    async with fresh() as store, fresh() as other:
        for number in range(20):
            answers = {}

            async def put(mine, body, into, id):
                into[body, mine] = (await mine.apply([inserting(id, body)]))[0]

            async with anyio.create_task_group() as tasks:
                for mine, body in ((store, "1"), (other, "1"), (other, "2")):
                    tasks.start_soon(put, mine, body, answers, f"r{number}")
            kinds = sorted(one.why if isinstance(one, Refused) else type(one).__name__ for one in answers.values())
            assert kinds in (["Done", "Repeated", Refusal.EXISTS], ["Done", Refusal.EXISTS, Refusal.EXISTS])


async def test_crossing_batches_do_not_lock_each_other_out(fresh):
    """Batches that touch the same records in other orders are all kept."""
    async with fresh() as store, fresh() as other:
        await store.apply([inserting("a"), inserting("b")])
        told = []

        async def tell(mine, number):
            order = ("a", "b") if number % 2 else ("b", "a")
            units = [
                Unit(
                    run=run,
                    epoch=0,
                    number=0,
                    messages=(Message(id=f"{number}{run}", run=run, body=""),),
                    facts=(a_fact(1),),
                )
                for run in order
            ]
            told.extend(await mine.apply(units))

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(tell, store if number % 3 else other, number)
        assert [type(one) for one in told] == [Done] * 60


# --- loops, forks, cancellation ----------------------------------------------------------------------------


async def test_two_event_loops_may_use_it(fresh):
    """While one loop uses the store, another one in another thread renews, each on asyncio or trio."""
    async with fresh() as store:
        await hold(store)
        answers = []

        def renewing(backend):
            answers.append(anyio.run(store.renew, [("r", 1)], 60.0, backend=backend))

        for backend in ("asyncio", "trio"):
            thread = threading.Thread(target=renewing, args=(backend,))
            thread.start()
            for _ in range(5):
                await store.read(["r"])
            await anyio.to_thread.run_sync(thread.join)
        assert answers == [[Renewed(has_mail=False)]] * 2


async def test_a_forked_child_is_told(fresh):
    """In a process that was forked while the store was open every verb is a StoreError, and the parent goes on."""
    async with fresh() as store:
        await hold(store)
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            try:
                store._connections.check()
            except StoreError as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as told:
            text = told.read()
        os.waitpid(child, 0)  # noqa: ASYNC222 - its pipe is at the end, and so is it
        assert "was forked from it" in text
        await expect_steps(store, [0])


async def test_a_cancelled_claim_holds_nothing(fresh, dsn, schema):
    """A claim that is cancelled while the database makes it wait holds nothing in the end."""
    async with fresh() as store:
        await store.apply([waiting("r", tags=("t",))])
        first = await store.claim("me", LANES, {"t": 1}, 0.001, 1)  # makes the gate
        await anyio.sleep(0.01)
        given = []

        async def ask():
            given.extend(await store.claim("ghost", LANES, {"t": 1}, None, 1))

        with psycopg.connect(dsn) as blocker, psycopg.connect(dsn, autocommit=True) as watcher:
            schemas.enter(blocker, schema)
            blocker.execute("SELECT 1 FROM gate FOR UPDATE")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                with anyio.fail_after(60):
                    while not watcher.execute(  # noqa: ASYNC110 - the server gives no sign
                        "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
                        (blocker.info.backend_pid,),
                    ).fetchall():
                        await anyio.sleep(0.01)
                letting_go = threading.Timer(0.1, blocker.commit)
                letting_go.start()
                tasks.cancel_scope.cancel()
            letting_go.join()
        assert given == []
        [again] = await store.claim("me", LANES, {"t": 1}, None, 1)
        assert again.epoch in (first[0].epoch + 1, first[0].epoch + 2)


async def test_cancelled_claims_and_leases_hold_nothing(fresh):
    """However late a claim or a lease is cancelled, it is given to its caller or to nobody."""
    async with fresh() as store:
        await store.apply([waiting("r"), inserting("s")])
        for delay in range(12):
            got = []

            async def ask(into):
                into.extend(await store.claim("ghost", LANES, {}, None, 1))
                into.append(await store.lease("ghost", "s"))

            with anyio.move_on_after(delay / 2000):
                await ask(got)
            held = {c.record.id: c.epoch for c in got if isinstance(c, Claimed)}
            records = await store.read(["r", "s"])
            assert {record.id for record in records if record.owner} == set(held)
            await store.apply([owners(1, epoch, run=id, release=True) for id, epoch in held.items()])
            if "r" in held:
                await store.apply([Unit(run="r", epoch=0, number=0, entries=(WaitingEntry(id="r", queue="q"),))])


async def test_a_verb_ends_with_the_statement_timeout(fresh, dsn, schema):
    """A statement that waits for too long is StoreUnavailable, and the store works on."""
    async with fresh() as other, fresh(statement_timeout=0.3) as store:
        await hold(other)
        with psycopg.connect(dsn) as blocker:
            schemas.enter(blocker, schema)
            blocker.execute("SELECT 1 FROM record FOR UPDATE")
            with pytest.raises(StoreUnavailable, match="timeout"):
                await store.apply([owners(1)])
        with anyio.fail_after(60):
            while True:
                with suppress(StoreUnavailable):  # on a busy machine other statements may wait for too long, too
                    assert isinstance((await store.apply([owners(1)]))[0], Done)
                    break


# --- events and hints --------------------------------------------------------------------------------------


async def test_events_never_skip_what_is_committed_later(fresh, dsn, schema):
    """A unit that was begun earlier and kept later comes later; readers from cursor to cursor get all once."""
    async with fresh() as store:
        await store.apply([inserting("a"), inserting("b")])
        first = await store.events()
        with psycopg.connect(dsn) as slow:
            schemas.enter(slow, schema)
            slow.execute("INSERT INTO fact (run, facts) VALUES ('slow', '[[7,3,1,0,null]]')")
            await store.apply([Unit(run="a", epoch=0, number=0, facts=(a_fact(1),))])
            during = await store.events(first.cursor)
            slow.commit()
        await store.apply([Unit(run="b", epoch=0, number=0, facts=(a_fact(2),))])
        after = await store.events(during.cursor)
        assert during.entries == ()
        assert sorted(fact[0] for entry in after.entries for fact in entry.facts) == [1, 2, 7]
        assert (await store.events(after.cursor)).entries == ()


async def test_events_of_a_restored_dump_are_told(fresh, dsn, schema):
    """Facts that bring the transaction numbers of another server are read at once; a cursor of that one is refused."""
    async with fresh() as store:
        await store.apply([inserting("a"), inserting("b")])
    execute(dsn, schema, "UPDATE fact SET xid = '9000000000'")
    async with fresh() as store:
        await store.apply([inserting("c")])
        page = await store.events()
        assert [entry.run for entry in page.entries] == ["a", "b", "c"]
        assert (await store.events(page.cursor)).entries == ()
        with pytest.raises(StoreError, match="begin with an empty one"):
            await store.events("9000000000.9000000001.2.2")


async def test_events_of_one_run_are_in_their_order(fresh):
    """Under many writers who touch several runs, readers of small pages get every event once, each run's in order."""
    async with fresh() as store, fresh() as other:
        runs = ["a", "b", "c"]
        await store.apply(
            [Unit(run=r, epoch=0, number=0, puts=(Put(id=r, body="", version=0, expected=None),)) for r in runs]
        )
        seen, is_over = [], False

        async def write(mine, writer):
            for number in range(25):
                order = runs if (number + writer) % 2 else runs[::-1]
                await mine.apply(
                    [Unit(run=run, epoch=0, number=0, facts=(a_fact(writer, number),)) for run in order[:2]]
                )

        async def read():
            cursor = ""
            while True:
                was_over = is_over
                page = await other.events(cursor, 7)
                seen.extend((entry.run, entry.cursor) for entry in page.entries)
                cursor = page.cursor
                if not page.entries:
                    if was_over:
                        return
                    await anyio.sleep(0.005)

        async with anyio.create_task_group() as reading:
            reading.start_soon(read)
            async with anyio.create_task_group() as writing:
                for writer in range(4):
                    writing.start_soon(write, store if writer % 2 else other, writer)
            is_over = True
        assert len(seen) == len(set(seen)) == 200
        for run in runs:
            mine = [cursor for where, cursor in seen if where == run]
            assert mine == sorted(mine)
            assert mine == [entry.cursor for entry in await store.journal(run)]


async def test_a_foreign_cursor_is_refused(fresh):
    """A text that is no cursor of this store is a StoreError."""
    async with fresh() as store:
        for cursor in ("a.b.c.d", "1.2.3", "-1.-1.-1.-1", "1.2.3." + "9" * 30, "1_0.1.1.1"):
            with pytest.raises(StoreError, match="is no cursor"):
                await store.events(cursor)


async def test_hints_come_and_come_again(fresh, dsn, schema):
    """A change made through another store wakes who waits; so does one after the listener was shot."""
    async with fresh() as store, fresh() as other:
        await other.apply([inserting("zero")])
        for number in range(2):
            async with anyio.create_task_group() as tasks:
                woken = anyio.Event()

                async def wait(event):
                    await store.hints()
                    event.set()

                tasks.start_soon(wait, woken)
                with anyio.fail_after(20):
                    while not woken.is_set():
                        await other.apply([waiting(f"r{number} {os.urandom(4).hex()}")])
                        await anyio.sleep(0.05)
            with psycopg.connect(dsn, autocommit=True) as killer:
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND pid <> %s",
                    (killer.info.backend_pid,),
                )


async def test_closing_wakes_who_waits_for_hints(fresh):
    """Whoever waits for hints goes on when the store is closed, and the thread has ended."""
    async with fresh() as store:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.hints)
            while store._listener._thread is None:  # noqa: ASYNC110 - it gives no sign
                await anyio.sleep(0.01)
            await store.aclose()
        assert store._listener._thread is None
        with pytest.raises(StoreError):
            await store.hints()


# --- forgetting --------------------------------------------------------------------------------------------


async def test_trim_forgets_all_of_a_record(fresh, dsn, schema):
    """Records that finished before go with their journals and messages; those with a living lease stay."""
    async with fresh() as store:
        for id, finished in (("old", 5), ("held", 5), ("new", 50), ("open", None)):
            put = Put(id=id, body="", version=0, expected=None, finished_at=finished)
            message = Message(id=f"m {id}", run=id, body="")
            await store.apply([Unit(run=id, epoch=0, number=0, puts=(put,), messages=(message,), facts=(a_fact(0),))])
        await store.lease("me", "held")
        assert await store.trim(10, 10) == 1
        assert [record.id for record in await store.find(Filter())] == ["held", "new", "open"]
        for table in ("fact", "message"):
            assert execute(dsn, schema, f"SELECT count(*) FROM {table} WHERE run = 'old'") == [(0,)]
