"""What D4 lets a workflow or a step carry beside steps and links, as documents."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import attrs

from taskorch.core.breaker import Breaker
from taskorch.core.documents import (
    EMPTY,
    JSON,
    Document,
    Number,
    camel,
    is_extension,
    problems_of,
    read_as,
    structure,
    unstructure,
)
from taskorch.core.expressions import check_alert
from taskorch.core.json_text import child, copied, described, join, shown
from taskorch.core.members import Check, member
from taskorch.core.quantities import check_quantities
from taskorch.core.suggestions import suggestion
from taskorch.core.times import NOTHING, duration
from taskorch.errors import InvalidDocument, InvalidWorkflow, Problem

E = TypeVar("E", bound=StrEnum)


@attrs.frozen
class WorkflowDocument(Document):
    """The base of D4's documents: keys in camel case, and only what was given is written."""

    key_of: ClassVar[Callable[[str], str]] = staticmethod(camel)
    invalid: ClassVar[type[InvalidDocument]] = InvalidWorkflow


def at_least(low: float) -> Check:
    """The check that a number, if there is one, is not below *low*."""

    def check(number: float | None) -> Iterator[Problem]:
        if number is not None and not number >= low:  # not a number is not
            yield Problem("", f"{shown(number)} is out of range", f"from {low} on")

    return check


def not_negative(time: timedelta | None) -> Iterator[Problem]:
    """The check that a duration is none before its beginning."""
    if time is not None and time < NOTHING:
        yield Problem("", "is a negative time", "give 0 or more")


def positive(time: timedelta | None) -> Iterator[Problem]:
    """The check that a duration, if there is one, takes time."""
    if time is not None and time <= NOTHING:
        yield Problem("", "is no time", "give more than 0")


def not_empty(text: str | None) -> Iterator[Problem]:
    """The check that a text, if there is one, says something."""
    if text is not None and not text.strip():
        yield Problem("", "is empty")


def word_of(cls: type[E]) -> Callable[[str], E]:
    """The converter of a word of an enum, as Python's callers give it."""

    def convert(word: str) -> E:
        if isinstance(word, cls):  # every link has its defaults converted
            return word
        known = [item.value for item in cls]
        if not isinstance(word, str):
            raise InvalidWorkflow.because(f"expected one of {', '.join(known)}, got {described(word)}")
        if word not in known:
            raise InvalidWorkflow.because(f"{shown(word)!r} is not known here", suggestion(word, known))
        return cls(word)

    return convert


def as_list(items: Any) -> Any:  # Any: as for ``as_tuple``
    """The same in a list of their own, to which more may be added."""
    return list(items) if isinstance(items, list | tuple) else items


def as_tuple(items: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    """The converter of several of something, as Python's callers give them. Any: their kind is checked after that."""
    return tuple(items) if isinstance(items, list) else items


def one_of(*words: str) -> Check:
    """The check that a text, if there is one, is one of *words*."""

    def check(word: str | None) -> Iterator[Problem]:
        if word is not None and word not in words:
            yield Problem("", f"{shown(word)!r} is not known here", f"one of {', '.join(words)}")

    return check


def _up_to(high: int, words: str) -> Check:
    def check(number: float | None) -> Iterator[Problem]:
        if number is not None and not 0 <= number <= high:
            yield Problem("", f"{shown(number)} is out of range", words)

    return check


@attrs.frozen
class RetryPolicy(WorkflowDocument):
    """How often a failed step is tried again, and after what wait; its members are explained at ``Retry``."""

    max_retries: int | None = member(None, check=at_least(0))
    initial_delay: timedelta | None = member(None, check=not_negative, converter=duration)
    backoff_multiplier: Number | None = member(None, check=at_least(1))
    max_delay: timedelta | None = member(None, check=not_negative, converter=duration)
    jitter: Number | None = member(None, check=_up_to(1, "a share, 0 to 1"))
    total_timeout: timedelta | None = member(None, check=not_negative, converter=duration)


@attrs.frozen
class CircuitBreaker(WorkflowDocument):
    """When a target that keeps failing is left alone for a while (D4, ``errorHandling.circuitBreaker``).

    Attributes:
        enabled: Whether there is one.
        failure_threshold: After so many failures in a row it opens; 5 if absent.
        timeout: How long it is open, and how long a probe may take; a minute if absent.
        half_open_max: How many probes there may be at the same time; 1 if absent. An extension.
        when_open: What a step does whose target is left alone: ``wait``, or ``fail``. An extension.
    """

    enabled: bool = member(True)
    failure_threshold: int | None = member(None, check=at_least(1))
    timeout: timedelta | None = member(None, check=positive, converter=duration)
    half_open_max: int | None = member(None, check=at_least(1))
    when_open: str = member("wait", check=one_of("wait", "fail"))

    def breaker(self) -> Breaker | None:
        """A new breaker, closed, as this describes it; None if it is not enabled."""
        if not self.enabled:
            return None
        given = {
            "failure_threshold": self.failure_threshold,
            "reset_timeout": self.timeout,
            "half_open_max": self.half_open_max,
        }
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return Breaker(**chosen)  # Any: each is checked where it came in; the defaults are the breaker's own


@attrs.frozen
class ErrorHandling(WorkflowDocument):
    """What is done about failures."""

    retry_policy: RetryPolicy | None = member(None, converter=read_as(RetryPolicy))
    rollback_strategy: str | None = member(None, check=one_of("automatic", "manual", "none"))
    circuit_breaker: CircuitBreaker | None = member(None, converter=read_as(CircuitBreaker))


@attrs.frozen
class AutoScaling(WorkflowDocument):
    """A hint to dispatchers that can add workers."""

    enabled: bool = member(True)
    min_replicas: int | None = member(None, check=at_least(0))
    max_replicas: int | None = member(None, check=at_least(1))
    target_cpu: Number | None = member(None, key="targetCPU", check=_up_to(100, "a percentage, 0 to 100"))

    def __attrs_post_init__(self) -> None:
        low, high = self.min_replicas, self.max_replicas
        if low is not None and high is not None and low > high:
            message = f"{shown(low)} is more than maxReplicas, which is {shown(high)}"
            raise InvalidWorkflow.because(message, path="minReplicas")


@attrs.frozen
class Pool(WorkflowDocument):
    """The resources of a run: its limits, and what each step takes that does not say."""

    limits: Mapping[str, JSON] = member(EMPTY, check=check_quantities)
    requests: Mapping[str, JSON] = member(EMPTY, check=check_quantities)
    auto_scaling: AutoScaling | None = member(None, converter=read_as(AutoScaling))


Resources = Pool | Mapping[str, Mapping[str, JSON]]
"""Of the run, or of steps by id."""


def read_resources(value: JSON) -> Resources:
    """Resources in either form; a mixture is refused."""
    if not isinstance(value, Mapping):
        return structure(value, Pool)
    if strange := [key for key in value if not isinstance(key, str)]:
        raise InvalidWorkflow.because(f"expected names and ids as keys, got {described(strange[0])}")
    own = [key for key in value if key in Pool.members()]
    others = [key for key in value if key not in own and not is_extension(key)]
    if not others and (own or not value):
        return structure(value, Pool)
    if own:
        message = f"mixes {own[0]!r} with ids of steps"
        raise InvalidWorkflow.because(message, "give limits and requests, or amounts by step id, not both")
    problems = [
        problem._replace(path=join(child("", id), problem.path))
        for id in others
        for problem in check_quantities(value[id])
    ]
    if problems:
        raise InvalidWorkflow(problems)
    return dict(zip(value, map(copied, value.values()), strict=True))


def resources_of(value: JSON) -> Resources | None:
    """The converter of resources as Python's callers give them: a pool, or what a document says."""
    return value if value is None or isinstance(value, Pool) else read_resources(value)


def write_either(value: object) -> object:
    """The JSON form of a member that is a document or plain data."""
    return unstructure(value) if isinstance(value, Document) else copied(value)


class NotificationEvent(StrEnum):
    """What a webhook may be told about."""

    START = "start"
    COMPLETION = "completion"
    FAILURE = "failure"


def _events(words: Any) -> Any:  # Any: as for ``as_tuple``
    return tuple(map(word_of(NotificationEvent), words)) if isinstance(words, list | tuple) else words


def _check_url(url: str) -> Iterator[Problem]:
    if not url.startswith(("https://", "http://")):
        yield Problem("", "is not the address of a webhook", "it begins with https://")


@attrs.frozen
class Webhook(WorkflowDocument):
    """Who is called about the fate of a run, and with what."""

    url: str = member(check=_check_url)
    events: tuple[NotificationEvent, ...] = member(tuple(NotificationEvent), converter=_events)
    payload: Mapping[str, JSON] = member(EMPTY)


@attrs.frozen
class Alert(WorkflowDocument):
    """A condition that is watched while steps run, and what is said when it comes true."""

    condition: str = member(check=check_alert)
    severity: str = member("warning", check=not_empty)
    message: str = member("")


@attrs.frozen
class Notifications(WorkflowDocument):
    """Who is told what."""

    webhooks: tuple[Webhook, ...] = member((), converter=as_tuple)
    alerts: tuple[Alert, ...] = member((), converter=as_tuple)
    on_start: bool | None = member(None, key="on_start")
    on_completion: bool | None = member(None, key="on_completion")
    on_failure: bool | None = member(None, key="on_failure")
    channels: tuple[str, ...] = member((), converter=as_tuple)


def read_notifications(value: JSON) -> bool | Notifications:
    """Notifications as an object, or as the bare switch of ``executeWorkflow``."""
    return value if isinstance(value, bool) else structure(value, Notifications)


def notifications_in(context: JSON) -> bool | Notifications | None:
    """The notifications of a workflow's ``context``, whose other members are free (D4, "Environment Configuration").

    Raises:
        InvalidDocument: They are none; paths are seen from the context.
    """
    if not isinstance(context, Mapping) or "notifications" not in context:
        return None
    try:
        return read_notifications(context["notifications"])
    except InvalidDocument as error:
        raise InvalidWorkflow(problems_of(error, "notifications")) from None


@attrs.frozen
class Debug(WorkflowDocument):
    """How much a run tells about itself, in the log named ``taskorch`` (D4, "Debug Mode").

    Attributes:
        enabled: Whether it tells anything.
        log_level: What is told: what is as serious, or more; ``verbose`` tells everything, and ``debug`` is what
            is told if it is absent.
        capture_outputs: Whether outputs are told, cut where they are long.
        trace_dependencies: Whether each decision about a step is told with its explanation.
    """

    enabled: bool = member(True)
    log_level: str | None = member(None, check=one_of("error", "warning", "info", "debug", "verbose"))
    capture_outputs: bool | None = member(None)
    trace_dependencies: bool | None = member(None)


@attrs.frozen
class Gate(WorkflowDocument):
    """Who must agree before the step counts as done."""

    approvers: tuple[str, ...] = member((), converter=as_tuple)
    quorum: int | None = member(None, check=at_least(1))
    expires: timedelta | None = member(None, check=not_negative, converter=duration)


def _with_zone(at: datetime | None) -> Iterator[Problem]:
    if at is not None and at.tzinfo is None:
        yield Problem("", "is a time without a zone", "give it one, such as UTC")


@attrs.frozen
class Wait(WorkflowDocument):
    """What a waiting step waits for."""

    for_: timedelta | None = member(None, key="for", check=not_negative, converter=duration)
    until: datetime | None = member(None, check=_with_zone)
    signal: str | None = member(None, check=not_empty)


@attrs.frozen
class Cache(WorkflowDocument):
    """Under which key, and how long, an output may be used again."""

    key: str = member(check=not_empty)
    ttl: timedelta | None = member(None, check=not_negative, converter=duration)
