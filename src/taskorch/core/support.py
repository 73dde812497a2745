"""What this version reads, validates and writes back, but cannot carry out: listed, never silently ignored."""

from collections.abc import Iterator
from operator import attrgetter

from taskorch.core.documents import EMPTY
from taskorch.core.settings import Notifications
from taskorch.core.step import Step

_STEP_MEMBERS = (
    "rollback",
    "cache",
    "map",
    "for_each",
    "gate",
    "wait",
    "workflow",
)


_members_of = attrgetter(*_STEP_MEMBERS)
_NOTHING = _members_of(Step("nothing"))  # most steps need none of them, and are told by one comparison


def step_features(step: Step, path: str) -> Iterator[str]:
    """The paths of the members of *step* that a run would need and this version has not."""
    if _members_of(step) != _NOTHING:
        for name in _STEP_MEMBERS:
            if getattr(step, name) not in (None, EMPTY):
                yield f"{path}.{Step.key_of(name)}"
    if step.delivery == "at_most_once":
        yield f"{path}.delivery"
    for name, value in step.environment.items():
        if not isinstance(value, str):
            yield f"{path}.environment.{name}"


def notification_features(notifications: "bool | Notifications | None", path: str) -> Iterator[str]:
    """The paths of what notifications would need and this version has not."""
    if isinstance(notifications, Notifications):
        members = ("webhooks", "channels", "on_start", "on_completion", "on_failure")
        yield from (f"{path}.{name}" for name in members if getattr(notifications, name))
    elif notifications:
        yield path
