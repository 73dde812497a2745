"""The command that does the work: run."""

import json
import secrets
import threading
import warnings
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import anyio
import attrs

from taskorch import api
from taskorch.cli.debugging import heard
from taskorch.cli.display import Display, display, show_table
from taskorch.cli.exits import Exit, Interrupted, exit_of
from taskorch.cli.interruption import interruptible
from taskorch.cli.places import Place
from taskorch.cli.screen import Screen, shown
from taskorch.cli.tables import outputs, rows, spoken
from taskorch.core import json_text, runs
from taskorch.core.documents import JSON
from taskorch.core.frontier.plan import Plan
from taskorch.core.results import RunResult
from taskorch.core.task import check_id
from taskorch.core.workflow import Workflow
from taskorch.dispatchers import LocalDispatcher
from taskorch.errors import InvalidDocument, InvalidParameters, TaskorchError


def run(asked: Namespace, screen: Screen) -> Exit:
    """Run a workflow, or go on with a run of it."""
    flow = api.load(asked.file)
    place = _place(asked, screen)
    order = Order.of(asked, flow, place)
    place.prepare()
    began = datetime.now(UTC)
    opened = threading.Event()
    try:
        result = anyio.run(partial(_carry_out, order, display(screen), opened))
    except Interrupted as end:
        way_on = order.way_on if opened.is_set() else "nothing was begun"
        screen.say(f"interrupted, and nothing of it is alive: {way_on}")
        return Exit(128 + end.signum)
    except TaskorchError as error:
        screen.complain(error)
        code = exit_of(error)
        if code is Exit.BROKEN:
            screen.say(order.way_on if opened.is_set() else "nothing was begun")
        return code
    if result.ended_at < began:
        screen.say("it had ended before; this is its recorded result")
    _report(result, order.flow, screen, as_json=asked.json)
    return Exit.COMPLETED if result.success else Exit.FAILED


@attrs.frozen(kw_only=True)
class Order:
    """A run as it was asked for, and found possible.

    Attributes:
        flow: The workflow.
        run_id: The run.
        is_new: Whether the id was made for it.
        params: Its params; None to go on with those it was started with.
        concurrency: The most bodies at once, or None.
        dispatcher: Who runs the bodies.
        place: Where it is kept.
    """

    flow: Workflow
    run_id: str
    is_new: bool
    params: Mapping[str, JSON] | None
    concurrency: int | None
    dispatcher: LocalDispatcher
    place: Place

    @classmethod
    def of(cls, asked: Namespace, flow: Workflow, place: Place) -> "Order":
        """The order in the arguments. Whatever can be refused without a store is refused here.

        Raises:
            CallerError: It cannot be run.
        """
        Plan.of(flow)
        params = _params(asked.params, flow)
        # Only a store that is there can know what a run was started with.
        is_known = asked.run_id is not None and place.is_there
        given = None if is_known and not params else params
        if given is not None:
            runs.check(flow, {**flow.parameters, **given})
        run_id = asked.run_id
        if run_id is None:
            run_id = f"RUN-{datetime.now(UTC).year}-{secrets.token_hex(6)}"
        if problems := list(check_id(run_id)):
            raise InvalidParameters([f"--run-id: {problem.message}: {problem.hint}" for problem in problems])
        return cls(
            flow=flow,
            run_id=run_id,
            is_new=asked.run_id is None,
            params=given,
            concurrency=asked.concurrency,
            dispatcher=LocalDispatcher(directory=flow.directory, root=asked.root, work_root=place.work_root),
            place=place,
        )

    @property
    def way_on(self) -> str:
        """How to go on after an interruption. The arguments are not repeated: a value may be a secret."""
        if not self.place.keeps:
            return "with --store memory: nothing was kept to go on with"
        return f"go on by the same command with --run-id {self.run_id}"


def _place(asked: Namespace, screen: Screen) -> Place:
    """Where the run is kept; what is warned of is said in a line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        place = Place.of(asked.store, shared=asked.shared)
    for warning in caught:
        screen.say(f"warning: {shown(str(warning.message))}")
    return place


async def _carry_out(order: Order, progress: Display, opened: threading.Event) -> RunResult:
    async def work() -> RunResult:
        try:
            await order.place.store.read([order.run_id])  # before anything is said: a store that fails runs nothing
            opened.set()
            progress.say(f"run {order.run_id}: {shown(order.flow.name, 200)}")
            if order.is_new and order.place.keeps:
                progress.say(f"after an interruption, {order.way_on}")
            return await api.run(
                order.flow,
                params=order.params,
                store=order.place.store,
                dispatcher=order.dispatcher,
                run_id=order.run_id,
                concurrency=order.concurrency,
                observers=[progress],
            )
        finally:
            with anyio.CancelScope(shield=True):
                await order.place.store.aclose()

    def warn() -> None:
        progress.say("interrupted: stopping everything (once more to end at once)")

    with progress.shown(), heard(order.flow.debug, progress.say):
        return await interruptible(work, warn, progress.abandon)


def _params(pairs: list[tuple[str, str]], flow: Workflow) -> dict[str, JSON]:
    """The params by name, each of the kind of its default.

    Raises:
        InvalidParameters: One is given twice.
    """
    names = [name for name, _ in pairs]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InvalidParameters([f"--param {name}=… is given more than once" for name in twice])
    return {name: _value(text, flow.parameters.get(name)) for name, text in pairs}


def _value(text: str, default: JSON) -> JSON:
    """Text stays text, unless the default is a number, a list …: then it is read as JSON, if it is any."""
    if default is None or isinstance(default, str):
        return text
    try:
        return json_text.read(text)
    except InvalidDocument:
        return text


def _report(result: RunResult, flow: Workflow, screen: Screen, *, as_json: bool) -> None:
    if as_json:
        # ASCII only: valid whatever the encoding of the stream, and harmless to a terminal.
        screen.put(json.dumps(result.to_dict(), indent=2))
        return
    show_table(rows(result, flow), screen)
    screen.put(f"run {result.run_id}: {result.status.value} in {spoken(result.metrics.makespan)}")
    for line in outputs(result, flow):
        screen.put(line)
