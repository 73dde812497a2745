"""How far a run has come, as its events tell."""

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from taskorch.core.estimates import Estimates
from taskorch.core.events import Event
from taskorch.core.json_text import described
from taskorch.core.progress import NEARLY, Progress, filled
from taskorch.core.states import Verb
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidReport

_MICROSECOND: Final = timedelta(microseconds=1)


class RunProgress:
    """How far a run has come, followed by its events: ``add`` is an observer.

    Adding an event and asking take the same short time however many steps and events there are.
    """

    def __init__(self, flow: Workflow, before: Iterable[str] = (), estimates: Estimates | None = None) -> None:
        """A run of *flow*.

        Args:
            flow: The workflow.
            before: The ids of the steps that had ended before the first event that will be added: a run that is
                resumed tells observers nothing of its earlier life. What the workflow does not have is passed over.
            estimates: What was observed about durations, as it is now; by default only what the steps say
                themselves.
        """
        estimates = estimates or Estimates()
        expected = {step.id: estimates.of_step(flow.name, step).duration for step in flow.steps}
        weights = {id: 0 if duration is None else duration // _MICROSECOND for id, duration in expected.items()}
        self._estimated = sum(weight > 0 for weight in weights.values())
        self._weights = dict(zip(weights, filled(tuple(weights.values())), strict=True))
        self._total = sum(self._weights.values())
        self._ended: set[str] = set()
        self._done = 0  # the weights of these together
        self._is_over = False
        for id in before:
            self._end(id)

    def add(self, event: Event) -> None:
        """Take in what has happened; events come in their order.

        One of the run itself that ends it has ended every step, whatever was heard of them.
        """
        if event.step is None:
            self._is_over = _is_end(event)
        elif _is_end(event):
            self._end(event.step)
        elif event.step in self._ended:
            self._ended.remove(event.step)
            self._done -= self._weights[event.step]

    @property
    def ended(self) -> frozenset[str]:
        """The ids of the steps that have ended."""
        return frozenset(self._weights if self._is_over else self._ended)

    def progress(self, reported: Mapping[str, float] | None = None) -> Progress:
        """How far the run has come: the share of its steps that have ended, in whatever way.

        Args:
            reported: What steps that run have reported, in percent by id.

        Raises:
            InvalidReport: What was reported is no number.
        """
        shares = _checked(reported or {})
        is_over = self._is_over or len(self._ended) == len(self._weights)
        percent = None
        if self._weights:
            open_ones = [id for id in shares if id in self._weights and id not in self._ended]
            begun = math.fsum(self._weights[id] * shares[id] for id in open_ones)
            percent = 100.0 if is_over else min(NEARLY, (100 * self._done + begun) / self._total)
        return Progress(
            percent=percent,
            sample=len(self._weights),
            ended=len(self._weights if is_over else self._ended),
            estimated=self._estimated,
        )

    def _end(self, id: str) -> None:
        if id in self._weights and id not in self._ended:
            self._ended.add(id)
            self._done += self._weights[id]


def run_progress(
    flow: Workflow,
    ended: Iterable[str],
    *,
    reported: Mapping[str, float] | None = None,
    estimates: Estimates | None = None,
) -> Progress:
    """How far a run of *flow* has come: the share of its steps that have ended, in whatever way.

    A step that is skipped, omitted, cancelled or has failed for good needs no more work, so it counts as ended.
    Whoever asks again and again while a run goes on uses ``RunProgress``.

    Args:
        flow: The workflow.
        ended: The ids of the steps that have ended: ``ended_steps(events)`` while it runs, ``result.steps`` of a
            ``RunResult``. What the workflow does not have is passed over.
        reported: What steps that run have reported, in percent by id.
        estimates: What was observed about durations; by default only what the steps say themselves.

    Raises:
        InvalidReport: What was reported is no number.
    """
    return RunProgress(flow, ended, estimates).progress(reported)


def ended_steps(events: Iterable[Event], *, before: Iterable[str] = (), flow: Workflow | None = None) -> set[str]:
    """The ids of the steps of one run that have ended, as its events tell in their order.

    A failure counts as an end unless its event says when it will be retried; a retry takes it back.

    Args:
        events: The events of the run.
        before: The ids of the steps that had ended before the first of them. A run that is resumed tells observers
            nothing of its earlier life, and what its store holds is not public: keep what this function gave as
            long as the run was heard, or give *flow*.
        flow: The workflow. With it the event that ends the run itself ends every step, whatever was heard of them.
    """
    found, is_over = set(before), False
    for event in events:
        if event.step is None:
            is_over = _is_end(event)
        elif _is_end(event):
            found.add(event.step)
        else:
            found.discard(event.step)
    return found.union(step.id for step in flow.steps) if flow and is_over else found


def _is_end(event: Event) -> bool:
    """Whether a task, or a step, needs no more work after it."""
    is_failure = event.verb == Verb.FAIL and event.retry_at is None
    return is_failure or event.verb in (Verb.COMPLETE, Verb.CANCEL)


def _checked(reported: Mapping[str, float]) -> dict[str, float]:
    """What was reported, within 0 and just below 100: what has not ended is not done."""
    for id, share in reported.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            message = f"expected a number of percent, got {described(share)}"
            raise InvalidReport.because(message, "leave out what reports nothing", f"reported.{id}")
    return {id: float(min(NEARLY, max(0.0, share))) for id, share in reported.items()}
