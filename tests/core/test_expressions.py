"""The language of conditions: what it says, what it refuses and how, and what follows for a step."""

import ast
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.expressions import (
    ALERTS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NODES,
    STEPS,
    Vocabulary,
    condition,
    parse,
    source,
)
from taskorch.core.outcomes import Outcome
from taskorch.errors import InvalidCondition

ENDS = {"c": "completed", "f": "failed", "s": "skipped", "o": "omitted", "x": "cancelled"}
# The condition, the ends of a, b, …, and what follows: runs, skipped or omitted.
VERDICTS = [
    ("always", "", "runs"),
    ("always()", "", "runs"),
    ("on_success(a)", "c", "runs"),
    *(("on_success(a)", end, "omitted") for end in "fsox"),
    ("on_success(a, b)", "cc", "runs"),
    ("on_success(a, b)", "cs", "omitted"),
    ("on_failure(a)", "f", "runs"),
    *(("on_failure(a)", end, "omitted") for end in "csox"),
    ("on_failure(a, b)", "cf", "runs"),
    ("on_failure(a, b)", "cc", "omitted"),
    ("on_skip(a)", "s", "runs"),
    *(("on_skip(a)", end, "omitted") for end in "cfox"),
    ("on_skip(a, b)", "cs", "runs"),
    *(("on_complete(a, b)", end + "c", "runs") for end in "cfsox"),
    ("on_success(a) and on_failure(b)", "cf", "runs"),
    ("on_success(a) and on_failure(b)", "cc", "omitted"),
    ("on_success(a) or on_success(b)", "fc", "runs"),
    ("on_success(a) or on_success(b)", "ff", "omitted"),
    ("not on_success(a)", "f", "runs"),
    ("not on_success(a)", "c", "skipped"),
    ("not always", "", "skipped"),
    ("always and on_success(a)", "f", "omitted"),
    ("on_success(a) and not always", "c", "skipped"),
    ("on_success(a) and not on_failure(b)", "cf", "skipped"),
    ("on_success(a) or on_success(b) and on_success(c)", "cff", "runs"),
    ("(on_success(a) or on_success(b)) and on_success(c)", "cff", "omitted"),
    ("  on_success( a ,b, )  ", "cc", "runs"),
    ('on_success("a")', "c", "runs"),
    ("on_success('a', b)", "cc", "runs"),
]
NAMED = [
    ("on_success(test, security_scan)", ("test", "security_scan")),
    ('on_success("test[0]", "lib/zstd.o") or on_failure("a.b", "a-b")', ("test[0]", "lib/zstd.o", "a.b", "a-b")),
    ("on_success(a) and on_failure(a, b)", ("a", "b")),
    ('steps["a.b"].output.rows > 0 and steps.c.status == "completed"', ("a.b", "c")),
    ('context.environment == "production" and params.rows >= 1', ()),
    ("not (always or on_skip(z))", ("z",)),
]
HOSTILE = [
    "__class__", "steps.a.__class__", "context.__init__.__globals__", "steps.a._private > 1", "9**9**9", "9**9**9 > 1",
    "'a' * 10**9", "steps.a.output * 2 > 1", "-" * 1000, "-" * 1000 + "1", "~" * 999 + "1", "not " * 255 + "always",
    "(" * 33 + "always" + ")" * 33, "[" * 500 + "]" * 500, "on_success(" * 40 + ")" * 40, "lambda: 1",
    "(lambda: always)()", "[x for x in steps]", "{x: 1 for x in steps}", "(x for x in steps)", 'f"{always}"',
    'steps.a.output == f"{context}"', "(a := 1)", "on_success(a := b)", "on_success(*steps)", "on_success(**context)",
    "on_success(a=1)", "on_success(a, b=c)", "always(a)", "always(*a)", "always(a=1)", "on_success(on_success(a))",
    "on_success(a)(b)", "steps.a.output()", "getattr(steps, 'a')", "eval('1')", "__import__('os')", "exec('1')",
    "print(1)", "open('/etc/passwd')", "len(steps.a.output) > 0", "1 if always else 0", "await steps.a", "yield 1",
    "always; always", "always\nalways", "always # comment\n", "import os", "a = 1", "steps[0:1] == 1",
    "steps.a.output[1:2] == 1", "{1, 2}", "{}", "[]", "()", "on_success([])", "on_success(('a',))", "always, always",
    "steps.a.output == (1, 2)", "steps.a.output in (1, 2)", "a", "steps", "nope(a)", "on_success", "on_success()",
    "on_success(1)", "on_success(None)", "on_success(b'a')", "on_success(a.b)", "on_success(a[0])", "on_success(-a)",
    'on_success("")', "on_success(' ')", "on_success(true)", "on_success(a, null)",
    "on_success(a) == 1", "steps.a.output == on_success(a)", "\u0430lways", "alw\u0430ys",
    "\uff41\uff4c\uff57\uff41\uff59\uff53", "on_\uff53uccess(a)", "on_success(\uff41)", "steps.a.\uff3f_class__",
    "al\u200bways", "always\u00a0or always", "\u202ealways", "always\0", "always\r", "", "   ", "always and", "and",
    "on_success(a", "on_success a", "on_success(a))", "'always", "a" * 1025, "é" * 600, "\ud800", "always\\\n",
]  # fmt: skip


@pytest.mark.parametrize(("text", "ends", "follows"), VERDICTS)
def test_what_a_condition_says(text: str, ends: str, follows: str) -> None:
    """A condition that is false even with every status function true makes its step skipped, else omitted."""
    outcomes = {id: Outcome(ENDS[end]) for id, end in zip("abc", ends, strict=False)}
    verdict = parse(text).verdict(outcomes.__getitem__)

    assert (verdict or "runs") == follows


@pytest.mark.parametrize(("text", "steps"), NAMED)
def test_the_steps_a_condition_names(text: str, steps: tuple[str, ...]) -> None:
    """Every step that is named is known, in order and once; ids that are no identifiers are quoted."""
    assert parse(text).steps == steps


@pytest.mark.parametrize(("text", "always"), [("always", True), ("not always", True), ("on_success(always)", False)])
def test_whether_always_is_mentioned(text: str, always: bool) -> None:
    """``always`` is known wherever it stands, but an id of that name is no mention."""
    assert parse(text).always is always


@pytest.mark.parametrize(
    ("text", "needs_data"),
    [("on_success(a)", False), ("always", False), ("step.name == 'a'", True), ("always and params.x == 1", True)],
)
def test_whether_data_is_needed(text: str, needs_data: bool) -> None:
    """Comparisons of data are read and marked, so that a run that would need them can be refused."""
    assert parse(text).needs_data is needs_data


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_no_condition_is_refused(text: str) -> None:
    """Everything outside the language raises ``InvalidCondition`` with one short problem, whatever it tries."""
    with pytest.raises(InvalidCondition) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert len(str(problem)) < 600


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("on_sucess(a)", 0, "did you mean 'on_success'?"),
        ("always and on_failur(a)", 11, "did you mean 'on_failure'?"),
        ("alway", 0, "did you mean 'always'?"),
        ("contxt.x == 1", 0, "did you mean 'context'?"),
        ("on_success(test[0])", 11, "quote"),
        ("on_success(é, b) or nope(a)", 20, ""),
        ("on_success(true)", 11, '"true"'),
        ("on_success(a=1)", 12, "name steps only: on_success(a, b)"),
        ("always and on_failure(a, b = c)", 27, "name steps only: on_failure(a, b)"),
        ("on_success(a) and context.x = 1", 28, "write == to compare"),
        ("context.x == \u201ca\u201d", 13, "straight quotes"),
        ("context.x == \u2018a\u2019", 13, "straight quotes"),
        ("context.x == «a»", 13, "straight quotes"),
        ('on_success(a, "")', 14, ""),
        ("on_success(not)", 14, '"not"'),
        ("on_success(in)", 11, '"in"'),
        ("on_success(a, or)", 14, '"or"'),
        ("on_success(class)", 11, '"class"'),
        ("steps.in.output.x > 1", 6, '["in"]'),
        ("steps.not.output.x > 1", 6, '["not"]'),
        ("steps.None.output.x > 1", 6, '["None"]'),
        ("and.x > 1", 0, '"and"'),
        ("not.x > 1", 3, '"not"'),
        ("on_success(a,, b)", 13, ""),
        ("   on_success(a,, b)", 13, ""),
        ("   always and nope(a)", 11, ""),
    ],
)
def test_a_caret_shows_the_place(text: str, place: int, hint: str) -> None:
    """The message quotes the condition and puts a caret below the place, counted in characters."""
    with pytest.raises(InvalidCondition) as caught:
        parse(text)
    (problem,) = caught.value.problems
    _, quoted, caret = problem.message.splitlines()

    assert quoted.strip() == text.strip()
    assert caret.index("^") - quoted.index(text.strip()) == place
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("before", "columns"),
    [("\u3000", 1), ("\U0002fffe", 1), ("\x9f", 1), ("日", 2), ("e\u0301", 1), ("\t", 1)],
    ids=range(6),
)
def test_a_caret_stands_below_what_is_shown(before: str, columns: int) -> None:
    """Columns are those of the text as it is quoted: what is shown as a replacement character takes one."""
    found = source.Source(f'"{before}" =').fault(len(before) + 3, "is wrong")
    _, quoted, caret = found.problems[0].message.splitlines()

    assert caret.index("^") == 6 + columns + 3
    assert quoted.endswith('" =')
    assert all(char.isprintable() for char in quoted)


def test_always_takes_nothing() -> None:
    """``always(a)`` is told that it takes nothing, not that there is no such function."""
    with pytest.raises(InvalidCondition) as caught:
        parse("always(a)")
    assert "no function 'always'" not in str(caught.value)


def test_the_bounds_are_exact() -> None:
    """1 KB, 32 brackets and 200 nodes are taken, more is refused before or after parsing."""
    parse("always".ljust(MAX_LENGTH))
    parse("(" * MAX_DEPTH + "always" + ")" * MAX_DEPTH)
    assert (MAX_LENGTH, MAX_DEPTH, MAX_NODES) == (1024, 32, 200)
    nodes = 8  # of the condition below without the items of its list
    parse(f"params.x in [{', '.join('1' * (MAX_NODES - nodes))}]")
    too_many = f"params.x in [{', '.join('1' * (MAX_NODES - nodes + 1))}]"
    for text in ("always".ljust(MAX_LENGTH + 1), too_many, "(" * (MAX_DEPTH + 1) + "always" + ")" * (MAX_DEPTH + 1)):
        with pytest.raises(InvalidCondition):
            parse(text)


@pytest.mark.parametrize("value", [None, b"always", 5, ["always"]], ids=repr)
def test_what_is_no_text_is_refused(value: Any) -> None:
    """Anything but a text raises ``InvalidCondition``."""
    with pytest.raises(InvalidCondition, match="expected the text of a condition"):
        parse(value)


def test_filters_of_warnings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a condition is read, the filters of warnings, which are the whole process's, stay as they are."""
    before, seen, read = warnings.filters, [], ast.parse

    def watched(*args: Any, **options: Any) -> Any:
        seen.append(warnings.filters is before and list(warnings.filters) == listed)
        return read(*args, **options)

    listed = list(before)
    monkeypatch.setattr(ast, "parse", watched)
    parse("on_success(a_step_that_nobody_has_asked_of)")

    assert seen == [True]


def test_reading_in_threads_leaves_warnings_on() -> None:
    """Threads that read conditions at the same time leave the process's warnings as they were."""
    before = list(warnings.filters)

    def read(thread: int) -> None:
        for number in range(300):
            parse(f"on_success(thread_{thread}_{number})")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(read, range(4)))
    finally:
        sys.setswitchinterval(interval)

    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="still heard"):
        warnings.warn("still heard", stacklevel=1)


def test_a_parser_disturbed_by_other_threads_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CPython raises for a sound text, when threads parse at the same time, no caller sees."""
    read, faults = ast.parse, [SystemError("AST constructor recursion depth mismatch")] * 3

    def disturbed(*args: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return read(*args, **options)

    monkeypatch.setattr(ast, "parse", disturbed)

    assert parse("on_success(a_step_of_this_test_alone)").steps == ("a_step_of_this_test_alone",)
    assert not faults


def test_a_condition_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text in the same vocabulary is parsed once, however often it is asked for; refusals are made anew."""
    asked, read = [], ast.parse

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(args[0])
        return read(*args, **options)

    monkeypatch.setattr(ast, "parse", counted)
    text = "params.a_field_of_this_test_alone"
    first = parse(text)
    assert all(parse(text) is first for _ in range(8))
    assert asked == [text]

    assert parse(text, ALERTS) is not first
    with pytest.raises(InvalidCondition):
        parse(text, Vocabulary({"task": None}))
    refusals = []
    for _ in range(2):
        with pytest.raises(InvalidCondition) as caught:
            parse("params.a_field ==")
        refusals.append(caught.value)
    assert refusals[0] is not refusals[1]


def test_what_is_kept_is_bounded() -> None:
    """However many conditions a program reads, a bounded number of them is kept."""
    assert 0 < condition._read.cache_parameters()["maxsize"] <= 1024  # type: ignore[operator] # None: no bound


@pytest.mark.parametrize(
    "text", ["step.duration > 5", "step.attempt > 1", "step.status == 'x'", "step['attempts'] > 1"]
)
def test_a_step_cannot_ask_how_it_went(text: str) -> None:
    """A step is decided before it starts: what its own run will be is known to alerts only, and the error says so."""
    parse(text, ALERTS)
    with pytest.raises(InvalidCondition, match="decided before it starts"):
        parse(text, STEPS)


@pytest.mark.filterwarnings("default")
def test_warnings_of_the_parser_decide_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """A text that makes Python's parser warn is taken or refused without a warning, whatever the filters."""
    for text in (r'on_success("a\d")', "1or 2 > 1", "0x1for > 1"):
        try:
            parse(text)
        except InvalidCondition:
            continue
    assert not recwarn.list


@given(st.text(st.sampled_from("alwysonucefkip()., '\"[]<>=!-0:_{}*+"), max_size=60) | st.text(max_size=40))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    """Arbitrary text is parsed or raises ``InvalidCondition``, and nothing else."""
    try:
        condition = parse(text)
    except InvalidCondition:
        return
    assert condition.verdict(lambda id: Outcome.COMPLETED) in (None, Outcome.SKIPPED, Outcome.OMITTED)


@given(st.data())
def test_verdicts_agree_with_python(data: st.DataObject) -> None:
    """``and``, ``or`` and ``not`` mean what they mean in Python, with its precedence and brackets."""
    atoms: dict[str, Any] = {}
    ends = st.sampled_from(list(Outcome))

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        joined = st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join)
        return joined | inner.map("not {}".format) | inner.map("({})".format)

    text = data.draw(st.recursive(st.sampled_from(["on_success(a)", "on_failure(b)", "always"]), grow, max_leaves=8))
    outcomes = {"a": data.draw(ends), "b": data.draw(ends)}
    atoms |= {"on_success": lambda a: a is Outcome.COMPLETED, "on_failure": lambda b: b is Outcome.FAILED}
    holds = eval(text, atoms | outcomes | {"always": True})
    by_own_data = eval(text, atoms | {"on_success": bool, "on_failure": bool, "a": 1, "b": 1, "always": True})
    expected = None if holds else Outcome.OMITTED if by_own_data else Outcome.SKIPPED

    assert parse(text).verdict(outcomes.__getitem__) == expected
