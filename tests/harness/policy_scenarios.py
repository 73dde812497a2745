"""Small workflows in which bounds, policies and data decide, somebody listens, and bodies have to do with runs."""

import anyio
import attrs
import tenacity
from anyio.lowlevel import checkpoint

import taskorch
from taskorch import Outcome, TenacityRetry, Workflow, current_step
from taskorch.core.settings import read_notifications
from taskorch.protocols import Dispatcher, Job, Report
from tests.harness.effects import Effects
from tests.harness.scenarios import Scenario

# --- bounds and policies --------------------------------------------------------------------------------------


def _workflow_timeout(effects: Effects) -> Workflow:
    flow = Workflow("workflow timeout", timeout=60)

    @flow.step
    async def endless() -> None:
        with effects.body():
            await anyio.sleep_forever()

    @flow.step
    async def held() -> int:
        with effects.body():
            return 1

    @flow.step
    async def after(endless: None) -> None:
        with effects.body():
            return

    flow.link(endless, held, type="finish_to_finish")
    return flow


def _total_timeout(effects: Effects) -> Workflow:
    flow = Workflow("total timeout")

    @flow.step(total_timeout=100, retries=5, retry_delay=60, allow_failure=True)
    async def stubborn() -> None:
        with effects.body():
            await checkpoint()
            effects.fail(times=1)
            await anyio.sleep_forever()

    @flow.step(after=stubborn)
    async def after() -> str:
        with effects.body():
            return "all the same"

    return flow


def _queue_timeout(effects: Effects) -> Workflow:
    flow = Workflow("queue timeout", resources={"limits": {"cpu": 1}})

    @flow.step(resources={"cpu": 1}, timeout=60, allow_failure=True)
    async def busy() -> None:
        with effects.body():
            await anyio.sleep_forever()

    @flow.step(resources={"cpu": 1}, queue_timeout=30)
    async def impatient() -> None:
        with effects.body():
            return

    @flow.step(after=busy)
    async def after() -> str:
        with effects.body():
            return "all the same"

    return flow


def _fail_fast(effects: Effects) -> Workflow:
    flow = Workflow("fail fast", fail_fast=True)

    @flow.step
    async def first() -> int:
        with effects.body():
            await checkpoint()
            return 1

    @flow.step
    async def broken(first: int) -> None:
        with effects.body():
            await checkpoint()
            effects.fail(times=99)

    @flow.step(after=first)
    async def beside() -> None:
        with effects.body():
            return

    @flow.step(after=beside)
    async def later() -> None:
        with effects.body():
            return

    @flow.step(after=broken, condition="always")
    async def never() -> None:
        with effects.body():
            return

    return flow


def _tenacity(effects: Effects) -> Workflow:
    flow = Workflow("tenacity")
    policy = TenacityRetry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(30))

    @flow.step(retry=policy)
    async def shaky() -> bool:
        with effects.body():
            await checkpoint()
            effects.fail(times=2)
            return effects.since_end("shaky") >= 30

    @flow.step(retry=policy, allow_failure=True)
    async def hopeless() -> None:
        with effects.body():
            await checkpoint()
            effects.fail(times=99)

    return flow


# --- data, listeners, and what bodies do with runs ------------------------------------------------------------


def _conditions(effects: Effects) -> Workflow:
    flow = Workflow("conditions", parameters={"limit": 10})

    @flow.step
    async def count() -> dict[str, int]:
        with effects.body():
            await checkpoint()
            return {"rows": 7}

    async def body() -> str:
        with effects.body():
            await checkpoint()
            return "run"

    flow.step(body, id="few", condition="steps.count.output.rows <= params.limit")
    flow.step(body, id="many", condition="steps.count.output.rows > params.limit")
    flow.step(body, id="repair", condition="on_failure(count)")
    flow.step(body, id="after-many", after="many")
    flow.step(body, id="after-repair", after="repair")
    return flow


def _alerts(effects: Effects) -> Workflow:
    alerts = [
        {"condition": "step.duration > 20000", "message": "{step.id} is late"},
        {"condition": 'step.status == "failed" and step.id == "slow"'},
        {"condition": "step.duration > 3600000"},
    ]
    flow = Workflow("alerts", notifications=read_notifications({"alerts": alerts}))

    @flow.step(timeout=30, allow_failure=True)
    async def slow() -> None:
        with effects.body():
            await anyio.sleep_forever()

    @flow.step(after=slow)
    async def after() -> str:
        with effects.body():
            return "all the same"

    return flow


def _nested(effects: Effects) -> Workflow:
    inner = Workflow("inner")

    @inner.step
    async def one() -> int:
        with effects.body():
            await checkpoint()
            return 1

    @inner.step
    async def two(one: int) -> int:
        with effects.body():
            await checkpoint()
            effects.fail(times=1)
            return one + 1

    inner = attrs.evolve(inner, steps=[inner.steps[0], attrs.evolve(inner.steps[1], retries=1)])
    flow = Workflow("nested")

    @flow.step
    async def outer() -> int:
        with effects.body():
            assert effects.within is not None
            return int((await effects.within(inner)).check()["two"])

    @flow.step
    async def after(outer: int) -> int:
        with effects.body():
            return outer + 1

    return flow


def _own_dispatcher(effects: Effects) -> Workflow:
    flow = Workflow("own dispatcher")

    async def body() -> None:
        with effects.body(share=1):
            await anyio.sleep_forever()

    ids = [f"body-{number}" for number in range(3)]
    for id in ids:
        flow.step(body, id=id, timeout=30, allow_failure=True)

    @flow.step(after=ids)
    async def after() -> bool:  # each had its time from when its turn came
        began = [effects.since_start(id) for id in ids]
        with effects.body():
            return max(began) - min(began) >= 60

    return flow


class OneByOne:
    """A dispatcher that lets one body run after the other, however many the run would allow."""

    def __init__(self, inner: Dispatcher) -> None:
        self._inner, self._gate = inner, anyio.CapacityLimiter(1)

    async def dispatch(self, job: Job, report: Report) -> object:
        """Run the job once those before it have ended."""
        report.queued()
        async with self._gate:
            report.began()
            report.progress(50, "half of it")
            return await self._inner.dispatch(job, report)


def _cancels_itself(effects: Effects) -> Workflow:
    flow = Workflow("cancels itself")

    @flow.step
    async def before() -> int:
        with effects.body():
            await checkpoint()
            return 1

    @flow.step
    async def beside() -> None:
        with effects.body():
            await anyio.sleep_forever()

    @flow.step
    async def cancels(before: int) -> None:
        with effects.body():
            await taskorch.monitor(current_step().run_id, "cancel")

    @flow.step
    async def never(cancels: None) -> None:
        with effects.body():
            return

    return flow


TOTAL_TIMEOUT = Scenario(
    name="total timeout",
    build=_total_timeout,
    outputs={"after": "all the same"},
    ends={"stubborn": Outcome.FAILED},
)
ALERTS = Scenario(
    name="alerts",
    build=_alerts,
    outputs={"after": "all the same"},
    ends={"slow": Outcome.FAILED},
    observed=True,
    alerts=[(0, "slow"), (1, "slow")],
)

DECIDED = (
    Scenario(
        name="workflow timeout",
        build=_workflow_timeout,
        outputs={},
        ends={"endless": Outcome.FAILED, "held": Outcome.FAILED, "after": Outcome.CANCELLED},
        succeeds=False,
    ),
    TOTAL_TIMEOUT,
    Scenario(
        name="queue timeout",
        build=_queue_timeout,
        outputs={"after": "all the same"},
        ends={"busy": Outcome.FAILED, "impatient": Outcome.CANCELLED},
        succeeds=False,
    ),
    Scenario(
        name="fail fast",
        build=_fail_fast,
        outputs={"first": 1},
        ends={"broken": Outcome.FAILED, **dict.fromkeys(("beside", "later", "never"), Outcome.CANCELLED)},
        succeeds=False,
        concurrency=1,
    ),
    Scenario(name="tenacity", build=_tenacity, outputs={"shaky": True}, ends={"hopeless": Outcome.FAILED}),
    Scenario(
        name="conditions on data",
        build=_conditions,
        outputs={"count": {"rows": 7}, "few": "run", "after-many": "run"},
        ends={"many": Outcome.SKIPPED, "repair": Outcome.OMITTED, "after-repair": Outcome.OMITTED},
    ),
    ALERTS,
    Scenario(name="nested run", build=_nested, outputs={"outer": 2, "after": 3}),
    Scenario(
        name="own dispatcher",
        build=_own_dispatcher,
        outputs={"after": True},
        ends=dict.fromkeys(("body-0", "body-1", "body-2"), Outcome.FAILED),
        dispatcher=OneByOne,
    ),
    Scenario(
        name="cancels itself",
        build=_cancels_itself,
        outputs={"before": 1},
        ends=dict.fromkeys(("beside", "cancels", "never"), Outcome.CANCELLED),
        succeeds=False,
    ),
)
