"""The Python function of a step: what it is called with, and what it gives."""

import inspect
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from taskorch.core import outputs
from taskorch.core.references import reference_of
from taskorch.errors import InvalidWorkflow, Problem

SPECIAL = ("params", "context")
"""Parameters of these names receive the run's, unless a step has that id."""


@attrs.frozen
class Parameter:
    """One parameter of a body.

    Attributes:
        name: Its name.
        required: Whether the function has no default for it.
    """

    name: str
    required: bool


@attrs.frozen(eq=False)
class Body:
    """A function as the body of a step.

    Attributes:
        function: The function, sync or async.
        parameters: Its parameters that can be given by name.
        inputs: The step each of some parameters takes its value from, given explicitly.
        annotation: Its return annotation; ``outputs.UNKNOWN`` without one.
        is_async: Whether calling it gives an awaitable.
        inline: Whether a sync function may run on the event loop, because it is quick and never blocks.
    """

    function: Callable[..., Any]  # Any: whatever the host's functions take and give
    parameters: tuple[Parameter, ...]
    inputs: Mapping[str, str]
    annotation: object
    is_async: bool
    inline: bool

    @classmethod
    def of(cls, function: Callable[..., Any], inputs: Mapping[str, str], *, inline: bool) -> "Body":
        """The body that *function* is.

        Raises:
            InvalidWorkflow: It cannot be called with named arguments, *inputs* names a parameter it does not
                have, or its return annotation can never be stored.
        """
        called = inspect.unwrap(getattr(function, "func", function))
        if not inspect.isroutine(called):
            called = type(called).__call__
        if inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called):
            raise InvalidWorkflow.because("is a generator function", "return a list instead")
        try:
            signature = inspect.signature(function)
        except ValueError:
            raise InvalidWorkflow.because("does not tell its parameters", "wrap it in a function of your own") from None
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values():
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                raise InvalidWorkflow.because(f"has the positional-only parameter {parameter.name!r}", "remove the /")
        parameters = tuple(
            Parameter(p.name, p.default is p.empty) for p in signature.parameters.values() if p.kind in kinds
        )
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
        if unknown := set(inputs) - {p.name for p in parameters}:
            if not open_ended:
                raise InvalidWorkflow.because(f"has no parameter {min(unknown)!r}", path="inputs")
            parameters += tuple(Parameter(name, True) for name in inputs if name in unknown)
        annotation = _return_annotation(function)
        if (why := outputs.JSON_CODEC.check(annotation)) is not None:
            raise InvalidWorkflow.because(f"returns what cannot be stored: {why}")
        return cls(function, parameters, inputs, annotation, _is_async(function), inline)

    @property
    def reference(self) -> str:
        """Where the function is defined, as ``module:name``."""
        return reference_of(self.function)

    def sources(self, steps: Collection[str]) -> Iterator[tuple[str, str, bool]]:
        """For each parameter that a step of *steps* feeds: its name, the step's id, whether it is required."""
        for parameter in self.parameters:
            step = self.inputs.get(parameter.name, parameter.name)
            if step in steps:
                yield parameter.name, step, parameter.required

    def problems(self, steps: Collection[str]) -> Iterator[Problem]:
        """The parameters that nothing feeds."""
        for parameter in self.parameters:
            source = self.inputs.get(parameter.name)
            if source is not None and source not in steps:
                yield Problem(f"inputs.{parameter.name}", f"there is no step {source!r}")
            elif source is None and parameter.required and parameter.name not in (*steps, *SPECIAL):
                hint = "name it like a step, give inputs=, or give it a default"
                yield Problem("", f"nothing feeds the parameter {parameter.name!r}", hint)


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - of an object with __call__, it is that which is async
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(call)


def _return_annotation(function: Callable[..., Any]) -> object:
    target = function if inspect.isroutine(function) else getattr(function, "func", type(function).__call__)
    try:
        return typing.get_type_hints(target).get("return", outputs.UNKNOWN)
    except (NameError, TypeError):  # a name that exists only for type checkers
        return outputs.UNKNOWN
