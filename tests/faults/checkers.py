"""The checkers, each named after the invariant it guards; all raise ``Violation`` with their own name in front."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from taskorch.core.frontier.facts import BLOCK, COMPLETE, START
from taskorch.core.receipts import Entry
from tests.faults.rows import Violation
from tests.faults.work import Body, Kept, Told

P = ParamSpec("P")
View = Mapping[str, Kept]


class _Broken(Exception):
    """What a checker raises before its name is known."""


def demand(is_so: bool, otherwise: str) -> None:
    """Raise unless it is so."""
    if not is_so:
        raise _Broken(otherwise)


def checker(function: Callable[P, None]) -> Callable[P, None]:
    """A function whose objections carry its name."""

    @wraps(function)
    def named(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except _Broken as broken:
            raise Violation(f"{function.__name__}: {broken}") from None

    return named


def _units(kept: Kept) -> list[tuple[int, int, int]]:
    """The units of a run as its journal tells them: epoch, number, and the version of the run behind them."""
    return [
        (fact[4]["epoch"], fact[4]["number"], fact[0] + (fact[1] == COMPLETE))
        for entry in kept.entries
        for fact in entry.facts
        if fact[1] != START
    ]


# --- what is kept --------------------------------------------------------------------------------------------


@checker
def s27_whole_or_not_at_all(view: View) -> None:
    """A step is kept with both its facts, its record, its copy and the mail it took, or without any of them."""
    for run, kept in view.items():
        if kept.record is None or kept.copy is None:
            demand(kept.record is kept.copy, f"only one of {run} and its copy is there")
            demand(not kept.entries, f"{run} has a journal and no record")
            continue
        for entry in kept.entries:
            verbs = [fact[1] for fact in entry.facts]
            demand(verbs in ([START, COMPLETE], [BLOCK]), f"an entry of {run} has the verbs {verbs}")
        demand(
            (kept.copy.version, kept.copy.body) == (kept.record.version, kept.record.body),
            f"{run} has version {kept.record.version}, its copy {kept.copy.version}",
        )
        demand(kept.record.entry is not None, f"{run} has lost its place in the queue")
        steps = sum(len(entry.facts) == 2 for entry in kept.entries)
        demand(
            kept.record.version == steps,
            f"{run} has version {kept.record.version} and {steps} steps in its journal",
        )


@checker
def s2_fold_equals_state(view: View) -> None:
    """The fold of a journal is the state of its record."""
    for run, kept in view.items():
        body = Body()
        for entry in kept.entries:
            for fact in entry.facts:
                body = body.after(fact[4]) if fact[1] == COMPLETE else body
        if kept.record is not None:
            demand(
                kept.record.body == body.text(), f"the journal of {run} folds to {body}, kept: {kept.record.body:.80}"
            )


@checker
def s3_history_is_in_order(view: View) -> None:
    """Steps follow each other without gaps, cursors rise, and so do epochs and the numbers within one."""
    for run, kept in view.items():
        steps = [fact[0] for entry in kept.entries for fact in entry.facts if fact[1] == COMPLETE]
        demand(steps == list(range(len(steps))), f"the steps of {run} are {_around(steps)}")
        cursors = [entry.cursor for entry in kept.entries]
        demand(cursors == sorted(set(cursors)), f"the cursors of {run} are {cursors[-5:]}")
        keys = [unit[:2] for unit in _units(kept)]
        demand(keys == sorted(keys), f"the epochs and numbers of {run} do not rise: {keys[-8:]}")


def _around(steps: list[int]) -> list[int]:
    """The steps around the first one that is wrong."""
    wrong = next((index for index, step in enumerate(steps) if step != index), 0)
    return steps[max(wrong - 3, 0) : wrong + 4]


@checker
def s8_no_acknowledged_completion_is_lost(view: View, told: Told) -> None:
    """What was answered by ``Done`` is there, as it was answered; so are runs and messages."""
    there = {run: set(_units(kept)) for run, kept in view.items()}
    for run, epoch, number, version in told.kept:
        demand((epoch, number, version) in there[run], f"unit {number} of epoch {epoch} of {run} is gone")
    for run in told.born:
        demand(view[run].record is not None, f"{run} is gone")
    mail = {run: _taken(kept) | set(kept.unread) for run, kept in view.items()}
    for id, run in told.sent.items():
        demand(id in mail[run], f"message {id} is gone")


def _taken(kept: Kept) -> set[str]:
    return {id for entry in kept.entries for fact in entry.facts if fact[1] == COMPLETE for id in fact[4]["mail"]}


@checker
def s9_recorded_at_most_once(view: View) -> None:
    """No unit stands in the journal twice."""
    for run, kept in view.items():
        twice = [unit for unit, count in Counter(unit[:2] for unit in _units(kept)).items() if count > 1]
        demand(not twice, f"{run} has these epochs and numbers more than once: {twice}")


@checker
def s10_one_effect(view: View) -> None:
    """A message, however often it was sent and its taking repeated, is taken once, and then unread no longer."""
    for run, kept in view.items():
        taken = Counter(
            id for entry in kept.entries for fact in entry.facts if fact[1] == COMPLETE for id in fact[4]["mail"]
        )
        demand(all(count == 1 for count in taken.values()), f"a message to {run} was taken more than once: {taken}")
        again = set(taken) & set(kept.unread)
        demand(not again, f"messages to {run} were taken and are unread: {sorted(again)[:3]}")
        demand(len(set(kept.unread)) == len(kept.unread), f"a message to {run} is there twice")


@checker
def the_work_is_done(view: View, goal: int) -> None:
    """Every run has come to its last step."""
    for run, kept in view.items():
        demand(kept.record is not None and kept.record.version == goal, f"{run} is not at step {goal}: {kept.record}")


# --- leases ----------------------------------------------------------------------------------------------------


@checker
def s6_epochs_rise_without_gaps(told: Told, view: View, lives: int = 0) -> None:
    """No epoch of a run is given twice, each is above the last, and none is left out.

    Of a life that ended by force (there were *lives*) one answer per run may have been on its way.
    """
    for run, given in told.claims.items():
        epochs = [epoch for epoch, _ in given]
        twice = [epoch for epoch, count in Counter(epochs).items() if count > 1]
        demand(not twice, f"epochs {twice[:3]} of {run} were given more than once")
        if lives == 0:
            known = view[run].record
            last = known.epoch if known is not None else 0
            demand(sorted(epochs) == list(range(1, last + 1)), f"epochs of {run} are missing below {last}")
            continue
        for (before, earlier), (after, later) in zip([(0, -1), *given], given, strict=False):
            demand(after > before, f"the epochs of {run} fall from {before} to {after}")
            untold = later - earlier
            demand(after - before <= 1 + untold, f"the epochs of {run} go from {before} to {after} in {untold} lives")
        record = view[run].record
        kept = 0 if record is None else record.epoch
        demand(kept >= max(epochs), f"epoch {max(epochs)} of {run} was given, and {kept} is the last that is kept")


@checker
def s6_a_lease_is_written_under_by_one(view: View, told: Told) -> None:
    """Whoever wrote under an epoch had been given it: a unit in the journal has a number one above the one before."""
    for run, kept in view.items():
        numbers: dict[int, int] = {}
        given = {epoch for epoch, _ in told.claims.get(run, ())}
        for epoch, number, _ in _units(kept):
            demand(epoch in given, f"{run} was written under epoch {epoch}, which nobody was told of")
            before = numbers.get(epoch, 0)
            demand(number == before + 1, f"unit {number} of epoch {epoch} of {run} follows unit {before}")
            numbers[epoch] = number


@checker
def l1_leases_of_the_dead_are_void(told: Told, wanted: int) -> None:
    """The first claim of each life reaches all that waits and all that the dead held, up to the limit."""
    wrong = [(life, reach) for life, reach in enumerate(told.reach) if reach != wanted]
    demand(not wrong, f"the first claims gave (life, runs) {wrong[:4]} instead of {wanted}")


@checker
def l2_places_come_free(told: Told, limit: int) -> None:
    """Some life got more leases one after another than may live at once: what was released can be given again."""
    lives = Counter(life for given in told.claims.values() for _, life in given)
    most = max(lives.values(), default=0)
    demand(most > limit, f"no life got more than {most} leases, as many as may live at once")


@checker
def s15_slots_are_the_living_leases(told: Told, limit: int) -> None:
    """At no instant do more leases live than the limit allows."""
    most = most_living(told)
    demand(most <= limit, f"{most} leases lived at once, and {limit} may")


def most_living(told: Told) -> int:
    """The most leases that lived at one instant, for certain."""
    moments = sorted([(began, 1) for began, _ in told.spans] + [(ended, -1) for _, ended in told.spans])
    living = most = 0
    for _, change in moments:
        living += change
        most = max(most, living)
    return most


# --- the store -------------------------------------------------------------------------------------------------


@checker
def s27_the_file_is_sound(path: Path) -> None:
    """SQLite finds nothing wrong with its file."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            raise _Broken(f"{error}") from None
    demand(found == ["ok"], f"integrity_check says {found[:3]}")
    demand(not foreign, f"foreign_key_check says {foreign[:3]}")


@checker
def events_are_told_once(view: View, events: Iterable[Entry]) -> None:
    """Who reads all events finds each unit's facts of each run once, in the order of its journal."""
    found: dict[str, list[object]] = {run: [] for run in view}
    for event in events:
        found.setdefault(event.run, []).append(event.facts)
    for run, kept in view.items():
        wanted = [entry.facts for entry in kept.entries]
        demand(found[run] == wanted, f"events tell {len(found[run])} units of {run}, its journal {len(wanted)}")


def no_owner_has_objected(told: Told) -> None:
    """What an owner found to be wrong itself, it tells with the name of the invariant."""
    if told.broken:
        more = f" (and {len(told.broken) - 1} more)" if told.broken[1:] else ""
        raise Violation(told.broken[0] + more)


@checker
def s33_the_log_is_bounded(largest: int, limit: int) -> None:
    """The write-ahead log never outgrows its bound."""
    demand(largest <= limit, f"the log grew to {largest:,} bytes, and {limit:,} are allowed")


def all_of(view: View, told: Told) -> None:
    """The checks of what is kept, that hold at every instant."""
    s27_whole_or_not_at_all(view)
    s9_recorded_at_most_once(view)
    s3_history_is_in_order(view)
    s2_fold_equals_state(view)
    s6_a_lease_is_written_under_by_one(view, told)
    s10_one_effect(view)
    s8_no_acknowledged_completion_is_lost(view, told)
