"""Conditions over data: what is absent, null, alike or in order, what cannot be decided, and what that may cost."""

import builtins
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Never

import pytest

from taskorch.core.expressions import ALERTS, Kind, Vocabulary, parse
from taskorch.core.expressions.values import MAX_PARTS
from taskorch.core.outcomes import Outcome
from taskorch.errors import CallerError, InvalidCondition, UndecidableCondition
from tests.naming import shown

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FREE = Vocabulary({"d": None})


class Colour(StrEnum):
    """Words for a field."""

    RED = "red"
    GREEN = "green"


RULES = Vocabulary(
    {
        "task": {
            "blocked_for": Kind.DURATION,
            "age": Kind.DURATION,
            "took": Kind.MILLISECONDS,
            "due": Kind.TIME,
            "score": Kind.NUMBER,
            "title": Kind.TEXT,
            "late": Kind.BOOLEAN,
            "labels": Kind.ARRAY,
            "colour": Colour,
            "owner": {"name", "team"},  # a set: no order of its own may show
            "context": None,
        },
        "now": Kind.TIME,
    }
)
# The condition, what stands at `d` in the data, and whether it holds.
DATA: dict[str, Any] = {
    "n": 7, "f": 0.5, "big": 10**400, "t": "text", "yes": True, "no": False, "nil": None, "list": [1, "a", None, [2]],
    "object": {"key": 1, "_id": 2, "a b": 3, "class": 4}, "day": timedelta(days=1), "noon": NOON, "span": "24h",
    "stamp": "2026-11-20T12:00:00Z", "colour": Colour.RED, "empty": [], "pair": (1, 2), "deep": {"a": [{"b": True}]},
    "wait": "3h", "early": "2026-11-20T00:30:00+01:00", "days": [timedelta(days=1)], "times": [1, NOON],
    "due": "2024-06-30", "midnight": datetime(2024, 6, 30, tzinfo=UTC), "dates": [datetime(2024, 6, 30, tzinfo=UTC)],
    "spans": ["x", "24h"], "stamps": ["2026-11-20T13:00:00+01:00"],
}  # fmt: skip
TRUE = [
    "d.n == 7", "d.n == 7.0", "d.n != 8", "d.n < 8", "d.n <= 7", "d.n > -1", "d.n >= 7", "7 == d.n", "6 < d.n",
    "8 > d.n", "0 < d.n < 10", "0 < d.n <= 7 != d.f", "d.f == 0.5", "d.f == 5e-1", "d.big > 1e300", "d.big > d.n",
    "-1 < d.f", "d.t == 'text'", 'd.t == "\\u0074ext"', "d.t < 'u'", "d.t >= 'text'", "d.t != 7", "not d.t == 7",
    "d.yes", "not d.no", "d.yes == true", "d.yes == True", "d.no == false", "d.no != true", "d.yes != 1", "d.no != 0",
    "d.nil == null", "d.nil == None", "d.n != null", "d.nil != 1", "not d.nil", "not d.gone", "d.object.key == 1",
    "d['object']['key'] == 1", "d.object['_id'] == 2", "d.object['a b'] == 3", "d.object['class'] == 4",
    "d.list[0] == 1", "d.list[-1][0] == 2", "d.deep.a[0].b", "d.n in [1, 7]", "d.n in [7.0]",
    "d.n not in [1, '7', true]", "d.t in ['text']", "d.nil in [1, null]", "d.nil not in [1]", "1 in d.list",
    "null in d.list", "'a' in d.list", "2 not in d.list", "true not in d.list", "'key' in d.object",
    "'gone' not in d.object", "'ex' in d.t", "'x e' not in d.t", "d.empty == []", "d.pair == [1, 2]",
    "d.pair != [1, 3]", "d.list != d.pair", "d.list == d.list", "d.object == d.object", "d.pair in d.more or true",
    "d.day == '24h'", "d.day > '23h59m'", "'25h' > d.day", "d.day == 'PT24H'", "d.day == d.span", "d.span <= d.day",
    "d.day in ['1h', '1d']", "d.day != 'soon'", "d.noon == '2026-11-20T13:00:00+01:00'", "d.noon == d.stamp",
    "d.noon < '2026-11-20T12:00:01Z'", "d.noon != '2026-11-20'", "d.noon in ['2026-11-20T12:00:00Z']",
    "d.colour == 'red'", "d.colour in ['red', 'blue']", "d.colour != 'green'", "d.n < 8 and d.t == 'text' or d.gone",
    "true", "not false", "d.span < '3'", "d.wait < '24h'", "'24h' > d.wait", "d.wait < d.span", "d.span <= '1440m'",
    "d.early < '2026-11-20T00:00:00Z'", "d.early < d.stamp", "d.t < d.wait or true", "d.t > d.wait", "d.wait != '180m'",
    "'24h' in d.days", "'1d' in d.days", "'25h' not in d.days", "'2026-11-20T12:00:00Z' in d.times", "d.day in d.spans",
    "d.due > '2024-06-29T23:59:59Z'", "d.due <= '2024-06-30'", "d.due < d.noon", "d.noon > d.due",
    "d.noon > '2026-11-20'", "d.noon < '2026-11-21'", "d.early < '2026-11-20'", "d.midnight == d.due",
    "d.midnight in ['2024-06-30']", "d.due != '2024-06-30T00:00:00Z'", "d.due in d.dates", "d.due < '2024-07-01'",
    "d.span in d.days", "d.noon in d.stamps", "'1d' not in d.spans", "'x' not in d.days",
]  # fmt: skip
FALSE = [
    "d.gone == 1", "d.gone != 1", "d.gone < 1", "d.gone == null", "d.gone != null", "d.gone in [1]",
    "d.gone not in [1]", "1 in d.gone", "1 not in d.gone", "d.gone == d.gone", "d.gone != d.n", "d.n != d.gone",
    "d.gone", "d.gone.gone == 1", "d.n.gone == 1", "d.t.upper == 1", "d.t[0] == 't'", "d.list[4] == 1",
    "d.list[-5] == 1", "d.list['0'] == 1", "d.object[0] == 1", "d.list[100000000000000000000] == 1",
    "d.nil.gone == null", "d.nil < 1", "d.nil >= 1", "d.nil < d.n", "d.nil", "d.nil == 0", "d.nil == false",
    "d.n == '7'", "d.n == true", "d.yes == 1", "d.no == 0", "d.t == 'Text'", "d.t in d.nil", "d.t not in d.nil",
    "0 < d.n < 5", "9 < d.n < 10", "7 < d.n", "7 > d.n", "8 <= d.n", "6 >= d.n", "d.n < 7", "d.n > 7", "d.n != 7",
    "d.day == '23h'", "d.day == 'soon'", "d.day == 86400", "d.noon == 'noon'", "d.list == [1]", "d.pair == [1, true]",
    "d.pair == [2, 1]", "d.empty == null", "d.n in []", "d.no", "false", "'text' not in d.t", "null in d.object",
    "null in d.t", "d.list.append == null", "d.object.keys != null", "d.object.items", "d.day.days == 1",
    "d.noon.year == 2026", "d.wait > '24h'", "d.wait == '180m'", "d.wait in ['180m']", "d.wait == 'PT3H'",
    "d.early >= d.stamp",
]  # fmt: skip
# What cannot be decided, where the question begins, and of what kinds the values are.
UNDECIDED = [
    ("d.t < 7", 0, ("text", "number")),
    ("d.yes and 'a' <= d.n", 10, ("number", "text")),
    ("d.yes < d.no", 0, ("boolean", "boolean")),
    ("d.yes > 0", 0, ("boolean", "number")),
    ("d.list < d.list", 0, ("array", "array")),
    ("d.object > 1", 0, ("object", "number")),
    ("d.day > 'soon'", 0, ("duration", "text")),
    ("d.day > 86400", 0, ("duration", "number")),
    ("d.day < d.noon", 0, ("duration", "time")),
    ("d.noon < 'noon'", 0, ("time", "text")),
    ("d.t > '24h'", 0, ("text", "duration")),
    ("d.stamp > '24h'", 0, ("text", "duration")),
    ("true and '24h' < d.t", 9, ("text", "duration")),
    ("d.wait < '2026-11-20T12:00:00Z'", 0, ("text", "time")),
    ("d.noon < d.t", 0, ("time", "text")),
    ("0 < d.n < d.t", 4, ("number", "text")),
    ("d.t", 0, ("text", "boolean")),
    ("not d.n", 4, ("number", "boolean")),
    ("d.list or true", 0, ("array", "boolean")),
    ("1 in d.t", 0, ("number", "text")),
    ("1 in d.object", 0, ("number", "object")),
    ("1 in d.n", 0, ("number", "number")),
    ("'a' not in d.yes", 0, ("text", "boolean")),
    ("true and d.t < 7", 9, ("text", "number")),
]


def data(**more: Any) -> dict[str, object]:
    """The data of the tables."""
    return {"d": DATA | more}


def holds(text: str, **task: Any) -> bool:
    """Whether a rule holds for a task."""
    return parse(text, RULES).holds({"task": task, "now": NOON})


def refusal(text: str, vocabulary: Vocabulary = RULES) -> InvalidCondition:
    """The error with which a condition is refused."""
    with pytest.raises(InvalidCondition) as caught:
        parse(text, vocabulary)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"), [*((text, True) for text in TRUE), *((text, False) for text in FALSE)], ids=ascii
)
def test_what_a_condition_says_of_data(text: str, expected: bool) -> None:
    """Absent is in no relation to anything, null equals null alone, unlike kinds are unequal, true is no number."""
    condition = parse(text, FREE)

    assert condition.holds(data()) is expected
    assert condition.verdict(lambda id: Outcome.COMPLETED, data()) is (None if expected else Outcome.SKIPPED)


@pytest.mark.parametrize(("text", "place", "kinds"), UNDECIDED)
def test_what_cannot_be_decided(text: str, place: int, kinds: tuple[str, str]) -> None:
    """The order of unlike kinds, or the truth of what has none, raises an error with the place and the kinds."""
    with pytest.raises(UndecidableCondition) as caught:
        parse("  " + text, FREE).holds(data())
    error = caught.value
    message, shown, caret = str(error).splitlines()

    assert isinstance(error, CallerError)
    assert (error.text, error.place, error.kinds) == (text, place, kinds)
    assert shown.strip() == text
    assert caret.index("^") - shown.index(text) == place
    assert message.startswith("can't decide a condition: ")


def test_no_value_is_told() -> None:
    """An error of evaluation never shows a value of the data: it may be secret."""
    for text in ("d.secret < 7", "d.secret", "d.day > d.secret", "1 in d.secret"):
        with pytest.raises(UndecidableCondition) as caught:
            parse(text, FREE).holds(data(secret="hunter2"))
        assert "hunter2" not in f"{caught.value!r} {caught.value} {vars(caught.value)} {caught.value.__context__}"


def test_what_was_decided_before_is_not_asked() -> None:
    """``and`` and ``or`` ask no further once they are decided, so that presence can be asked first."""
    guarded = parse("'limit' in d and d.limit > 5 or d.yes", FREE)

    assert guarded.holds(data())
    assert not parse("d.no and d.t < 7", FREE).holds(data())
    assert parse("'n' in d and d.n > 5", FREE).holds(data())


# --- vocabularies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "task", "expected"),
    [
        ('task.blocked_for > "24h"', {"blocked_for": timedelta(hours=25)}, True),
        ('task.blocked_for > "24h"', {"blocked_for": timedelta(hours=24)}, False),
        ('task.blocked_for > "24h"', {}, False),
        ('task.blocked_for > "24h"', {"blocked_for": None}, False),
        ('task.blocked_for != "24h"', {"blocked_for": None}, True),
        ('task.blocked_for != "24h"', {}, False),
        ('task.blocked_for > "9h"', {"blocked_for": "24h"}, True),  # text in the data is read as well
        ('"1h" <= task.blocked_for < "1d"', {"blocked_for": timedelta(hours=1)}, True),
        ("task.blocked_for < task.age", {"blocked_for": timedelta(1), "age": "2d"}, True),
        ('"blocked_for" in task', {"blocked_for": None}, True),
        ('"blocked_for" in task', {}, False),
        ('"blocked_for" not in task', {}, True),
        ("task.took > 600000", {"took": 600001}, True),
        ('task.took > "10m"', {"took": 600001}, True),
        ('task.took == "10m"', {"took": 600000.0}, True),
        ('task.took >= "10m"', {"took": timedelta(minutes=10)}, True),
        ("task.took in ['10m', 5]", {"took": 5}, True),
        ("task.took > task.context.limit", {"took": 600001, "context": {"limit": "10m"}}, True),
        ("task.took > task.context.limit", {"took": 600001, "context": {"limit": 600002}}, False),
        ("task.took > task.age", {"took": 600001, "age": timedelta(minutes=10)}, True),
        ("task.due < now", {"due": NOON - timedelta(1)}, True),
        ("task.due < now", {"due": "2026-11-20T12:00:00+00:01"}, True),
        ('task.due < "2026-11-21T00:00:00Z"', {"due": NOON}, True),
        ("task.due == now", {"due": NOON.astimezone(timezone(timedelta(hours=5)))}, True),
        ("task.late", {"late": True}, True),
        ("task.late and task.score >= 95", {"late": True, "score": 95}, True),
        ('task.colour == "red"', {"colour": Colour.RED}, True),
        ('task.colour not in ["red", "green"]', {"colour": "green"}, False),
        ('"urgent" in task.labels', {"labels": ["urgent"]}, True),
        ('task.owner.name == "N"', {"owner": {"name": "N"}}, True),
        ('task["owner"]["name"] == task.title', {"owner": {"name": "N"}, "title": "N"}, True),
        ("task.context.client.name == null", {"context": {"client": {"name": None}}}, True),
        ('"er" in task.title', {"title": "over"}, True),
        ('task.title > "24h"', {"title": "3h"}, True),  # declared as a text, and so compared
        ("task.title > task.context.x", {"title": "3h", "context": {"x": "24h"}}, True),
        ("task.context.x > task.context.y", {"context": {"x": "3h", "y": "24h"}}, False),
    ],
)
def test_what_a_rule_says(text: str, task: dict[str, Any], expected: bool) -> None:
    """Fields declared as durations or times are compared as such, whatever form literals and data have."""
    assert holds(text, **task) is expected


@pytest.mark.parametrize(
    ("text", "task", "kinds"),
    [
        ('task.blocked_for > "24h"', {"blocked_for": 5}, ("number", "duration")),
        ('task.blocked_for == "24h"', {"blocked_for": "soon"}, ("text", "duration")),
        ("task.took > task.context.x", {"took": 1, "context": {"x": "soon"}}, ("text", "milliseconds")),
        ('task.blocked_for > "24h"', {"blocked_for": "9999w"}, ("text", "duration")),
        ("task.due < now", {"due": datetime(2026, 1, 1)}, ("foreign object", "time")),  # noqa: DTZ001
        ("task.score > 5", {"score": "high"}, ("text", "number")),
        ("task.late", {"late": 1}, ("number", "boolean")),
    ],
)
def test_data_that_is_not_as_declared(text: str, task: dict[str, Any], kinds: tuple[str, str]) -> None:
    """Data that breaks what the vocabulary says is told, not guessed."""
    with pytest.raises(UndecidableCondition) as caught:
        holds(text, **task)
    assert caught.value.kinds == kinds


@pytest.mark.parametrize(
    ("text", "found", "reason"),
    [
        ('task.blocked_for > "24h"', "9999w", "it is out of range (at most 100 years)"),
        ('task.blocked_for > "24h"', "0.0001ms", "it is finer than a microsecond"),
        ("task.due < now", "2026-11-20T12:00:00", 'it is a time without a zone (add "Z" if it is UTC)'),
        ('task.context.x > "24h"', "9999w", "the text is out of range (at most 100 years)"),
        ('task.context.x > "2026-11-20"', "2026-11-20T12:00:00", "the text is a time without a zone"),
    ],
)
def test_why_a_text_in_the_data_is_no_duration(text: str, found: str, reason: str) -> None:
    """What cannot be decided since a text is beyond what durations and times can be says so, without the text."""
    name = text.split(maxsplit=1)[0].split(".")[1]
    with pytest.raises(UndecidableCondition) as caught:
        holds(text, **{name: {"x": found} if name == "context" else found})

    assert reason in str(caught.value)
    assert found not in str(caught.value)


@pytest.mark.parametrize(
    "day", ["2024-02-30", "20240630", "2024-W26-7", "2024-6-30", " 2024-06-30", "2024-06", "٢٠٢٤-٠٦-٣٠"]
)
def test_only_a_plain_date_is_a_day(day: str) -> None:
    """What is no date of the calendar, or is written in another way, is no time."""
    with pytest.raises(InvalidCondition):
        parse(f'task.due < "{day}"', RULES)


REFUSALS = [
    ('task.blocked_for > "9999w"', 19, "; it is out of range (at most 100 years)"),
    ('task.blocked_for > "0.0001ms"', 19, "; it is finer than a microsecond"),
    ("task.took > '9999w'", 12, "; it is out of range (at most 100 years)"),
    ('task.due < "2026-11-20T12:00:00.0000001Z"', 11, "; it is finer than a microsecond"),
    ('task.due < "0001-01-01T00:00:00+05:00"', 11, "; it is beyond the calendar"),
    ('task.blokced_for > "24h"', 5, "did you mean 'blocked_for'?"),
    ('blocked_for > "24h"', 0, "did you mean task.blocked_for?"),
    ('task["blokced_for"] > "24h"', 5, "did you mean 'blocked_for'?"),
    ("task.late and taks.late", 14, "did you mean 'task'?"),
    ("task.owner.naem == 'x'", 11, "did you mean 'name'?"),
    ("task.colour == 'gren'", 15, "did you mean 'green'?"),
    ("task.colour in ['red', 'blue']", 23, "red, green"),
    ("'blokced_for' in task", 0, "did you mean 'blocked_for'?"),
    ('task.blocked_for > "24 horus"', 19, "24h"),
    ('task.blocked_for in ["24h", "soon"]', 28, "24h"),
    ("task.blocked_for > 24", 19, "24h"),
    ("task.blocked_for > 86400", 19, '"86400s" if these are seconds'),
    ("task.blocked_for > 24h", 19, 'write "24h"'),
    ("task.blocked_for > 1h 30m and task.late", 19, 'write "1h 30m"'),
    ("task.blocked_for > -1.5d", 20, 'write "-1.5d"'),
    ("task.blocked_for > PT24H", 19, 'write "PT24H"'),
    ("24h < task.blocked_for", 0, 'write "24h"'),
    ("task.blocked_for > 24horus", 19, "JSON"),
    ("task.blocked_for > 9999w", 19, "JSON"),
    ("task.colour == red", 15, 'write "red" if it is a text'),
    ("task.title == RED", 14, 'write "RED" if it is a text'),
    ("task.title in [RED]", 15, 'write "RED" if it is a text'),
    ("task.title == taks", 14, "did you mean 'task'?"),
    ("task.colour == 'RED'", 15, "did you mean 'red'?"),
    ("task.colour in ['red', 'Green']", 23, "did you mean 'green'?"),
    ("task.labels == task.score", 0, "is an array, compared with a number"),
    ("task.labels", 0, "is an array, neither"),
    ("task.took", 0, "is a number of milliseconds, neither"),
    ("task.title == ['a']", 14, "is an array, and the field is a text"),
    ("task.context.x > ['a']", 17, "an array comes neither"),
    ('task.due < "2026-11-20T12:00:00.' + "0" * 60 + 'Z"', 11, "expected a time"),
    ("task.took > 'soon'", 12, "10m"),
    ("task.took == true", 13, "10m"),
    ('task.due < "2026-13-01T00:00:00Z"', 11, "2026-11-20"),
    ('task.due < "2026-11-20T12:00:00"', 11, "without a zone"),
    ("task.score == '5'", 14, "never alike"),
    ("task.title == 5", 14, "never alike"),
    ("task.title == [1]", 14, "never alike"),
    ("task.blocked_for > task.due", 0, "never alike"),
    ("task.score < null", 13, "== null"),
    ("task.context.x < true", 17, "== or !="),
    ("task.context.x >= ['a']", 18, "== or !="),
    ("task.colour < 'red'", 14, "== or !="),
    ("task.labels < task.labels", 0, "== or !="),
    ("task.colour < task.title", 0, "== or !="),
    ("task.score", 0, "compare it"),
    ("not task.blocked_for", 4, "compare it"),
    ("task", 0, "group"),
    ("task.owner == null", 0, "name, team"),
    ("task.context == task", 16, "group"),
    ("task.score.x == 1", 11, "no fields"),
    ("task.colour.x == 1", 12, "no fields"),
    ("task[0] == 1", 5, "got a number"),
    ("1 in task", 0, "quoted name"),
    ("1 in task.title", 0, "never in a text"),
    ("1 in task.score", 5, "holds nothing"),
    ("task.title in 'abc'", 14, "write a list"),
    ("['a'] in task.labels", 0, "one value"),
    ('"task.score" > 3', 0, "not quoted"),
    ("1 < 2", 0, "two literals"),
    ("0 < 1 < task.score", 0, "two literals"),
    ("5", 0, "compare it"),
    ("'text'", 0, "compare it"),
    ("null", 0, "compare it"),
    ("always", 0, "task, now"),
    ("on_success(a)", 0, "none here"),
    ("task.score = 5", 11, "=="),
    ("task.late && task.late", 10, "`and`"),
    ("!task.late", 0, "`not`"),
    ("task.score is null", 11, "=="),
    ("task.context.class == 1", 13, '["class"]'),
    ("task.context.a-b == 1", 14, '["a-b"]'),
    ("task.score - 5 > 1", 0, "arithmetic"),
    ("task.score -5 > 1", 0, "arithmetic"),
    ("task.score == 05", 14, "JSON"),
    ("task.score == 0x10", 14, "JSON"),
    ("task.score == 1_000", 14, "JSON"),
    ("task.score == .5", 15, "JSON"),
    ("task.score == 1e999", 14, "JSON"),
    ("task.score > 1or task.late", 13, "JSON"),
    ("task.title == 'a' 'b'", 18, "comma"),
    ("task.title == r'a'", 15, "prefix"),
    ("task.title == '\\d'", 15, "JSON"),
    ("task.title == '\\ud800'", 15, "JSON"),
    ("task.title == 'a", 14, "never closed"),
    ("(task.late", 0, "never closed"),
    ("task.late)", 9, "closes nothing"),
    ("(task.late]", 10, "closes nothing"),
    ("task.late and", 13, "ends after 'and'"),
    ("task.score == (1, 2)", 14, "[ ]"),
    ("task.score in [1, [2]]", 18, "no literal"),
    ("task.score in [task.score]", 15, "no literal"),
    ("task.labels[task.score] == 1", 12, "quoted name"),
    ("task.labels[true] == 1", 12, "quoted name"),
    ("task.labels[1.0] == 1", 12, "quoted name"),
    ("task.context._id == 1", 13, "private"),
    ("task.late # why", 10, "not allowed"),
]


@pytest.mark.parametrize(("text", "place", "told"), REFUSALS)
def test_what_could_never_be_decided_is_refused(text: str, place: int, told: str) -> None:
    """What the vocabulary has not, or what could never hold, is refused when it is read, at its place, with advice."""
    error = refusal(text)

    assert error.place == place
    assert told in str(error)
    assert error.text == text


@pytest.mark.parametrize(
    ("text", "place", "column"),
    [
        ("task.title == '日本' and nope", 23, 25),  # wide letters take two columns
        ("task.title == 'e\u0301' and nope", 23, 22),  # combining ones none
        ("task.title ==\t'a' and nope", 22, 22),
        ("task.title == '\u202e' and nope", 22, 22),
        ("日本 == 1", 0, 0),
        (" and ".join(["task.late"] * 20 + ["nope"]), 280, 60 + 3 + 46),
    ],
    ids=ascii,
)
def test_carets_stand_below_the_place(text: str, place: int, column: int) -> None:
    """Places count characters, carets the columns of a terminal; what could move its cursor is not shown."""
    error = refusal(text)
    _, shown, caret = str(error).splitlines()

    assert error.place == place
    assert caret.index("^") - 6 == column
    assert shown.isprintable()
    assert len(shown) <= 126


def test_the_fields_a_condition_reads() -> None:
    """Every field is told once, in order, by its path; only a condition that reads any needs data."""
    condition = parse(
        'steps["a.b"].output[0]["x y"] > 1 and step.duration > "5m" or "k" in params.p[-1] or context.ok', ALERTS
    )
    again = parse("params.a == params.a")

    assert condition.fields == (
        ("steps", "a.b", "output", 0, "x y"),
        ("step", "duration"),
        ("params", "p", -1),
        ("context", "ok"),
    )
    assert condition.steps == ("a.b",)
    assert condition.needs_data
    assert again.fields == (("params", "a"),)
    assert not parse("on_success(a) and true").needs_data


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("steps.a.ouput.rows > 0", "did you mean 'output'?"),
        ("steps.a.status == 'complete'", "did you mean 'completed'?"),
        ("step.duratoin > 5", "did you mean 'duration'?"),
        ("step.duration > '10 minutes'", "10m"),
        ("steps.a", "name one of them"),
        ("params == 1", "name one of them"),
        ("'a' in steps", "any names"),
    ],
)
def test_steps_have_their_vocabulary(text: str, hint: str) -> None:
    """Fields of steps are known, so that a slip of the pen is told when the workflow is read."""
    assert hint in str(refusal(text, ALERTS))


def test_what_steps_say() -> None:
    """Outputs, ends and times of steps, params and context are compared in one condition (design §7, D4)."""
    seen: dict[str, object] = {
        "steps": {"count": {"output": {"rows": 3}, "status": Outcome.COMPLETED, "duration": 600_001, "attempts": 1}},
        "step": {"duration": 600_001, "attempt": 2, "id": "me"},
        "params": {"least": 3},
        "context": {"environment": "production"},
    }
    for text in (
        "steps.count.output.rows >= params.least",
        'steps.count.status == "completed" and steps.count.attempts == 1',
        "step.duration > 600000",
        'step.duration > "10m" and step.attempt == 2 and step.id == "me"',
        'context.environment == "production" and "rows" in steps.count.output and "output" in steps.count',
    ):
        assert parse(text, ALERTS).verdict(lambda id: Outcome.COMPLETED, seen) is None


def test_a_false_condition_by_its_data_is_skipped() -> None:
    """False by data even with every status function true: skipped; false by them: omitted (design §7)."""
    both = parse("on_success(a) and params.go")

    def verdict(end: Outcome, go: bool) -> Outcome | None:
        return both.verdict(lambda id: end, {"params": {"go": go}})

    assert verdict(Outcome.COMPLETED, True) is None
    assert verdict(Outcome.COMPLETED, False) is Outcome.SKIPPED
    assert verdict(Outcome.FAILED, False) is Outcome.SKIPPED
    assert verdict(Outcome.FAILED, True) is Outcome.OMITTED
    # The output of a step that did not complete is absent, which is data too.
    assert parse("on_success(a) and steps.a.output.n > 0").verdict(lambda id: Outcome.FAILED) is Outcome.SKIPPED


def test_status_functions_need_outcomes() -> None:
    """``holds`` has no outcomes to ask: it refuses a condition that does."""
    assert parse("always").holds({})
    with pytest.raises(ValueError, match="verdict"):
        parse("on_success(a)").holds({})


@pytest.mark.parametrize("name", ["always", "on_skip", "true", "None", "not", "_x", "a b", "9"])
def test_roots_have_names_of_their_own(name: str) -> None:
    """A vocabulary's root is an identifier that means nothing else."""
    with pytest.raises(ValueError, match="root"):
        Vocabulary({name: None})


# --- what evaluation may touch, and cost -------------------------------------------------------------------------


class Trap:
    """An object that must not be asked anything."""

    def __getattr__(self, name: str) -> Never:
        raise AssertionError(name)

    def __eq__(self, other: object) -> Never:
        raise AssertionError

    __hash__ = None  # type: ignore[assignment] # not even put into a set
    __lt__ = __gt__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __eq__


@pytest.mark.parametrize("foreign", [Trap(), object, {1}, b"bytes", 1j, float("nan"), datetime(2026, 1, 1)], ids=shown)  # noqa: DTZ001
def test_foreign_objects_are_not_asked(foreign: object) -> None:
    """No attribute, operator or truth of an object that is no data is used; only whether it is there, or null."""
    seen = data(foreign=foreign, objects=[foreign])
    asked = ["{} == 1", "{}", "{} < 1", "{} in [1]", "{} == {}", "1 in {}", "d.n in {}", "d.n == {}", "{} > d.n"]
    for text in (*(text.format(*["d.foreign"] * 2) for text in asked), "d.objects == [1]", "1 in d.objects"):
        with pytest.raises(UndecidableCondition):
            parse(text, FREE).holds(seen)
    for text in ("d.foreign != null", "'foreign' in d", "not d.foreign.real == 1", "not d.foreign[0] == 1"):
        assert parse(text, FREE).holds(seen)


class Reads(Mapping[str, object]):
    """A mapping that counts how often it is read."""

    def __init__(self, inner: dict[str, object]) -> None:
        self.inner, self.count = inner, 0

    def __getitem__(self, key: str) -> object:
        self.count += 1
        return self.inner[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


def test_evaluation_reads_no_more_than_is_written() -> None:
    """Each field is read at most twice for each time that it is written."""
    reads = Reads({"n": 5})
    text = " or ".join(["0 < d.n < 5"] * 20)

    assert not parse(text, FREE).holds({"d": reads})
    assert reads.count <= 2 * text.count("d.n")


def test_comparing_large_data_is_bounded() -> None:
    """Data that holds itself, is shared a billionfold, or is very large, is refused after a bounded number of parts."""
    shared: list[object] = [1]
    for _ in range(100):
        shared = [shared, shared]
    circle: list[object] = []
    circle.append(circle)
    ring: dict[str, object] = {}
    ring["next"] = ring
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep]
    other: list[object] = []
    for _ in range(50_000):
        other = [other]
    long = [0] * (MAX_PARTS + 1)
    for one, two in ((shared, [shared[0], shared[0]]), (circle, [circle]), (ring, {"next": ring}), (long, [*long])):
        for text in ("d.one == d.two", "d.one in d.all"):
            with pytest.raises(UndecidableCondition):
                parse(text, FREE).holds(data(one=one, two=two, all=[two]))

    assert parse("d.one == d.two", FREE).holds(data(one=deep, two=other))
    assert parse("0 in d.all", FREE).holds(data(all=long[1:]))


def test_defaults_of_mappings_are_not_made() -> None:
    """Reading an absent key changes nothing, even in a mapping that would make it."""
    made: defaultdict[str, object] = defaultdict(dict)

    assert not parse("d.a.b == 1", FREE).holds({"d": made})
    assert not made


def test_nothing_is_imported_or_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither reading nor asking a condition calls ``eval``, ``exec`` or ``open``, or imports anything."""
    called: list[tuple[str, object]] = []

    def spy(name: str) -> Any:
        original = getattr(builtins, name)

        def call(*args: Any, **options: Any) -> Any:
            if name != "__import__" or args[0] not in sys.modules:
                called.append((name, args[0]))
            return original(*args, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("eval", "exec", "open", "__import__"):
            patched.setattr(builtins, name, spy(name))
        for text in (*TRUE, *FALSE):
            parse(text, FREE).holds(data())

    assert not called
