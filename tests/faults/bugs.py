"""The bugs that are planted: each a place in the package, what stands there instead, and who must find it."""

import attrs


@attrs.frozen
class Bug:
    """A bug to be planted.

    Attributes:
        name: What is wrong.
        file: The module, below the package.
        before: Text that stands in it once.
        after: What stands there instead.
        part: The part of the campaign that meets it.
        found_by: The checkers that may find it, the first one to look: one of them must.
        options: More arguments of the campaign.
    """

    name: str
    file: str
    before: str
    after: str
    part: str
    found_by: tuple[str, ...]
    options: tuple[str, ...] = ()


SETTLEMENT, STANDING, PICKING = "stores/settlement.py", "stores/standing.py", "stores/picking.py"
LEDGER, TABLES, DATABASE = "stores/sqlite/ledger.py", "stores/sqlite/tables.py", "stores/sqlite/database.py"
VERBS = "stores/sqlite/verbs.py"
KILLS = ("--kills", "30")
ORDERS = ("--stride", "24")
ERRORS = ("--stride", "5", "--kinds", "error")
LOSSES = ("--stride", "5", "--long", "0.5", "--kinds", "lost")
FULL = ("--stride", "9", "--kinds", "full")
BROKEN = ("--stride", "5", "--kinds", "broken")
SHORT = ("--long", "0.2")

BUGS = (
    Bug(
        "whoever writes late is not asked for the epoch",
        SETTLEMENT,
        "if standing is None or not standing.is_current(unit.epoch):",
        "if standing is None:",
        "abandoned",
        ("s7_only_the_holder_writes",),
        SHORT,
    ),
    Bug(
        "acknowledged before the commit",
        LEDGER,
        """        patiently(partial(connection.execute, "BEGIN IMMEDIATE"))
        try:
            tables = Tables(connection, self._cache, self._clock())
            if self._cache.doubtful:
                give_back(tables, self._cache.doubtful)
            yield tables
            patiently(partial(connection.execute, "COMMIT"))
""",
        """        connection.in_transaction and patiently(partial(connection.execute, "COMMIT"))
        patiently(partial(connection.execute, "BEGIN IMMEDIATE"))
        try:
            tables = Tables(connection, self._cache, self._clock())
            if self._cache.doubtful:
                give_back(tables, self._cache.doubtful)
            yield tables
            self._cache.process or patiently(partial(connection.execute, "COMMIT"))
""",
        "kills",
        ("s8_no_acknowledged_completion_is_lost", "s6_epochs_rise_without_gaps"),
        KILLS,
    ),
    Bug(
        "a transaction begins without the lock of a writer",
        LEDGER,
        'patiently(partial(connection.execute, "BEGIN IMMEDIATE"))',
        'patiently(partial(connection.execute, "BEGIN"))',
        "contention",
        ("l8_no_call_fails_for_ever",),
        ("--long", "0.4"),
    ),
    Bug(
        "places are counted beside the leases",
        VERBS,
        "leased = _leased(tables) if limits else",
        "leased = vars(pick).setdefault('leased', Counter()) if limits else",
        "kills",
        ("l2_places_come_free",),
        KILLS,
    ),
    Bug(
        "a failed commit is swallowed",
        LEDGER,
        """            patiently(partial(connection.execute, "COMMIT"))
        except""",
        """            try:
                patiently(partial(connection.execute, "COMMIT"))
            except sqlite3.Error:
                connection.in_transaction and connection.execute("ROLLBACK")
        except""",
        "disk",
        ("s8_no_acknowledged_completion_is_lost", "l10_no_livelock"),
        ERRORS,
    ),
    Bug(
        "an error of the store is swallowed, and receipts are made up",
        "stores/sqlite/store.py",
        "        receipts = await self._change(partial(verbs.apply, units=prepared))",
        "        try:\n"
        "            receipts = await self._change(partial(verbs.apply, units=prepared))\n"
        "        except StoreError:\n"
        "            from taskorch.core.receipts import Done\n"
        "            receipts = [Done(0) for _ in units]",
        "disk",
        ("s8_no_acknowledged_completion_is_lost",),
        ERRORS,
    ),
    Bug(
        "a repeat is not known by its number",
        SETTLEMENT,
        "if unit.number <= self._number(standing, unit):",
        "if unit.number < self._number(standing, unit):",
        "abandoned",
        ("s9_a_repeat_is_known",),
        SHORT,
    ),
    Bug(
        "the number of a unit is not kept",
        TABLES,
        "(cursor, self._known[run].key, epoch, number, text)",
        "(cursor, self._known[run].key, epoch, 0, text)",
        "disk",
        ("s9_recorded_at_most_once", "s6_a_lease_is_written_under_by_one", "s3_history_is_in_order"),
        BROKEN,
    ),
    Bug(
        "facts are appended twice",
        SETTLEMENT,
        "self._changes.facts.append((unit.run, unit.epoch, unit.number, text))",
        "self._changes.facts += [(unit.run, unit.epoch, unit.number, text)] * 2",
        "abandoned",
        ("s27_whole_or_not_at_all", "s9_recorded_at_most_once"),
        SHORT,
    ),
    Bug(
        "a lease does not end with its time",
        STANDING,
        "return self.owner is not None and (self.until is None or self.until > now)",
        "return self.owner is not None",
        "abandoned",
        ("l1_leases_of_the_dead_are_void", "s6_a_dead_lease_is_not_revived"),
        SHORT,
    ),
    Bug(
        "a lease whose time is over can be renewed",
        STANDING,
        "if self.epoch != epoch or not self.is_leased(now):",
        "if self.epoch != epoch:",
        "abandoned",
        ("s6_a_dead_lease_is_not_revived",),
        SHORT,
    ),
    Bug(
        "leases of the dead live on",
        DATABASE,
        "        self.ledger.expire(connection, is_gone)",
        "        self.ledger.expire(connection, lambda _: False)",
        "kills",
        ("l1_leases_of_the_dead_are_void",),
        KILLS,
    ),
    Bug(
        "a release loses the place in the queue",
        SETTLEMENT,
        "            standing.owner = None\n            self._moved",
        "            standing.owner = standing.entry = None\n            self._moved",
        "kills",
        ("s27_whole_or_not_at_all",),
        KILLS,
    ),
    Bug(
        "a release does not release",
        SETTLEMENT,
        "            standing.owner = None\n            self._moved",
        "            self._moved",
        "kills",
        ("l2_places_come_free",),
        KILLS,
    ),
    Bug(
        "mail is taken outside of the transaction",
        LEDGER,
        "            self._log.check(connection)\n",
        "            self._log.check(connection)\n"
        "            units = [unit for work in works for unit, _ in getattr(work, 'keywords', {}).get('units', ())]\n"
        "            read = [(id,) for unit in units for id in unit.consumed]\n"
        '            connection.executemany("UPDATE message SET unread = 0 WHERE id = ?", read)\n',
        "points",
        ("s8_no_acknowledged_completion_is_lost",),
        ("--long", "2"),
    ),
    Bug(
        "commits do not wait for the disk",
        DATABASE,
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        "disk",
        ("s8_no_acknowledged_completion_is_lost", "s27_the_file_is_sound"),
        LOSSES,
    ),
    Bug(
        "commits wait for the disk at checkpoints only",
        DATABASE,
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = NORMAL"',
        "disk",
        ("s8_no_acknowledged_completion_is_lost", "s27_the_file_is_sound"),
        LOSSES,
    ),
    Bug(
        "a failed transaction is not rolled back",
        LEDGER,
        """                    connection.execute("ROLLBACK")
            raise
""",
        """                    pass
            raise
""",
        "values",
        ("l8_no_call_fails_for_ever",),
        SHORT,
    ),
    Bug(
        "one more lease than the limit allows",
        PICKING,
        "if any(leased[tag] >= limits[tag]",
        "if any(leased[tag] > limits[tag]",
        "kills",
        ("l1_leases_of_the_dead_are_void", "s15_slots_are_the_living_leases"),
        KILLS,
    ),
    Bug(
        "a reader of all events skips one",
        "stores/sqlite/queries.py",
        """JOIN record ON record.key = journal.record
    WHERE cursor > ?""",
        """JOIN record ON record.key = journal.record
    WHERE cursor > 1 + ?""",
        "kills",
        ("events_are_told_once",),
        KILLS,
    ),
    Bug(
        "an epoch is given again after a release",
        STANDING,
        "self.epoch + 1, owner, process, until, 0",
        "self.epoch + (self.number > 0), owner, process, until, 0",
        "kills",
        ("s6_epochs_rise_without_gaps",),
        KILLS,
    ),
    Bug(
        "the copy is written outside of the transaction",
        TABLES,
        "            self._execute(_PUT, (*_put(put), standing.number, known.key))",
        '            self._execute("COMMIT"), self._execute("BEGIN IMMEDIATE")\n'
        "            self._execute(_PUT, (*_put(put), standing.number, known.key))",
        "disk",
        ("s27_whole_or_not_at_all", "s2_fold_equals_state"),
        BROKEN,
    ),
    Bug(
        "a full disk is taken for the end",
        "stores/sqlite/faults.py",
        'return StoreUnavailable(store, f"no space',
        'return StoreError(store, f"no space',
        "disk",
        ("l8_no_call_fails_for_ever",),
        FULL,
    ),
    Bug(
        "the log is never looked at",
        "stores/sqlite/log.py",
        "if size < self.limit:",
        "if size >= 0:",
        "reader",
        ("s33_the_log_is_bounded",),
        SHORT,
    ),
    Bug(
        "a run goes on before what it has done is kept",
        "engine/committer.py",
        "receipts = await self._apply([unit() for unit, _ in batch])",
        "from taskorch.core.receipts import Done\n"
        "                units = [unit() for unit, _ in batch]\n"
        "                for _, on_receipt in batch:\n"
        "                    on_receipt(Done(0))\n"
        "                batch, receipts = [], [] * len(await self._apply(units))",
        "runs",
        ("s8_what_has_a_successor_is_not_done_again",),
        ("--long", "1.5"),
    ),
    Bug(
        "each statement of a migration is kept by itself",
        "stores/sqlite/schema.py",
        "                connection.execute(statement)",
        "                connection.execute(statement)\n"
        '                connection.execute("COMMIT"), connection.execute("BEGIN EXCLUSIVE")',
        "migrations",
        ("s34_an_old_file_opens",),
    ),
    Bug(
        "a client may write to a record that has an owner",
        SETTLEMENT,
        "            if (busy := standing.busy(self._now)) is not None:",
        "            if (busy := standing.busy(self._now)) is not None and unit.epoch:",
        "orders",
        ("s7_only_the_holder_writes",),
        ORDERS,
    ),
    Bug(
        "an entry under a lease counts as waiting",
        TABLES,
        '_READY = "SELECT count(*) FROM record WHERE place = 1 AND',
        '_READY = "SELECT count(*) FROM record WHERE place < 2 AND',
        "orders",
        ("s6_two_stores_answer_as_one",),
        ORDERS,
    ),
    Bug(
        "a unit that is repeated after a takeover is not known",
        TABLES,
        "        return number or 0",
        "        return 0",
        "orders",
        ("s6_two_stores_answer_as_one",),
        ORDERS,
    ),
    Bug(
        "what was not kept is still remembered",
        LEDGER,
        "        except BaseException:\n            self._cache.forget()\n",
        "        except BaseException:\n",
        "values",
        ("s7_only_the_holder_writes", "s27_whole_or_not_at_all", "l8_no_call_fails_for_ever"),
        SHORT,
    ),
    Bug(
        "what others may have changed is remembered",
        "stores/sqlite/cache.py",
        "if not self._lasts or len",
        "if len",
        "orders",
        ("s6_two_stores_answer_as_one", "s7_only_the_holder_writes"),
        ORDERS,
    ),
    Bug(
        "a forked child may open the file",
        "stores/sqlite/lock.py",
        "    return path in _process.inherited",
        "    return False",
        "forks",
        ("s6_a_forked_child_is_refused",),
        SHORT,
    ),
)
