"""Properties of the frontier: what it decides follows from its facts alone, is legal, and comes to an end."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskorch import Workflow
from taskorch.core.frontier.facts import CANCEL, COMPLETE, CREATED, ENQUEUE, FAIL, START
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.plan import Plan
from tests.harness import invariants
from tests.harness.graphs import BEGIN, SECOND, Life, fresh, workflows

MOST = 400
"""More steps than any life takes that comes to an end."""
lives = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def choices(data: st.DataObject) -> Callable[[int], int]:
    """Lets hypothesis choose."""
    return lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0


def led(data: st.DataObject, flow: Workflow, *, cuts: bool = False) -> Life:
    """A life of *flow* led to its end."""
    plan = Plan.of(flow)
    life = Life(plan, data.draw(st.integers(1, 4)), choices(data))
    life.start()
    left = data.draw(st.integers(0, 3)) if cuts else 0
    for _ in range(MOST):
        if left and data.draw(st.integers(0, 4)) == 0:
            left -= 1
            if data.draw(st.booleans()):
                life.cut_off()
            resumed = fresh(plan, life.places)
            resumed.replay(life.frontier.facts)
            life.start(resumed)
        if not life.step():
            break
    return life


@lives
@given(st.data(), workflows())
def test_everything_ends(data: st.DataObject, flow: Workflow) -> None:
    """Whatever happens to the bodies, every step ends, no place is kept, and nothing is left to wait for."""
    frontier = led(data, flow, cuts=True).frontier
    assert frontier.open == 0
    assert OPEN not in frontier.ends
    assert frontier.next_due() is None
    assert frontier.take(BEGIN) is None
    assert frontier.slots.free == fresh(frontier.plan, frontier.slots.free[0]).slots.free


@lives
@given(st.data(), workflows())
def test_the_fold_of_the_facts_is_the_live_frontier(data: st.DataObject, flow: Workflow) -> None:
    """After every unit the fold of the facts so far equals the frontier that has made them."""
    plan = Plan.of(flow)
    life = Life(plan, data.draw(st.integers(1, 4)), choices(data))
    life.start()
    known = 0
    for _ in range(MOST):
        if len(life.frontier.facts) > known:
            known = len(life.frontier.facts)
            folded = fresh(plan, life.places)
            folded.replay(life.frontier.facts)
            assert folded.snapshot() == life.frontier.snapshot()
        if not life.step():
            break


@lives
@given(st.data(), workflows())
def test_a_resumed_frontier_starts_nothing_before_its_time(data: st.DataObject, flow: Workflow) -> None:
    """After a fold just that may start what might have started before: retries keep their dates."""
    plan = Plan.of(flow)
    life = Life(plan, data.draw(st.integers(1, 4)), choices(data))
    life.start()
    for _ in range(data.draw(st.integers(0, 20))):
        if not life.step():
            break
    life.cut_off()
    pending = {
        step: life.frontier.details[step]["retry_at"]
        for step, end in enumerate(life.frontier.ends)
        if end == OPEN and "retry_at" in (life.frontier.details[step] or {})
    }
    folded = fresh(plan, life.places)
    folded.replay(life.frontier.facts)
    folded.resume(life.now)
    while (step := folded.take(life.now)) is not None:
        assert pending.get(step, life.now) <= life.now, f"s{step} was to wait until {pending[step] - life.now} µs later"


@lives
@given(st.data(), workflows())
def test_every_prefix_can_be_folded_and_gone_on_with(data: st.DataObject, flow: Workflow) -> None:
    """Folding any prefix works, and going on from it is legal; from the end of a unit it leads to the end."""
    life = led(data, flow)
    plan, facts = life.plan, life.frontier.facts
    cut = data.draw(st.integers(0, len(facts)))
    for length in {cut, data.draw(st.sampled_from(life.units))}:
        folded = fresh(plan, life.places)
        folded.replay(facts[:length])
        other = Life(plan, life.places, choices(data))
        other.now = life.now
        other.start(folded)
        for _ in range(MOST):
            if not other.step():
                break
        assert list(invariants.check_journal(plan, folded.facts)) == []
        assert folded.facts[:length] == facts[:length]
        if length in life.units:
            assert folded.open == 0


@lives
@given(st.data(), workflows())
def test_every_history_is_a_path_of_the_lifecycle(data: st.DataObject, flow: Workflow) -> None:
    """Every history follows the table, times never go back, attempts count from 1, and the end is the last word."""
    life = led(data, flow, cuts=True)
    assert list(invariants.check_journal(life.plan, life.frontier.facts)) == []
    last = {}
    for fact in life.frontier.facts:
        last[fact[0]] = fact
    assert len(last) == len(life.plan.steps)
    for fact in last.values():
        assert fact[1] in (COMPLETE, CANCEL) or (fact[1] == FAIL and "retry_at" not in fact[4])


@lives
@given(st.data(), workflows())
def test_joins_are_decided_only_when_all_links_are_settled(data: st.DataObject, flow: Workflow) -> None:
    """No step is enqueued, skipped or omitted before every predecessor has ended; none is decided twice."""
    life = led(data, flow, cuts=True)
    plan, ended, begun, decided = life.plan, set(), set(), set()
    sources = {step: set() for step in range(len(plan.steps))}
    begins = {step: set() for step in sources}
    for link in flow.all_links():
        if link.type.gates_start:
            gates = sources if link.type.from_finish else begins
            gates[plan.index[link.successor]].add(plan.index[link.predecessor])
    for step, verb, _, _, detail in life.frontier.facts:
        if verb == ENQUEUE or (verb == CANCEL and detail in ("skipped", "omitted")):
            assert sources[step] <= ended
            assert begins[step] <= ended | begun
            assert step not in decided
            decided.add(step)
        if verb in (COMPLETE, CANCEL) or (verb == FAIL and "retry_at" not in detail):
            ended.add(step)
        if verb == START:
            assert step in decided
            begun.add(step)


@lives
@given(st.data(), workflows())
def test_places_are_used_as_far_as_they_go(data: st.DataObject, flow: Workflow) -> None:
    """Nothing that is ready waits while there is a place for it."""
    plan = Plan.of(flow)
    is_sequential = flow.mode == "sequential"
    life = Life(plan, data.draw(st.integers(1, 3)), choices(data))
    life.start()
    for _ in range(MOST):
        frontier = life.frontier
        assert len(life.running()) == life.places - frontier.slots.total
        assert len(life.running()) <= (1 if is_sequential else life.places)
        queued = [step for step, state in enumerate(frontier.states) if state == CREATED + 1]
        assert not queued or frontier.slots.total == 0 or (is_sequential and life.running())
        if not life.step():
            break


@lives
@given(st.data(), workflows(), st.integers(-5, 5))
def test_a_clock_that_goes_back_makes_no_time_go_back(data: st.DataObject, flow: Workflow, seconds: int) -> None:
    """Whatever the clock does, the times of the facts never go back."""
    life = Life(Plan.of(flow), 3, choices(data))
    life.start()
    for _ in range(30):
        life.now += seconds * SECOND
        if not life.step():
            break
    times = [fact[3] for fact in life.frontier.facts]
    assert times == sorted(times)


PROGRAM = """
import random
from taskorch import LinkCondition, Retry, Workflow
from taskorch.core.frontier.plan import Plan
from tests.harness.graphs import Life, body
chance = random.Random(7)
for _ in range(30):
    flow = Workflow("w", fail_fast=chance.random() < 0.2)
    for n in range(12):
        named = [f"s{o}" for o in range(n) if chance.random() < 0.3]
        flow.step(body, id=f"s{n}", allow_failure=chance.random() < 0.5, retry=Retry(initial=2),
                  condition=f"on_complete({', '.join(named)})" if named else None)
        for o in range(n):
            if chance.random() < 0.2:
                flow.link(f"s{o}", f"s{n}", condition=chance.choice(list(LinkCondition)))
    life = Life(Plan.of(flow), 3, chance.randrange)
    life.start()
    while life.step():
        pass
    print(life.frontier.facts)
"""


def test_the_same_inputs_make_the_same_facts_whatever_the_hash_seed() -> None:
    """The frontier is deterministic: neither the order of sets nor addresses in memory have a say."""
    root = Path(__file__).parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 30
