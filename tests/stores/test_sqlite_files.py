"""What a SQLiteStore opens, what it refuses, and what it leaves behind."""

import errno
import os
import re
import sqlite3
import stat
import sys
from functools import partial

import attrs
import pytest

import taskorch
from taskorch.core.selection import Lane
from taskorch.core.unit import WaitingEntry
from taskorch.errors import InvalidParameters, RunBusy, StoreError, StoreUnavailable, StoreUnreadable
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.stores.sqlite import cache, database, ledger, queries, schema, tables, verbs
from taskorch.stores.sqlite.lock import FileLock
from taskorch.testing.units import expect_claimed, expect_steps, hold, inserting, owners

# Living leases are few; a scalar and a list of values are no tables.
_IS_SMALL = re.compile(r"SCAN (CONSTANT ROW|json_each|forgotten|process|record USING (COVERING )?INDEX held|journal)\b")
_WHOLE = verbs._LEASED, tables.WITH_BODY, tables._LAST_CURSOR, ledger._LIBRARIES

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="file modes and forks are of POSIX")


def listing(folder):
    """Every file under *folder* with its contents and mode."""
    return {
        str(file.relative_to(folder)): (file.stat().st_mode, file.read_bytes() if file.is_file() else None)
        for file in sorted(folder.rglob("*"))
    }


def _a_database(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def _refused(path, match):
    before = listing(path.parent) if path.parent.is_dir() else None
    async with SQLiteStore(path) as store:
        for _ in range(2):
            with pytest.raises(StoreUnreadable, match=match) as caught:
                await store.read(["r"])
            assert caught.value.store == str(path)
            assert str(path) in str(caught.value)
    assert (listing(path.parent) if path.parent.is_dir() else None) == before


async def test_the_constructor_does_nothing_to_the_disk(path):
    """Before its first verb a store makes no file and starts no thread; closing it then does nothing either."""
    store = SQLiteStore(path)
    await store.aclose()
    await store.aclose()

    assert list(path.parent.iterdir()) == []
    with pytest.raises(StoreError, match="closed"):
        await store.read(["r"])


async def test_what_was_kept_is_there_after_closing(path):
    """A store that is opened again has its records, journals and numbers; leases are void."""
    async with SQLiteStore(path) as store:
        await hold(store)
        await store.apply([owners(1)])
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db.lock"]

    async with SQLiteStore(str(path)) as store:
        [record] = await store.read(["r"])
        assert record is not None
        assert (record.epoch, record.owner) == (1, None)
        await expect_steps(store, [0, 1])
        assert type((await store.apply([owners(1)]))[0]).__name__ == "Repeated"
        await expect_claimed(store, 2)


async def test_a_relative_path_stays_where_it_was_meant(path, monkeypatch):
    """A relative path is taken when the store is made, not when it is opened."""
    monkeypatch.chdir(path.parent)
    store = SQLiteStore(path.name)
    monkeypatch.chdir(path.parent.parent)
    async with store:
        await store.read([])

    assert path.exists()
    assert store.name == path.name


@POSIX
async def test_only_the_owner_may_read(path):
    """The file, its log, its index and its lock are readable by their owner only, whatever the umask."""
    umask = os.umask(0)
    try:
        async with SQLiteStore(path) as store:
            await hold(store)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(umask)

    names = ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"]
    assert modes == dict.fromkeys(names, 0o600)


async def test_settings(path):
    """The file has a log, commits wait for the disk unless told otherwise, and nothing is mapped."""
    for durability, level in (("full", 2), ("normal", 1)):
        async with SQLiteStore(path, durability=durability) as store:
            values = [
                await store._writer.call(lambda c, name=name: c.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("journal_mode", "synchronous", "mmap_size", "foreign_keys", "busy_timeout")
            ]
            assert values == ["wal", level, 0, 1, 5000]


async def test_every_lookup_uses_an_index(path):
    """No lookup reads a whole table or sorts what it found."""
    async with SQLiteStore(path) as store:
        texts = [
            text
            for module in (cache, ledger, queries, tables, verbs)
            for value in vars(module).values()
            for text in (value if isinstance(value, tuple) else (value,))
            if isinstance(text, str) and text.lstrip().startswith("SELECT")
        ]
        assert len(texts) > 24
        for text in [text.format("?, ?") for text in texts]:  # where several values are meant
            values = (None,) * text.count("?")
            rows = await store._writer.call(
                lambda c, text=text, values=values: c.execute("EXPLAIN QUERY PLAN " + text, values).fetchall()
            )
            scans = [row[3] for row in rows if row[3].startswith("SCAN") or "TEMP B-TREE" in row[3]]
            # Living leases are few, and looked through; what is claimed says how many.
            assert text in _WHOLE or not [scan for scan in scans if not _IS_SMALL.match(scan)], (text, rows)


async def test_a_file_with_two_names_is_refused(path):
    """Two hard links would have two locks and two logs."""
    async with SQLiteStore(path) as store:
        await hold(store)
    path.with_name("other.db").hardlink_to(path)
    await _refused(path, r"has 2 names \(hard links\)")


async def test_a_lock_file_that_is_torn_or_gone(path):
    """What a full disk has left of a lock file is written anew; one that was removed while it is held is missed."""
    path.with_name("store.db.lock").write_text('{"p')
    async with SQLiteStore(path) as store:
        await hold(store)
        path.with_name("store.db.lock").unlink()
        with pytest.raises(StoreError, match="its lock file was removed"):
            await SQLiteStore(path).read([])
        await store.apply([owners(1)])


async def test_an_empty_file_is_an_empty_store(path):
    """A file without a byte may be used as a store."""
    path.touch()
    async with SQLiteStore(path) as store:
        await hold(store)


async def test_wrong_arguments_are_told_at_once():
    """A durability that does not exist and a log of no size are refused by the constructor, as ValueErrors too."""
    for wrong in ({"durability": "fast"}, {"durability": 5}, {"log_limit": -1}, {"log_limit": "a"}):
        with pytest.raises(InvalidParameters, match=f"^{next(iter(wrong))} must be .*, not ") as refused:
            SQLiteStore("x.db", **wrong)
        assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("target", ["store.db", "/"], ids=["circle", "root"])
async def test_links_that_lead_nowhere_are_told(path, target):
    """Links in a circle, or to the root, are a store that cannot be opened, whoever follows them."""
    path.symlink_to(target)
    with pytest.raises(StoreUnreadable):
        await taskorch.run(taskorch.Workflow("w"), store=path)
    store = SQLiteStore(path)
    with pytest.raises(StoreUnreadable):
        await store.read(["r"])
    await store.aclose()


async def test_a_missing_folder_is_not_made(path):
    """The folder of the file must exist."""
    await _refused(path.parent / "none" / "store.db", "no folder .*make it first")


async def test_a_folder_is_refused(path):
    """A path that is a folder is refused."""
    path.mkdir()
    await _refused(path, "is a folder")


@POSIX
async def test_a_pipe_is_refused(path):
    """A path that is no regular file is refused rather than waited for."""
    os.mkfifo(path)
    with pytest.raises(StoreUnreadable, match="no regular file"):
        await SQLiteStore(path).read([])


@pytest.mark.parametrize("content", [b"x", b"hello\n" * 1000, b"SQLite format 3\0"], ids=["byte", "text", "stub"])
async def test_what_is_no_database_is_refused(path, content):
    """A file that is no SQLite database is refused and left as it is."""
    path.write_bytes(content)
    await _refused(path, "no SQLite database")


@pytest.mark.parametrize("log", ["wal", "delete"])
async def test_the_database_of_another_is_refused(path, log):
    """Another application's database is refused and left as it is, with or without an application id."""
    _a_database(path, f"PRAGMA journal_mode={log}", "CREATE TABLE t (x)")
    await _refused(path, "another application")
    _a_database(path, "PRAGMA application_id=7")
    await _refused(path, "another application .id 0x7")


async def test_another_schema_version_is_refused(path):
    """A store of another schema version is refused and left as it is; the message names both versions."""
    async with SQLiteStore(path) as store:
        await hold(store)
    _a_database(path, "PRAGMA user_version=99", "PRAGMA journal_mode=DELETE")
    await _refused(path, "schema version 99, .* versions 1 to 2")
    path.with_name("store.db.lock").unlink()
    await _refused(path, "schema version 99, .* versions 1 to 2")


async def test_a_damaged_store_is_refused(path):
    """A file with our marks that SQLite finds to be damaged is refused."""
    async with SQLiteStore(path) as store:
        await hold(store)
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    await _refused(path, "damaged|malformed")


@POSIX
@pytest.mark.parametrize("what", ["file", "folder", "unreadable"])
async def test_what_may_not_be_written_is_refused(path, what):
    """A file or folder that may not be read and written is refused, saying so."""
    if what != "folder":
        async with SQLiteStore(path) as store:
            await hold(store)
        path.with_name("store.db.lock").unlink()
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        folder.chmod(0o755)
    path.parent.chmod(0o777 if what != "folder" else 0o555)
    if what != "folder":
        path.chmod(0o444 if what == "file" else 0o000)
    root = os.geteuid() == 0
    before = listing(path.parent)
    if root:
        os.seteuid(65534)  # what root may do tells nothing
    try:
        with pytest.raises(StoreUnreadable, match=r"Permission denied.*may be read and written"):
            await SQLiteStore(path).read([])
    finally:
        if root:
            os.seteuid(0)
    path.parent.chmod(0o777)
    assert listing(path.parent) == before


async def test_a_file_in_the_place_of_the_lock_is_not_overwritten(path):
    """A lock file that somebody else uses for something is refused and left as it is."""
    path.with_name("store.db.lock").write_text("[[package]]\n")
    await _refused(path, "somebody else's")


async def test_one_store_object_at_a_time(path):
    """A second store object on the same file is refused, even in one process and by another name."""
    link = path.with_name("link.db")
    async with SQLiteStore(path) as store:
        await hold(store)
        link.symlink_to(path)
        for name in (path, link):
            with pytest.raises(RunBusy, match=f"process {os.getpid()} .this one") as caught:
                await SQLiteStore(name).read([])
            assert caught.value.subject == f"store {name}"
        await store.apply([owners(1)])
    async with SQLiteStore(link) as store:
        await expect_steps(store, [0, 1])


def test_a_lock_that_is_not_signed_yet_is_known_to_be_ours(path):
    """Who comes while this process is still opening the file is told of this process, not of another one."""
    held = FileLock(path, "store x")
    with pytest.raises(RunBusy, match=f"process {os.getpid()} .this one"):
        FileLock(path, "store x")
    held.release()
    FileLock(path, "store x").release()


async def test_an_opening_that_failed_may_be_tried_again(path):
    """A store that was busy can be used as soon as the other is closed."""
    async with SQLiteStore(path) as first, SQLiteStore(path) as second:
        await hold(first)
        with pytest.raises(RunBusy):
            await second.read(["r"])
        await first.aclose()
        await expect_claimed(second, 2)


class _Failing(sqlite3.Connection):
    """A connection whose COMMIT fails with the error code that was planted."""

    planted = 0

    def execute(self, sql, *arguments):
        if sql == "COMMIT" and type(self).planted:
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = type(self).planted
            raise error
        return super().execute(sql, *arguments)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StoreUnavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreUnavailable),
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_INTERRUPT, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT, StoreError),
        (sqlite3.SQLITE_READONLY, StoreError),
    ],
    ids=["full", "ioerr", "busy", "interrupt", "corrupt", "readonly"],
)
async def test_what_an_error_of_the_disk_means(path, code, kind):
    """What may pass is StoreUnavailable and may be repeated; damage is StoreError; nothing is half done."""
    async with SQLiteStore(path, connect=partial(sqlite3.connect, factory=_Failing)) as store:
        await hold(store)
        _Failing.planted = code
        with pytest.raises(StoreError, match="planted") as caught:
            await store.apply([owners(1), owners(2)])
        assert type(caught.value) is kind
        _Failing.planted = 0
        await expect_steps(store, [0])
        await store.apply([owners(1), owners(2)])
        await expect_steps(store, [0, 1, 2])


class _Forgetful(sqlite3.Connection):
    """A connection whose next COMMIT takes effect, and says that it has not."""

    is_planted = False

    def execute(self, sql, *arguments):
        answer = super().execute(sql, *arguments)
        if sql == "COMMIT" and type(self).is_planted:
            type(self).is_planted = False
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return answer


async def test_what_was_given_and_not_told_is_given_back(path):
    """Leases given by a call whose outcome is unknown are free again for the next one, in the same process."""
    async with SQLiteStore(path, connect=partial(sqlite3.connect, factory=_Forgetful)) as store:
        unit = inserting()
        entry = WaitingEntry(id="r", queue="q", tags=("t",))
        await store.apply([attrs.evolve(unit, entries=(entry,))])
        _Forgetful.is_planted = True
        with pytest.raises(StoreUnavailable):
            await store.claim("me", [Lane(("q",))], {"t": 1}, None, 1)
        _Forgetful.is_planted = True
        with pytest.raises(StoreUnavailable):
            await store.lease("me", "r")
        [claimed] = await store.claim("me", [Lane(("q",))], {"t": 1}, None, 1)
        assert (claimed.epoch, claimed.losses) == (3, 0)
        assert await store.claim("me", [Lane(("q",))], {"t": 1}, None, 1) == []
        await expect_steps(store, [0])


async def test_a_full_disk_is_survived(path):
    """When the disk is full the batch is rolled back, and goes through when there is room."""
    async with SQLiteStore(path) as store:
        await hold(store)
        pages = await store._writer.call(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
        await store._writer.call(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        big = [inserting(f"big-{number}", '"' + "x" * 9000 + '"') for number in range(3)]
        with pytest.raises(StoreUnavailable, match=r"no space is left on its disk .*free some"):
            await store.apply([owners(1), *big])
        await expect_steps(store, [0])
        await store._writer.call(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert len(await store.apply([owners(1), *big])) == 4


async def test_who_reads_along_does_not_stop_the_store(path):
    """Another connection that reads the file, as a backup does, neither fails nor stops the store."""
    async with SQLiteStore(path) as store:
        await hold(store)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (1,)
        await store.apply([owners(1)])
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (1,)
        reader.close()


async def test_text_that_is_no_unicode_is_refused(path):
    """A body that cannot be written as UTF-8 and a number beyond 64 bits are StoreErrors, and nothing is kept."""
    async with SQLiteStore(path) as store:
        for bad in (inserting("bad", '"\udce9"'), inserting("bad", version=2**70)):
            with pytest.raises(StoreError, match="cannot be kept"):
                await store.apply([inserting("good"), bad])
        assert await store.read(["good", "bad"]) == [None, None]


def test_the_marks_are_where_the_format_says(path):
    """The marks read from the first bytes of a file are those SQLite tells."""
    _a_database(path, "PRAGMA application_id = 12", "PRAGMA user_version = 34", "CREATE TABLE t (x)")

    assert schema.marks(path.read_bytes()[: schema.HEADER_SIZE]) == (12, 34)


async def test_a_disk_that_is_full_when_the_store_is_opened_is_told(path, monkeypatch):
    """Whether the database or the lock beside it finds no room: free some, and the same call goes through."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL

    def fails(*_, **__):
        raise error

    advice = r"no space is left on its disk .*; free some, then make the call again"
    store = SQLiteStore(path, connect=fails)
    with pytest.raises(StoreUnavailable, match=advice):
        await store.read(["r"])
    await store.aclose()

    async with SQLiteStore(path) as store:
        with monkeypatch.context() as patched:
            patched.setattr(database, "FileLock", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
            with pytest.raises(StoreUnavailable, match=advice):
                await store.read(["r"])
        assert await store.read(["r"]) == [None]


async def test_a_store_in_cache_is_named_with_one_colon():
    """The name of a store in memory ends with a colon of its own."""
    store = MemoryStore()
    await store.aclose()
    with pytest.raises(StoreError, match=r"^store memory: is closed"):
        await store.read(["r"])


@pytest.mark.filterwarnings("ignore:SQLite")
@pytest.mark.parametrize("shared", [True, False])
async def test_who_shares_a_file_with_one_that_does_not_is_told_how(path, shared):
    """Of two store objects on one file both must share it; the second is told so."""
    async with SQLiteStore(path, shared=shared) as first, SQLiteStore(path, shared=not shared) as second:
        await first.read(["r"])
        with pytest.raises(RunBusy, match=r"open it with shared=True .* in all of them, or wait") as refused:
            await second.read(["r"])
        assert refused.value.subject == f"store {path}"
        assert refused.value.owner.startswith(f"process {os.getpid()} ")
