"""The short way in: load a workflow, run it, draw it, open a store."""

import inspect
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from taskorch.core import runs
from taskorch.core.documents import JSON
from taskorch.core.frontier.plans import plan_of
from taskorch.core.frontier.slots import Kind
from taskorch.core.json_text import described
from taskorch.core.results import RunResult
from taskorch.core.suggestions import suggestion
from taskorch.core.task import check_id
from taskorch.core.workflow import Workflow
from taskorch.dispatchers import LocalDispatcher
from taskorch.engine import arguments
from taskorch.engine.cancellations import uncut
from taskorch.engine.claims import new_owner
from taskorch.engine.clocks import SystemClock
from taskorch.engine.execution import Execution
from taskorch.engine.handle import RunHandle, alive, block, find
from taskorch.engine.loops import in_a_loop_of_its_own
from taskorch.engine.observation import Trace
from taskorch.errors import InvalidParameters, InvalidWorkflow, UnknownAction
from taskorch.formats.mermaid import workflow as mermaid
from taskorch.protocols import Clock, Dispatcher, Observer, Store

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["load", "mermaid", "monitor", "open_store", "run", "run_sync", "start"]

LOOP_LIMIT = 1000
"""The most async bodies at once, unless a run asks for another number."""
THREAD_LIMIT = 32
"""The most bodies in threads at once, unless a run asks for another number."""


def _unique(count: int) -> str:
    """So many random bytes as text: what ``secrets`` gives, without loading all that it offers."""
    return os.urandom(count).hex()


def load(path: str | os.PathLike[str]) -> Workflow:
    """Read the workflow of a JSON file; its commands run in the folder of the file.

    Args:
        path: The file.

    Raises:
        InvalidWorkflow: The file cannot be read, or what it holds is no valid workflow: every problem, with
            path and line.
        InvalidParameters: *path* is no path.
    """
    name = arguments.path_of(path)
    try:
        text, directory = Path(name).read_bytes(), Path(name).resolve().parent
    except (OSError, ValueError) as error:  # a ValueError for a text that no file can be called by
        why = getattr(error, "strerror", None) or "no file can have such a name"
        source = name if arguments.may_be_a_name(name) else ascii(name[:40])
        raise InvalidWorkflow.because(f"cannot be read: {why}", "check the path", source=source) from None
    try:
        flow = Workflow.from_json(text)
    except InvalidWorkflow as error:
        error.source = name
        raise
    return flow.at(directory)


def open_store(url: str | os.PathLike[str], *, shared: bool = False) -> Store:
    """The store that *url* names; nothing is opened before it is first used.

    Args:
        url: ``memory:``, the path of an SQLite file, plainly or as ``sqlite:///path``, or
            ``postgresql://user@host/database``. A file whose name looks like an address is given as ``./name``.
        shared: Whether other processes may use the file too, as they always may a PostgreSQL database.

    Raises:
        StoreUnreadable: No such kind of store is known, its driver is not installed, or nothing can have such a name.
            What was given is not quoted, as it may hold a password.
        InvalidParameters: *url* is no text and no path, or a store in memory is to be shared.
    """
    from taskorch import stores  # each kind imports its own driver
    from taskorch.stores import addresses

    kind, place = addresses.read(url)
    if kind == "sqlite":
        return stores.SQLiteStore(place, shared=shared)
    if kind == "postgresql":
        return stores.PostgresStore(place)
    if shared:
        raise InvalidParameters(["memory: cannot be shared with other processes; give the path of a file"])
    return stores.MemoryStore()


def work_root(store: Store | None) -> Path:
    """Where runs kept in *store* get folders for the files of their commands (``TASKORCH_WORK_DIR``).

    Beside an SQLite file it is ``<file>.work``, so that a resumed run finds what it left. For other stores, and
    without one, it is a new place among the temporary files, made when it is first needed.

    Raises:
        StoreUnreadable: The file cannot be followed to its place.
    """
    from taskorch import stores  # as above

    if store is not None and isinstance(store, stores.SQLiteStore):
        file = store.place  # one file has one work folder, by whatever link it is reached
        return file.with_name(file.name + ".work")
    return Path(tempfile.gettempdir()) / f"taskorch-{_unique(8)}"


async def run(
    workflow: Workflow,
    *,
    params: Mapping[str, JSON] | None = None,
    context: Mapping[str, JSON] | None = None,
    store: str | os.PathLike[str] | Store | None = None,
    dispatcher: Dispatcher | None = None,
    run_id: str | None = None,
    clock: Clock | None = None,
    concurrency: int | None = None,
    observers: Iterable[Observer] = (),
) -> RunResult:
    """Run a workflow to its end.

    With a store every decision is recorded before it is acted on; the same call with the same *run_id* after
    a crash goes on where the run was, and a run that has ended returns its recorded result.

    Args:
        workflow: What to run.
        params: Values for its steps, over the workflow's ``parameters``. Of a run that is resumed: as before,
            or None.
        context: Further members for its ``context``; of a resumed run as *params*.
        store: Where the run is kept: an open store, or what ``open_store`` takes; None keeps nothing.
        dispatcher: Runs all bodies; by default async ones run on the event loop, sync ones in threads and
            commands as processes in the folder of the workflow's document.
        run_id: The run's id; by default a new one.
        clock: The time; by default the system's.
        concurrency: The most bodies at once; by default 1,000 async ones, 32 in threads, and as many commands
            as the machine has processors.
        observers: Called with each event once it is safe.

    Returns:
        The result, whether the run completed or failed; ``result.check()`` raises if it failed.

    Raises:
        InvalidWorkflow: The workflow is not sound, or a step has nothing to run.
        UnsupportedFeature: It needs what this version cannot carry out.
        InvalidParameters: A param is missing, unknown, or cannot be stored; or another argument is none of its kind.
        WorkflowChanged: The run was started with another definition, params or context.
        RunBusy: Another living process or call has the run, or the store.
        PoisonedRun: It ends every process that takes it up.
        StoreError: The store cannot be opened, or failed; the run can be resumed.
        StaleLease: Another owner has taken over the run.
    """
    order = _ordered(
        workflow,
        params=params,
        context=context,
        store=store,
        dispatcher=dispatcher,
        run_id=run_id,
        clock=clock,
        concurrency=concurrency,
        observers=observers,
    )
    if order.store is None:
        return await _carry_out(order)
    async with _closing(order.store, ours=order.is_ours):
        return await _carry_out(order)


class _Order(NamedTuple):
    """What was asked for: the execution of a run, and where it is kept.

    Attributes:
        execution: The execution.
        store: The store, or None.
        is_ours: Whether it was opened here, and must be closed.
        owner: What this call is called in messages.
    """

    execution: Execution
    store: Store | None
    is_ours: bool
    owner: str


async def _carry_out(order: _Order) -> RunResult:
    handle = RunHandle(await order.execution.opened(order.store, order.owner))
    with alive(handle):
        return await handle.carry_out()


def _ordered(
    workflow: Workflow,
    *,
    params: Mapping[str, JSON] | None = None,
    context: Mapping[str, JSON] | None = None,
    store: str | os.PathLike[str] | Store | None = None,
    dispatcher: Dispatcher | None = None,
    run_id: str | None = None,
    clock: Clock | None = None,
    concurrency: int | None = None,
    observers: Iterable[Observer] = (),
) -> _Order:
    """What ``run`` was asked for; it raises what is wrong about it, before anything is opened."""
    if not isinstance(workflow, Workflow):
        raise InvalidParameters([f"a {type(workflow).__name__} is no workflow; read a file with taskorch.load()"])
    arguments.check(
        params=params, context=context, concurrency=concurrency, store=store, dispatcher=dispatcher, clock=clock
    )
    listeners = arguments.observers_of(observers)
    plan = plan_of(workflow)
    given = None if params is None else {**workflow.parameters, **params}
    if given is not None or run_id is None:
        runs.check(workflow, workflow.parameters if given is None else given)
    if run_id is None:
        run_id = _new_id()
    if problems := list(check_id(run_id)):
        raise InvalidParameters([f"run_id: {p.message}" + f"; {p.hint}" * bool(p.hint) for p in problems])
    kept = open_store(store) if isinstance(store, str | os.PathLike) else store
    execution = Execution(
        flow=workflow,
        plan=plan,
        run_id=run_id,
        params=given,
        context=None if context is None else {**workflow.context, **context},
        dispatcher=dispatcher
        if dispatcher is not None
        else LocalDispatcher(
            threads=concurrency or THREAD_LIMIT, directory=workflow.directory, work_root=work_root(kept)
        ),
        is_direct=dispatcher is None,
        limits=_limits(concurrency),
        concurrency=concurrency,
        clock=clock if clock is not None else SystemClock(),
        observers=listeners,
        trace=_trace(workflow),
    )
    return _Order(execution, kept, kept is not store, "" if kept is None else new_owner())


def _new_id() -> str:
    """An id for a run, unlike all others."""
    return f"RUN-{datetime.now(UTC).year}-{_unique(6)}"


def _in_a_block(ordered: Callable[P, _Order]) -> Callable[P, AbstractAsyncContextManager[RunHandle]]:
    """The same order, carried out while a block of code is in progress."""

    @asynccontextmanager
    async def opened(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[RunHandle]:
        order = ordered(*args, **kwargs)
        async with AsyncExitStack() as stack:
            if order.store is not None:
                await stack.enter_async_context(_closing(order.store, ours=order.is_ours))
            yield await stack.enter_async_context(block(order.execution, order.store, order.owner, _new_id))

    signature = inspect.signature(ordered).replace(return_annotation=AbstractAsyncContextManager[RunHandle])

    def call(*args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[RunHandle]:
        arguments.fit("start", signature, args, kwargs)
        return opened(*args, **kwargs)

    call.__signature__ = signature  # type: ignore[attr-defined]  # for help() and the docs
    return call


start = _in_a_block(_ordered)
start.__name__ = start.__qualname__ = "start"
start.__doc__ = """Run a workflow while a block of code watches and steers it.

    ``async with taskorch.start(flow) as run: …`` gives a ``RunHandle``. Arguments and errors are those of ``run``.
    Leaving the block waits for the end of the run, of one that is paused too, and of those that were restarted from
    it: nothing of them outlives the block. If the block raises or is cancelled, they are interrupted as ``run`` is,
    and can be resumed where there is a store. What a run has failed with (a store, a lease) is raised by
    ``RunHandle.wait``, or else when the block is left.
    """

ACTIONS = ("status", "pause", "resume", "cancel", "restart")
"""What can be asked of a run by its id."""


async def monitor(
    workflow_id: str, action: str = "status", *, from_step: str | None = None, failed_only: bool = False
) -> dict[str, Any]:
    """Ask something of a run by its id: D4's "Monitor Workflow".

    Runs are found that ``run`` or ``start`` carries out on the same event loop; those of ``run`` cannot be
    restarted.

    Args:
        workflow_id: The id of the run, the ``workflowId`` of D4's documents.
        action: ``status``, ``pause``, ``resume``, ``cancel`` or ``restart``; see ``RunHandle``.
        from_step: For ``restart``: the id of the step to begin with.
        failed_only: For ``restart``: run only that again which did not end well.

    Returns:
        D4's monitoring document once that is done; of the new run after ``restart``. Any: JSON data.

    Raises:
        UnknownRun: No run of that id is alive here.
        UnknownAction: There is no such action.
        InvalidParameters: *workflow_id* or *action* is no text, or *from_step* or *failed_only* is given for
            something else than ``restart``.
        NotSteerable: The run cannot be restarted from here.
        UnknownStep: It has no such step.
    """
    for name, given in (("workflow_id", workflow_id), ("action", action)):
        if not isinstance(given, str):
            raise InvalidParameters([f"{name}: expected a text, got {described(given)}"])
    if action not in ACTIONS:
        raise UnknownAction(action, ACTIONS, suggestion(action[:80], ACTIONS))
    if action != "restart" and (from_step is not None or failed_only):
        raise InvalidParameters(["from_step and failed_only mean something for restart only; leave them out"])
    run = find(workflow_id)
    match action:
        case "pause":
            await run.pause()
        case "resume":
            await run.resume()
        case "cancel":
            await run.cancel()
        case "restart":
            run = await run.restart(from_step, failed_only=failed_only)
    return run.status()


def _trace(flow: Workflow) -> Trace | None:
    """Who writes down what happens in a run of a workflow in debug mode."""
    if flow.debug is None or not flow.debug.enabled:
        return None
    from taskorch.observers.debug_log import DebugLog  # most runs do without it

    return DebugLog(flow.debug)


run_sync = in_a_loop_of_its_own(run)
run_sync.__name__ = run_sync.__qualname__ = "run_sync"
run_sync.__doc__ = """Run a workflow to its end from a program without an event loop.

    Arguments and errors are those of ``run``; called from inside an event loop, which it would block, it raises
    ``CallerError``. Ctrl-C raises ``KeyboardInterrupt``, also if the store fails meanwhile: that error is its context.
    """


@asynccontextmanager
async def _closing(store: Store, *, ours: bool) -> AsyncIterator[None]:
    """The time during which a store is used; one that is *ours* is closed in the end, whatever happens."""
    try:
        yield
    finally:
        if ours:
            await uncut(store.aclose)


def _limits(concurrency: int | None) -> Mapping[Kind, int]:
    if concurrency is not None:
        return dict.fromkeys(Kind, concurrency)
    return {Kind.LOOP: LOOP_LIMIT, Kind.THREAD: THREAD_LIMIT, Kind.COMMAND: os.cpu_count() or 1}
