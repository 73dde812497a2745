"""Small workflows that go through everything a runner does, each with the end it must come to."""

import time
from collections.abc import Callable, Collection, Mapping

import anyio
import attrs
from anyio.lowlevel import checkpoint

from taskorch import Outcome, Retry, Workflow
from taskorch.protocols import Dispatcher
from tests.harness.effects import Effects


@attrs.frozen(kw_only=True)
class Scenario:
    """A workflow whose bodies write down what they do.

    Attributes:
        name: What it is called.
        build: Makes the workflow; its bodies write into the effects.
        outputs: The outputs of the steps that complete.
        ends: How the other steps end.
        succeeds: Whether the run completes.
        concurrency: The most bodies at once.
        processes: Whether it starts processes, so that one run is slow.
        dispatcher: Makes the dispatcher of the run out of the one of this machine.
        observed: Whether somebody listens.
        alerts: What is raised: the numbers of alerts, each with its step.
    """

    name: str
    build: Callable[[Effects], Workflow]
    outputs: Mapping[str, object]
    ends: Mapping[str, Outcome] = attrs.field(factory=dict)
    succeeds: bool = True
    concurrency: int = 3
    processes: bool = False
    dispatcher: Callable[[Dispatcher], Dispatcher] = lambda local: local
    observed: bool = False
    alerts: Collection[tuple[int, str]] = ()


def _chain(effects: Effects) -> Workflow:
    flow = Workflow("chain")

    @flow.step
    async def first() -> int:
        with effects.body():
            await checkpoint()
            return 1

    @flow.step
    async def second(first: int) -> int:
        with effects.body():
            await checkpoint()
            await checkpoint()
            return first + 1

    @flow.step(inline=True)
    def third(second: int) -> int:
        with effects.body():
            return second + 1

    return flow


def _fan(effects: Effects) -> Workflow:
    flow = Workflow("fan")

    @flow.step
    async def source() -> list[int]:
        with effects.body():
            return [1, 2, 3, 4]

    def leaf(place: int) -> Callable[..., object]:
        async def body(rows: list[int]) -> int:
            with effects.body():
                for _ in range(place):
                    await checkpoint()
                return rows[place] * 10

        return body

    leaves = {f"leaf-{place}": leaf(place) for place in range(4)}
    for id, body in leaves.items():
        flow.step(body, id=id, inputs={"rows": source})

    @flow.step(inputs={f"n{place}": id for place, id in enumerate(leaves)})
    async def join(**numbers: int) -> int:
        with effects.body():
            return sum(numbers.values())

    return flow


def _retried(effects: Effects) -> Workflow:
    flow = Workflow("retried")

    @flow.step(retry=Retry(max_attempts=3, initial=60, multiplier=2))
    async def shaky() -> str:
        with effects.body():
            await checkpoint()
            effects.fail(times=2)
            return "at last"

    @flow.step
    async def beside() -> str:
        with effects.body():
            await checkpoint()
            return "meanwhile"

    @flow.step
    async def after(shaky: str, beside: str) -> str:
        with effects.body():
            return f"{shaky}, {beside}"

    return flow


def _threads(effects: Effects) -> Workflow:
    flow = Workflow("threads")

    @flow.step
    def compute() -> int:
        with effects.body():
            time.sleep(0.001)
            return 20

    @flow.step
    def likewise() -> int:
        with effects.body():
            time.sleep(0.0005)
            return 22

    @flow.step
    async def add(compute: int, likewise: int) -> int:
        with effects.body():
            await checkpoint()
            return compute + likewise

    return flow


def _timed_out(effects: Effects) -> Workflow:
    flow = Workflow("timed out")

    @flow.step(timeout=30, allow_failure=True)
    async def endless() -> None:
        with effects.body():
            await anyio.sleep_forever()

    @flow.step(after=endless)
    async def after() -> str:
        with effects.body():
            return "all the same"

    return flow


def _allowed(effects: Effects) -> Workflow:
    flow = Workflow("allowed failure")

    @flow.step(allow_failure=True)
    async def broken() -> int:
        with effects.body():
            await checkpoint()
            effects.fail(times=99)
            return 0

    @flow.step(condition="on_failure(broken)")
    async def repair() -> str:
        with effects.body():
            await checkpoint()
            return "repaired"

    @flow.step(condition="on_success(broken)")
    async def never() -> None:
        with effects.body():
            return

    return flow


def _failing(effects: Effects) -> Workflow:
    flow = Workflow("failing")

    @flow.step
    async def broken() -> int:
        with effects.body():
            await checkpoint()
            effects.fail(times=99)
            return 0

    @flow.step
    async def beside() -> int:
        with effects.body():
            await checkpoint()
            return 2

    @flow.step
    async def after(broken: int) -> int:
        with effects.body():
            return broken

    return flow


def _command(effects: Effects) -> Workflow:
    flow = Workflow("command")
    flow.command(("echo", "made"), id="make", retries=1)

    @flow.step
    async def read(make: str) -> str:
        with effects.body():
            return make.upper()

    return flow


CHAIN = Scenario(name="chain", build=_chain, outputs={"first": 1, "second": 2, "third": 3})
FAN = Scenario(
    name="fan",
    build=_fan,
    outputs={"source": [1, 2, 3, 4], "leaf-0": 10, "leaf-1": 20, "leaf-2": 30, "leaf-3": 40, "join": 100},
)
RETRIED = Scenario(
    name="retried",
    build=_retried,
    outputs={"shaky": "at last", "beside": "meanwhile", "after": "at last, meanwhile"},
)
THREADS = Scenario(name="threads", build=_threads, outputs={"compute": 20, "likewise": 22, "add": 42})
TIMED_OUT = Scenario(
    name="timed out",
    build=_timed_out,
    outputs={"after": "all the same"},
    ends={"endless": Outcome.FAILED},
)
ALLOWED = Scenario(
    name="allowed failure",
    build=_allowed,
    outputs={"repair": "repaired"},
    ends={"broken": Outcome.FAILED, "never": Outcome.OMITTED},
)
FAILING = Scenario(
    name="failing",
    build=_failing,
    outputs={"beside": 2},
    ends={"broken": Outcome.FAILED, "after": Outcome.OMITTED},
    succeeds=False,
)
COMMAND = Scenario(name="command", build=_command, outputs={"make": "made", "read": "MADE"}, processes=True)

QUICK = (CHAIN, FAN, RETRIED, THREADS, TIMED_OUT, ALLOWED, FAILING)
