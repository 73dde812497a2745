"""The rules of escalation, as data: when, who is told, how urgent it is, and who is told next."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import ClassVar, Final, TypeVar

import attrs

from taskorch.core.documents import Document
from taskorch.core.escalation.facts import CONTEXT, FACTS
from taskorch.core.escalation.records import check_code, check_optional_words, check_words
from taskorch.core.escalation.urgencies import ANSWER_WITHIN, Urgency, as_urgency, check_urgency
from taskorch.core.escalation.views import check_when
from taskorch.core.members import member
from taskorch.core.suggestions import suggestion
from taskorch.core.times import duration
from taskorch.errors import InvalidDocument, InvalidRule, InvalidWorkflow, Problem

T = TypeVar("T")


def _span(value: float | timedelta | None) -> timedelta | None:
    try:
        return duration(value)
    except InvalidWorkflow as error:
        raise InvalidRule(error.problems) from None


def _check_optional_urgency(value: object) -> Iterator[Problem]:
    if value is not None:
        yield from check_urgency(value)


def _check_span(value: timedelta | None) -> Iterator[Problem]:
    if value is not None and value <= timedelta(0):
        yield Problem("", f"{value} is not above 0", "leave it out for the usual time")


def _check_names(names: Iterable[object]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        head, dot, rest = str(name).partition(".")
        if head not in FACTS:
            yield Problem(f"[{index}]", f"{str(name)[:80]!r} is no fact of a task", suggestion(head, FACTS))
        elif dot and head != CONTEXT:
            yield Problem(f"[{index}]", f"there is nothing inside {head!r}", f"only {CONTEXT!r} has members")
        elif dot and "" in rest.split("."):
            yield Problem(f"[{index}]", f"{str(name)[:80]!r} has a part without a name", "write context.client.name")


def _listed(items: Iterable[T], where: str) -> tuple[T, ...]:
    if not isinstance(items, Iterable):
        raise InvalidRule.because(f"expected several, got {type(items).__name__}", "give a list", where)
    return tuple(items)


def _strings(names: Iterable[str] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else _listed(names, "context")


@attrs.frozen
class Rung(Document):
    """A further level of a ladder: who is told when nobody has acknowledged the level before.

    Attributes:
        escalated_to: Who is told.
        after: How long after the level before (seconds or a timedelta; milliseconds in documents); by default
            when its answer is overdue.
        urgency: How soon they must act; by default as on the level before.
        suggested_action: What they could do; by default as on the level before.
        answer_within: The time for their answer; by default that of the urgency.

    Raises:
        InvalidRule: A member makes no sense.
    """

    escalated_to: str = member(check=check_words, kw_only=False)
    after: timedelta | None = member(None, check=_check_span, converter=_span)
    urgency: Urgency | None = member(None, check=_check_optional_urgency, converter=as_urgency)
    suggested_action: str | None = member(None, check=check_optional_words)
    answer_within: timedelta | None = member(None, check=_check_span, converter=_span)

    invalid: ClassVar[type[InvalidDocument]] = InvalidRule


def _check_ladder(ladder: Iterable[object]) -> Iterator[Problem]:
    for index, rung in enumerate(ladder):
        if not isinstance(rung, Rung):
            yield Problem(f"[{index}]", f"expected a Rung, got {type(rung).__name__}")


def _rungs(ladder: Iterable[Rung]) -> tuple[Rung, ...]:
    return _listed(ladder, "ladder")


@attrs.frozen
class Rule(Document):
    """When somebody is to be told about a task, and what (D0, "Escalade"). Data, as document and in Python alike.

    Attributes:
        code: What it is called; the ``reason`` of its records.
        when: The condition, in the language of conditions, over the facts ``task.*`` that the page on escalation
            lists: ``task.blocked_for > "24h" and task.queue == "critical"``.
        urgency: How soon somebody must act.
        suggested_action: What they could do.
        escalated_to: Who is told.
        context: The facts that its records tell beside state and blocker, as ``attempts`` or
            ``context.client.name``; what is absent is left out.
        answer_within: The time for an answer (seconds or a timedelta; milliseconds in documents); by default that
            of the urgency: 1 h if critical, 3 h if high, 8 h if medium, 24 h if low.
        ladder: Who is told next while nobody acknowledges, in order.
        every: How often to look again at an open task, for a condition whose moment cannot be foreseen: one
            that compares a duration, or the deadline, with anything but what is quoted.

    Raises:
        InvalidRule: A member makes no sense; a document is refused with every problem.
    """

    code: str = member(check=check_code, kw_only=False)
    when: str = member(check=check_when, kw_only=False)
    urgency: Urgency = member(check=check_urgency, converter=as_urgency)
    suggested_action: str = member(check=check_words)
    escalated_to: str = member(check=check_words)
    context: tuple[str, ...] = member((), check=_check_names, converter=_strings)
    answer_within: timedelta | None = member(None, check=_check_span, converter=_span)
    ladder: tuple[Rung, ...] = member((), check=_check_ladder, converter=_rungs)
    every: timedelta | None = member(None, check=_check_span, converter=_span)

    invalid: ClassVar[type[InvalidDocument]] = InvalidRule

    def notice(self, level: int) -> "Notice":
        """What is said on a level of the ladder, from 0; raises ``InvalidRule`` where there is no such level."""
        if not 0 <= level <= len(self.ladder):
            raise InvalidRule.because(f"has no level {level!r}", f"0 to {len(self.ladder)}", "ladder", self.code)
        within = _within(self.answer_within, self.urgency)
        notice = Notice(self.urgency, self.suggested_action, self.escalated_to, within)
        for rung in self.ladder[:level]:
            urgency = rung.urgency or notice.urgency
            notice = Notice(
                urgency,
                rung.suggested_action or notice.suggested_action,
                rung.escalated_to,
                _within(rung.answer_within, urgency),
                rung.after or notice.within,
            )
        return notice


@attrs.frozen
class Notice:
    """What is said on one level of a ladder, defaults filled in.

    Attributes:
        urgency: How soon somebody must act.
        suggested_action: What they could do.
        escalated_to: Who is told.
        within: The time for an answer.
        after: How long after the level before; 0 for the first.
    """

    urgency: Urgency
    suggested_action: str
    escalated_to: str
    within: timedelta
    after: timedelta = timedelta(0)


def _within(given: timedelta | None, urgency: Urgency) -> timedelta:
    return ANSWER_WITHIN[urgency] if given is None else given


def by_code(rules: Iterable[Rule]) -> Mapping[str, Rule]:
    """The rules by their codes, in the order given.

    Raises:
        InvalidRule: Something there is no rule, or two have one code.
    """
    table: dict[str, Rule] = {}
    problems: list[Problem] = []
    listed: tuple[object, ...] = _listed(rules, "rules")
    for index, rule in enumerate(listed):
        if not isinstance(rule, Rule):
            problems.append(Problem(f"rules[{index}]", f"expected a Rule, got {type(rule).__name__}"))
            continue
        if rule.code in table:
            problems.append(Problem(f"rules[{index}].code", f"{rule.code!r} is the code of two rules"))
        table[rule.code] = rule
    if problems:
        raise InvalidRule(problems)
    return table


_FAILED = 'task.state == "FAILED" and task.final'
_EXHAUSTED = '(task.retries >= 3 or task.retries >= 1 and task.reason == "exhausted")'

DEFAULT_RULES: Final = (
    Rule(
        "blocked_over_24h",
        'task.blocked_for >= "24h"',
        urgency=Urgency.HIGH,
        suggested_action="Contacter le client directement",
        escalated_to="account_manager",
    ),
    Rule(
        "retries_exhausted",
        f"{_FAILED} and {_EXHAUSTED}",
        urgency=Urgency.HIGH,
        suggested_action="Analyser les échecs, corriger la cause, puis relancer la tâche",
        escalated_to="tech_lead",
        context=("retries", "reason"),
    ),
    Rule(
        "sla_breach_imminent",
        'task.sla_status == "at_risk" or task.sla_status == "breached"',
        urgency=Urgency.CRITICAL,
        suggested_action="Accélérer ou réaffecter la tâche, ou convenir d'un nouveau délai",
        escalated_to="project_manager",
        context=("queue", "sla_status", "deadline"),
    ),
    Rule(
        "non_recoverable_error",
        f"{_FAILED} and not {_EXHAUSTED}",
        urgency=Urgency.HIGH,
        suggested_action="Examiner l'erreur, puis corriger et relancer la tâche, ou l'abandonner",
        escalated_to="tech_lead",
        context=("attempts", "reason"),
    ),
    Rule(
        "dependency_conflict",
        "task.in_conflict",
        urgency=Urgency.MEDIUM,
        suggested_action="Revoir les dépendances de la tâche",
        escalated_to="project_manager",
        context=("blocked_by", "conflict"),
    ),
)
"""D0's five conditions, in its order.

"Over 24 h" begins when the 24 hours are over: D0's example is told at the very instant. An SLA that was breached
before anybody looked is told as well: a task that is too late needs somebody even more. A failure for good is
told by exactly one of two rules: with three or more failed retries (or fewer, where whoever failed the task gave
``exhausted`` as the reason) the retries are, else the error. While another retry is pending nothing is told; when
that fails too, it is. A retry after a lost worker counts like any other here (see the fact ``retries``), although it
does not count against ``max_attempts``. Runs end their own steps by themselves; these rules are about tasks.
"""
