"""From a step that may start to the job its dispatcher is given: arguments, templates, encoding."""

import json
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from functools import partial
from inspect import isawaitable
from typing import Any

from taskorch.core import outputs
from taskorch.core.body import SPECIAL, Body
from taskorch.core.documents import JSON
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.slots import Kind
from taskorch.core.step import Step
from taskorch.core.templates import fill
from taskorch.errors import InvalidParameters, MissingOutput, OutputNotStorable, StepFailed
from taskorch.protocols import Codec, Command, Job


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
        self._sources = {
            number: tuple(step.body.sources(self._plan.index))
            for number, step in enumerate(self._plan.steps)
            if step.body is not None
        }

    def job(self, number: int, attempt: int) -> Job:
        """The job for one attempt of the step *number*.

        Raises:
            MissingOutput: It needs the output of a step that did not complete.
            StepFailed: A value does not fit into its command.
        """
        step = self._plan.steps[number]
        call, command = None, None
        if step.body is not None:
            call = self._call(number, step, step.body)
        else:
            command = self._command(step)
        return Job(
            run_id=self._run_id,
            step_id=step.id,
            attempt=attempt,
            idempotency_key=f"{self._run_id}/{step.id}",
            call=call,
            command=command,
            blocking=self._plan.lines[self._plan.line_of[number]].kind == Kind.THREAD,
        )

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

    def _call(self, number: int, step: Step, body: Body) -> Callable[[], object]:
        sources = self._sources[number]
        arguments: dict[str, Any] = {}  # Any: the outputs of other steps
        for name, source, required in sources:
            origin = self._plan.index[source]
            if self._frontier.ends[origin] == End.COMPLETED:
                arguments[name] = self.decoded(origin, self._frontier.details[origin])
            elif required:
                raise MissingOutput(step.id, source)
        for parameter in body.parameters:
            if parameter.name in SPECIAL and parameter.name not in self._plan.index:
                given = self._params if parameter.name == "params" else self._context
                arguments[parameter.name] = deepcopy(dict(given))  # what one body changes no other may see
        bound = partial(body.function, **arguments) if arguments else body.function
        if self._codec is None:
            return bound
        encode = partial(_encode, self._codec, step.id, body.annotation)
        return partial(_call_and_encode, bound, encode)

    def _command(self, step: Step) -> Command:
        def output_of(id: str) -> JSON:
            origin = self._plan.index[id]
            if self._frontier.ends[origin] != End.COMPLETED:
                raise MissingOutput(step.id, id)
            return self.decoded(origin, self._frontier.details[origin])

        try:
            argv = fill(step.argv or (), self._params, output_of)
        except InvalidParameters as error:
            raise StepFailed(step.id, f"cannot start: {error}") from None
        environment = {name: value for name, value in step.environment.items() if isinstance(value, str)}
        return Command(
            argv=argv,
            environment=environment,
            directory=step.working_directory,
            output=step.output or "text",
        )


def _call_and_encode(call: Callable[[], Any], encode: Callable[[Any], str]) -> str | Awaitable[str]:
    output = call()
    return _await_and_encode(output, encode) if isawaitable(output) else encode(output)


async def _await_and_encode(output: Awaitable[Any], encode: Callable[[Any], str]) -> str:
    return encode(await output)


def _encode(codec: Codec, step: str, annotation: object, output: object) -> str:
    try:
        return codec.encode(output, annotation)
    except Exception as error:
        raise OutputNotStorable(step, f"returned what cannot be stored: {error}") from error
