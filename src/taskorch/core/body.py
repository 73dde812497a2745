"""The Python function of a step: what it is called with, and what it gives."""

import inspect
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import attrs

from taskorch.core import outputs
from taskorch.core.json_text import shown
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
class _Signature:
    """What a function tells of itself, and holds for every step it serves."""

    parameters: tuple[Parameter, ...]
    is_open: bool
    """Whether it takes any named argument."""
    annotation: object
    is_async: bool

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "_Signature":
        """The signature of *function*, which is looked at once: one function may serve very many steps."""
        if type(function) is not FunctionType:  # other callables may be equal and yet differ
            return cls.read(function)
        found = _SIGNATURES.get(function)
        if found is None:
            found = cls.read(function)
            if found.annotation is not outputs.UNKNOWN or "return" not in function.__annotations__:
                _SIGNATURES[function] = found  # an annotation that has no meaning yet may have one later
        return found

    @classmethod
    def read(cls, function: Callable[..., Any]) -> "_Signature":
        called = inspect.unwrap(getattr(function, "func", function))
        if not inspect.isroutine(called):
            called = type(called).__call__
        if inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called):
            raise InvalidWorkflow.because("is a generator function", "return a list instead")
        try:
            signature = inspect.signature(function).parameters.values()
        except ValueError:
            raise InvalidWorkflow.because("does not tell its parameters", "wrap it in a function of your own") from None
        for parameter in signature:
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                raise InvalidWorkflow.because(f"has the positional-only parameter {parameter.name!r}", "remove the /")
        annotation = _return_annotation(function)
        if (why := outputs.JSON_CODEC.check(annotation)) is not None:
            raise InvalidWorkflow.because(f"returns what cannot be stored: {why}")
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = tuple(Parameter(p.name, p.default is p.empty) for p in signature if p.kind in kinds)
        is_open = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature)
        return cls(parameters, is_open, annotation, _is_async(function))


_SIGNATURES: WeakKeyDictionary[Callable[..., Any], _Signature] = WeakKeyDictionary()  # Any: as in Body


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
        known = _Signature.of(function)
        parameters = known.parameters
        if inputs and (unknown := set(inputs) - {p.name for p in parameters}):
            if not known.is_open:
                raise InvalidWorkflow.because(f"has no parameter {shown(min(unknown))!r}", path="inputs")
            parameters += tuple(Parameter(name, True) for name in inputs if name in unknown)
        return cls(function, parameters, inputs, known.annotation, known.is_async, inline)

    def is_like(self, other: "Body") -> bool:
        """Whether the other is the same function, read in the same way."""
        return (
            self.function is other.function
            and self.parameters is other.parameters
            and self.annotation is other.annotation
        )

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
                yield Problem(f"inputs.{parameter.name}", f"there is no step {shown(source, 128)!r}")
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
