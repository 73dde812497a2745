"""Ways to carry a run out, and to steer it meanwhile; each with the results it may have."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import attrs
from anyio.lowlevel import checkpoint

import taskorch
from taskorch import Outcome, RunResult, Workflow
from taskorch.protocols import Dispatcher
from tests.harness.invariants import Violation, check_result
from tests.harness.scenarios import Scenario


@attrs.frozen
class Steered:
    """A way to carry a run out.

    Attributes:
        name: What it is called.
        carry_out: Does it, with the options of ``taskorch.run``.
        check: What is wrong with a result.
    """

    name: str
    carry_out: Callable[..., Awaitable[RunResult]]
    check: Callable[[Scenario, RunResult], Iterator[Violation]] = check_result


async def _in_a_block(flow: Workflow, **options: Any) -> RunResult:
    async with taskorch.start(flow, **options) as run:
        return await run.wait()


async def _paused(flow: Workflow, **options: Any) -> RunResult:
    async with taskorch.start(flow, **options) as run:
        for turns in (0, 3):
            for _ in range(turns):
                await checkpoint()
            await run.pause()
            run.status()
            await run.resume()
        return await run.wait()


def _cancelled_after(turns: int) -> Callable[..., Awaitable[RunResult]]:
    async def carry_out(flow: Workflow, **options: Any) -> RunResult:
        async with taskorch.start(flow, **options) as run:
            for _ in range(turns):
                await checkpoint()
            await run.cancel()
            return await run.wait()

    return carry_out


async def _restarted(flow: Workflow, **options: Any) -> RunResult:
    async with taskorch.start(flow, **options) as run:
        for _ in range(9):
            await checkpoint()
        again = await run.restart(failed_only=True)
        return await again.wait()


async def _without_a_dispatcher(flow: Workflow, *, dispatcher: Dispatcher, **options: Any) -> RunResult:
    return await taskorch.run(flow, **options)


def _check_cancelled(scenario: Scenario, result: RunResult) -> Iterator[Violation]:
    """It was cancelled, and what completed before has its output; or it was faster."""
    if result.status is not Outcome.CANCELLED:
        yield from check_result(scenario, result)
    elif wrong := {id: output for id, output in result.outputs.items() if scenario.outputs.get(id) != output}:
        yield Violation("the right result", f"{wrong}")


STRAIGHT = Steered("run", taskorch.run)
IN_A_BLOCK = Steered("block", _in_a_block)
PAUSED = Steered("paused", _paused)
CANCELLED_EARLY = Steered("cancelled early", _cancelled_after(1), _check_cancelled)
CANCELLED = Steered("cancelled", _cancelled_after(9), _check_cancelled)
RESTARTED = Steered("restarted", _restarted)
DIRECT = Steered("no dispatcher", _without_a_dispatcher)
