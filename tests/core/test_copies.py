"""Values made and copied without checks: they are what the checked way gives, member by member."""

import copy
import pickle
from datetime import datetime, timedelta
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import Event, Priority, QueueEngine, State, Step, Task, Verb, advance
from taskorch.core.copies import changed, copier, maker
from taskorch.core.groups import Execution, Internals, Metadata, Moment, QueueEntry, TaskState
from taskorch.core.states import LIFECYCLE
from tests.core.samples import NOW, after, new_task, put, task_document

GROUPS = [a.name for a in attrs.fields(Task)]

# What a task is asked, and how: a verb, seconds on the clock, whether a failure is tried again, a reason.
CALLS = st.lists(
    st.tuples(
        st.sampled_from(Verb),
        st.integers(-10_000_000, 10_000_000),
        st.booleans(),
        st.none() | st.text("abc", max_size=3),
    ),
    max_size=15,
)
STARTS = st.builds(
    new_task,
    queue=st.none() | st.sampled_from(["normal", "urgent"]),
    priority=st.none() | st.integers(0, 100) | st.sampled_from(["P1", "urgent"]),
    at=st.none() | st.just(after(3600)),
    context=st.just({}) | st.just({"client": {"name": "N"}}),
)


def members(value: Any) -> dict[str, Any]:
    """Every member of a value, those that equality leaves out too."""
    return {attribute.name: getattr(value, attribute.name) for attribute in attrs.fields(type(value))}


def checked(value: Any) -> Any:
    """The same value, built by the constructors with every check, groups and all."""
    if isinstance(value, tuple):
        return tuple(checked(item) for item in value)
    if not attrs.has(type(value)):
        return value
    return type(value)(**{name: checked(member) for name, member in members(value).items()})


def same(one: Any, other: Any) -> None:
    """Assert that two values cannot be told apart."""
    assert type(one) is type(other)
    assert one == other
    assert members(one) == members(other)
    assert repr(one) == repr(other)


def lived(task: Task, calls: list[tuple[Verb, int, bool, str | None]]) -> tuple[list[Task], list[Event]]:
    """The task after each thing asked of it that is legal, and the events."""
    tasks, events = [task], []
    for verb, seconds, again, reason in calls:
        task = tasks[-1]
        if task.is_final or not LIFECYCLE.allows(task.state.current, verb):
            continue
        retry_at = after(seconds + 60) if verb is Verb.FAIL and again else None
        task, event = advance(task, verb, now=after(seconds), by="test", reason=reason, retry_at=retry_at)
        tasks.append(task)
        events.append(event)
    return tasks, events


@given(STARTS, CALLS)
def test_every_task_of_a_life_passes_every_check(start: Task, calls: list[Any]) -> None:
    """A task that was advanced is the one the constructors would build of it, and refuse nothing of."""
    tasks, events = lived(start, calls)

    for value in (*tasks, *events):
        same(checked(value), value)


@given(STARTS, CALLS)
def test_events_tell_the_whole_state(start: Task, calls: list[Any]) -> None:
    """The states and times that the events of a life tell, in their order, are the history of the task."""
    tasks, events = lived(start, calls)
    told = (Moment(State.CREATED, NOW), *(Moment(event.state, event.at) for event in events))

    assert tasks[-1].state == TaskState(
        current=told[-1].state,
        previous=told[-2].state if len(told) > 1 else None,
        changed_at=told[-1].at,
        history=told,
    )
    assert [task.state.history for task in tasks] == [told[: n + 1] for n in range(len(told))]


@given(STARTS, CALLS)
def test_documents_and_pickles_of_a_life_come_back(start: Task, calls: list[Any]) -> None:
    """What was made without checks is written, pickled and copied like everything else."""
    for task in lived(start, calls)[0]:
        assert Task.from_json(task.to_json()) == task
        for twin in (pickle.loads(pickle.dumps(task)), copy.copy(task), copy.deepcopy(task), attrs.evolve(task)):
            same(twin, task)


def test_a_document_keeps_its_keys_and_extensions_through_a_life() -> None:
    """Keys in their order, and those of others, are members as well; no change of state loses them."""
    document = put(put(task_document(), "task.x-ours", {"a": 1}), "task.queue.x-theirs", [2])
    document["task"] = dict(reversed(document["task"].items()))
    document["x-envelope"] = True
    task = Task.from_dict(document)
    advanced, _ = advance(task, "complete", now=NOW, by="test")

    assert [*advanced.to_dict()["task"]] == [*document["task"]]
    assert advanced.to_dict()["task"]["x-ours"] == {"a": 1}
    assert advanced.to_dict()["task"]["queue"] == document["task"]["queue"]
    assert advanced.to_dict()["x-envelope"] is True


@given(STARTS, CALLS, STARTS, CALLS, st.sets(st.sampled_from(GROUPS)))
def test_a_changed_copy_is_the_one_that_checks_would_give(
    one: Task, lives: list[Any], other: Task, others: list[Any], names: set[str]
) -> None:
    """``changed`` replaces what it is told to and keeps every other member, whichever these are."""
    one, other = lived(one, lives)[0][-1], lived(other, others)[0][-1]
    before = members(one)
    replaced = {name: getattr(other, name) for name in names}

    same(changed(one, **replaced), attrs.evolve(one, **replaced))
    assert members(one) == before


VALUES = [
    new_task(),
    QueueEntry(name="normal", position=3, entered_at=NOW, sla_deadline=after(60), extensions={"x": 1}),
    Priority(score=78, factors=("known",)),
    Execution(started_at=NOW, estimated_duration_hours=2, progress_percent=45, current_step="a", assigned_to="us"),
    Internals(scheduled_for=NOW, retry_at=NOW, attempt=2, blocker="b", reason="r", result=[1], run={"a": 1}),
    Metadata(version=3, last_updated=NOW, updated_by="us"),
    Moment(State.QUEUED, NOW),
    advance(new_task(), "cancel", now=after(5), by="us", reason="r")[1],
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_nothing_of_a_value_is_forgotten(value: Any) -> None:
    """A copy, and a value made of all its members, have every one; they are frozen and have the same hash or none."""
    for twin in (changed(value), copier(type(value))(value), maker(type(value))(**members(value))):
        same(twin, value)
        assert twin is not value
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(twin, attrs.fields(type(value))[0].name, None)
        with pytest.raises(AttributeError):
            twin.further = 1
        try:
            expected = hash(value)
        except TypeError:
            with pytest.raises(TypeError):
                hash(twin)
        else:
            assert hash(twin) == expected


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_made_value_has_the_defaults_of_its_class(value: Any) -> None:
    """``maker`` leaves out what the constructor may leave out, and asks for what that asks for."""
    needed = {a.name: getattr(value, a.name) for a in attrs.fields(type(value)) if a.default is attrs.NOTHING}

    same(maker(type(value))(**needed), type(value)(**needed))
    for name in needed:
        with pytest.raises(TypeError, match=name):
            maker(type(value))(**{key: member for key, member in needed.items() if key != name})


def test_a_member_that_is_not_there_is_refused() -> None:
    """A misspelt name is an error, not a change that is lost."""
    with pytest.raises(TypeError, match="quueue"):
        changed(new_task(), quueue=QueueEntry())
    with pytest.raises(TypeError, match="scoore"):
        maker(Priority)(scoore=5)


@attrs.frozen
class _Fresh:
    a: list[int] = attrs.field(factory=list)


@pytest.mark.parametrize("value", [5, timedelta(1), datetime(2026, 1, 1, tzinfo=NOW.tzinfo)], ids=repr)
def test_other_classes_are_refused(value: Any) -> None:
    """Only values of attrs classes can be copied so."""
    for use in (changed, lambda value: maker(type(value))()):
        with pytest.raises(TypeError):
            use(value)


def test_a_default_that_is_made_anew_is_made_anew() -> None:
    """A default of which each value has its own is not shared."""
    first, second = maker(_Fresh)(), maker(_Fresh)()

    assert first == second == _Fresh([])
    assert first.a is not second.a


class Own(Task):
    """A task of a host's own, without slots."""


@attrs.frozen
class Tagged(Task):
    """One with a member of its own, made anew for each."""

    tags: list[str] = attrs.field(factory=list, kw_only=True)


def test_a_subclass_with_a_member_of_its_own_is_made() -> None:
    """A host's class may have a default that a factory makes."""
    tagged = Tagged.new("x", now=NOW)

    assert (type(tagged), tagged.tags) == (Tagged, [])
    assert type(advance(tagged, "enqueue", now=NOW, by="me")[0]) is Tagged


def test_a_subclass_without_slots_is_made_and_copied_too() -> None:
    """A host may derive a class from Task: it is made, changed and handed out as what it is."""
    own = Own.new("mine", id="own", now=NOW, priority=90)
    queues = QueueEngine()
    queued, event = advance(queues.placed(own, NOW), "enqueue", now=NOW, by="me")
    queues.push(queued, NOW)
    popped = queues.pop(NOW)

    assert [type(task) for task in (own, queued, event.task, popped)] == [Own] * 4
    assert popped is not None
    assert Own.from_json(popped.to_json()) == popped


@attrs.frozen
class Awkward:
    """A value whose members are called like what a copy is made with."""

    value: int
    draft: int = 2
    new: int = 3
    cls: int = 4


def test_members_may_have_any_name() -> None:
    """What a copy is made with stands in the way of no name of a member."""
    assert changed(Awkward(1), value=5, draft=6) == Awkward(5, 6)
    assert maker(Awkward)(value=1, cls=9) == Awkward(1, cls=9)


def test_what_is_empty_stays_so() -> None:
    """What all values have that were given none cannot be written to, and copies of it are itself."""
    step = Step("a", command="true")
    environment = cast("dict[str, object]", step.environment)
    for write in (
        lambda: environment.__setitem__("A", "1"),
        lambda: environment.update(A="1"),
        lambda: environment.setdefault("A", "1"),
        environment.clear,
    ):
        with pytest.raises(TypeError, match="a mapping of its own"):
            write()

    assert step.environment == {} == Step("b", command="true").environment
    for copied in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
        assert copied(step.environment) is step.environment
