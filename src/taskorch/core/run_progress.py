"""How far a run has come, as its events tell."""

import math
from collections.abc import Collection, Iterable, Mapping

from taskorch.core.alerts import RaisedAlert
from taskorch.core.estimates import Estimates, expect_estimates
from taskorch.core.events import Event
from taskorch.core.json_text import described
from taskorch.core.progress import NEARLY, Progress, filled
from taskorch.core.states import Verb
from taskorch.core.times import MICROSECOND
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidEvent, InvalidParameters, InvalidReport


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

        Raises:
            InvalidParameters: One of these is something else.
        """
        _expect_flow(flow)
        _expect_several("before", before)
        expect_estimates(estimates)
        estimates = Estimates() if estimates is None else estimates
        expected = {step.id: estimates.of_step(flow.name, step).duration for step in flow.steps}
        weights = {id: 0 if duration is None else duration // MICROSECOND for id, duration in expected.items()}
        self._estimated = sum(weight > 0 for weight in weights.values())
        self._weights = dict(zip(weights, filled(tuple(weights.values())), strict=True))
        self._total = sum(self._weights.values())
        self._ended = _Ended(self._weights, before)
        self._done = sum(self._weights[id] for id in self._ended.heard)

    def add(self, event: Event | RaisedAlert) -> None:
        """Take in what has happened; events come in their order. Alerts are passed over.

        One of the run itself that ends it has ended every step, whatever was heard of them.

        Raises:
            InvalidEvent: It is no event.
        """
        if (turn := self._ended.add(event)) and event.step is not None:
            self._done += turn * self._weights[event.step]

    @property
    def ended(self) -> frozenset[str]:
        """The ids of the steps that have ended."""
        return frozenset(self._ended.ids)

    def progress(self, reported: Mapping[str, float] | None = None) -> Progress:
        """How far the run has come: the share of its steps that have ended, in whatever way.

        Args:
            reported: What steps that run have reported, in percent by id.

        Raises:
            InvalidReport: What was reported is no number.
        """
        shares = _checked({} if reported is None else reported)
        ended = self._ended.ids
        is_over = len(ended) == len(self._weights)
        percent = None
        if self._weights:
            open_ones = [id for id in shares if id in self._weights and id not in ended]
            begun = math.fsum(self._weights[id] * shares[id] for id in open_ones)
            percent = 100.0 if is_over else min(NEARLY, (100 * self._done + begun) / self._total)
        return Progress(
            percent=percent,
            sample=len(self._weights),
            ended=len(ended),
            estimated=self._estimated,
        )


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
        InvalidParameters: Another argument is none of its kind.
    """
    _expect_several("ended", ended)
    return RunProgress(flow, ended, estimates).progress(reported)


def ended_steps(
    events: Iterable[Event | RaisedAlert], *, before: Iterable[str] = (), flow: Workflow | None = None
) -> set[str]:
    """The ids of the steps of one run that have ended, as its events tell in their order.

    A failure counts as an end unless its event says when it will be retried; a retry takes it back.

    Args:
        events: The events of the run.
        before: The ids of the steps that had ended before the first of them. A run that is resumed tells observers
            nothing of its earlier life, and what its store holds is not public: keep what this function gave as
            long as the run was heard, or give *flow*.
        flow: The workflow. With it the event that ends the run itself ends every step, whatever was heard of them,
            and what the workflow does not have is passed over, as ``RunProgress`` does.

    Raises:
        InvalidEvent: One of them is none.
        InvalidParameters: One of these is something else.
    """
    _expect_several("events", events)
    _expect_several("before", before)
    if flow is not None:
        _expect_flow(flow)
    ended = _Ended({step.id for step in flow.steps} if flow is not None else None, before)
    for event in events:
        ended.add(event)
    return set(ended.ids)


class _Ended:
    """Which steps of one run have ended, as its events tell in their order."""

    def __init__(self, steps: Collection[str] | None, before: Iterable[str]) -> None:
        """Those of *before*; *steps* are all steps there are, where that is known."""
        self._steps = steps
        given: Iterable[object] = before
        self.heard = {id for id in given if isinstance(id, str) and self._has(id)}  # to have ended, one by one
        self._is_over = False

    @property
    def ids(self) -> Collection[str]:
        """The ids of all that have ended, be it with the run."""
        return self.heard if self._steps is None or not self._is_over else self._steps

    def add(self, event: Event | RaisedAlert) -> int:
        """Take in an event; 1 if its step has ended with it, -1 if that is taken back, 0 for no news of a step."""
        try:
            id = event.step
        except AttributeError:
            raise InvalidEvent.because(
                f"expected an event, got {described(event)}", "such as an observer hears"
            ) from None
        if isinstance(event, RaisedAlert):
            return 0
        if id is None:
            self._is_over = _is_end(event)
        elif self._has(id) and _is_end(event) != (id in self.heard):
            self.heard ^= {id}
            return 1 if id in self.heard else -1
        return 0

    def _has(self, id: str) -> bool:
        return self._steps is None or id in self._steps


def _is_end(event: Event) -> bool:
    """Whether a task, or a step, needs no more work after it."""
    is_failure = event.verb == Verb.FAIL and event.retry_at is None
    return is_failure or event.verb in (Verb.COMPLETE, Verb.CANCEL)


def _expect_flow(given: object) -> None:
    if not isinstance(given, Workflow):
        raise InvalidParameters([f"flow: expected a Workflow, got {described(given)}"])


def _expect_several(name: str, given: object) -> None:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidParameters([f"{name}: expected several of them, such as a list, got {described(given)}"])


def _checked(reported: Mapping[str, float]) -> dict[str, float]:
    """What was reported, within 0 and just below 100: what has not ended is not done."""
    given: object = reported
    if not isinstance(given, Mapping):
        raise InvalidReport.because(f"expected a mapping by step, got {described(given)}", "", "reported")
    for id, share in reported.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            message = f"expected a number of percent, got {described(share)}"
            raise InvalidReport.because(message, "leave out what reports nothing", f"reported.{id}")
    return {id: float(min(NEARLY, max(0.0, share))) for id, share in reported.items()}
