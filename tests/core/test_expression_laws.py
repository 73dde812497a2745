"""Laws of conditions: they agree with an evaluator written apart, and whatever is written ends soon and typed."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskorch.core.expressions import ALERTS, MAX_NODES, STEPS, Condition, Kind, Vocabulary, parse
from taskorch.core.outcomes import Outcome
from taskorch.errors import InvalidCondition, UndecidableCondition

FREE = Vocabulary({"d": None}, status_functions=True)
RULES = Vocabulary({"step": {"duration": Kind.DURATION}, "params": None})

# --- an evaluator of trees, as plainly as it can be said ---------------------------------------------------------

Tree = tuple[Any, ...]
DAY, NOON = timedelta(days=1), datetime(2026, 11, 20, 12, tzinfo=UTC)
SPANS = {"24h": DAY, "PT1H": timedelta(hours=1), "-5m": timedelta(minutes=-5)}
TIMES = {"2026-11-20T12:00:00Z": NOON, "2026-11-20T12:00:00+01:00": NOON - timedelta(hours=1)}
TEXTS = ["", "a", "ab", "7", "24h", "PT1H", "-5m", *TIMES]
KEYS = ["a", "b", "c"]
ABSENT = object()


class Stuck(Exception):
    """There is no answer."""


def kind(value: Any) -> str:
    """What a value is, in a letter."""
    if value is None or isinstance(value, bool):
        return "0" if value is None else "b"
    table = [(int | float, "n"), (str, "t"), (timedelta, "d"), (datetime, "i"), (list, "l"), (dict, "o")]
    return next(letter for cls, letter in table if isinstance(value, cls))


def canonical(value: Any) -> Any:
    """A value that Python's == compares as conditions do."""
    letter = kind(value)
    forms: dict[str, Callable[[], Any]] = {
        "n": lambda: Fraction(value),
        "l": lambda: tuple(map(canonical, value)),
        "o": lambda: frozenset((key, canonical(item)) for key, item in value.items()),
    }
    return letter, forms.get(letter, lambda: value)()


def beside(value: Any, other: Any) -> Any:
    """A text as what it is beside another value."""
    if kind(value) == "t" and kind(other) in "di":
        return (SPANS if kind(other) == "d" else TIMES).get(value, value)
    return value


def alike(left: Any, right: Any) -> bool:
    """Whether two values are the same."""
    return bool(canonical(beside(left, right)) == canonical(beside(right, left)))


def before(left: Any, right: Any) -> int:
    """-1, 0 or 1 as left comes before right."""
    left, right = beside(left, right), beside(right, left)
    if kind(left) != kind(right) or kind(left) not in "ntdi":
        raise Stuck
    return int(left > right) - int(left < right)


def within(value: Any, container: Any) -> bool:
    """Whether a container of the data has a value."""
    if kind(container) == "l":
        return any(alike(value, item) for item in container)
    if kind(container) in "to" and value is None:
        return False
    if kind(container) in "to" and kind(value) == "t":
        return value in container
    raise Stuck


RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": alike,
    "!=": lambda left, right: not alike(left, right),
    "<": lambda left, right: before(left, right) < 0,
    "<=": lambda left, right: before(left, right) <= 0,
    ">": lambda left, right: before(left, right) > 0,
    ">=": lambda left, right: before(left, right) >= 0,
    "in": within,
    "not in": lambda left, right: not within(left, right),
    "among": lambda left, right: any(alike(left, item) for item in right),
    "not among": lambda left, right: not any(alike(left, item) for item in right),
}


def measured(left: Any, right: Any, fixed: str | None) -> tuple[Any, Any]:
    """Two texts whose order is asked for: durations or times if the *fixed* one, or else both, can be read so."""
    for table in (SPANS, TIMES):
        if fixed in table and not (left in table and right in table):
            raise Stuck
        if left in table and right in table:
            return table[left], table[right]
    return left, right


def related(relation: str, left: Any, right: Any, fixed: str | None = None) -> bool:
    """Whether two operands are in a relation, one of them perhaps a literal."""
    if relation[0] in "<>" and isinstance(left, str) and isinstance(right, str):
        left, right = measured(left, right, fixed)
    if left is ABSENT or right is ABSENT:
        return False
    if (relation[0] in "<>" and None in (left, right)) or (relation.endswith("in") and right is None):
        return False
    return RELATIONS[relation](left, right)


def judged(tree: Tree, data: Mapping[str, Any], of: Callable[[str], Outcome] | None) -> bool:
    """Whether a tree is true; with None for outcomes, every status function is."""
    match tree:
        case ("and", *parts):
            return all(judged(part, data, of) for part in parts)
        case ("or", *parts):
            return any(judged(part, data, of) for part in parts)
        case ("not", part):
            return not judged(part, data, of)
        case ("on_success", id):
            return of is None or of(id) is Outcome.COMPLETED
        case ("field", key):
            if (value := data.get(key)) is None or isinstance(value, bool):
                return bool(value)
            raise Stuck
        case ("compare", first, *rest):
            written = (first, *rest[1::2])
            operands = [data.get(o[1], ABSENT) if o[0] == "field" else o[1] for o in written]
            fixed = [o[1] if o[0] == "literal" and isinstance(o[1], str) else None for o in written]
            return all(
                related(r, *operands[n : n + 2], fixed=fixed[n] or fixed[n + 1]) for n, r in enumerate(rest[::2])
            )
    return bool(tree[1])


# --- trees as text, in any of the ways they can be written -------------------------------------------------------


def literal(value: Any, chance: random.Random) -> str:
    """A literal in one of its spellings."""
    if value is None or isinstance(value, bool):
        return chance.choice([str(value), {None: "null", True: "true", False: "false"}[value]])
    if isinstance(value, str):
        return chance.choice(["'{}'", '"{}"']).format(value)
    return f"[{', '.join(literal(item, chance) for item in value)}]" if isinstance(value, list) else str(value)


def written(tree: Tree, chance: random.Random) -> str:
    """A tree as a condition."""
    match tree:
        case ("and" | "or" as word, *parts):
            joined = f" {word} ".join(written(part, chance) for part in parts)
            return f"({joined})"
        case ("not", part):
            return f"(not {written(part, chance)})"
        case ("on_success", id):
            return f"on_success({id})"
        case ("field", key):
            return chance.choice(["d.{}", "d['{}']", "d . {}", '(d["{}"])']).format(key)
        case ("compare", first, *rest):
            parts = [part.replace("among", "in") if isinstance(part, str) else written(part, chance) for part in rest]
            return " ".join([written(first, chance), *parts])
    return literal(tree[1], chance)


# --- strategies --------------------------------------------------------------------------------------------------

numbers = st.sampled_from([0, 1, 1.0, 2, -1, 0.5, -0.0, 10**30, 1e30])  # few, so that many are equal
scalars = st.none() | st.booleans() | numbers | st.sampled_from(TEXTS)
values = (
    scalars
    | st.sampled_from([DAY, timedelta(hours=1), NOON, NOON - timedelta(hours=1)])
    | st.lists(scalars, max_size=3)
    | st.dictionaries(st.sampled_from(TEXTS), scalars, max_size=3)
)
fields = st.tuples(st.just("field"), st.sampled_from(KEYS))
orderable = st.tuples(st.just("literal"), numbers | st.sampled_from(TEXTS))
literals = st.tuples(st.just("literal"), scalars | st.lists(scalars, max_size=3))
scalar_literals = st.tuples(st.just("literal"), scalars)
listed = st.tuples(st.just("literal"), st.lists(scalars, max_size=4))


def comparisons() -> st.SearchStrategy[Tree]:
    """Comparisons of which at least one side is a field."""
    compare = st.just("compare")
    order, equality = st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["==", "!="])
    either = order | equality
    return st.one_of(
        st.tuples(compare, fields, order, orderable),
        st.tuples(compare, orderable, either, fields),
        st.tuples(compare, fields, equality, literals),
        st.tuples(compare, fields, either, fields),
        st.tuples(compare, orderable, order, fields, either, orderable),
        st.tuples(compare, fields, order, fields, order, fields),
        st.tuples(compare, fields, st.sampled_from(["among", "not among"]), listed),
        st.tuples(compare, fields | scalar_literals, st.sampled_from(["in", "not in"]), fields),
    )


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Trees of trees."""
    return st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner)


atoms = (
    comparisons()
    | fields
    | st.tuples(st.just("literal"), st.booleans())
    | st.tuples(st.just("on_success"), st.sampled_from("xy"))
)
trees = st.recursive(atoms, grown, max_leaves=5)
datas = st.dictionaries(st.sampled_from(KEYS), values)
outcomes = st.fixed_dictionaries({"x": st.sampled_from(list(Outcome)), "y": st.sampled_from(list(Outcome))})


def read(text: str, vocabulary: Vocabulary) -> Condition | InvalidCondition:
    """The condition, or why it is none."""
    try:
        return parse(text, vocabulary)
    except InvalidCondition as error:
        return error


def answer(ask: Callable[[], object]) -> object:
    """What comes of a question, an error included."""
    try:
        return ask()
    except (Stuck, UndecidableCondition):
        return "stuck"


@settings(max_examples=400)
@given(trees, datas, outcomes, st.randoms(use_true_random=False))
def test_conditions_agree_with_an_evaluator_written_apart(
    tree: Tree, data: dict[str, Any], ends: dict[str, Outcome], chance: random.Random
) -> None:
    """A condition holds, is skipped, omitted or undecidable as the plainest reading of its tree says (design §7)."""

    def expected() -> Outcome | None:
        if judged(tree, data, ends.__getitem__):
            return None
        return Outcome.OMITTED if judged(tree, data, None) else Outcome.SKIPPED

    condition = parse(written(tree, chance), FREE)

    assert answer(lambda: condition.verdict(ends.__getitem__, {"d": data})) == answer(expected)


@settings(max_examples=300)
@given(comparisons(), datas, st.randoms(use_true_random=False))
def test_a_comparison_alone(tree: Tree, data: dict[str, Any], chance: random.Random) -> None:
    """Each comparison holds, or is undecidable, as the plainest reading says."""
    condition = parse(written(tree, chance), FREE)

    assert answer(lambda: condition.holds({"d": data})) == answer(lambda: judged(tree, data, None))


@given(st.sampled_from(KEYS), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), orderable, datas)
def test_a_comparison_may_be_turned_round(key: str, relation: str, constant: Tree, data: dict[str, Any]) -> None:
    """``x < 5`` and ``5 > x`` say the same, whatever x is."""
    mirrored = relation.translate(str.maketrans("<>", "><"))
    text = literal(constant[1], random.Random(0))
    one, other = parse(f"d.{key} {relation} {text}", FREE), parse(f"{text} {mirrored} d.{key}", FREE)

    assert answer(lambda: one.holds({"d": data})) == answer(lambda: other.holds({"d": data}))


# --- any text ----------------------------------------------------------------------------------------------------

TOKENS = [
    "steps", "step", "context", "params", "always", "on_success", "on_failure", "on_skip", "on_complete", "and", "or",
    "not", "in", "is", "if", "else", "for", "lambda", "true", "False", "None", "null", "==", "!=", "<", "<=", ">", ">=",
    "=", ":=", "(", ")", "[", "]", "{", "}", ".", ",", ":", ";", "-", "+", "*", "**", "@", "#", "\\", "a", "x",
    "output", "status", "duration", "_a", "__class__", "'a'", '"24h"', "'2026-11-20T12:00:00Z'", '"\\u00e9"', "f'{a}'",
    "'", '"', '"""', "0", "1", "-1", "1.5", "1e9", "1e999", "0x1", "1_0", "9" * 30, " ", "  ", "\t", "\n", "\r", "\0",
    "\x0c", "\x1b", "\u00a0", "\u0430", "\uff41", "e\u0301", "é", "日本", "😀", "\u202e", "\u2028", "\ufeff", "\ud800",
    "\u0660", "ª", "\u0345",
]  # fmt: skip
VALID = [
    'steps["a.b"].output.rows > 0 and steps.c.status == "completed"',
    'step.duration > "10m" or not (context.environment in ["x", "y"])',
    "on_success(a, b) and 0 < params.rows <= 10 and params.x != null",
    '"key" in steps.a.output[0]["x"] or params.n == -1.5e3 or always',
]
soup = st.lists(st.sampled_from(TOKENS), max_size=30).map("".join) | st.lists(st.sampled_from(TOKENS), max_size=30).map(
    " ".join
)
anything = st.text(st.characters(codec=None), max_size=60)  # halves of characters too


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid condition with a few pieces taken out, put in, doubled or exchanged."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 6)))
        piece = draw(st.sampled_from(TOKENS) | st.just(text[at:end] * 2) | st.just(text[at:end][::-1]))
        text = text[:at] + piece + text[end:]
    return text


@settings(max_examples=500)
@example("(" * 32 + "params.a == 1" + ")" * 32)
@example("not " * 90 + "params.a")
@example("params" + "[0]" * 300)
@example("params" + ".a" * 500)
@example("params.a < " + "1" * 1000)
@example("params.a in [" + "1, " * 190 + "1]")
@example("params.a == 1 and " * 30 + "true")
@given(soup | mutated() | anything)
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    """Any text is refused with one problem and a caret in its place, or is a condition that any data answers."""
    seen: dict[str, object] = {"params": {"rows": 1, "x": [], "n": "1"}, "steps": {"a": {"output": [{"x": {}}]}}}
    for vocabulary in (STEPS, ALERTS, RULES):
        found = read(text, vocabulary)
        if isinstance(found, Condition):
            assert len(found.fields) < MAX_NODES
            answer(partial(found.verdict, lambda id: Outcome.COMPLETED, seen))
        else:
            (problem,) = found.problems
            assert len(str(problem)) < 600
            assert found.text is None or 0 <= found.place <= len(found.text)
            assert all(c.isprintable() or c == "\n" for c in str(found))
