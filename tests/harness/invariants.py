"""What must hold of a run that was cut off, and of one that has ended; each under its own name.

The checks are told what the store knows (facts, record) and what really happened (effects), and say in how far
the two differ. They know nothing of how the run was disturbed.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from taskorch import LIFECYCLE, Event, Outcome, RaisedAlert, RunResult, State, Task
from taskorch.core.frontier.facts import BLOCK, CANCEL, COMPLETE, FAIL, RETRY, START, UNBLOCK, VERBS, Fact
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Slots
from taskorch.core.receipts import Record
from tests.harness.effects import Attempt, Effects
from tests.harness.scenarios import Scenario


@attrs.frozen
class Violation:
    """Something that must not be.

    Attributes:
        name: The invariant that does not hold.
        text: In what way.
    """

    name: str
    text: str


def folded(plan: Plan, facts: Sequence[Fact]) -> Frontier:
    """The frontier that *facts* lead to."""
    frontier = Frontier(plan, Slots.of(loop=99, threads=99, commands=99), 0)
    frontier.replay(facts)
    return frontier


def states_of(plan: Plan, facts: Sequence[Fact]) -> dict[str, list[State]]:
    """The history of each step, told by the table alone; ``KeyError`` for an edge it does not have."""
    histories = {step.id: [State.CREATED] for step in plan.steps}
    for step, verb, *_ in facts:
        history = histories[plan.steps[step].id]
        history.append(LIFECYCLE.target(history[-1], VERBS[verb]))
    return histories


def check_journal(plan: Plan, facts: Sequence[Fact]) -> Iterator[Violation]:
    """The facts are a legal story: a fold of them works, each history is a path, attempts count from 1."""
    try:
        states_of(plan, facts)
        folded(plan, facts)
    except Exception as error:  # noqa: BLE001 - whatever it is, the journal cannot be folded
        yield Violation("legal history", f"the journal cannot be folded: {error!r} in {facts}")
        return
    times = [fact[3] for fact in facts]
    if times != sorted(times):
        yield Violation("time goes forward", f"{times}")
    starts: dict[int, list[int]] = {}
    before: dict[int, int] = {}
    for fact in facts:
        if fact[1] in (START, RETRY) and before.get(fact[0]) != UNBLOCK:  # a held step goes on in its attempt
            starts.setdefault(fact[0], []).append(fact[2])
        before[fact[0]] = fact[1]
    for step, attempts in starts.items():
        if attempts != list(range(1, len(attempts) + 1)):
            yield Violation("attempts are counted", f"{plan.steps[step].id}: {attempts}")
    completed = Counter(fact[0] for fact in facts if fact[1] == COMPLETE)
    if any(count > 1 for count in completed.values()):
        yield Violation("one success", f"{completed}")


def check_effects(plan: Plan, facts: Sequence[Fact], effects: Effects) -> Iterator[Violation]:
    """What was done is recorded, and what is recorded was done; nothing runs on."""
    yield from (Violation(name, text) for name, text in effects.faults)
    if effects.running:
        yield Violation("no body runs on", f"{effects.running}")

    def attempts(verb: int, *types: str) -> set[Attempt]:
        return {
            (plan.steps[fact[0]].id, fact[2])
            for fact in facts
            if fact[1] == verb and (not types or fact[4]["type"] in types)
        }

    # What was cancelled for good has no other end, whatever its body still did.
    completed, failed, cancelled = attempts(COMPLETE), attempts(FAIL), attempts(CANCEL)
    held = attempts(BLOCK)  # its body has returned, and its finish may not have come yet
    bodies = {step.id for step in plan.steps if step.body is not None}
    if twice := [attempt for attempt, count in Counter(effects.began).items() if count > 1]:
        yield Violation("an attempt begins once", f"{twice}")
    if lost := set(effects.returned) - completed - held - cancelled:
        yield Violation("what returned is recorded", f"{sorted(lost)} returned; recorded are {sorted(completed)}")
    if invented := {a for a in completed | held if a[0] in bodies} - set(effects.returned):
        yield Violation("what is recorded returned", f"{sorted(invented)}")
    if lost := set(effects.raised) - attempts(FAIL, "PlannedError") - cancelled:
        yield Violation("what raised is recorded", f"{sorted(lost)}")
    if left := set(effects.began) - completed - held - failed - cancelled:
        yield Violation("an interruption is recorded", f"{sorted(left)} began, and how they ended is not recorded")


def check_heard(plan: Plan, facts: Sequence[Fact], effects: Effects) -> Iterator[Violation]:
    """Whoever listens was told everything that is recorded of steps, in order and once."""
    told = [event for event in effects.heard if isinstance(event, Event) and event.step is not None]
    heard = [(event.step, event.verb, event.attempt) for event in told]
    kept = [(plan.steps[step].id, VERBS[verb], attempt) for step, verb, attempt, *_ in facts]
    if heard != kept:
        yield Violation("what is recorded is told", f"heard {heard}; recorded are {kept}")


def check_alerts(scenario: Scenario, effects: Effects) -> Iterator[Violation]:
    """What was to be raised until the end of the run was, and once."""
    raised = Counter((event.alert, event.step) for event in effects.heard if isinstance(event, RaisedAlert))
    if raised != Counter(scenario.alerts):
        yield Violation("alerts are raised once", f"{raised}")


def check_record(record: Record | None, facts: Sequence[Fact]) -> Iterator[Violation]:
    """The lease has been given back, and the task of the run is a legal one."""
    if record is None:
        if facts:
            yield Violation("legal history", f"facts without a record: {facts}")
        return
    if record.owner is not None:
        yield Violation("the lease is released", f"epoch {record.epoch} is held by {record.owner}")
    Task.from_json(record.body)  # it refuses illegal histories


def check_result(scenario: Scenario, result: RunResult) -> Iterator[Violation]:
    """The run ended as it must, whatever it went through."""
    ends = {id: step.status for id, step in result.steps.items()}
    expected = dict.fromkeys(scenario.outputs, Outcome.COMPLETED) | dict(scenario.ends)
    if result.outputs != scenario.outputs or ends != expected or result.success is not scenario.succeeds:
        yield Violation("the right result", f"{result.status}, {ends}, {result.outputs}")


def check_end(record: Record | None, effects: Effects) -> Iterator[Violation]:
    """A run that has ended is recorded so, and no step has returned twice."""
    if record is not None and not Task.from_json(record.body).is_final:
        yield Violation("the end is recorded", f"the task is {Task.from_json(record.body).state.current}")
    returned = Counter(step for step, _ in effects.returned)
    if twice := {step: count for step, count in returned.items() if count > 1}:
        yield Violation("a recorded step is not run again", f"{twice}")


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208 - the fastest


def child_processes() -> set[int]:
    """The processes this one has started and that are still there, zombies included."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.update(map(int, task.read_text().split()))
    return found
