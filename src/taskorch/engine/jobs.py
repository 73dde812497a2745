"""From a step that may start to the job its dispatcher is given: arguments, templates, encoding."""

import json
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from functools import partial
from inspect import isawaitable
from types import CoroutineType
from typing import Any, NamedTuple

from taskorch.core import outputs
from taskorch.core.body import SPECIAL, Body
from taskorch.core.copies import maker
from taskorch.core.documents import EMPTY, JSON
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.slots import Kind
from taskorch.core.step import Step
from taskorch.core.templates import fill
from taskorch.errors import InvalidParameters, MissingOutput, OutputNotStorable, StepFailed
from taskorch.protocols import Codec, Command, Job

_job = maker(Job)


class Jobs:
    """Makes the jobs of one run.

    With a store, outputs are encoded in the worker as soon as the body has returned, and every successor gets
    its own decoded value; without one, the objects themselves are handed on.
    """

    def __init__(
        self,
        frontier: Frontier,
        run_id: str,
        params: Mapping[str, JSON],
        context: Mapping[str, JSON],
        codec: Codec | None,
    ) -> None:
        self._frontier, self._plan = frontier, frontier.plan
        self._run_id, self._params, self._context, self._codec = run_id, params, context, codec

    def job(self, number: int, attempt: int) -> Job:
        """The job for one attempt of the step *number*.

        Raises:
            MissingOutput: It needs the output of a step that did not complete.
            OutputNotStorable: Its command needs an output that has no JSON form.
            StepFailed: A value does not fit into its command.
        """
        step = self._plan.steps[number]
        call, command = None, None
        if step.body is not None:
            call = self.call(number)
        else:
            command = self._command(step)
        return _job(
            run_id=self._run_id,
            step_id=step.id,
            attempt=attempt,
            call=call,
            command=command,
            blocking=self._plan.line_of[number].kind == Kind.THREAD,
            resources=self._plan.resources.requests[number],
            auto_scaling=self._plan.resources.auto_scaling,
        )

    @property
    def encodes(self) -> bool:
        """Whether outputs of commands are still to be encoded."""
        return self._codec is not None and any(step.body is None for step in self._plan.steps)

    def encoded(self, number: int, output: Any) -> Any:  # Any: an output, then the detail of a fact
        """What is recorded as the output of a command; a function's is encoded where it ran."""
        step = self._plan.steps[number]
        if self._codec is None or step.body is not None:
            return output
        return _encode(self._codec, step.id, outputs.UNKNOWN, output)

    def decoded(self, number: int, detail: Any) -> Any:  # Any: the detail of a fact, then an output
        """The output of a step that completed, from the fact that says so."""
        if self._codec is None:
            return detail
        body = self._plan.steps[number].body
        return self._codec.decode(detail, outputs.UNKNOWN if body is None else body.annotation)

    def form(self, number: int, detail: Any) -> JSON:  # Any: the detail of a fact
        """The JSON form of the output of a step that completed.

        Raises:
            OutputNotStorable: Without a store outputs may be anything, and this one has no such form.
        """
        if self._codec is not None:
            return json.loads(detail)
        step = self._plan.steps[number]
        annotation = outputs.UNKNOWN if step.body is None else step.body.annotation
        return json.loads(_encode(outputs.JSON_CODEC, step.id, annotation, detail))

    def call(self, number: int) -> Callable[[], object]:
        """The body of a step that is a function, with its arguments; it raises like ``job``."""
        step = self._plan.steps[number]
        body = step.body
        assert body is not None  # noqa: S101 - said for the type checker
        inputs = _Inputs.of(body, self._plan.index) if body.parameters else None
        bound = body.function if inputs is None else partial(body.function, **self._arguments(step, inputs))
        if self._codec is None:
            return bound
        encode = partial(_encode, self._codec, step.id, body.annotation)
        return partial(_call_and_encode, bound, encode)

    def _arguments(self, step: Step, inputs: "_Inputs") -> dict[str, Any]:  # Any: the outputs of other steps
        arguments: dict[str, Any] = {}
        for name, origin, required in inputs.sources:
            if self._frontier.ends[origin] == End.COMPLETED:
                arguments[name] = self.decoded(origin, self._frontier.details[origin])
            elif required:
                raise MissingOutput(step.id, self._plan.steps[origin].id)
        for name in inputs.special:
            given = self._params if name == "params" else self._context
            arguments[name] = deepcopy(dict(given))  # what one body changes no other may see
        return arguments

    def _command(self, step: Step) -> Command:
        def output_of(id: str) -> JSON:
            origin = self._plan.index[id]
            if self._frontier.ends[origin] != End.COMPLETED:
                raise MissingOutput(step.id, id)
            return self.form(origin, self._frontier.details[origin])

        frontier = self._frontier
        others = EMPTY if frontier.view is None else frontier.view.at(frontier.latest, step.id)
        try:
            argv = fill(step.argv or (), self._params, output_of, others)
        except InvalidParameters as error:
            raise StepFailed(step.id, f"cannot start: {error}") from None
        environment = {name: value for name, value in step.environment.items() if isinstance(value, str)}
        return Command(
            argv=argv,
            environment=environment,
            directory=step.working_directory,
            output=step.output or "text",
        )


class _Inputs(NamedTuple):
    """What the parameters of a body are fed from: other steps, and the run itself."""

    sources: tuple[tuple[str, int, bool], ...]
    special: tuple[str, ...]

    @classmethod
    def of(cls, body: Body, index: Mapping[str, int]) -> "_Inputs | None":
        """Those of *body*; None if it takes nothing."""
        sources = tuple((name, index[source], required) for name, source, required in body.sources(index))
        special = tuple(p.name for p in body.parameters if p.name in SPECIAL and p.name not in index)
        return cls(sources, special) if sources or special else None


def _call_and_encode(call: Callable[[], Any], encode: Callable[[Any], str]) -> str | Awaitable[str]:
    output = call()
    is_awaited = type(output) is CoroutineType or isawaitable(output)  # nearly always the first, or neither
    return _await_and_encode(output, encode) if is_awaited else encode(output)


async def _await_and_encode(output: Awaitable[Any], encode: Callable[[Any], str]) -> str:
    return encode(await output)


def _encode(codec: Codec, step: str, annotation: object, output: object) -> str:
    try:
        return codec.encode(output, annotation)
    except Exception as error:
        raise OutputNotStorable(step, f"returned what cannot be stored: {error}") from error
