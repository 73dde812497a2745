"""Laws of escalation over random lives of tasks: once per task, rule and level; ladders; never looked at too late."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import (
    DEFAULT_RULES,
    LIFECYCLE,
    BusinessCalendar,
    Escalation,
    Escalator,
    QueueSpec,
    Rule,
    Rung,
    State,
    Task,
    Verb,
    advance,
    dependency_conflicts,
)
from taskorch.core.task import Dependencies, QueueEntry
from tests.core.samples import NOW

HOUR = timedelta(hours=1)
LADDER = (Rung("bob", after=2 * HOUR), Rung("cy"), Rung("dee", after=timedelta(minutes=1)))
LADDERS = tuple(attrs.evolve(rule, ladder=LADDER) for rule in DEFAULT_RULES)
OPEN = [("09:00", "12:00"), ("13:30", "18:00")]
HOURS = BusinessCalendar(dict.fromkeys(("mon", "tue", "thu", "fri"), OPEN))
WORDS = {"urgency": "low", "suggested_action": "look", "escalated_to": "ann"}
OTHERS = tuple(
    Rule(f"r{n}", when, **WORDS)
    for n, when in enumerate(
        (
            'task.remaining <= "30m"',
            'task.remaining < "2h" and not task.remaining < "10m"',
            'task.remaining <= "-1h"',
            'task.waiting_for > "15m"',
            'task.state != "BLOCKED" and "1h" <= task.in_state_for < "2h"',
            'task.age >= "45m" and task.sla_status == "on_track"',
            'task.deadline > "2026-11-20T18:00:00Z" and task.deadline <= "2026-11-21T20:00:00Z"',
            'task.deadline >= "2026-11-23T09:30:00Z" or task.deadline == "2026-11-20T23:00:00Z"',
        )
    )
)
SPECS = (
    QueueSpec("q", 8 * HOUR, calendar=HOURS),
    QueueSpec("q", 5 * HOUR, calendar=HOURS, pause_in={State.BLOCKED}, anchor="started"),
    QueueSpec("q", 8 * HOUR, pause_in={State.BLOCKED}),
    QueueSpec("q", 2 * HOUR, anchor="started"),
    QueueSpec("q", 30 * HOUR, anchor="entered", pause_in={State.CREATED, State.ON_HOLD, State.BLOCKED}),
    QueueSpec("q", HOUR / 7),
    QueueSpec("q"),
)

# Gaps that often end exactly where something comes due.
GAPS = st.one_of(
    st.sampled_from([0, 1, 900, 2700, 3600, 3600 * 3, 3600 * 7, 86_399, 86_400, 86_401]),
    st.integers(0, 40 * 3600),
    st.floats(0, 3600).map(lambda seconds: round(seconds, 6)),
).map(lambda seconds: timedelta(seconds=seconds))
STEPS = st.lists(st.tuples(GAPS, st.integers(0, 20), st.booleans()), max_size=14)


@attrs.frozen
class Seen:
    """A version of a task, and when it came to be."""

    task: Task
    at: datetime


def lived(id: str, steps: list[tuple[timedelta, int, bool]], waits: tuple[str, ...] = ()) -> Iterator[Seen]:
    """Every version of a task in a life: each step waits, and does one of the verbs that are then legal."""
    task = Task.new("a task", id=id, now=NOW, dependencies=Dependencies(blocked_by=waits))
    task = attrs.evolve(task, queue=QueueEntry(name="q"))
    at = NOW
    yield Seen(task, at)
    for gap, choice, flag in steps:
        verbs = [] if task.is_final else sorted(LIFECYCLE.verbs(task.state.current))
        if not verbs:
            return
        at += gap
        verb = verbs[choice % len(verbs)]
        retry_at = at + HOUR if verb is Verb.FAIL and flag else None
        reason = ("paused" if flag else "the client") if verb is Verb.BLOCK else None
        task, _ = advance(task, verb, now=at, by="test", reason=reason, retry_at=retry_at)
        yield Seen(task, at)


DEEDS = st.sampled_from(["look", "look", "look", "acknowledge", "resolve", "forget", "forget one"])
# Which rules and queues there are after a restart, if there is one.
DEPLOYS = st.none() | st.tuples(st.sampled_from([LADDERS, DEFAULT_RULES, LADDERS[:2]]), st.sampled_from(SPECS))
LOOKS = st.lists(st.tuples(st.integers(0, 50), GAPS, DEPLOYS, st.booleans(), DEEDS), min_size=1, max_size=25)


def do(escalator: Escalator, deed: str, key: str, at: datetime) -> set[str]:
    """Do something to an escalation; the keys that may be told anew after it."""
    id, code, _ = key.split("/")
    match deed:
        case "acknowledge" | "resolve":
            getattr(escalator, deed)(key, "ann", at)
        case "forget" | "forget one":
            dropped = {e.key for e in escalator.escalations(id) if deed == "forget" or e.reason == code}
            escalator.forget(id, None if deed == "forget" else code)
            return dropped
    return set()


@settings(deadline=None)
@given(lives=st.lists(STEPS, min_size=1, max_size=3), looks=LOOKS, spec=st.sampled_from(SPECS))
def test_each_task_rule_and_level_is_told_once(
    lives: list[list[tuple[timedelta, int, bool]]],
    looks: list[tuple[int, timedelta, tuple[tuple[Rule, ...], QueueSpec] | None, bool, str]],
    spec: QueueSpec,
) -> None:
    """However often, late and out of order versions are looked at, whatever is deployed: no key comes twice.

    Nor is a level left out. Only what was forgotten is told anew.
    """
    versions = [seen for n, steps in enumerate(lives) for seen in lived(f"T{n}", steps, ("T0",))]
    conflicts = dependency_conflicts([Task.new("x", id="T0", now=NOW, dependencies=Dependencies(blocked_by=("T0",)))])
    escalator = Escalator(LADDERS, queues=[spec])
    told: dict[str, Escalation] = {}
    for index, gap, deploy, informed, deed in looks:
        seen = versions[index % len(versions)]
        at = seen.at + gap
        for escalation in escalator.look(seen.task, at, conflicts=conflicts if informed else None).raised:
            assert escalation.key not in told
            told[escalation.key] = escalation
        if told:
            for key in do(escalator, deed, list(told)[index % len(told)], at):
                del told[key]
        if deploy is not None:
            escalator = Escalator.restored(escalator.state(), deploy[0], queues=[deploy[1]])

    assert {escalation.key for escalation in escalator.escalations()} == set(told)
    for escalation in told.values():
        ladder = sorted((e for e in told.values() if is_alike(e, escalation)), key=lambda e: e.level)
        assert [e.level for e in ladder] == list(range(len(ladder)))
        for before, after in pairwise(ladder):
            wait = LADDER[before.level].after or before.deadline - before.raised_at
            assert after.raised_at - before.raised_at >= wait
        assert Escalation.from_json(escalation.to_json()) == escalation


def is_alike(one: Escalation, other: Escalation) -> bool:
    """Whether both stand on one ladder."""
    return (one.task_id, one.reason) == (other.task_id, other.reason)


PROBES = st.lists(GAPS, max_size=3)


@settings(deadline=None)
@given(steps=STEPS, spec=st.sampled_from(SPECS), rules=st.sampled_from([DEFAULT_RULES, LADDERS, OTHERS]), probes=PROBES)
def test_nothing_comes_due_before_the_time_to_look_again(
    steps: list[tuple[timedelta, int, bool]], spec: QueueSpec, rules: tuple[Rule, ...], probes: list[timedelta]
) -> None:
    """Before ``next_due`` a look finds nothing; at ``next_due`` it does: nobody polls, and nobody is late."""
    escalator = Escalator(rules)
    versions = list(lived("T", steps))
    for seen, after in zip(versions, [*versions[1:], None], strict=True):
        at = seen.at
        escalator.look(seen.task, at, spec=spec)
        for _ in range(20):
            due = escalator.next_due(at)
            tick = timedelta(microseconds=1)
            ends = [at + gap for gap in probes] + ([] if due is None else [due - tick])
            for probe in ends:
                if due is None or at <= probe < due:
                    copy = Escalator.restored(escalator.state(), rules)
                    findings = copy.look(seen.task, probe, spec=spec)
                    assert (findings.raised, findings.resolved) == ((), ())
            if due is None or (after is not None and due > after.at):
                break
            assert due > at
            assert escalator.due(due) == ("T",)
            findings = escalator.look(seen.task, due, spec=spec)
            assert findings.raised or findings.resolved
            at = due


@settings(deadline=None)
@given(steps=STEPS, specs=st.tuples(st.sampled_from(SPECS), st.sampled_from(SPECS)), gap=GAPS)
def test_a_deploy_changes_what_is_foreseen(
    steps: list[tuple[timedelta, int, bool]], specs: tuple[QueueSpec, QueueSpec], gap: timedelta
) -> None:
    """Restored with other rules and queues, a task is due at once; once looked at, all is as if they had been there."""
    *_, last = lived("T", steps)
    at = last.at + gap
    before = Escalator(LADDERS, queues=specs[:1])
    before.look(last.task, last.at)
    restored, fresh = Escalator.restored(before.state(), OTHERS, queues=specs[1:]), Escalator(OTHERS, queues=specs[1:])

    assert (restored.next_due(at), restored.due(at)) == (at, ("T",))
    assert restored.look(last.task, at) == fresh.look(last.task, at)
    assert restored.next_due(at) == fresh.next_due(at)


@settings(deadline=None)
@given(steps=STEPS)
def test_a_failure_for_good_is_told_by_one_rule(steps: list[tuple[timedelta, int, bool]]) -> None:
    """In any life, a task that has failed for good is told of by exactly one of the two rules about failures."""
    *_, last = lived("T", steps)
    codes = [e.reason for e in Escalator().look(last.task, last.at).raised]
    told = {"retries_exhausted", "non_recoverable_error"} & set(codes)

    assert len(told) == (last.task.state.current is State.FAILED and last.task.is_final)
    assert ("retries_exhausted" in told) <= (last.task.internals.attempt >= 4)
