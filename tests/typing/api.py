"""Never run: the type checker reads it as a host program would be read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import taskorch
from taskorch.observers import AuditLog, Fault, Flaw, Head, LogObserver, Verdict, verify_audit
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.testing import FakeClock, check_dispatcher, check_store, simulate

flow = taskorch.Workflow("typed", timeout=3600)


@flow.step(timeout=60, retry=taskorch.Retry(max_attempts=4, initial=1, multiplier=2, max_delay=30))
async def extract() -> list[int]:
    """An async body keeps its type."""
    return [1]


@flow.step
def total(extract: list[int]) -> int:
    """So does a sync one."""
    return sum(extract)


@flow.step(inputs={"count": total}, after=[extract, "total"], condition="on_success(total)")
def report(count: int) -> str:
    """So does one with options."""
    return str(count)


def quiet() -> None:
    """A function that is made a step by a call."""


async def main() -> None:
    """What a host does with a run."""
    result = await taskorch.run(
        flow,
        params={"month": "2026-11"},
        store=SQLiteStore("runs.db", durability="normal"),
        clock=FakeClock(datetime(2026, 1, 1, tzinfo=UTC)),
        concurrency=4,
        observers=[LogObserver(), lambda event: event.step],
    )
    assert_type(result.check(), taskorch.RunResult)
    assert_type(result[extract], list[int])
    assert_type(result[total], int)
    assert_type(result[report], str)
    assert_type(await extract(), list[int])
    assert_type(result.explain(total), taskorch.Explanation)
    assert_type(result.explain("total").causes, tuple[taskorch.Cause, ...])
    step = result.steps["total"]
    assert_type(step.status, taskorch.Outcome)
    assert_type(step.started_at, datetime | None)
    assert_type(flow.critical_path().duration, timedelta)
    assert_type(flow.stages(), tuple[tuple[str, ...], ...])
    assert_type(flow.step(quiet, id="quiet", after="total")(), None)
    assert_type(await check_store(MemoryStore), int)
    await check_dispatcher(Elsewhere)


async def steering() -> None:
    """What a host does with a run that goes on."""
    async with taskorch.start(flow, params={"month": "2026-11"}, store="runs.db", concurrency=4) as run:
        assert_type(run, taskorch.RunHandle)
        assert_type(run.status()["status"], Any)
        await run.pause()
        await run.resume()
        await run.cancel()
        assert_type(await run.restart(from_step=total), taskorch.RunHandle)
        assert_type(await run.wait(), taskorch.RunResult)
        assert_type(run.explain("total").reason, str)
    assert_type(await taskorch.monitor("RUN-1", "status"), dict[str, Any])
    async with SQLiteStore("runs.db", shared=True) as shared:
        remote = await taskorch.find_run(shared, "RUN-1")
        assert_type(remote, taskorch.RemoteRun)
        assert_type(await remote.pause(), None)
        assert_type(await remote.status(), taskorch.RemoteStatus)
        assert_type((await remote.status()).owner, str | None)


def foresee(hours: dict[str, timedelta]) -> float:
    """What a host does to foresee a run."""
    assert_type(simulate(flow), taskorch.RunResult)
    result = taskorch.simulate(flow, concurrency=2, durations=hours, outcomes={"total": "failed"}, seed=7)
    assert_type(
        taskorch.simulate(flow, durations={"extract": 1}, outcomes={"total": ["failed", OSError()]})[total], int
    )
    return result.metrics.makespan


class Elsewhere:
    """A dispatcher of a host, which imports nothing to comply."""

    async def dispatch(self, job: object, report: object) -> object:
        """Run the job."""
        return None


def tasks(table: taskorch.TransitionTable = taskorch.LIFECYCLE) -> Mapping[str, object]:
    """What a host does with a task."""
    task = taskorch.Task.new("Analyse the brief")
    task, event = taskorch.advance(task, taskorch.Verb.ENQUEUE, now=datetime.now(UTC), by="ann", table=table)
    assert_type(event, taskorch.Event)
    assert_type(table.target(task.state.current, taskorch.Verb.CANCEL), taskorch.State)
    return taskorch.Task.from_json(task.to_json()).to_dict()


class Backwards:
    """A discipline of a host, which names what it is given."""

    def choose(self, lanes: Sequence[taskorch.Lane]) -> taskorch.Lane:
        """The lowest lane."""
        return lanes[-1]

    def served(self, lane: taskorch.Lane, lanes: Sequence[taskorch.Lane]) -> None:
        """It has no memory."""


def queues(calendar: taskorch.Calendar, line: taskorch.Discipline | None = None) -> taskorch.Standing:
    """What a host does with queues: its own discipline, working time and verdicts."""
    spec = taskorch.QueueSpec("mine", sla=3600, calendar=calendar)
    engine = taskorch.QueueEngine([spec], discipline=line or Backwards())
    now = datetime.now(UTC)
    task = engine.placed(taskorch.Task.new("Analyse the brief", queue="mine"), now)
    assert_type(taskorch.remaining(task, now).basis, taskorch.RemainingBasis)
    assert_type(taskorch.Escalator().look(task, now).undecided, tuple[taskorch.Undecided, ...])
    assert_type(taskorch.route("how full are the queues").candidates, tuple[taskorch.Candidate, ...])
    stands = taskorch.standing(task, spec, now)
    assert_type(stands.basis, taskorch.DeadlineBasis)
    return stands


def forecasts(found: taskorch.Forecast, made: taskorch.StatusReport) -> list[taskorch.PredictionBasis]:
    """What a host reads in a forecast and in a report."""
    assert_type(made.standings, tuple[taskorch.TaskStanding, ...])
    return [prediction.basis for prediction in found.predictions]


def trail(log: AuditLog, path: str) -> tuple[Head, Flaw | None]:
    """What a host does with an audit file."""
    verdict = verify_audit(path)
    assert_type(verdict, Verdict)
    if verdict.flaw is not None:
        assert_type(verdict.flaw.fault, Fault)
    return log.head, verdict.flaw


class Once:
    """A strategy of a host: a second attempt, and no more."""

    def decide(
        self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0
    ) -> taskorch.RetryAt | taskorch.GiveUp:
        """Try again after a second, once."""
        return taskorch.RetryAt(1) if attempt == 1 else taskorch.GiveUp("enough")


def policies(now: datetime) -> tuple[taskorch.RetryStrategy, ...]:
    """What a host makes of policies."""
    breaker = taskorch.Breaker(failure_threshold=2, reset_timeout=30)
    assert_type(breaker.state(now), taskorch.BreakerState)
    return Once(), taskorch.TenacityRetry(), taskorch.Retry()
