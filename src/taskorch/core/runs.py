"""The task a run belongs to: how it begins, goes on and ends; decided here, kept by a store."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from taskorch.core import json_text
from taskorch.core.documents import JSON
from taskorch.core.events import Event
from taskorch.core.frontier.facts import Fact
from taskorch.core.lifecycle import advance
from taskorch.core.outcomes import Outcome
from taskorch.core.states import PAUSED, State, Verb
from taskorch.core.task import Internals, Task
from taskorch.core.templates import check_parameters, check_values, parameters_in
from taskorch.core.times import microseconds
from taskorch.core.unit import LeaseAction, Put, Unit
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidParameters, WorkflowChanged

ACTOR = "taskorch/engine"
"""Who is said to have changed the task of a run."""


_WITHIN_A_TASK = json_text.Limits(depth=json_text.LIMITS.depth - 5)  # they lie so deep in the document of the task
_ENDS = {Outcome.COMPLETED: Verb.COMPLETE, Outcome.FAILED: Verb.FAIL, Outcome.CANCELLED: Verb.CANCEL}


def idempotency_key(run_id: str, step_id: str) -> str:
    """A text that is the same for every attempt of a step in a run, and for no other step or run."""
    return f"{run_id}/{step_id}"


def check(flow: Workflow, params: Mapping[str, JSON]) -> None:
    """Raise ``InvalidParameters`` if *params* lack what the commands of *flow* ask for, or hold unknown ones."""
    commands = [(step.id, step.argv) for step in flow.steps if step.argv is not None]
    check_parameters(params, flow.parameters, [name for _, argv in commands for name in parameters_in(argv)])
    for id, argv in commands:
        try:
            check_values(argv, params)
        except InvalidParameters as error:
            raise InvalidParameters(f"step {id!r}: {problem}" for problem in error.problems) from None


def new_task(
    flow: Workflow,
    *,
    mark: str,
    run_id: str,
    params: Mapping[str, JSON],
    context: Mapping[str, JSON],
    now: datetime,
    restart_of: str | None = None,
) -> tuple[Task, Event]:
    """The task of a new run, enqueued, and the event that tells so.

    Args:
        flow: Its workflow.
        mark: The fingerprint of the workflow.
        run_id: Its id, a task id.
        params: Its params, defaults included.
        context: Its context.
        now: The time.
        restart_of: The run that this one does again, or None.

    Raises:
        InvalidTask: *run_id* is no task id.
        InvalidParameters: A param is missing or unknown, or params or context cannot be written down.
    """
    check(flow, params)
    record = {"fingerprint": mark, "params": _plain("params", params), "context": _plain("context", context)}
    return task_of(flow.name, run_id, now, Internals(run=record, restart_of=restart_of))


def task_of(name: str, run_id: str, now: datetime, internals: Internals | None = None) -> tuple[Task, Event]:
    """The task of a run, enqueued, and the event; without the record of *internals* it can only live in memory."""
    task = Task.new(name, now=now, id=run_id, by=ACTOR, type="workflow", internals=internals)
    return advance(task, Verb.ENQUEUE, now=now, by=ACTOR)


def require_same(task: Task, mark: str, params: Mapping[str, JSON] | None, context: Mapping[str, JSON] | None) -> None:
    """Raise ``WorkflowChanged`` if a run is asked to go on as another one.

    Args:
        task: The task of the run.
        mark: The fingerprint of the workflow that is given now.
        params: The params that are given now; None for those of before.
        context: The context; None likewise.
    """
    record = task.internals.run
    if record.get("fingerprint") != mark:
        raise WorkflowChanged(task.id, "definition")
    for what, given in (("params", params), ("context", context)):
        if given is not None and _plain(what, given) != record.get(what):
            raise WorkflowChanged(task.id, what)


def _plain(what: str, data: Mapping[str, JSON]) -> JSON:
    """The data as it comes back from a store; what could not be read back is refused before it is written."""
    try:
        plain = json.loads(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameters([f"{what} are kept as JSON: {error}"]) from None
    if problems := json_text.check(plain, _WITHIN_A_TASK):
        raise InvalidParameters(f"{what}{'.' if p.path else ''}{p.path} {p.message}" for p in problems)
    return plain


def insertion(task: Task, facts: Iterable[Fact] = ()) -> Unit:
    """The client's unit that brings a new run into the store, with the *facts* it takes over from another one."""
    return Unit(run=task.id, epoch=0, number=0, puts=(put_of(task, None),), facts=tuple(facts))


def begun(task: Task, now: datetime) -> tuple[Task, list[Event]]:
    """The task once an owner works on it, and what that changed: nothing if one did before."""
    return _along(task, ((Verb.SCHEDULE, State.QUEUED), (Verb.START, State.SCHEDULED)), now)


def paused(task: Task, now: datetime) -> tuple[Task, list[Event]]:
    """The task once its run is paused and no body runs any more, and what that changed: nothing if it was before."""
    if task.state.current is not State.IN_PROGRESS:
        return task, []
    task, event = advance(task, Verb.BLOCK, now=now, by=ACTOR, reason=PAUSED)
    return task, [event]


def resumed(task: Task, now: datetime) -> tuple[Task, list[Event]]:
    """The task once its run goes on after a pause, and what that changed: nothing if there was none."""
    return _along(task, ((Verb.UNBLOCK, State.BLOCKED), (Verb.START, State.UNBLOCKED)), now)


def ended(task: Task, outcome: Outcome, reason: str | None, now: datetime) -> tuple[Task, list[Event]]:
    """The task once its run has ended, and what that changed; *reason* tells why it was cut short.

    By time alone a run may end while it is paused; then it has gone on for that moment.
    """
    verb, events = _ENDS[outcome], list[Event]()
    if verb is not Verb.CANCEL:
        task, events = resumed(task, now)
    reason = reason or ("step_failed" if verb is Verb.FAIL else None)
    task, event = advance(task, verb, now=now, by=ACTOR, reason=reason)
    return task, [*events, event]


def _along(task: Task, path: Sequence[tuple[Verb, State]], now: datetime) -> tuple[Task, list[Event]]:
    """The task after those verbs whose state it is in, one after the other."""
    events = []
    for verb, state in path:
        if task.state.current is state:
            task, event = advance(task, verb, now=now, by=ACTOR)
            events.append(event)
    return task, events


def put_of(task: Task, before: Task | None) -> Put:
    """The writing of *task* over *before*, or as a new one."""
    expected = None if before is None else before.metadata.version
    return Put(
        id=task.id,
        body=task.to_json(indent=None),
        version=task.metadata.version,
        expected=expected,
        state=task.state.current,
        parent=task.dependencies.parent_task,
        finished_at=microseconds(task.state.changed_at) if task.is_final else None,
    )


def release(run_id: str, epoch: int, number: int) -> Unit:
    """The unit that gives the lease back and changes nothing else."""
    return Unit(run=run_id, epoch=epoch, number=number, lease=LeaseAction.RELEASE)
