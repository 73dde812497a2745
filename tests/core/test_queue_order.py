"""The order of tasks within a queue and between queues: total, fair, and the same whoever asks and when."""

import itertools
import random
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import DEFAULT_QUEUES, InvalidQueue, QueueEngine, QueueSpec, Task
from taskorch.core.lanes import Lane, Weighted
from tests.core.waiting import HOUR, NOW, drained, one_queue, waiting

scores = st.one_of(st.integers(0, 100), st.floats(0, 100))
moments = st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))


@st.composite
def crowds(draw: st.DrawFn, most: int = 12) -> list[tuple[Task, datetime]]:
    """Tasks with the time at which each enters; some wait for a date."""
    queues = st.sampled_from(["a", "b", "c", "dated"])
    rows = draw(st.lists(st.tuples(scores, moments, moments, queues, st.none() | moments), max_size=most))
    return [
        (waiting(f"t{number}", score, now=min(created, entered), queue=queue, at=date), entered)
        for number, (score, created, entered, queue, date) in enumerate(rows)
    ]


def four(**wishes: Any) -> list[QueueSpec]:
    """Four queues, three of the same rank, one of them by date."""
    return [
        QueueSpec("a", 3600, rank=0, **wishes),
        QueueSpec("b", 7200, rank=1, **wishes),
        QueueSpec("c", rank=1, **wishes),
        QueueSpec("dated", rank=1, by_date=True, **wishes),
    ]


BANDED = [
    four(),
    four(discipline="edf", ageing=3),
    [*four(), QueueSpec("urgent", rank=0), QueueSpec("low_priority", rank=2)],
    [*four(), *DEFAULT_QUEUES[:-1]],
    [*four(), *(QueueSpec(spec.name) for spec in reversed(DEFAULT_QUEUES))],
]
"""A queue by date among others that are called as its bands, or are not."""


END = NOW + timedelta(days=30)


@pytest.mark.parametrize("within", ["score", "edf"])
@pytest.mark.parametrize("between", ["strict", "edf", "weighted"])
@given(crowds(), st.randoms(use_true_random=False))
def test_order_does_not_depend_on_insertion(
    between: str, within: str, crowd: list[tuple[Task, datetime]], chance: random.Random
) -> None:
    """The same tasks come out in the same order, in whatever order they went in."""
    orders = []
    for _ in range(3):
        engine = QueueEngine(four(discipline=within), between)
        for task, entered in crowd:
            engine.push(task, entered)
        orders.append(drained(engine, END))
        chance.shuffle(crowd)
    assert orders[0] == orders[1] == orders[2]
    assert sorted(orders[0]) == sorted(task.id for task, _ in crowd)


@given(crowds(), st.data())
def test_order_does_not_depend_on_the_hour(crowd: list[tuple[Task, datetime]], data: st.DataObject) -> None:
    """Which of two waiting tasks comes first is settled when they enter: nothing is ever sorted again."""
    engine = one_queue(sla=3600)
    crowd = [(Task.new("t", id=t.id, now=t.created_at, priority=t.priority), entered) for t, entered in crowd]
    for task, entered in crowd:
        engine.push(task, entered)
    expected = [task.id for task in engine.waiting("q")]
    assert [engine.position(id) for id in expected] == list(range(len(expected)))
    now, popped = NOW, []
    for _ in expected:
        now += timedelta(seconds=data.draw(st.integers(0, 10**6)))
        popped.append(engine.pop(now).id)  # type: ignore[union-attr]
    assert popped == expected


@given(st.sampled_from(["strict", "edf", "weighted"]), st.sampled_from(BANDED), crowds(), st.integers(0, 10**6))
def test_a_queue_gives_its_tasks_in_the_order_it_tells(
    between: str, specs: list[QueueSpec], crowd: list[tuple[Task, datetime]], seconds: int
) -> None:
    """What waits, the positions, the forecast and what is handed out agree, whatever chooses between the queues."""
    engine, now = QueueEngine(specs, between), NOW + timedelta(seconds=seconds)
    for task, entered in crowd:
        engine.push(task, entered)
    engine.next_due(now)  # sorts the dates
    told = {name: [task.id for task in engine.waiting(name)] for name in engine.specs}
    ready = {
        name: [id for id in ids if (engine.task(id).internals.scheduled_for or now) <= now]
        for name, ids in told.items()
    }
    for name, ids in told.items():
        assert [engine.position(id) for id in ids] == list(range(len(ids)))
        assert [found.id for found in engine.forecast(name, now, usual=60).predictions] == ids

    gone: dict[str, list[str]] = {name: [] for name in engine.specs}
    while (task := engine.pop(now)) is not None:
        gone[task.queue.name or ""].append(task.id)
    assert gone == ready


@pytest.mark.parametrize("between", ["strict", "edf", "weighted"])
@pytest.mark.parametrize("specs", BANDED, ids=range(len(BANDED)))
def test_bands_come_in_the_order_of_their_urgency(specs: list[QueueSpec], between: str) -> None:
    """Of tasks whose date has come the more urgent band goes first, whatever its queue is called or whether it is."""
    engine = QueueEngine(specs, between)
    for number, score in enumerate((0, 50, 97, 5, 75, 90)):
        engine.push(waiting(f"{score}", score, queue="dated", at=NOW + timedelta(minutes=number)), NOW)
    assert drained(engine, NOW + HOUR) == ["97", "90", "75", "50", "5", "0"]


def test_a_band_without_a_queue_ranks_as_the_next_below() -> None:
    """Where the host has no queue of a band, its tasks rank as the less urgent band; the least urgent as that above."""
    engine = QueueEngine([spec for spec in DEFAULT_QUEUES if spec.name not in ("critical", "backlog")])
    for id, score, queue in [("97", 97, None), ("0", 0, None), ("urgent", 86, "urgent"), ("low", 50, "low_priority")]:
        at = NOW if queue is None else None
        engine.push(waiting(id, score, queue=queue or "scheduled", at=at), NOW)
    assert drained(engine) == ["97", "urgent", "low", "0"]


@given(crowds(), st.floats(1e-6, 50) | st.integers(0, 50))
def test_within_a_queue_the_aged_score_decides(crowd: list[tuple[Task, datetime]], ageing: float) -> None:
    """First comes the highest score with the points earned by waiting; then the deadline, the entry, the id."""
    engine = one_queue(sla=3600, ageing=ageing)
    rows = []
    for task, entered in crowd:
        engine.push(Task.new("t", id=task.id, now=task.created_at, priority=task.priority), entered)
        rows.append((task, entered))

    def aged(row: tuple[Task, datetime]) -> float:
        return row[0].priority.score + ageing * ((END - row[1]) / HOUR)

    order = drained(engine, END)
    by_id = {task.id: (task, entered) for task, entered in rows}
    for first, second in itertools.pairwise(order):
        before, after = by_id[first], by_id[second]
        assert aged(before) >= aged(after) - 1e-5
        if before[0].priority.score == after[0].priority.score and before[1] == after[1]:
            assert (before[0].created_at, first) <= (after[0].created_at, second)


def test_ageing_is_worth_points_by_the_hour() -> None:
    """With two points an hour ten points are outweighed by more than five hours of waiting, not by less."""
    for hours, first in ((4.99, "new"), (5.01, "old")):
        engine = one_queue(ageing=2)
        engine.push(waiting("old", 50), NOW)
        engine.push(waiting("new", 60), NOW + hours * HOUR)
        assert engine.pop(NOW + 9 * HOUR).id == first  # type: ignore[union-attr]


def test_ties_are_broken_down_to_the_id() -> None:
    """Of equal scores the earlier deadline, then the earlier entry, then the lower id comes first."""
    engine = QueueEngine([QueueSpec("q", 3600, ageing=0)])
    engine.push(waiting("z", now=NOW - HOUR), NOW + HOUR)
    engine.push(waiting("y"), NOW)
    engine.push(waiting("x"), NOW + HOUR)
    engine.push(waiting("w"), NOW + HOUR)
    assert drained(engine, END) == ["z", "y", "w", "x"]


def test_edf_takes_the_earliest_deadline_first() -> None:
    """Within an edf queue the deadline decides before the score; without one a task comes last."""
    engine = QueueEngine([QueueSpec("q", 3600, discipline="edf")])  # type: ignore[arg-type]
    engine.push(waiting("late", 100, now=NOW), NOW)
    engine.push(waiting("early", 0, now=NOW - HOUR), NOW)
    assert drained(engine) == ["early", "late"]


# --- between queues ---------------------------------------------------------------------------------------


def test_strict_serves_by_rank() -> None:
    """Strict empties the lower rank first; of equal ranks the higher score is served."""
    engine = QueueEngine(four(), "strict")
    for id, queue, score in [("b1", "b", 40), ("c1", "c", 60), ("c2", "c", 20), ("a1", "a", 0)]:
        engine.push(waiting(id, score, queue=queue), NOW)
    assert drained(engine) == ["a1", "c1", "b1", "c2"]


def test_edf_serves_the_queue_whose_first_task_is_due_first() -> None:
    """Between queues edf looks at the deadline of the task that each would give."""
    engine = QueueEngine(four(), "edf")
    engine.push(waiting("a", queue="a", now=NOW + 3 * HOUR), NOW)
    engine.push(waiting("b", queue="b", now=NOW), NOW)
    engine.push(waiting("c", queue="c", now=NOW), NOW)
    assert drained(engine) == ["b", "a", "c"]


def test_weighted_shares_by_weight() -> None:
    """Of queues that are never empty each is served in proportion to its weight."""
    weights = {"a": 5, "b": 2, "c": 1}
    engine = QueueEngine([QueueSpec(name, weight=weight) for name, weight in weights.items()], "weighted")
    for number in range(200):
        for name in weights:
            engine.push(waiting(f"{name}{number}", queue=name), NOW)
    served = "".join(engine.pop(NOW).id[0] for _ in range(160))  # type: ignore[union-attr]
    assert {name: served.count(name) for name in weights} == {"a": 100, "b": 40, "c": 20}


@given(
    st.lists(st.integers(1, 9) | st.floats(0.1, 9) | st.sampled_from([1e-6, 1e6]), min_size=2, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=120),
)
def test_weighted_starves_nobody(weights: list[float], story: list[tuple[int, int]]) -> None:
    """A queue that has tasks waits at most for the sum of (weight / own weight + 1) over the others."""
    specs = [QueueSpec(f"q{n}", weight=weight) for n, weight in enumerate(weights)]
    engine = QueueEngine(specs, "weighted")
    passed_over = [0] * len(weights)
    number = 0
    for which, pushes in story:
        for _ in range(pushes):
            engine.push(waiting(f"t{number}", queue=specs[which % len(specs)].name), NOW)
            number += 1
        backlogged = [engine.load(spec.name).waiting > 0 for spec in specs]
        task = engine.pop(NOW)
        for place, spec in enumerate(specs):
            if task is None or not backlogged[place] or task.queue.name == spec.name:
                passed_over[place] = 0
            else:
                passed_over[place] += 1
            others = (weight / spec.weight + 1 for n, weight in enumerate(weights) if n != place)
            assert passed_over[place] <= sum(others) + 1e-9


@pytest.mark.parametrize("light", [1e-6, 1, 1e6 / 3])
def test_weighted_keeps_its_bound_between_the_extremes(light: float) -> None:
    """After the lightest queue has had the house to itself for long, the heaviest still shares with the others."""
    specs = {"heavy": QueueSpec("heavy", weight=1e6), "mid": QueueSpec("mid", weight=1e3)}
    specs["light"] = QueueSpec("light", weight=light)
    lanes, weighted = {name: Lane(name, spec, 0) for name, spec in specs.items()}, Weighted()
    for _ in range(20_000):
        weighted.served(lanes["light"], [lanes["light"]])
    served = []
    for _ in range(5_000):
        lane = weighted.choose(list(lanes.values()))
        weighted.served(lane, list(lanes.values()))
        served.append(lane.name)
    bound = 1e6 / 1e3 + 1 + light / 1e3 + 1
    turns = [place for place, name in enumerate(served) if name == "mid"]
    assert turns[0] <= bound
    assert all(after - before - 1 <= bound for before, after in itertools.pairwise(turns))
    assert len(turns) >= 5_000 // (bound + 1)


@pytest.mark.parametrize("other", ["other", "dated/normal"])
def test_a_queue_by_date_has_one_share(other: str) -> None:
    """However many bands its tasks are in, a queue by date is served by its own weight, whatever others are called."""
    engine = QueueEngine([QueueSpec("dated", by_date=True), QueueSpec(other, rank=9)], "weighted")
    for number in range(30):
        score = (100, 90, 75, 50, 10, 0)[number % 6]
        engine.push(waiting(f"d{number}", score, queue="dated", at=NOW), NOW)
        engine.push(waiting(f"o{number}", queue=other), NOW)
    served = "".join(id[0] for id in drained(engine))
    assert served.count("do") + served.count("od") == 59


def test_points_earned_at_different_rates_are_not_compared() -> None:
    """Of queues with one rank that age at different rates the task that is due first is served."""
    engine = QueueEngine([QueueSpec("slow", 60 * 3600, ageing=1), QueueSpec("fast", 24 * 3600, ageing=10)])
    engine.push(waiting("urgent", 99, queue="fast"), NOW)
    engine.push(waiting("whenever", 1, queue="slow", now=NOW + 5 * HOUR), NOW + 5 * HOUR)
    assert drained(engine, END) == ["urgent", "whenever"]


def test_weighted_lets_nobody_save_up() -> None:
    """A queue that was empty or not allowed to give for long has no claim to a burst."""
    engine = QueueEngine([QueueSpec("a", concurrency=1), QueueSpec("b")], "weighted")
    for number in range(100):
        engine.push(waiting(f"a{number}", queue="a"), NOW)
        engine.push(waiting(f"b{number}", queue="b"), NOW)
    assert [engine.pop(NOW).id[0] for _ in range(50)].count("a") == 1  # type: ignore[union-attr]
    served = []
    while len(served) < 10:
        served.append(engine.pop(NOW).id)  # type: ignore[union-attr]
        for id in [f"a{number}" for number in range(100)]:
            if id in engine and engine.load("a").in_progress and engine.task(id).queue.position == 0:
                engine.remove(id)
                break
    assert 4 <= sum(id.startswith("a") for id in served) <= 6


def test_peeking_changes_nothing() -> None:
    """However often the next task is looked at, shares and order stay."""
    engines = [QueueEngine(four(), "weighted") for _ in range(2)]
    for engine in engines:
        for number in range(30):
            engine.push(waiting(f"t{number}", queue="abc"[number % 3]), NOW)
    for _ in range(30):
        looked = [engines[1].peek(NOW) for _ in range(3)]
        popped = [engine.pop(NOW) for engine in engines]
        assert [*looked, popped[1]] == [popped[0]] * 4


def test_a_discipline_of_ones_own_is_asked() -> None:
    """A host may bring its own discipline; it sees lanes with their ranks and first tasks."""

    class Last:
        """The highest rank first."""

        def choose(self, lanes: Any) -> Lane:
            lane: Lane = lanes[-1]
            return lane

        def served(self, lane: Lane, lanes: Any) -> None:
            assert lane in lanes

    engine = QueueEngine(four(), Last())
    for queue in "abc":
        engine.push(waiting(queue, queue=queue), NOW)
    assert drained(engine) == ["c", "b", "a"]


@pytest.mark.parametrize(("wish", "text"), [("weigted", "did you mean 'weighted'"), (None, "None"), (5, "'5'")])
def test_an_unknown_discipline_is_refused(wish: Any, text: str) -> None:
    """A discipline is known by name, or is one."""
    with pytest.raises(InvalidQueue, match=text):
        QueueEngine(four(), wish)


PROGRAM = """
from tests.core.waiting import *
from taskorch import QueueEngine
import random
chance = random.Random(5)
engine = QueueEngine(discipline="weighted")
for n in range(200):
    factors = tuple(chance.sample(["p1", "vip", "low", "x"], 2))
    try:
        engine.push(waiting(f"t{n}", chance.randrange(101), factors=factors), NOW)
    except Exception as error:
        print(type(error).__name__, n)
print(drained(engine))
"""


def test_order_does_not_depend_on_the_hash_seed() -> None:
    """Interpreters with different hash seeds print the same order."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1
    assert "t1" in outputs.pop()
