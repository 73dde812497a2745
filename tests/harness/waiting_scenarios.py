"""Small workflows whose steps have to wait: for links of each type, for places, for resources, for targets."""

import time

from anyio.lowlevel import checkpoint

from taskorch import Outcome, Workflow, current_step
from taskorch.core.settings import CircuitBreaker, ErrorHandling
from tests.harness.effects import Effects
from tests.harness.scenarios import Scenario

# --- links that hold a start or a finish ----------------------------------------------------------------------


def _held(effects: Effects) -> Workflow:
    flow = Workflow("held")

    @flow.step
    async def early() -> str:
        with effects.body():
            await checkpoint()
            return "made"

    @flow.step
    async def late() -> None:
        with effects.body():
            await current_step().sleep(10)

    @flow.step(after=early)
    async def after() -> bool:
        with effects.body():
            return effects.since_end("late") >= 30

    flow.link(late, early, type="finish_to_finish", lag=30)
    return flow


def _held_in_vain(effects: Effects) -> Workflow:
    flow = Workflow("held in vain")

    @flow.step(allow_failure=True)
    async def early() -> str:
        with effects.body():
            return "made"

    @flow.step
    async def late() -> str:
        with effects.body():
            await current_step().sleep(10)
            return "well"

    @flow.step(after=early)
    async def after() -> str:
        with effects.body():
            return "all the same"

    flow.link(late, early, type="finish_to_finish", condition="failure")
    return flow


def _side_by_side(effects: Effects) -> Workflow:
    flow = Workflow("side by side")

    @flow.step
    async def leader() -> str:
        with effects.body():
            while not effects.has_begun("follower"):
                await checkpoint()
            return "led"

    @flow.step
    async def follower() -> str:
        with effects.body():
            await checkpoint()
            return "followed"

    flow.link(leader, follower, type="start_to_start", lag=20)
    return flow


# --- places, resources and targets ----------------------------------------------------------------------------


def _resources(effects: Effects) -> Workflow:
    flow = Workflow("resources", resources={"limits": {"cpu": 2}})
    for id, cpu in {"wide": 2, "left": 1, "right": 1, "last": 2}.items():

        async def body(cpu: int = cpu) -> int:
            with effects.body(share=cpu / 2):
                await checkpoint()
                return cpu

        flow.step(body, id=id, resources={"cpu": cpu})
    return flow


def _sequential(effects: Effects) -> Workflow:
    flow = Workflow("sequential", mode="sequential")

    @flow.step
    async def first() -> int:
        with effects.body(share=1):
            await checkpoint()
            return 1

    @flow.step
    def second() -> int:
        with effects.body(share=1):
            return 2

    @flow.step
    async def third() -> int:
        with effects.body(share=1):
            await checkpoint()
            return 3

    return flow


def _crowded(effects: Effects) -> Workflow:
    flow = Workflow("crowded threads")
    for number in range(3):  # and there are places for two

        def body(number: int = number) -> int:
            with effects.body(share=0.5):
                time.sleep(0.0005)
                return number

        flow.step(body, id=f"body-{number}")
    return flow


def _breaker(effects: Effects) -> Workflow:
    handling = ErrorHandling(circuit_breaker=CircuitBreaker(failure_threshold=1, timeout=60))
    flow = Workflow("circuit breaker", error_handling=handling)

    @flow.step(target="db", allow_failure=True)
    async def opens() -> None:
        with effects.body():
            await checkpoint()
            effects.fail(times=1)

    @flow.step(target="db", after=opens, retries=1, retry_delay=5)
    async def probe() -> bool:
        with effects.body():
            await checkpoint()
            effects.fail(times=1)
            return effects.since_end("probe") >= 60

    @flow.step(target="db", after=opens)
    async def waits() -> bool:
        with effects.body():
            return effects.since_end("opens") >= 120

    @flow.step(target="disk", after=opens)
    async def beside() -> str:
        with effects.body():
            return "at once"

    return flow


HELD = Scenario(name="held finish", build=_held, outputs={"early": "made", "late": None, "after": True})
RESOURCES = Scenario(name="resources", build=_resources, outputs={"wide": 2, "left": 1, "right": 1, "last": 2})

WAITING = (
    HELD,
    Scenario(
        name="held in vain",
        build=_held_in_vain,
        outputs={"late": "well", "after": "all the same"},
        ends={"early": Outcome.FAILED},
    ),
    Scenario(name="start to start", build=_side_by_side, outputs={"leader": "led", "follower": "followed"}),
    RESOURCES,
    Scenario(name="sequential", build=_sequential, outputs={"first": 1, "second": 2, "third": 3}),
    Scenario(name="crowded threads", build=_crowded, outputs={"body-0": 0, "body-1": 1, "body-2": 2}),
    Scenario(
        name="circuit breaker",
        build=_breaker,
        outputs={"probe": True, "waits": True, "beside": "at once"},
        ends={"opens": Outcome.FAILED},
    ),
)
