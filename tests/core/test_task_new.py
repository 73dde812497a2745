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
from taskorch.core.task import Definition, Dependencies, Execution, Internals, QueueEntry
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


@pytest.mark.parametrize("label", ["P1", "urgent", "Backlog"])
def test_a_text_is_a_label(label: str) -> None:
    """A text is kept as the one factor beside the usual score, as it is written."""
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
    if isinstance(time, datetime):
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


# What no document may hold, and what is said of it.
BAD_TEXTS = {
    "number": (5, "expected a string, got the number 5"),
    "bytes": (b"a", "expected a string, got bytes"),
    "list": ([], "expected a string, got an array"),
    "false": (False, "expected a string, got false"),
    "surrogate": ("a\ud800", "holds half of a surrogate pair, which is no character"),
    "pair-of-halves": ("\ud83d\ude00", "holds half of a surrogate pair, which is no character"),
    "nul": ("a\0b", "holds the character NUL"),
}
TEXTS = {
    "title": "title",
    "by": "metadata.updated_by",
    "description": "definition.description",
    "type": "definition.type",
    "skill_target": "definition.skill_target",
    "entry_point": "definition.entry_point",
    "intake_id": "intake_id",
    "queue": "queue.name",
    "priority": "priority.factors[0]",
}


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_cannot_be_read_back_is_refused(name: str, bad: str) -> None:
    """Whatever is no text, holds NUL or half a character never gets into a task."""
    value, message = BAD_TEXTS[bad]
    if name == "priority" and not isinstance(value, str):
        return  # a score, good or bad
    assert refusal(**{name: value}) == {TEXTS[name]: message}


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("intake_id", "queue", "priority")])
def test_a_text_that_is_not_there_is_refused(name: str) -> None:
    """None is no text, where a text is always said."""
    assert refusal(**{name: None}) == {TEXTS[name]: "expected a string, got null"}


def test_all_that_is_wrong_with_the_texts_is_told_at_once() -> None:
    """Every problem is told, in the order of a table, the good ones between them left out."""
    assert [*refusal(title=" ", by=None, type="a", description="\0", intake_id=5)] == [
        "title",
        "metadata.updated_by",
        "definition.description",
        "intake_id",
    ]


@pytest.mark.parametrize("id", [5, b"T-1", ["T-1"], "a\0", "\ud800"], ids=repr)
def test_an_id_is_a_text(id: Any) -> None:
    """An id of another type is refused as one that has the wrong form."""
    assert [*refusal(id=id)] == ["id"]


NOT_GROUPS: list[tuple[dict[str, Any], str]] = [
    ({"execution": []}, "execution"),
    ({"execution": 5}, "execution"),
    ({"execution": Priority()}, "execution"),
    ({"execution": Execution(started_at=NAIVE)}, "execution.started_at"),
    ({"execution": Execution(extensions={"x": object()})}, "execution.x"),
    ({"dependencies": []}, "dependencies"),
    ({"dependencies": {"blocked_by": []}}, "dependencies"),
    ({"internals": 5}, "x-taskorch"),
    ({"internals": {}}, "x-taskorch"),
    ({"internals": Internals(retry_at=NAIVE)}, "x-taskorch.retry_at"),
    ({"internals": Internals(result=object())}, "x-taskorch.result"),
    ({"internals": Internals(result={"a": ["\ud800"]})}, "x-taskorch.result.a[0]"),
    ({"internals": Internals(run={"params": {"a": float("nan")}})}, "x-taskorch.run.params.a"),
    ({"priority": Priority(extensions={"x-a": {1}})}, "priority.x-a"),
]


@pytest.mark.parametrize(("members", "path"), NOT_GROUPS, ids=[f"{n}-{path}" for n, (_, path) in enumerate(NOT_GROUPS)])
def test_what_is_no_group_is_refused(members: dict[str, Any], path: str) -> None:
    """A group is one of its class, and holds what a document can give back; an empty list is not nothing."""
    assert [*refusal(**members)] == [path]


def test_a_group_is_held_to_the_kinds_of_its_members() -> None:
    """What is of another kind is refused when the group is made, at its member."""
    with pytest.raises(InvalidTask) as caught:
        Execution(started_at="2026-11-20T10:00:00Z")  # type: ignore[arg-type]

    assert [problem.path for problem in caught.value.problems] == ["started_at"]


def test_times_of_a_group_are_noted_in_utc() -> None:
    """A time in a group that was made by hand is told in UTC like all others."""
    task = new_task(execution=Execution(started_at=after(5).astimezone(EAST)))

    assert task.execution == Execution(started_at=after(5))
    assert task.execution.started_at.tzinfo is UTC  # type: ignore[union-attr]


def nested(depth: int) -> dict[str, Any]:
    """So many objects, one in the other."""
    data: dict[str, Any] = {}
    for _ in range(depth - 1):
        data = {"a": data}
    return data


def test_what_is_nested_too_deep_to_be_read_back_is_refused() -> None:
    """The limit of depth is that of the whole document, in which a group lies two levels down."""
    for task in (new_task(context=nested(98)), new_task(internals=Internals(run=nested(97)))):
        assert Task.from_json(task.to_json()) == task
    assert len(refusal(context=nested(99))) == 1
    assert len(refusal(internals=Internals(run=nested(98)))) == 1


GROUPS: list[tuple[type[Any], str, Any]] = [
    *[
        (Definition, name, value)
        for name in ("title", "description", "type", "skill_target", "entry_point")
        for value in (None, 5, [], "\ud800", "\0")
    ],
    *[(QueueEntry, "name", value) for value in (5, "\0")],
    *[(QueueEntry, "position", value) for value in (-1, 1.5, "1", True)],
    *[(Priority, "score", value) for value in (None, "5")],
    *[(Priority, "factors", value) for value in (None, "P1", (5,), ("a", "\0"))],
    *[(Execution, name, value) for name in ("current_step", "assigned_to") for value in (5, "\ud800")],
    (Execution, "progress_percent", None),
    *[(Dependencies, name, value) for name in ("blocked_by", "subtasks") for value in (None, "T-1", (5,), ("a b",))],
    (Dependencies, "parent_task", 5),
    *[(Internals, name, value) for name in ("blocker", "reason") for value in (5, "\0")],
    *[(Internals, "attempt", value) for value in (None, "1", 1.5)],
    *[(Internals, "run", value) for value in (None, [])],
]


@pytest.mark.parametrize(("cls", "name", "value"), GROUPS, ids=str)
def test_a_group_made_by_hand_refuses_the_same(cls: type[Any], name: str, value: Any) -> None:
    """The constructors of the groups let in no text, number or id that a document could not give back."""
    given = {"title": "a task"} if cls is Definition else {}
    with pytest.raises(InvalidTask) as caught:
        cls(**given | {name: value})
    assert caught.value.problems[0].path.startswith(name)


@given(
    st.dictionaries(
        st.sampled_from(["title", "by", "description", "type", "skill_target", "entry_point", "intake_id", "queue"]),
        st.text(st.characters(), max_size=4) | st.sampled_from(["\ud800", "\0", None, 5]),
    )
)
def test_a_task_can_be_read_back_or_is_refused(members: dict[str, Any]) -> None:
    """Whatever texts are given, the task is refused, or its document gives back the same task."""
    try:
        task = Task.new(**{"title": "a task", "now": NOW, "id": "T-1"} | members)
    except InvalidTask as error:
        paths = {problem.path for problem in error.problems}
    else:
        paths = set()
        assert Task.from_json(task.to_json()) == task
    assert paths <= {TEXTS[name] for name in members}


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
