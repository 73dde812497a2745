"""The condition of a rule, ready to be asked: whether it holds, and when that will turn."""

import ast
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Self

import attrs

from taskorch.core.durations import read_duration
from taskorch.core.escalation.rules import Rule
from taskorch.core.escalation.urgencies import later
from taskorch.core.escalation.views import DURATIONS, VOCABULARY, View
from taskorch.core.expressions import Condition, parse
from taskorch.core.expressions.source import source_of
from taskorch.errors import InvalidDocument, InvalidTask, UndecidableCondition


@attrs.frozen
class Watch:
    """A rule with its condition understood.

    Attributes:
        rule: The rule.
        condition: Its condition.
        names: The facts it asks for.
        bounds: The durations that a fact is compared with, each with the name of the fact.
        is_foreseen: Whether the instants at which it turns, while the task stays as it is, follow from *bounds*
            and the service level.
    """

    rule: Rule
    condition: Condition
    names: frozenset[str]
    bounds: tuple[tuple[str, timedelta], ...]
    is_foreseen: bool

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """The rule with its condition understood."""
        tree = source_of(rule.when).tree()
        bounds: list[tuple[str, timedelta]] = []
        is_foreseen = True
        for node in ast.walk(tree):
            names = set(_names_in(node)) if isinstance(node, ast.Compare) else set()
            if timed := sorted(names & DURATIONS):
                bounds += [(name, span) for name in timed for span in _spans_in(node)]
                is_foreseen = is_foreseen and len(names) == 1
        return cls(rule, parse(rule.when, VOCABULARY), frozenset(_names_in(tree)), tuple(bounds), is_foreseen)

    def holds(self, view: View, at: datetime) -> bool | None:
        """Whether it holds for a task at an instant; None where it asks for what nobody has looked up.

        Raises:
            UndecidableCondition: It compares what cannot be compared.
            InvalidTask: It asks for the service level, and the times of the task lie beyond the calendar.
        """
        if not view.knows(self.names):
            return None
        return self.condition.holds({"task": view.facts(at, self.names)})

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


def _names_in(tree: ast.AST) -> Iterator[str]:
    """The facts that are asked for: ``task.x`` or ``task["x"]``."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name("task"), name) | ast.Subscript(ast.Name("task"), ast.Constant(str(name))):
                yield name


def _spans_in(tree: ast.AST) -> Iterator[timedelta]:
    """The quoted durations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield read_duration(node.value)
            except InvalidDocument:
                continue
