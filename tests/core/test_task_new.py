"""``Task.new``: what may be said of a task in short, what is refused, and what tasks share."""

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidTask, Priority, State, Task, Verb, advance
from taskorch.core.task import Internals, QueueEntry
from tests.core.samples import NOW, after, new_task

NAIVE = datetime(2026, 11, 20, 10, 0)  # noqa: DTZ001 - it must be refused
EAST, WEST = timezone(timedelta(hours=5)), timezone(timedelta(hours=-5))
FAR = {"the-year-1": datetime(1, 1, 1, tzinfo=EAST), "the-year-9999": datetime(9999, 12, 31, 23, tzinfo=WEST)}


class Nowhere(tzinfo):
    """A zone that cannot say how far it is from UTC."""

    def utcoffset(self, at: datetime | None) -> None:
        """Nothing."""


def refusal(**members: Any) -> dict[str, str]:
    """The problems of a task that is refused, by path."""
    with pytest.raises(InvalidTask) as caught:
        Task.new(**{"title": "a task", "now": NOW, "id": "T-1"} | members)
    return {problem.path: problem.message for problem in caught.value.problems}


# --- a priority in short -----------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [0, 0.5, 78, 100, 100.0])
def test_a_number_is_the_score(score: float) -> None:
    """A number from 0 to 100 is the score, as it is given; there are no factors."""
    priority = new_task(priority=score).priority

    assert priority == Priority(score=score)
    assert type(priority.score) is type(score)


@pytest.mark.parametrize("label", ["P1", "urgent", "whatever they call it", "7"])
def test_a_text_is_a_label(label: str) -> None:
    """A text is kept as the one factor beside the usual score, whether it is known or not."""
    task = new_task(priority=label)

    assert task.priority == Priority(factors=(label,))
    assert Task.from_json(task.to_json()) == task


def test_a_whole_priority_is_taken_as_it_is() -> None:
    """``Priority`` itself says everything; without one the score is 50."""
    priority = Priority(score=78, factors=("existing_client", "deadline_soon"))

    assert new_task(priority=priority).priority is priority
    assert new_task().priority == Priority(score=50)


BAD_SCORES = {
    "nan": float("nan"),
    "infinite": float("inf"),
    "minus-infinite": float("-inf"),
    "below": -1,
    "little-below": -0.001,
    "little-above": 100.001,
    "huge": 10**5000,
    "true": True,
    "false": False,
    "complex": 5j,
    "list": [],
    "object": {},
    "bytes": b"P1",
}


@pytest.mark.parametrize("score", BAD_SCORES.values(), ids=BAD_SCORES)
def test_what_is_no_score_is_refused(score: Any) -> None:
    """Not a number, a number out of range, and what is neither number nor label are refused at their path."""
    assert [*refusal(priority=score)] == ["priority.score"]


@pytest.mark.parametrize("score", BAD_SCORES.values(), ids=BAD_SCORES)
def test_a_priority_refuses_the_same(score: Any) -> None:
    """``Priority(score=…)`` refuses them as well."""
    with pytest.raises(InvalidTask) as caught:
        Priority(score=score)
    assert caught.value.problems[0].path == "score"


@pytest.mark.parametrize("label", ["", "  ", "\n"], ids=["empty", "blanks", "line"])
def test_an_empty_label_is_refused(label: str) -> None:
    """A label says something."""
    assert [*refusal(priority=label)] == ["priority.factors[0]"]


# --- a queue and a date ------------------------------------------------------------------------------------


def test_the_queue_it_is_meant_for_is_noted() -> None:
    """``queue=`` names the queue; the task is CREATED and enters it, with a time, when it is enqueued."""
    task = new_task(queue="urgent")
    assert (task.queue, task.state.current) == (QueueEntry(name="urgent"), State.CREATED)

    entered, _ = advance(task, "enqueue", now=after(5), by="test")
    assert entered.queue == QueueEntry(name="urgent", entered_at=after(5))
    started, _ = advance(advance(entered, "schedule", now=NOW, by="test")[0], "start", now=NOW, by="test")
    assert started.queue == QueueEntry(name="urgent", entered_at=after(5), position=0)


@pytest.mark.parametrize("queue", ["", "   ", 5, b"normal", ["normal"]], ids=repr)
def test_what_is_no_queue_is_refused(queue: Any) -> None:
    """A queue has a name."""
    assert [*refusal(queue=queue)] == ["queue.name"]


def test_a_date_is_noted_in_utc() -> None:
    """``at=`` is when its start is due; the document says it in UTC."""
    task = new_task(at=after(60).astimezone(EAST), internals=Internals(reason="so"))

    assert task.internals == Internals(reason="so", scheduled_for=after(60))
    assert task.internals.scheduled_for.tzinfo is UTC  # type: ignore[union-attr]
    assert new_task(at=after(60)).internals == Internals(scheduled_for=after(60))
    assert new_task(internals=Internals(scheduled_for=after(60))).internals == Internals(scheduled_for=after(60))
    assert Task.from_json(task.to_json()) == task


def test_a_date_is_given_once() -> None:
    """``at=`` beside ``internals.scheduled_for`` is refused, even if both say the same."""
    assert [*refusal(at=after(60), internals=Internals(scheduled_for=after(60)))] == ["at"]


@pytest.mark.parametrize(
    "time",
    [NAIVE, datetime(2026, 1, 1, tzinfo=Nowhere()), *FAR.values(), "2026-11-20T10:00:00Z", 0],
    ids=["naive", "a-zone-without-offset", *FAR, "text", "number"],
)
def test_times_that_are_none_are_refused(time: Any) -> None:
    """A naive time, one beyond what UTC can tell, and what is no time are refused where they are given."""
    assert [*refusal(now=time)] == ["created_at"]
    assert [*refusal(now=time, id=None)] == ["created_at"]
    assert [*refusal(at=time)] == ["at"]
    assert [*refusal(internals=Internals(scheduled_for=time))] == ["x-taskorch.scheduled_for"]
    for name in ("now", "retry_at"):
        task = new_task()
        for verb in ("enqueue", "schedule", "start"):
            task, _ = advance(task, verb, now=NOW, by="test")
        before = task.to_json()
        with pytest.raises(InvalidTask) as caught:
            advance(task, Verb.FAIL, by="test", **{"now": NOW, name: time})
        assert caught.value.problems[0].path == name
        assert task.to_json() == before


@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_last_year_of_utc_are_times(year: int) -> None:
    """Far away is refused only where UTC has no such year."""
    at = datetime(year, 6, 1, tzinfo=EAST)
    task = Task.new("a task", now=at, at=at)

    assert task.created_at == task.internals.scheduled_for == at
    assert Task.from_json(task.to_json()) == task


# --- what is checked as before, and what is shared ---------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"title": ""}, "title"),
        ({"title": " \n"}, "title"),
        ({"title": 5}, "title"),
        ({"title": None}, "title"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"context": []}, "context"),
        ({"context": {"a": {1, 2}}}, "context.a"),
        ({"context": {"a": float("nan")}}, "context.a"),
    ],
    ids=str,
)
def test_what_is_said_of_a_task_is_checked(members: dict[str, Any], path: str) -> None:
    """The title, the id and the context are refused as the document's are."""
    assert [*refusal(**members)] == [path]


def test_a_new_task_is_the_one_that_would_be_built_with_every_check() -> None:
    """``Task.new`` takes short cuts; what it makes is equal, frozen, picklable and shown alike."""
    task = Task.new("a task", now=NOW, queue="urgent", priority="P1", at=after(60), context={"a": [1]})
    slowly = attrs.evolve(task, definition=attrs.evolve(task.definition), state=attrs.evolve(task.state))

    assert task == slowly
    assert repr(task) == repr(slowly)
    assert pickle.loads(pickle.dumps(task)) == copy.deepcopy(task) == copy.copy(task) == task
    assert json.loads(task.to_json()) == json.loads(Task.from_json(task.to_json()).to_json())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        task.id = "another"  # type: ignore[misc]


def test_tasks_share_what_nothing_is_said_of() -> None:
    """A group without a word about it is one value for all tasks, so that a waiting task is small."""
    one, other = Task.new("one"), Task.new("other")

    for name in ("queue", "priority", "execution", "dependencies", "output", "internals", "context"):
        assert getattr(one, name) is getattr(other, name)
    assert one.id != other.id


class Ticket(Task):
    """A task of a host that derives its own class."""

    __slots__ = ()


def test_a_derived_class_stays_itself() -> None:
    """``new`` and ``advance`` give the class that was asked for."""
    ticket = Ticket.new("a ticket", now=NOW, id="T-1")
    advanced, _ = advance(ticket, "enqueue", now=NOW, by="test")

    assert type(ticket) is type(advanced) is Ticket


@given(
    at=st.datetimes(timezones=st.timezones() | st.just(UTC)) | st.datetimes(),
    priority=st.none() | st.floats() | st.integers() | st.text(max_size=5),
    queue=st.none() | st.text(max_size=5),
)
def test_whatever_is_given_makes_a_task_or_is_refused(
    at: datetime, priority: float | str | None, queue: str | None
) -> None:
    """Times, scores and names from anywhere make a task that every check finds good, or ``InvalidTask``."""
    try:
        task = Task.new("a task", now=NOW, id="T-1", at=at, priority=priority, queue=queue)
    except InvalidTask as error:
        task, refused = new_task(), error.problems[0].path
    else:
        refused = ""

    assert refused in {"", "at", "priority.score", "priority.factors[0]", "queue.name"}
    groups = {name: attrs.evolve(getattr(task, name)) for name in ("queue", "priority", "internals")}
    assert attrs.evolve(task, **groups) == task
