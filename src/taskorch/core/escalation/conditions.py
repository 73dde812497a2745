"""The condition of a rule, ready to be asked: whether it holds, and when that will turn."""

import ast
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Self, TypeVar

import attrs

from taskorch.core.durations import read_duration
from taskorch.core.escalation.facts import CONFLICT, DEADLINE, DURATIONS, FACTS
from taskorch.core.escalation.rules import Rule
from taskorch.core.escalation.urgencies import later
from taskorch.core.escalation.views import Bounds, View, read_when
from taskorch.core.expressions import Condition
from taskorch.core.expressions.source import source_of
from taskorch.core.times import read_time_or_day
from taskorch.errors import InvalidDocument, InvalidTask, UndecidableCondition

T = TypeVar("T")
_WHOLE = ("task",)


@attrs.frozen
class Watch:
    """A rule with its condition understood.

    Attributes:
        rule: The rule.
        condition: Its condition.
        names: The facts it asks for by name; where it asks for any, as in ``"deadline" in task``, all of them save
            those about conflicts.
        is_whole: Whether it asks for any.
        bounds: What facts are compared with.
        is_foreseen: Whether the instants at which it turns, while the task stays as it is, follow from *bounds*
            and the service level.
    """

    rule: Rule
    condition: Condition
    names: frozenset[str]
    is_whole: bool
    bounds: Bounds
    is_foreseen: bool

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """The rule with its condition understood."""
        condition = read_when(rule.when)
        is_whole = _WHOLE in condition.fields
        names = {str(path[1]) for path in condition.fields if path != _WHOLE}
        bounds, is_foreseen = _bounds(rule.when)
        names |= FACTS.keys() - CONFLICT if is_whole else set()
        return cls(rule, condition, frozenset(names), is_whole, bounds, is_foreseen)

    def holds(self, view: View, at: datetime) -> bool | None:
        """Whether it holds for a task at an instant; None where it asks for what nobody has looked up.

        Raises:
            UndecidableCondition: It compares what cannot be compared.
            InvalidTask: It asks for the service level, and the times of the task lie beyond the calendar.
        """
        if not view.knows(self.names):
            return None
        views = view.supposed() if self.is_whole else (view,)
        answers = {self.condition.holds({"task": each.facts(at, self.names)}) for each in views}
        return answers.pop() if len(answers) == 1 else None

    def turns(self, view: View, at: datetime, *, to: bool) -> Iterator[datetime]:
        """When to look again after *at* for the condition to become what *to* says, while the task stays as it is."""
        if self.rule.every is not None and not view.task.is_final and (again := later(at, self.rule.every)):
            yield again
        try:
            instants = sorted(view.turns(at, self.names, self.bounds))
        except InvalidTask:
            return
        for instant in instants:
            if instant > at and self._is(view, instant, to):
                yield instant
                return

    def _is(self, view: View, at: datetime, wanted: bool) -> bool:
        try:
            return self.holds(view, at) is wanted
        except (UndecidableCondition, InvalidTask):
            return False


def _bounds(text: str) -> tuple[Bounds, bool]:
    """What the facts that move with time are compared with, and whether that is all quoted."""
    spans: list[tuple[str, timedelta]] = []
    times: list[datetime] = []
    is_quoted = True
    for node in ast.walk(source_of(text).tree()):
        names = set(_names_in(node)) if isinstance(node, ast.Compare) else set()
        if moving := sorted(names & {DEADLINE, *DURATIONS}):
            spans += [(name, span) for name in moving for span in _quoted(node, read_duration)]
            times += _quoted(node, read_time_or_day) if DEADLINE in names else ()
            is_quoted = is_quoted and len(names) == 1
    return Bounds(tuple(spans), tuple(times)), is_quoted


def _names_in(tree: ast.AST) -> Iterator[str]:
    """The facts that are compared: ``task.x`` or ``task["x"]``."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name("task"), name) | ast.Subscript(ast.Name("task"), ast.Constant(str(name))):
                yield name


def _quoted(tree: ast.AST, read: Callable[[str], T]) -> Iterator[T]:
    """The texts that can be read in that way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield read(node.value)
            except InvalidDocument:
                continue
