"""``advance``: every row of the table, every pair without one, and what is written down on the way."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import (
    DOCUMENTED,
    LIFECYCLE,
    CallerError,
    IllegalTransition,
    InvalidTask,
    State,
    Task,
    TransitionTable,
    UnknownVerb,
    Verb,
    advance,
)
from taskorch.core.task import Execution, QueueEntry
from tests.core.samples import NOW, after, new_task

WAYS = {
    State.CREATED: "",
    State.QUEUED: "enqueue",
    State.ON_HOLD: "enqueue hold",
    State.SCHEDULED: "enqueue schedule",
    State.IN_PROGRESS: "enqueue schedule start",
    State.COMPLETED: "enqueue schedule start complete",
    State.FAILED: "enqueue schedule start fail",
    State.BLOCKED: "enqueue schedule start block",
    State.UNBLOCKED: "enqueue schedule start block unblock",
    State.CANCELLED: "enqueue cancel",
}
TABLES = {"documented": DOCUMENTED, "lifecycle": LIFECYCLE}


def do(task: Task, verbs: str, table: TransitionTable = LIFECYCLE) -> Task:
    """The task after some verbs; a failure is to be tried again."""
    for verb in verbs.split():
        retry_at = after(60) if verb == "fail" else None
        task, _ = advance(task, verb, now=NOW, by="test", retry_at=retry_at, table=table)
    return task


def pairs(*, legal: bool) -> list[object]:
    """State and verb of every row of each table, or of every pair without one."""
    return [
        pytest.param(TABLES[name], state, verb, id=f"{name}-{state}-{verb}")
        for name in TABLES
        for state in State
        for verb in Verb
        if TABLES[name].allows(state, verb) is legal
    ]


@pytest.mark.parametrize(("table", "state", "verb"), pairs(legal=True))
def test_a_row_of_the_table_is_carried_out(table: TransitionTable, state: State, verb: Verb) -> None:
    """A verb with a row leads where the row says; version, history and event tell of it."""
    task = do(new_task(), WAYS[state], table)
    changed, event = advance(task, verb, now=after(5), by="ann", reason="so", table=table)
    target = table.target(state, verb)

    assert (changed.state.current, changed.state.previous) == (target, state)
    assert changed.state.changed_at == after(5)
    assert changed.state.history == (*task.state.history, changed.state.history[-1])
    assert (changed.state.history[-1].state, changed.state.history[-1].at) == (target, after(5))
    assert changed.metadata.version == task.metadata.version + 1 == len(changed.state.history) - 1
    assert (changed.metadata.updated_by, changed.metadata.last_updated) == ("ann", after(5))
    assert (event.task_id, event.verb, event.previous, event.state) == ("T-1", verb, state, target)
    assert (event.at, event.observed_at, event.by, event.reason) == (after(5), after(5), "ann", "so")
    assert (event.version, event.attempt, event.step) == (changed.metadata.version, changed.internals.attempt, None)


@pytest.mark.parametrize(("table", "state", "verb"), pairs(legal=False))
def test_a_pair_without_a_row_is_refused(table: TransitionTable, state: State, verb: Verb) -> None:
    """A verb without a row raises ``IllegalTransition`` with id, state, verb and legal verbs; nothing changes."""
    task = do(new_task(), WAYS[state], table)
    before = task.to_json()

    with pytest.raises(IllegalTransition) as caught:
        advance(task, verb, now=after(5), by="ann", table=table)

    error = caught.value
    assert (error.id, error.state, error.verb, error.legal) == ("T-1", state, verb, table.verbs(state))
    assert f"can't {verb} when {state}" in str(error)
    assert task.to_json() == before
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


@pytest.mark.parametrize("verb", list(Verb))
def test_a_failure_without_a_pending_retry_is_final(verb: Verb) -> None:
    """FAILED with no ``retry_at`` is the end: every verb is refused, ``retry`` and ``cancel`` too."""
    task, _ = advance(do(new_task(), WAYS[State.IN_PROGRESS]), "fail", now=NOW, by="test")

    assert task.is_final
    with pytest.raises(IllegalTransition) as caught:
        advance(task, verb, now=NOW, by="test")
    assert caught.value.legal == ()


@pytest.mark.parametrize("state", list(State))
def test_final_are_the_ends_and_no_others(state: State) -> None:
    """A task is final when completed or cancelled; with a retry pending a failure is not."""
    assert do(new_task(), WAYS[state]).is_final is (state in (State.COMPLETED, State.CANCELLED))


def test_the_history_never_goes_back() -> None:
    """When the clock goes back, the history repeats its last time, and the event tells both."""
    task, _ = advance(new_task(), "enqueue", now=after(10), by="test")
    task, event = advance(task, "schedule", now=after(-100), by="test")

    assert [moment.at for moment in task.state.history] == [NOW, after(10), after(10)]
    assert (event.at, event.observed_at) == (after(10), after(-100))
    assert task.metadata.last_updated == after(10)
    assert Task.from_json(task.to_json()) == task


def test_an_hour_that_occurs_twice_is_two_hours() -> None:
    """Local times are compared as instants: when summer time ends, the second 02:01 comes after the first 02:59."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 59, tzinfo=berlin)
    second = datetime(2026, 10, 25, 2, 1, fold=1, tzinfo=berlin)
    task, _ = advance(Task.new("a task", now=first, id="T-1"), "enqueue", now=second, by="test")
    assert task.state.changed_at.astimezone(UTC) == datetime(2026, 10, 25, 1, 1, tzinfo=UTC)

    back, _ = advance(task, "schedule", now=datetime(2026, 10, 25, 2, 40, tzinfo=berlin), by="test")
    assert Task.from_json(back.to_json()).to_json() == back.to_json()


def test_attempts_are_counted_by_starts_and_retries() -> None:
    """The first start is attempt 1, each retry one more; going on after a block is the same attempt."""
    task = do(new_task(), "enqueue schedule start block unblock start")
    assert task.internals.attempt == 1
    task = do(task, "fail")
    assert task.internals.retry_at == after(60)
    task = do(task, "retry")
    assert (task.internals.attempt, task.internals.retry_at) == (2, None)


def test_a_block_names_what_it_waits_for() -> None:
    """The reason of ``block`` is the blocker, until the task goes on."""
    task, _ = advance(do(new_task(), WAYS[State.IN_PROGRESS]), "block", now=NOW, by="test", reason="the client")
    assert task.internals.blocker == "the client"
    task, _ = advance(task, "unblock", now=NOW, by="test")
    assert task.internals.blocker is None


def test_entering_and_starting_are_noted_in_their_groups() -> None:
    """Entering a queue dates the entry, the first start dates the execution, position 0 says it has started."""
    entry = QueueEntry(name="normal", position=4)
    task, _ = advance(_in(new_task(), entry), "enqueue", now=after(5), by="test")
    assert task.queue.entered_at == after(5)
    task, _ = advance(task, "schedule", now=after(6), by="test")
    task, _ = advance(task, "start", now=after(7), by="test")
    assert (task.execution.started_at, task.queue.position) == (after(7), 0)
    task = do(task, "block unblock start complete")
    assert task.execution == Execution(started_at=after(7), progress_percent=100)


def _in(task: Task, entry: QueueEntry) -> Task:
    document = task.to_dict()
    document["task"]["queue"] = {"name": entry.name, "position": entry.position}  # type: ignore[index]
    return Task.from_dict(document)


@pytest.mark.parametrize(
    ("verb", "times", "path"),
    [
        ("fail", {"now": datetime(2026, 1, 1)}, "now"),  # noqa: DTZ001 - it must be refused
        ("fail", {"now": NOW, "retry_at": datetime(2026, 1, 1)}, "retry_at"),  # noqa: DTZ001 - as above
        ("block", {"now": NOW, "retry_at": NOW}, "retry_at"),
    ],
    ids=["naive-now", "naive-retry", "retry-of-a-block"],
)
def test_times_without_a_zone_or_a_meaning_are_refused(verb: str, times: dict[str, datetime], path: str) -> None:
    """Naive times, and ``retry_at`` for anything but a failure, raise ``InvalidTask`` that names the argument."""
    with pytest.raises(InvalidTask) as caught:
        advance(do(new_task(), WAYS[State.IN_PROGRESS]), verb, by="test", **times)
    assert caught.value.problems[0].path == path


def test_a_word_that_is_no_verb_is_no_transition() -> None:
    """An unknown verb raises ``UnknownVerb``, a ``ValueError`` too, with the verbs there are and the nearest one."""
    with pytest.raises(ValueError, match="explode") as caught:
        advance(new_task(), "explode", now=NOW, by="test")
    error = caught.value
    assert isinstance(error, UnknownVerb)
    assert isinstance(error, CallerError)
    assert (error.verb, error.known) == ("explode", tuple(Verb))
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), vars(twin), str(twin)) == (UnknownVerb, vars(error), str(error))
    with pytest.raises(UnknownVerb, match="did you mean 'enqueue'"):
        advance(new_task(), "enqeue", now=NOW, by="test")


@pytest.mark.parametrize("verb", [None, 5, [], {}, "ENQUEUE", "\ud800"], ids=repr)
def test_what_is_no_verb_at_all_is_refused_alike(verb: Any) -> None:
    """Other types are unknown verbs as well, and so are verbs written differently."""
    with pytest.raises(UnknownVerb):
        advance(new_task(), verb, now=NOW, by="test")


@pytest.mark.parametrize(
    ("texts", "paths"),
    [
        ({"by": None}, ["by"]),
        ({"by": 5}, ["by"]),
        ({"by": ["ann"]}, ["by"]),
        ({"by": "a\0"}, ["by"]),
        ({"by": "\udc00"}, ["by"]),
        ({"by": "ann", "reason": 5}, ["reason"]),
        ({"by": "ann", "reason": 0}, ["reason"]),
        ({"by": "ann", "reason": []}, ["reason"]),
        ({"by": "ann", "reason": "é\ud800"}, ["reason"]),
        ({"by": None, "reason": "\0"}, ["by", "reason"]),
    ],
    ids=str,
)
def test_who_and_why_are_texts_that_can_be_read_back(texts: dict[str, Any], paths: list[str]) -> None:
    """An actor or a reason that is no text, or holds NUL or half a character, is refused; nothing changes."""
    task = do(new_task(), WAYS[State.IN_PROGRESS])
    before = task.to_json()

    with pytest.raises(InvalidTask) as caught:
        advance(task, "block", now=NOW, **texts)
    assert [problem.path for problem in caught.value.problems] == paths
    assert task.to_json() == before


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Verb),
            st.integers(-10_000_000, 10_000_000),
            st.booleans(),
            st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
            st.sampled_from([0, 330, -720]),
        ),
        max_size=25,
    )
)
def test_any_sequence_of_verbs_leaves_a_legal_task(
    verbs: list[tuple[Verb, int, bool, str | None, int]],
) -> None:
    """Whatever is asked of a task, in whatever order and by whatever clock, its document reads back the same."""
    task, done = new_task(), 0
    for verb, microseconds, again, reason, zone in verbs:
        now = (NOW + timedelta(microseconds=microseconds)).astimezone(timezone(timedelta(minutes=zone)))
        retry_at = now if verb is Verb.FAIL and again else None
        before = task
        try:
            task, event = advance(task, verb, now=now, by="test", reason=reason, retry_at=retry_at)
        except IllegalTransition:
            assert task is before
        else:
            done += 1
            assert event.version == task.metadata.version == done
    history = task.state.history

    assert Task.from_json(task.to_json()) == task
    assert Task.from_json(task.to_json()).to_json() == task.to_json()
    assert len(history) == done + 1
    assert all(LIFECYCLE.follows(a.state, b.state) and a.at <= b.at for a, b in pairwise(history))
