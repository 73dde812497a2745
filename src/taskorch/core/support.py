"""What this version reads, validates and writes back, but cannot carry out: listed, never silently ignored."""

from collections.abc import Iterator, Sequence
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


_asked_of = attrgetter(*_STEP_MEMBERS, "delivery", "environment")
_NOTHING = _asked_of(Step("nothing"))  # most steps need none of them, and are told by one comparison


def steps_features(steps: Sequence[Step], path: str) -> Iterator[str]:
    """The paths of the members of *steps*, which stand at *path*, that a run would need and this version has not."""
    for number, asked in enumerate(map(_asked_of, steps)):
        if asked != _NOTHING:
            yield from (f"{path}[{number}].{feature}" for feature in _step_features(steps[number]))


def _step_features(step: Step) -> Iterator[str]:
    for name in _STEP_MEMBERS:
        if getattr(step, name) not in (None, EMPTY):
            yield Step.key_of(name)
    if step.delivery == "at_most_once":
        yield "delivery"
    for name, value in step.environment.items():
        if not isinstance(value, str):
            yield f"environment.{name}"


def notification_features(notifications: "bool | Notifications | None", path: str) -> Iterator[str]:
    """The paths of what notifications would need and this version has not."""
    if isinstance(notifications, Notifications):
        members = ("webhooks", "channels", "on_start", "on_completion", "on_failure")
        yield from (f"{path}.{name}" for name in members if getattr(notifications, name))
    elif notifications:
        yield path
