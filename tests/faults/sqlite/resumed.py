"""Whole runs through ``taskorch.run``, killed and called again under the same id until they end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import anyio

import taskorch
from taskorch.core.frontier.facts import COMPLETE, CREATED, NEXT, STATES, VERBS
from taskorch.core.receipts import Entry
from taskorch.stores import SQLiteStore
from tests.faults import checkers
from tests.faults.children import KILLED, apart, fork, hear
from tests.faults.rows import Row
from tests.faults.work import Tell, Told

CHAINS, LENGTH = 3, 10
DEATHS = 2
"""How often a run is killed at most: a step that was under way at three deaths is not tried again."""
PATIENCE = 60
"""How many seconds a process may take to begin so many steps."""


def workflow(tell: Tell) -> taskorch.Workflow:
    """Three chains of steps that come together; each step tells that its body has begun."""
    flow = taskorch.Workflow("killed")
    ends = []

    def made(strand: int, number: int) -> Any:
        before = f"c{strand}_{number - 1}" if number else None

        async def body(value: int = 1) -> int:
            tell("began", f"c{strand}_{number}")
            await anyio.sleep(0.003)
            return value * 3 + strand

        inputs = {} if before is None else {"value": before}
        return flow.step(body, id=f"c{strand}_{number}", inputs=inputs)

    for strand in range(CHAINS):
        for number in range(LENGTH):
            made(strand, number)
        ends.append(f"c{strand}_{LENGTH - 1}")

    async def total(a: int, b: int, c: int) -> int:
        tell("began", "total")
        return a + b + c

    flow.step(total, id="total", inputs=dict(zip("abc", ends, strict=True)))
    return flow


def resumed_runs(directory: Path, *, runs: int, seed: int) -> Row:
    """Kill the process of each run amid the bodies and commits of its steps, twice; then let it come to its end."""
    row = Row("SQLite: kill -9 of a process in taskorch.run", seed)
    random, path = Random(f"resumed {seed}"), directory / "resumed.db"
    with row.timed():
        wanted = apart(lambda: anyio.run(_clean))
        for number in range(runs):
            run, lives = f"run-{number}", list[list[str]]()
            for _ in range(DEATHS):
                child = fork(partial(_live, path, run))
                hear([child], PATIENCE, words=random.randrange(1, CHAINS * LENGTH // (DEATHS + 1)))
                if random.random() < 0.5:  # otherwise at once: what came before is kept by then, or never
                    hear([child], random.uniform(0, 0.006))
                row.injected += child.kill() == KILLED
                told = Told()
                told.read(child.said)
                lives.append(told.began)
                with row.judged(f"seed {seed}, {run}"):
                    checkers.no_owner_has_objected(told)
            result, entries, begun = apart(partial(anyio.run, _end, path, run))
            row.runs += 1
            row.acknowledged += len(_recorded(chain(*lives)))
            with row.judged(f"seed {seed}, {run}"):
                s8_what_has_a_successor_is_not_done_again([*lives, begun])
                s8_the_result_is_that_of_a_clean_run(result, wanted)
                s1_histories_are_legal(entries)
                s9_each_success_is_recorded_once(entries, CHAINS * LENGTH + 1)
        with row.judged(f"seed {seed}, at the end"):
            apart(partial(checkers.s27_the_file_is_sound, path))
        row.awake(row.injected * 2 >= row.runs * DEATHS, f"only {row.injected} processes were at work when killed")
    return row


def _silent(word: str, what: str, *numbers: int) -> None:
    """Tell nobody."""


async def _clean() -> dict[str, Any]:
    return dict((await taskorch.run(workflow(_silent), run_id="clean")).check().outputs)


def _live(path: Path, run: str, tell: Tell) -> None:
    async def live() -> None:
        await taskorch.run(workflow(tell), store=path, run_id=run)

    anyio.run(live)


async def _end(path: Path, run: str) -> tuple[dict[str, Any] | str, list[Entry], list[str]]:
    told = Told()
    async with SQLiteStore(path) as store:
        result = await taskorch.run(workflow(told.tell), store=store, run_id=run)
        return dict(result.outputs), await store.journal(run, n=100_000), told.began


def _recorded(begun: Iterable[str]) -> set[str]:
    """The steps of which the store has kept the end, as a step behind them has begun."""
    found = set()
    for step in begun:
        if step == "total":
            found |= {f"c{strand}_{before}" for strand in range(CHAINS) for before in range(LENGTH)}
        else:
            name, _, number = step.partition("_")
            found |= {f"{name}_{before}" for before in range(int(number))}
    return found


@checkers.checker
def s8_what_has_a_successor_is_not_done_again(lives: Sequence[Sequence[str]]) -> None:
    """A step's end is kept before what comes after it begins: no later life begins it again."""
    known = set[str]()
    for number, begun in enumerate(lives):
        again = sorted(known.intersection(begun))
        checkers.demand(not again, f"life {number} has begun {again}, whose successors had begun before")
        known |= _recorded(begun)


@checkers.checker
def s8_the_result_is_that_of_a_clean_run(result: object, wanted: object) -> None:
    """A run that was killed and called again ends as one that nobody disturbed."""
    checkers.demand(result == wanted, f"the outputs are {result} instead of {wanted}")


@checkers.checker
def s1_histories_are_legal(entries: Sequence[Entry]) -> None:
    """Every change of a step's state is a row of the transition table."""
    states: dict[int, int] = {}
    for entry in entries:
        for step, verb, *_ in entry.facts:
            state = states.get(step, CREATED)
            states[step] = NEXT[state][verb]
            checkers.demand(states[step] >= 0, f"step {step} may not {VERBS[verb]} from {STATES[state]}")


@checkers.checker
def s9_each_success_is_recorded_once(entries: Sequence[Entry], steps: int) -> None:
    """Each step has one success in the journal."""
    count = Counter(fact[0] for entry in entries for fact in entry.facts if fact[1] == COMPLETE)
    checkers.demand(set(count.values()) == {1} and len(count) == steps, f"successes by step: {dict(count)}")
