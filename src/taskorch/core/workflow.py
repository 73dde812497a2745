"""Workflows: a named graph of steps joined by links, from D4's JSON or built in Python."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Self, TypeVar, overload

import attrs

from taskorch.core import graph, soundness, support, workflow_reader
from taskorch.core.body import Body
from taskorch.core.critical_path import CriticalPath, critical_path
from taskorch.core.documents import EMPTY, JSON, read_as
from taskorch.core.json_text import described, join, shown
from taskorch.core.layout import Layout
from taskorch.core.members import member, python_only
from taskorch.core.resources import resource_problems
from taskorch.core.retry import Retry, RetryStrategy
from taskorch.core.roll import Roll
from taskorch.core.settings import (
    Alert,
    Debug,
    ErrorHandling,
    Notifications,
    Resources,
    RetryPolicy,
    WorkflowDocument,
    as_list,
    as_tuple,
    not_empty,
    not_negative,
    notifications_in,
    one_of,
    read_notifications,
    read_resources,
    resources_of,
    write_either,
)
from taskorch.core.step import Link, Step
from taskorch.core.suggestions import suggestion
from taskorch.core.times import duration
from taskorch.errors import InvalidWorkflow, Problem

E = TypeVar("E")
F = TypeVar("F", bound=Callable[..., Any])  # Any: a step may be any function
StepRef = str | Step | Callable[..., Any]
"""A step, by id, by itself, or by its function."""


class Memo:
    """What was compiled of a workflow, for its next run; it goes when the workflow goes. A copy begins anew."""

    def __init__(self) -> None:
        self.plan: object = None
        self.mark: object = None

    def __reduce__(self) -> tuple[object, ...]:
        return Memo, ()


def _path(given: PurePath | str | None) -> PurePath | None:
    return PurePath(given) if isinstance(given, str) else given


@attrs.frozen(eq=False, init=False)
class Workflow(WorkflowDocument):
    """A named graph of steps joined by links; data, never code to be replayed.

    Attributes:
        name: What it is called.
        steps: Its steps, in the order of the document.
        links: Its links (``dependencies``).
        timeout: How long a run may take, in seconds or as timedelta.
        parallel: In sequential mode, the steps that may overlap one another.
        mode: ``parallel`` (the default) or ``sequential``.
        fail_fast: Whether nothing more is started once a step has failed that was not allowed to.
        error_handling: Policies for failures.
        resources: How much there is, and what the steps take; see ``taskorch.core.resources``.
        context: Anything the steps should know.
        parameters: Defaults of ``params``; with *template*, what fills it in.
        directory: The folder of the document; commands run there.
    """

    name: str = member(check=not_empty, kw_only=False)
    steps: list[Step] = member(factory=list, converter=as_list)
    links: list[Link] = member(factory=list, key="dependencies", converter=as_list)
    timeout: timedelta | None = member(None, check=not_negative, converter=duration)
    parallel: tuple[str, ...] = member((), converter=as_tuple)
    mode: str | None = member(None, check=one_of("parallel", "sequential"))
    fail_fast: bool = member(False)
    error_handling: ErrorHandling | None = member(None, converter=read_as(ErrorHandling))
    resources: Resources | None = member(None, read=read_resources, write=write_either, converter=resources_of)
    notifications: bool | Notifications | None = member(
        None, read=read_notifications, write=write_either, converter=read_as(Notifications)
    )
    template: str | None = member(None, check=not_empty)
    parameters: Mapping[str, JSON] = member(EMPTY)
    context: Mapping[str, JSON] = member(EMPTY)
    debug: Debug | None = member(None, converter=read_as(Debug))
    monitor: bool | None = member(None)
    retry_policy: RetryPolicy | None = member(None, converter=read_as(RetryPolicy))
    directory: PurePath | None = python_only(converter=_path)
    layout: Layout = attrs.field(factory=Layout, kw_only=True, eq=False, repr=False)
    memo: Memo = attrs.field(factory=Memo, init=False, eq=False, repr=False)
    _roll: Roll = attrs.field(factory=Roll, init=False, eq=False, repr=False)

    def __init__(self, name: str, *, timeout: float | timedelta | None = None, **members: Any) -> None:
        """A workflow called *name*; *members* are its other attributes. Any: each is checked by its own rule."""
        _check_options("", members, _MEMBERS)
        given: dict[str, Any] = {**members, "timeout": timeout}  # Any: as above
        self.__attrs_init__(name, **given)

    # --- building ----------------------------------------------------------------------------------------

    @overload
    def step(self, fn: F, /, **options: Any) -> F: ...
    @overload
    def step(self, fn: None = None, /, **options: Any) -> Callable[[F], F]: ...

    def step(
        self,
        fn: F | None = None,
        /,
        *,
        id: str | None = None,
        after: StepRef | Iterable[StepRef] = (),
        inputs: Mapping[str, StepRef] = EMPTY,  # type: ignore[assignment]  # an empty mapping maps to anything
        inline: bool = False,
        retry: RetryStrategy | None = None,
        **members: Any,  # Any: the members of Step, which checks them
    ) -> F | Callable[[F], F]:
        """Make a function a step: as a decorator, with or without arguments, or as a plain call.

        Args:
            fn: The function, sync or async. Each parameter is fed by *inputs*, by the step of the same name,
                or by the run's ``params`` and ``context``; its default serves where that step may start
                although the other gave no output (it was skipped, or allowed to fail).
            id: The step's id; by default the function's name.
            after: Steps that must have completed before.
            inputs: The step each of some parameters takes its value from.
            inline: For a sync function that never blocks: call it on the event loop, not in a thread.
            retry: How it is tried again after a failure: a ``Retry``, or whatever else can ``decide``.
            members: Further members of ``Step``: ``timeout``, ``condition``, ``allow_failure``, …

        Returns:
            The function, unchanged.

        Raises:
            InvalidWorkflow: The step cannot be; nothing was added.
        """
        if fn is None:
            return lambda function: self.step(
                function, id=id, after=after, inputs=inputs, inline=inline, retry=retry, **members
            )
        _check_call(fn, inputs, inline)
        name = _expect(str, "id", getattr(fn, "__name__", "") if id is None else id, "a string")
        if id is None and not name.isidentifier():
            raise InvalidWorkflow.because("the function has no name that could be an id", "give id=", name)
        feeds: Mapping[str, str] = {parameter: self.id_of(source) for parameter, source in inputs.items()} or _UNFED
        try:
            body = self._roll.shared(Body.of(fn, feeds, inline=inline))
        except InvalidWorkflow as error:
            raise InvalidWorkflow(p._replace(path=f"{name or fn}") for p in error.problems) from None
        _check_options(name, members, _OPTIONS)
        if retry is not None:
            _check_retry(name, retry, members)
            members |= _policy(retry)
        self.add(Step(name, body=body, **members), after=after)
        return fn

    def command(self, command: str | tuple[str, ...], /, *, id: str, after: Any = (), **members: Any) -> Step:
        """Add a step that runs a program; the rest as for ``step``. Any: as there.

        Returns:
            The step.
        """
        _check_options(_expect(str, "id", id, "a string"), members, _OPTIONS)
        return self.add(Step(id, command=command, **members), after=after)

    def add(self, step: Step, *, after: StepRef | Iterable[StepRef] = ()) -> Step:
        """Add a step, with a link of success from each of *after*.

        Raises:
            InvalidWorkflow: Its id is taken, or *after* names what is no step yet.
        """
        _expect(Step, "step", step, "a Step")
        if self._roll.find(self.steps, step.id):
            raise InvalidWorkflow.because("there is such a step already", "give another id=", step.id)
        refs = [after] if isinstance(after, str | Step) or callable(after) else after
        if not isinstance(refs, Iterable):
            raise InvalidWorkflow.because(f"expected a step, or several, got {described(after)}", path="after")
        links = [Link(self.id_of(ref), step.id) for ref in refs]
        self.steps.append(step)
        self.links.extend(links)
        return step

    def link(self, predecessor: StepRef, successor: StepRef, **members: Any) -> Link:
        """Add a link between two steps. Any: ``type``, ``condition`` and ``lag`` of ``Link``."""
        _check_options("", members, _OF_LINKS)
        link = Link(self.id_of(predecessor), self.id_of(successor), **members)
        self.links.append(link)
        return link

    def id_of(self, ref: StepRef) -> str:
        """The id of a step given by id, by itself or by its function.

        Raises:
            InvalidWorkflow: There is no such step, or the function serves several.
        """
        if isinstance(ref, Step):
            return ref.id
        if not isinstance(ref, str) and not callable(ref):
            raise InvalidWorkflow.because(f"expected a step, its id or its function, got {described(ref)}")
        found = self._roll.find(self.steps, ref)
        if len(found) != 1:
            name = shown(ref if isinstance(ref, str) else getattr(ref, "__name__", repr(ref)), 128)
            what = "there is no such step"
            if found:
                what = f"is the body of {shown(', '.join(found), 400)}; name one by id"
            raise InvalidWorkflow.because(what, suggestion(name, [s.id for s in self.steps]), name)
        return found[0]

    def at(self, directory: PurePath) -> Self:
        """The same workflow with its commands running in *directory*."""
        place: dict[str, Any] = {"directory": directory}  # Any: members that __init__ takes by name
        return attrs.evolve(self, **place)

    # --- questions ---------------------------------------------------------------------------------------

    def all_links(self) -> list[Link]:
        """The links as written, and those implied by conditions and parameters."""
        return soundness.all_links(self.steps, self.links)

    def check(self) -> list[Link]:
        """The links, implied ones included, if steps and links fit together.

        Raises:
            InvalidWorkflow: With everything that is wrong; ``CycleError`` if a circle is among it.
        """
        return self.wiring().links

    def wiring(self) -> graph.Wiring:
        """What ``check`` gives, with the places of the ends of each link; raises like it."""
        at = self.layout.path_of
        told = {"notifications": write_either(self.notifications), "context": self.context}
        steps = soundness.Parts(at("steps"), self.steps)
        ids = [step.id for step in self.steps]
        members = {"resources": self.resources, **told}
        return soundness.require_sound(
            soundness.Retained(
                ids=soundness.Parts(at("steps"), ids),
                steps=steps,
                links=soundness.Parts(at("dependencies"), self.links),
                alerts=list(soundness.placed_alerts(told, at)),
            ),
            [
                *resource_problems(steps, dict.fromkeys(ids), members, at),
                *workflow_reader.parallel_problems(self.parallel, at("parallel"), dict.fromkeys(ids)),
                *workflow_reader.context_problems(self.context, at("context")),
            ],
        )

    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Groups of steps that may run at the same time, each after those before it (D3)."""
        return graph.stages(self.wiring())

    def critical_path(self) -> CriticalPath:
        """The longest chain of steps by their estimates, with ``duration`` and ``steps``."""
        return critical_path(self.steps, self.wiring())

    def alerts(self) -> tuple[Alert, ...]:
        """What is watched while steps run, by the workflow and by its context."""
        told = self.notifications, notifications_in(self.context)
        return tuple(alert for part in told if isinstance(part, Notifications) for alert in part.alerts)

    def unsupported(self) -> list[str]:
        """The paths of what a run would need and this version cannot carry out."""
        at = self.layout.path_of
        found = list(support.steps_features(self.steps, at("steps")))
        handling = self.error_handling or ErrorHandling()
        if handling.rollback_strategy == "automatic":
            found.append(at("errorHandling") + ".rollbackStrategy")
        found.extend(support.notification_features(self.notifications, at("notifications")))
        found.extend(support.notification_features(notifications_in(self.context), at("context.notifications")))
        found.extend(at(Workflow.key_of(key)) for key in ("template", "monitor") if getattr(self, key))
        return found

    # --- documents ---------------------------------------------------------------------------------------

    @classmethod
    def from_dict(cls, data: JSON) -> Self:
        """The workflow of a document in any form D4 shows; ``InvalidWorkflow`` with every problem."""
        return workflow_reader.read(data, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The workflow of a JSON text; ``InvalidWorkflow`` with every problem and its line."""
        return workflow_reader.read_json(text, cls)

    def to_dict(self) -> dict[str, JSON]:
        """The document, each member where it was found; new ones stand where D4 shows them."""
        return self.layout.arrange(self)

    def to_json(self, indent: int | None = 2) -> str:
        """The document as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)


_UNFED: Mapping[str, str] = EMPTY  # type: ignore[assignment]  # an empty mapping maps to anything
_OPTIONS = [attribute.name for attribute in Step.members().values() if attribute.name not in ("id", "command")]
"""What ``step`` and ``command`` take by name and pass on."""
_OF_LINKS = ["type", "condition", "lag"]
_MEMBERS = [attribute.name for attribute in attrs.fields(Workflow) if attribute.init]


def _check_options(path: str, members: Mapping[str, object], known: list[str]) -> None:
    """Raise ``InvalidWorkflow`` for what is none of the options that are known."""
    if unknown := [name for name in members if name not in known]:
        raise InvalidWorkflow(Problem(join(path, name), "is no option", suggestion(name, known)) for name in unknown)


def _expect(kind: type[E], name: str, given: object, words: str) -> E:
    """What is given, if it is of a kind; else raise ``InvalidWorkflow`` at *name*."""
    if not isinstance(given, kind):
        raise InvalidWorkflow.because(f"expected {words}, got {described(given)}", path=name)
    return given


def _check_call(fn: object, inputs: object, inline: object) -> None:
    """Raise ``InvalidWorkflow`` for a call of ``step`` that makes no sense."""
    if not callable(fn):
        raise InvalidWorkflow.because(f"expected a function, got {described(fn)}")
    if not isinstance(inputs, Mapping):
        raise InvalidWorkflow.because(f"expected steps by parameter, got {described(inputs)}", path="inputs")
    for name in inputs:
        _expect(str, "inputs", name, "names of parameters")
    _expect(bool, "inline", inline, "true or false")


def _check_retry(id: str, retry: object, members: Mapping[str, object]) -> None:
    """Raise ``InvalidWorkflow`` for what is no policy of retries, or if *members* give another one beside it."""
    if isinstance(retry, type) or not isinstance(retry, RetryStrategy):
        raise InvalidWorkflow.because(
            f"expected a Retry, got {described(retry)}", "Retry(max_attempts=…)", f"{id}.retry"
        )
    others = ("retry_policy",) if isinstance(retry, Retry) else ("retry_policy", "retries", "retry_delay")
    if given := [name for name in others if members.get(name) is not None]:
        raise InvalidWorkflow.because("stands beside retry=, which says it already", "give one", f"{id}.{given[0]}")


def _policy(retry: RetryStrategy) -> dict[str, Any]:  # Any: members of Step
    """What a step keeps of a policy: what a document can hold, and the whole of it where that is not all."""
    if not isinstance(retry, Retry):
        return {"retry_policy": None, "retrying": retry}
    written = RetryPolicy(
        max_retries=retry.max_attempts - 1,
        initial_delay=duration(retry.initial),
        backoff_multiplier=retry.multiplier,
        max_delay=duration(retry.max_delay),
        jitter=retry.jitter or None,
        total_timeout=duration(retry.total_timeout),
    )
    return {"retry_policy": written, "retrying": retry if retry.reference else None}
