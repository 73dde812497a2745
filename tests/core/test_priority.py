"""How a score comes about, and which queue it leads to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import (
    Escalator,
    InvalidRule,
    InvalidTask,
    Priority,
    QueueEngine,
    QueueSpec,
    Rule,
    Scoring,
    Task,
    UnknownQueue,
)
from taskorch.core.priority import band, choose
from taskorch.core.queue_choice import BANDS, LABELS, QUEUE_CHOICE, Choice, Chooser
from tests.core.d0 import PAGE, example, table

NOW = datetime(2024, 1, 15, 10, 35, tzinfo=UTC)
needs_d0 = pytest.mark.skipif(not PAGE.exists(), reason="the shared documents are not here")


def task(factors: tuple[str, ...] = (), score: float = 50, **rest: Any) -> Task:
    """A task with a score and factors."""
    return Task.new("t", now=NOW, id="T", priority=Priority(score=score, factors=factors), **rest)


@needs_d0
def test_the_example_of_d0_scores_as_it_says() -> None:
    """The factors of D0's task make its 78 with the default weights, and the sum is told."""
    document = Task.from_dict(example("Format de Tâche Standard"))
    score = Scoring().score(document.priority.factors)
    assert score.value == document.priority.score == 78
    assert score.explain() == "50 base + 10 existing_client + 18 deadline_soon = 78"


@needs_d0
def test_the_deadline_of_the_project_raises_its_factor() -> None:
    """D0's example has a deadline that the rule calls soon; without that factor it gets it, once."""
    document = Task.from_dict(example("Format de Tâche Standard"))
    bare = Task.new("t", now=NOW, context=document.context, priority=Priority(factors=("existing_client",)))
    weighed = Scoring().weighed(bare, NOW)
    assert weighed.priority == Priority(score=78, factors=("existing_client", "deadline_soon"))
    assert Scoring().weighed(weighed, NOW) == weighed
    assert Scoring(soon=timedelta(days=30)).weighed(bare, NOW).priority.score == 60


@pytest.mark.parametrize("text", ["2026-11-25", "2026-11-25T00:00:00Z", "2026-11-25T02:00:00+02:00"])
def test_a_deadline_is_read_as_conditions_read_it(text: str) -> None:
    """A day is its beginning in UTC, for the factor and for conditions alike; to the instant."""
    due = datetime(2026, 11, 25, tzinfo=UTC)
    project = task(context={"project": {"deadline": text}})
    scoring, tick = Scoring(soon=timedelta(days=5)), timedelta(microseconds=1)
    assert scoring.factors(project, due - timedelta(days=5)) == ("deadline_soon",)
    assert scoring.factors(project, due - timedelta(days=5) - tick) == ()

    when = f'task.context.project.deadline <= "{due.isoformat()}" and task.context.project.deadline >= "2026-11-25"'
    rule = Rule("due", when, urgency="low", suggested_action="look", escalated_to="ann")
    assert len(Escalator([rule]).look(project, NOW).raised) == 1


@pytest.mark.parametrize(
    "deadline", ["2024-02-30", "soon", "", "2024-06-30 or so", 20240630, None, {"at": "2024-06-30"}, "9" * 5000]
)
def test_a_free_form_deadline_that_is_none_raises_nothing(deadline: object) -> None:
    """A context is free-form: what is no date is not an error, and no factor."""
    assert Scoring().factors(task(context={"project": {"deadline": deadline}}), NOW) == ()
    assert Scoring().factors(task(context={"project": deadline}), NOW) == ()


def test_a_score_stays_within_its_bounds_and_says_so() -> None:
    """Beyond 0 and 100 a score is cut, and its explanation shows the sum before."""
    scoring = Scoring(weights={"vip": 80, "spam": -99.5})
    assert scoring.score(["vip"]).explain() == "50 base + 80 vip = 130, kept within 0 to 100: 100"
    assert scoring.score(["spam"]).explain() == "50 base - 99.5 spam = -49.5, kept within 0 to 100: 0"
    assert scoring.score(["vip", "vip", "unheard-of"]).parts == (("vip", 80),)


@given(st.dictionaries(st.text(max_size=5), st.floats(-200, 200)), st.data())
def test_a_score_is_the_sum_of_its_parts(weights: dict[str, float], data: st.DataObject) -> None:
    """A score is base plus the weights of its factors, between 0 and 100, whatever the order of the factors."""
    factors = data.draw(st.lists(st.sampled_from([*weights, "other"])))
    score = Scoring(weights=weights).score(factors)
    assert 0 <= score.value <= 100
    assert score.value == min(max(score.base + sum(dict(score.parts).values()), 0), 100)
    assert set(dict(score.parts)) == set(factors) & set(weights)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, True, "7", None])
def test_weights_that_are_no_numbers_are_refused(number: Any) -> None:
    """All weights that are no finite numbers are told at once."""
    with pytest.raises(InvalidRule) as refused:
        Scoring(base=number, weights={"a": 1, "b": number})
    assert [problem.path for problem in refused.value.problems] == ["base", "weights.b"]


# --- the choice of a queue --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "queue"),
    [
        *((100, "critical"), (95, "critical"), (94.9, "urgent"), (85, "urgent"), (84, "high_priority")),
        *((78, "high_priority"), (70, "high_priority"), (69, "normal"), (50, "normal"), (40, "normal")),
        *((39, "low_priority"), (1, "low_priority"), (0.5, "backlog"), (0, "backlog")),
    ],
)
def test_a_score_alone_chooses_by_its_band(score: float, queue: str) -> None:
    """The bands are those of the design: 95, 85, 70, 40, 1, 0."""
    assert band(score) == queue
    assert choose(task(score=score)) == (queue, "score")


def test_the_first_row_with_an_answer_chooses() -> None:
    """Explicit beats a date, a date a label, a label the score."""
    label, date = ("vip", "P1"), NOW + timedelta(days=1)
    assert choose(task(label, 10, at=date, queue="backlog")) == ("backlog", "explicit")
    assert choose(task(label, 10, at=date)) == ("scheduled", "date")
    assert choose(task(label, 10, at=date), dated=None) == ("urgent", "label")
    assert choose(task(label, 10)) == ("urgent", "label")
    assert choose(task(("vip",), 10)) == ("low_priority", "score")


def holds(row: Choice, task: Task) -> bool:
    """Whether a row of the table is so of a task."""
    match row.by:
        case Chooser.EXPLICIT:
            return task.queue.name is not None
        case Chooser.DATE:
            return task.internals.scheduled_for is not None
        case Chooser.LABEL:
            return any(factor.strip().lower() in map(str.lower, row.labels) for factor in task.priority.factors)
        case Chooser.SCORE:
            return task.priority.score >= row.least


@given(
    st.none() | st.sampled_from(["urgent", "mine"]),
    st.booleans(),
    st.lists(st.sampled_from(["vip", " p1", "LOW", "Backlog "]), max_size=2),
    st.floats(0, 100),
)
def test_the_choice_is_the_table(queue: str | None, is_dated: bool, factors: list[str], score: float) -> None:
    """The queue is that of the first row that is so of the task; of several labels the task's first one counts."""
    labels = [factor for factor in factors if factor != "vip"][:1]
    given_task = task((*labels, *factors), score, queue=queue, at=NOW if is_dated else None)
    read = task(tuple(labels), score, queue=queue, at=NOW if is_dated else None)
    row = next(row for row in QUEUE_CHOICE if holds(row, read))
    assert choose(given_task) == (row.queue or queue, row.by)


def test_the_table_is_that_of_the_design() -> None:
    """Explicit, then the date, then the labels, then the bands; and each queue of a band is a label of itself."""
    assert list(dict.fromkeys(row.by for row in QUEUE_CHOICE)) == ["explicit", "date", "label", "score"]
    design = {"p1 urgent": "urgent", "p2 high": "high_priority", "p3 medium normal": "normal", "p4 low": "low_priority"}
    words = {word: queue for words, queue in design.items() for word in words.split()}
    assert words | {queue: queue for _, queue in BANDS} == LABELS
    assert dict(BANDS) == dict(
        zip((95, 85, 70, 40, 1, 0), ("critical", *dict.fromkeys(design.values()), "backlog"), strict=True)
    )


@pytest.mark.parametrize("label", ["P0", "p5", "urgnt", "vip", "P 1"])
def test_an_unknown_label_is_refused(label: str) -> None:
    """A word in place of a score that chooses nothing would pass for normal; the error suggests one, or a factor."""
    with pytest.raises(InvalidTask, match="is no label") as refused:
        Task.new("t", now=NOW, priority=label)
    assert [problem.path for problem in refused.value.problems] == ["priority.factors[0]"]
    assert "Priority(factors=" in str(refused.value)
    if label == "urgnt":
        assert "did you mean 'urgent'?" in str(refused.value)


@pytest.mark.parametrize("label", [" P1 ", "\tp1", "P1"])
def test_space_around_a_label_does_not_count(label: str) -> None:
    """A label is read without the space around it, alone or among factors."""
    assert QueueEngine().push(Task.new("t", now=NOW, priority=label), NOW) == "urgent"
    assert Task.new("t", now=NOW, priority=label).priority.factors == (label.strip(),)
    assert choose(task(("vip", label))) == ("urgent", "label")


@pytest.mark.parametrize("factors", ["existing_client", 5, None], ids=repr)
def test_a_text_is_no_list_of_factors(factors: Any) -> None:
    """Its letters are not taken for factors that count nothing."""
    with pytest.raises(InvalidTask, match="expected factors"):
        Scoring().score(factors)


@pytest.mark.parametrize(("label", "queue"), LABELS.items())
def test_labels_are_read_in_any_case(label: str, queue: str) -> None:
    """A label chooses its queue, however it is spelt."""
    assert choose(task((label.upper(),))) == choose(task((label.title(),))) == (queue, "label")


@needs_d0
def test_the_labels_are_those_of_d0() -> None:
    """P1 to P4 lead to the queues whose usage names them in D0's table; the bands know six of its queues."""
    rows = list(table("Queues Disponibles"))
    usages = {usage.split(",")[0].lower(): name for name, _, _, usage in rows if usage.startswith("P")}
    assert usages == {label: LABELS[label] for label in ("p1", "p2", "p3", "p4")}
    assert [queue for _, queue in BANDS] == [name for name, *_ in rows if name != "scheduled"]


def test_a_naive_time_is_refused() -> None:
    """Whether a deadline is soon cannot be said of a time without a zone."""
    with pytest.raises(InvalidTask, match="without a zone"):
        Scoring().weighed(task(), NOW.replace(tzinfo=None))


def test_weights_are_those_that_were_given() -> None:
    """Who changes the table afterwards does not change the scoring."""
    weights = {"vip": 10}
    scoring = Scoring(weights=weights)
    weights["vip"] = 99
    assert scoring.score(["vip"]).value == 60


@pytest.mark.parametrize(
    ("wish", "path"), [({"soon": 5}, "soon"), ({"soon": -timedelta(1)}, "soon"), ({"weights": 5}, "weights")]
)
def test_a_scoring_that_makes_no_sense_is_refused(wish: dict[str, Any], path: str) -> None:
    """What is no duration, or no table, is refused before anything is scored."""
    with pytest.raises(InvalidRule) as refused:
        Scoring(**wish)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_queue_that_is_chosen_and_not_there_says_who_chose() -> None:
    """Among queues of one's own a task must name one; the error says what chose another."""
    engine = QueueEngine([QueueSpec("a"), QueueSpec("b")])
    with pytest.raises(UnknownQueue, match="the task names none, and its score chooses this one: name one of a, b"):
        engine.push(task(), NOW)
