"""Steps and links: the parts of a workflow, as D4 writes them and as Python builds them."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property

import attrs

from taskorch.core import json_text
from taskorch.core.body import Body
from taskorch.core.documents import EMPTY, JSON, read_as, structure
from taskorch.core.expressions import check_condition, check_source, parse
from taskorch.core.json_text import child, described, shown
from taskorch.core.members import member, python_only
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.quantities import check_quantities
from taskorch.core.references import reference_of
from taskorch.core.retry import Retry, RetryStrategy
from taskorch.core.settings import (
    Cache,
    Gate,
    RetryPolicy,
    Wait,
    WorkflowDocument,
    at_least,
    not_empty,
    not_negative,
    one_of,
    word_of,
    write_either,
)
from taskorch.core.templates import check_arguments, steps_in
from taskorch.core.times import NOTHING, duration
from taskorch.errors import InvalidWorkflow, Problem

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/\[\]-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECOND = timedelta(seconds=1)


def check_id(id: str) -> Iterator[Problem]:
    """What keeps *id* from being the id of a step (design §5)."""
    if not _ID.fullmatch(id) or ".." in id:
        hint = "up to 128 letters, digits and . _ : / [ ] - beginning with a letter, a digit or _, without .."
        yield Problem("", f"{id[:40]!r} is not a step id", hint)


_LONGEST_ID = 128


def _check_end(id: str) -> Iterable[Problem]:
    """What keeps *id* from being an end of a link; whether there is such a step is asked of the whole workflow."""
    if len(id) <= _LONGEST_ID:
        return ()
    return (Problem("", f"{shown(id)!r}… is no step id", f"an id has up to {_LONGEST_ID} characters"),)


Command = str | tuple[str, ...]
"""A line that is split as a shell would, or the arguments themselves."""


def split(command: Command) -> tuple[str, ...]:
    """The arguments of a command; ``ValueError`` if a quote is never closed."""
    return tuple(shlex.split(command)) if isinstance(command, str) else command


def _read_command(value: JSON) -> Command | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(argument, str) for argument in value):
        return tuple(value)
    raise InvalidWorkflow.because(f"expected a command or an array of strings, got {described(value)}")


def _command_of(command: str | Sequence[str] | None) -> Command | None:
    """The converter of a command as Python's callers give it; its kind is checked after that."""
    return tuple(command) if isinstance(command, list) else command  # type: ignore[return-value]


_LONGEST_LINE = 8192


def _check_command(command: Command | None) -> Iterator[Problem]:
    if isinstance(command, str) and len(command) > _LONGEST_LINE:
        message = f"is a line of {len(command):,} characters; {_LONGEST_LINE:,} are read"
        yield Problem("", message, "give its arguments as an array, or put it into a script")
        return
    if command is None:
        return
    try:
        argv = split(command)
    except ValueError as error:
        yield Problem("", f"cannot be split into arguments: {error}", "check the quotes")
        return
    yield from check_arguments(argv)
    if not argv:
        yield Problem("", "is empty", "name the program to run")


def _check_environment(environment: JSON) -> Iterator[Problem]:
    if not isinstance(environment, Mapping):
        yield Problem("", f"expected an object, got {described(environment)}")
        return
    for name, value in environment.items():
        secret = isinstance(value, Mapping) and list(value) == ["secret"] and isinstance(value["secret"], str)
        if not _VARIABLE.fullmatch(name):
            yield Problem(child("", name), "is not the name of a variable")
        if isinstance(value, str):
            yield from (problem._replace(path=child("", name)) for problem in json_text.check(value))
        elif not secret:
            yield Problem(child("", name), f'expected a string or {{"secret": name}}, got {described(value)}')


def _check_workflow(workflow: JSON) -> Iterator[Problem]:
    if not isinstance(workflow, Mapping | None) and not (isinstance(workflow, str) and workflow.strip()):
        yield Problem("", f"expected a workflow or its name, got {described(workflow)}")


def _read_rollback(value: JSON) -> "Command | Step | None":
    return structure(value, Step) if isinstance(value, Mapping) else _read_command(value)


def _rollback_of(value: JSON) -> "Command | Step | None":
    """The converter of a rollback as Python's callers give it."""
    if isinstance(value, Step):
        return value
    if problems := json_text.check(value):
        raise InvalidWorkflow(problems)
    return _read_rollback(value)


def _check_rollback(rollback: "Command | Step | None") -> Iterator[Problem]:
    if not isinstance(rollback, Step):
        yield from _check_command(rollback)


def _write_command(command: Command | None) -> JSON:
    return list(command) if isinstance(command, tuple) else command


def _write_rollback(rollback: "Command | Step | None") -> JSON:
    return _write_command(rollback) if isinstance(rollback, str | tuple | None) else write_either(rollback)


@attrs.frozen
class Step(WorkflowDocument):
    """One step of a workflow. Durations are given in seconds or as timedelta.

    Attributes:
        id: Its id, unique in the workflow.
        name: What people call it; its id where there is none.
        command: The program to run, without a shell.
        timeout: How long one attempt may take.
        retries: How often it is tried again after a failure; overrides the policy's.
        retry_delay: The wait before the first retry; overrides the policy's.
        retry_policy: A policy of its own.
        environment: Variables for the command; ``{"secret": name}`` is resolved when it starts.
        working_directory: Relative to the folder of the document.
        condition: When it runs; see ``taskorch.core.expressions``.
        parallel: In sequential mode, whether it may overlap other such steps.
        allow_failure: Whether the run may complete although it failed.
        estimated_duration: How long it is expected to take.
        output: What the command's standard output is: ``text``, ``json`` or ``none``.
        body: The Python function of the step, if it is built in Python.
        retrying: Its policy of retries, if that was given in Python and holds what no document can.
    """

    id: str = member(check=check_id, kw_only=False)
    name: str | None = member(None)
    description: str | None = member(None)
    command: Command | None = member(
        None, read=_read_command, write=_write_command, check=_check_command, converter=_command_of
    )
    timeout: timedelta | None = member(None, check=not_negative, converter=duration)
    retries: int | None = member(None, check=at_least(0))
    retry_delay: timedelta | None = member(None, check=not_negative, converter=duration)
    retry_policy: RetryPolicy | None = member(None, converter=read_as(RetryPolicy))
    environment: Mapping[str, JSON] = member(EMPTY, check=_check_environment)
    working_directory: str | None = member(None, check=not_empty)
    condition: str | None = member(None, check=check_condition)
    parallel: bool | None = member(None)
    resources: Mapping[str, JSON] = member(EMPTY, check=check_quantities)
    allow_failure: bool = member(False)
    estimated_duration: timedelta | None = member(None, check=not_negative, converter=duration)
    total_timeout: timedelta | None = member(None, check=not_negative, converter=duration)
    queue_timeout: timedelta | None = member(None, check=not_negative, converter=duration)
    delivery: str | None = member(None, check=one_of("at_least_once", "at_most_once"))
    rollback: "str | tuple[str, ...] | Step | None" = member(
        None, read=_read_rollback, write=_write_rollback, check=_check_rollback, converter=_rollback_of
    )
    cache: Cache | None = member(None, converter=read_as(Cache))
    map: str | None = member(None, check=check_source)
    for_each: str | None = member(None, check=not_empty)
    gate: Gate | None = member(None, converter=read_as(Gate))
    wait: Wait | None = member(None, converter=read_as(Wait))
    workflow: JSON = member(None, check=_check_workflow)
    assigned_to: str | None = member(None)
    output: str | None = member(None, check=one_of("text", "json", "none"))
    target: str | None = member(None, check=not_empty)
    body: Body | None = python_only()
    retrying: RetryStrategy | None = python_only()

    @property
    def python_notes(self) -> dict[str, JSON]:
        """Its function, what feeds that, and what no document can hold of its policy of retries."""
        found: dict[str, JSON] = {}
        if self.body is not None:
            found["x-function"] = self.body.reference
            if self.body.inputs:
                found["x-inputs"] = dict(self.body.inputs)
        if self.retrying is not None and (note := getattr(self.retrying, "reference", reference_of(self.retrying))):
            found["x-retry"] = note
        return found

    @cached_property
    def argv(self) -> tuple[str, ...] | None:
        """The command's arguments, templates not filled in; None if it has no command."""
        return None if self.command is None else split(self.command)

    @cached_property
    def named_steps(self) -> tuple[tuple[str, str], ...]:
        """The steps that its ``condition``, ``map`` and ``command`` name: the member and the id, each once."""
        texts = (("condition", self.condition), ("map", self.map))
        named = [(key, id) for key, text in texts if text is not None for id in parse(text).steps]
        return (*named, *dict.fromkeys(("command", id) for id in steps_in(self.argv or ())))

    @property
    def title(self) -> str:
        """What to call it in front of people."""
        return self.name or self.id

    def retry(self, policy: RetryPolicy | None) -> RetryStrategy:
        """Its policy of retries, given that of the workflow (design §5).

        Args:
            policy: The workflow's, or None. Without any policy the wait is 1 s, every time.
        """
        if self.retrying is not None:
            return self._overridden(self.retrying)
        own = self.retry_policy or policy or RetryPolicy()
        return self._overridden(
            Retry(
                max_attempts=(own.max_retries or 0) + 1,
                initial=1.0 if own.initial_delay is None else own.initial_delay,
                multiplier=own.backoff_multiplier or 1,
                max_delay=own.max_delay,
                jitter=own.jitter or 0,
                total_timeout=own.total_timeout,
            )
        )

    def _overridden(self, given: RetryStrategy) -> RetryStrategy:
        if not isinstance(given, Retry) or (self.retries is None and self.retry_delay is None):
            return given
        return attrs.evolve(
            given,
            max_attempts=given.max_attempts if self.retries is None else self.retries + 1,
            initial=given.initial if self.retry_delay is None else self.retry_delay / _SECOND,
        )


@attrs.frozen
class Link(WorkflowDocument):
    """*successor* waits for *predecessor* (D4, "Dependency Types").

    Attributes:
        predecessor: The step waited for (``from``).
        successor: The step that waits (``to``).
        type: What of the one waits for what of the other.
        condition: Which end of the predecessor satisfies the link.
        lag: How long after that, not negative.
    """

    predecessor: str = member(key="from", kw_only=False, check=_check_end)
    successor: str = member(key="to", kw_only=False, check=_check_end)
    type: LinkType = member(LinkType.FINISH_TO_START, converter=word_of(LinkType))
    condition: LinkCondition = member(LinkCondition.SUCCESS, converter=word_of(LinkCondition))
    lag: timedelta = member(NOTHING, check=not_negative, converter=duration)
