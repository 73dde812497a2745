"""What is given in place of a queue, a task, a calendar or a discipline is refused: the error says what to give."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from taskorch import (
    BusinessCalendar,
    Estimates,
    InvalidEvent,
    InvalidQueue,
    InvalidTask,
    InvalidWindow,
    QueueEngine,
    QueueSpec,
    SlaWatch,
    Tally,
    TaskorchError,
    Window,
    Work,
    measure,
    remaining,
    standing,
    task_progress,
)
from taskorch.core.forecast import forecast
from tests.core.waiting import HOUR, NOW, waiting

ANY: Any = "urgent"
NOTHING: Any = None
TASK: Any = waiting("a")
NAMED: list[tuple[str, Callable[[], object], type[TaskorchError], str]] = [
    ("a name for a queue", lambda: standing(waiting("a"), ANY, NOW), InvalidQueue, r'engine\.specs\["urgent"\]'),
    ("a name to watch", lambda: SlaWatch().watch(waiting("a"), ANY, NOW), InvalidQueue, "expected a QueueSpec"),
    ("no queue", lambda: standing(waiting("a"), NOTHING, NOW), InvalidQueue, "got null"),
    ("no task to stand", lambda: standing(NOTHING, QueueSpec("q"), NOW), InvalidTask, "expected a task, got null"),
    ("no task to watch", lambda: SlaWatch().watch(ANY, QueueSpec("q"), NOW), InvalidTask, "expected a task"),
    ("a class for a calendar", lambda: QueueSpec("q", calendar=BusinessCalendar), InvalidQueue, "is no calendar"),  # type: ignore[arg-type]
    ("a class in a forecast", lambda: forecast([], [], NOW, calendar=BusinessCalendar), InvalidQueue, "no calendar"),  # type: ignore[arg-type]
    ("no grace", lambda: Work("a", NOW, grace=NOTHING), InvalidTask, "seconds or a timedelta"),
    ("a word for a grace", lambda: Work("a", NOW, grace=ANY), InvalidTask, "seconds or a timedelta"),
    ("less than no grace", lambda: Work("a", NOW, grace=-HOUR), InvalidTask, "not negative"),
    ("a word for what is left", lambda: Work("a", NOW, left=ANY), InvalidTask, "seconds or a timedelta"),
    ("no task to learn from", lambda: Estimates().observe(NOTHING), InvalidTask, "expected a task"),
    ("no task to go on", lambda: remaining(NOTHING, NOW), InvalidTask, "expected a task"),
    ("none among tasks", lambda: task_progress("a", [NOTHING]), InvalidTask, "expected a task"),
    ("no window", lambda: Tally(NOTHING), InvalidWindow, "expected Window, got null"),
    ("no window to measure", lambda: measure([], NOTHING, NOW), InvalidWindow, "expected Window"),
    ("no events", lambda: measure(NOTHING, Window.day(NOW), NOW), InvalidEvent, "a list of events"),
    ("a task for an event", lambda: Tally(Window.day(NOW)).add(TASK), InvalidEvent, "those that advance returns"),
    ("no tasks", lambda: task_progress("a", NOTHING), InvalidTask, "expected tasks, got null"),
]


@pytest.mark.parametrize(("ask", "error", "text"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_what_is_none_is_refused(ask: Callable[[], object], error: type[TaskorchError], text: str) -> None:
    """The error says what was expected, and what to give."""
    with pytest.raises(error, match=text):
        ask()


def test_seconds_are_a_grace() -> None:
    """As everywhere, a number is one of seconds."""
    assert Work("a", NOW, grace=5).grace == timedelta(seconds=5)
    work = [Work("a", NOW + HOUR, HOUR + timedelta(seconds=5), grace=5)]
    assert forecast(work, [], NOW, slots=1).late == 0


@pytest.mark.parametrize("choice", [None, "q", 0], ids=repr)
def test_a_discipline_that_chooses_none_of_its_lanes_is_told(choice: Any) -> None:
    """Nothing is handed out, and the error names the discipline."""

    class Dreamer:
        """Its mind is elsewhere."""

        def choose(self, lanes: Any) -> Any:
            return choice

        def served(self, lane: Any, lanes: Any) -> None:
            raise AssertionError

    engine = QueueEngine([QueueSpec("q")], Dreamer())
    engine.push(waiting("a"), NOW)
    for ask in (engine.pop, engine.peek):
        with pytest.raises(InvalidQueue, match=r"Dreamer\.choose gave .*, not one of its lanes"):
            ask(NOW)
    assert (engine.load("q").waiting, engine.position("a")) == (1, 0)


def test_a_lane_of_yesterday_is_none_of_today() -> None:
    """A lane that has nothing to give is not believed, however it was come by."""

    class Loyal:
        """Stays with its first choice."""

        def __init__(self) -> None:
            self.lane: Any = None

        def choose(self, lanes: Any) -> Any:
            self.lane = self.lane or lanes[0]
            return self.lane

        def served(self, lane: Any, lanes: Any) -> None:
            assert lane is self.lane

    engine = QueueEngine([QueueSpec("a"), QueueSpec("b")], Loyal())
    engine.push(waiting("one", queue="a"), NOW)
    engine.push(waiting("two", queue="b"), NOW)
    assert engine.pop(NOW).id == "one"  # type: ignore[union-attr]
    with pytest.raises(InvalidQueue, match="Loyal"):
        engine.pop(NOW)
