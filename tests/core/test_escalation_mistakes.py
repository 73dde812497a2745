"""What is no task, rule, queue, key or record is refused with a typed error, and nothing changes."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from taskorch import (
    Escalation,
    Escalator,
    InvalidEscalation,
    InvalidQueue,
    InvalidRule,
    InvalidTask,
    Rung,
    TaskorchError,
    UnknownEscalation,
    dependency_conflicts,
)
from taskorch.core.escalation.records import Marks
from taskorch.core.escalation.urgencies import Urgency
from tests.core.lives import rule, waiting
from tests.core.samples import NOW, new_task

KEY = "T-1/mine/0"
NAIVE = NOW.replace(tzinfo=None)


def record(**members: Any) -> Escalation:
    """A record made by hand."""
    defaults: dict[str, Any] = {
        "task_id": "T-1", "reason": "r", "urgency": "low", "suggested_action": "look", "escalated_to": "ann",
        "deadline": NOW,
    }  # fmt: skip
    return Escalation(**(defaults | members))


# Whom it is asked of: an escalator that has raised KEY.
MISTAKES: dict[str, tuple[type[TaskorchError], Callable[[Any], object]]] = {
    "context of a rule a number": (InvalidRule, lambda e: rule(context=5)),
    "context of a rule nothing": (InvalidRule, lambda e: rule(context=None)),
    "context ending in a dot": (InvalidRule, lambda e: rule(context="context.")),
    "context with two dots": (InvalidRule, lambda e: rule(context="context..a")),
    "fact ending in a dot": (InvalidRule, lambda e: rule(context="queue.")),
    "ladder a number": (InvalidRule, lambda e: rule(ladder=5)),
    "ladder nothing": (InvalidRule, lambda e: rule(ladder=None)),
    "notice below": (InvalidRule, lambda e: rule().notice(-1)),
    "notice beyond": (InvalidRule, lambda e: rule(ladder=[Rung("bob")]).notice(2)),
    "rules of numbers": (InvalidRule, lambda e: Escalator([1])),  # type: ignore[list-item]
    "rules nothing": (InvalidRule, lambda e: Escalator(None)),  # type: ignore[arg-type]
    "rules a rule": (InvalidRule, lambda e: Escalator(rule())),  # type: ignore[arg-type]
    "rules restored": (InvalidRule, lambda e: Escalator.restored(e.state(), [KEY])),  # type: ignore[list-item]
    "queues of numbers": (InvalidQueue, lambda e: Escalator(queues=[1])),  # type: ignore[list-item]
    "queues nothing": (InvalidQueue, lambda e: Escalator(queues=None)),  # type: ignore[arg-type]
    "no task": (InvalidTask, lambda e: e.look(None, NOW)),
    "task's document": (InvalidTask, lambda e: e.look(new_task().to_dict(), NOW)),
    "no time": (InvalidTask, lambda e: e.look(new_task(), None)),
    "name of a queue": (InvalidQueue, lambda e: e.look(new_task(), NOW, spec="urgent")),
    "list of conflicts": (InvalidEscalation, lambda e: e.look(new_task(), NOW, conflicts=["T-1"])),
    "conflict a number": (InvalidEscalation, lambda e: e.look(new_task(), NOW, conflicts={"T-1": 5})),
    "no key": (UnknownEscalation, lambda e: e.get(None)),
    "no key to acknowledge": (UnknownEscalation, lambda e: e.acknowledge(None, "ann", NOW)),
    "no key to resolve": (UnknownEscalation, lambda e: e.resolve(5, "ann", NOW)),
    "actor a number": (InvalidEscalation, lambda e: e.acknowledge(KEY, 5, NOW)),
    "forget a list": (InvalidTask, lambda e: e.forget([])),
    "records of a list": (InvalidTask, lambda e: e.escalations([])),
    "tasks nothing": (InvalidTask, lambda e: dependency_conflicts(None)),  # type: ignore[arg-type]
    "tasks of numbers": (InvalidTask, lambda e: dependency_conflicts([1])),  # type: ignore[list-item]
    "finished a text": (InvalidTask, lambda e: dependency_conflicts([waiting("a", "b")], "abc")),
    "finished a number": (InvalidTask, lambda e: dependency_conflicts([], 5)),  # type: ignore[arg-type]
    "task id a number": (InvalidEscalation, lambda e: record(task_id=5)),
    "urgency unknown": (InvalidEscalation, lambda e: record(urgency="urgent")),
    "urgency nothing": (InvalidEscalation, lambda e: record(urgency=None)),
    "action a number": (InvalidEscalation, lambda e: record(suggested_action=5)),
    "deadline a text": (InvalidEscalation, lambda e: record(deadline="2026-01-01")),
    "deadline without a zone": (InvalidEscalation, lambda e: record(deadline=NAIVE)),
    "marks a number": (InvalidEscalation, lambda e: record(marks=5)),
    "level a text": (InvalidEscalation, lambda e: Marks(level="1")),  # type: ignore[arg-type]
    "level true": (InvalidEscalation, lambda e: Marks(level=True)),
    "level below": (InvalidEscalation, lambda e: Marks(level=-1)),
    "raised without a zone": (InvalidEscalation, lambda e: Marks(raised_at=NAIVE)),
    "acknowledged by a number": (InvalidEscalation, lambda e: Marks(acknowledged_at=NOW, acknowledged_by=5)),  # type: ignore[arg-type]
    "acknowledged at no time": (InvalidEscalation, lambda e: Marks(acknowledged_by="ann")),
    "resolved at no time": (InvalidEscalation, lambda e: Marks(resolved_by="ann")),
}  # fmt: skip


@pytest.mark.parametrize(("error", "ask"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused(error: type[TaskorchError], ask: Callable[[Any], object]) -> None:
    """Each mistake raises the error of what it is about, and the books stay as they are."""
    escalator = Escalator([rule()])
    escalator.look(new_task(), NOW)
    before = escalator.state()

    with pytest.raises(error) as caught:
        ask(escalator)
    assert type(caught.value) is error
    assert escalator.state() == before


@pytest.mark.parametrize("answer", [Escalator.acknowledge, Escalator.resolve])
def test_an_answer_says_whose_it_is_even_where_it_changes_nothing(answer: Callable[..., Escalation]) -> None:
    """Nobody is no answer, also to what is resolved already; the refusal names the argument."""
    escalator = Escalator([rule()])
    escalator.look(new_task(), NOW)
    for _ in range(2):
        with pytest.raises(InvalidEscalation) as caught:
            answer(escalator, KEY, " ", NOW)
        assert [problem.path for problem in caught.value.problems] == ["by"]
        escalator.resolve(KEY, "ann", NOW)


def test_what_is_no_mistake_is_taken() -> None:
    """Texts stand for urgencies, one name for several; sets, lists and tuples of ids are alike."""
    assert record(urgency="high").urgency is Urgency.HIGH
    assert rule(context="context.a").context == ("context.a",)
    assert rule(ladder=(rung for rung in [Rung("bob")])).ladder == (Rung("bob"),)
    assert rule(ladder=[Rung("bob")]).notice(1).escalated_to == "bob"
    assert attrs.evolve(record(), marks=Marks(level=1, acknowledged_at=NOW, acknowledged_by="ann")).level == 1
    for finished in (["b"], ("b",), {"b"}, iter(["b"])):
        assert dependency_conflicts([waiting("a", "b"), waiting("c", "b")], finished) == {}  # type: ignore[arg-type]


class Counted(str):
    """An id that counts how often it is compared."""

    __slots__ = ()
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


def test_finished_tasks_are_found_without_a_search() -> None:
    """However many tasks are finished, and in whatever they are given, each is found at once."""
    count = 500
    finished = [Counted(f"F{n}") for n in range(count)]
    Counted.compared = 0

    assert dependency_conflicts([waiting(f"T{n}", f"F{n}") for n in range(count)], finished) == {}
    assert Counted.compared <= 4 * count
