"""Why a step that has ended did so: what let it run, what it came to, or what kept it from running."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from taskorch.core.documents import JSON
from taskorch.core.frontier.causes import Cause, LinkStanding, Why
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.fold import OPEN, Fold
from taskorch.core.frontier.reasons import (
    CANCELLED_BY_HOST,
    FAIL_FAST,
    FINISH_GATE,
    OMITTED,
    QUEUE_TIMEOUT,
    SKIPPED,
    TOTAL_TIMEOUT,
    UNDECIDABLE,
    WORKFLOW_TIMEOUT,
)

TOLD = 5
"""So many links or steps are named in a text …"""
MESSAGE_TOLD = 200
"""… with so many characters of an error's message; the data has all of it."""
_CANCELLED = {
    QUEUE_TIMEOUT: "it waited too long for its start",
    TOTAL_TIMEOUT: "the time of all its attempts was up",
    WORKFLOW_TIMEOUT: "the time of the run was up",
    CANCELLED_BY_HOST: "the run was cancelled",
    UNDECIDABLE: "its condition could not be decided",
}


def endings(fold: Fold, step: int, links: Sequence[LinkStanding]) -> list[Cause]:
    """Why *step*, which has ended, did so, and why it ran if it did: one cause or more.

    Args:
        fold: The run.
        step: The step.
        links: How its links stand.
    """
    end = fold.ends[step]
    if end == End.COMPLETED:
        found = [Cause(Why.COMPLETED, "its body ended well", data={"attempt": fold.attempt[step]})]
    elif end in (End.FAILED, End.ALLOWED):
        found = list(_failed(fold, step, links))
    else:
        found = list(_not_run(fold, step, links))
    return [*found, admission(fold, step, links)] if fold.attempt[step] else found


def admission(fold: Fold, step: int, links: Sequence[LinkStanding]) -> Cause:
    """Why *step* may run, or ran; arguments as in ``endings``."""
    condition = fold.plan.conditions.get(step)
    if condition is not None:
        what, code = ("mentions always", Why.ALWAYS) if condition.always else ("held", Why.CONDITION_MET)
        return Cause(code, f"its condition {what}: {condition.text}", data={"condition": condition.text})
    before = [link for link in links if link.gate == "start"]
    if not before:
        return Cause(Why.NO_LINKS, "it had to wait for no step")
    return Cause(Why.LINKS_MET, f"its links were met: {_named(map(str, before), len(before))}")


def _failed(fold: Fold, step: int, links: Iterable[LinkStanding]) -> Iterator[Cause]:
    failure, attempt = fold.details[step], fold.attempt[step]
    type, message, reason = failure.get("type", ""), failure.get("message", ""), failure.get("reason")
    short = message if len(message) <= MESSAGE_TOLD else message[:MESSAGE_TOLD] + "…"
    allowed = ", as it may" if fold.ends[step] == End.ALLOWED else ""
    told = f"attempt {attempt} failed{allowed}: {type}{': ' if short else ''}{short}{f' ({reason})' if reason else ''}"
    yield Cause(reason or Why.FAILED, told, data={"attempt": attempt, "type": type, "message": message})
    if reason == FINISH_GATE:
        yield from _unmet(links, "finish")


def _not_run(fold: Fold, step: int, links: Iterable[LinkStanding]) -> Iterator[Cause]:
    """Why the step was skipped, omitted or cancelled."""
    reason, condition = str(fold.details[step]), fold.plan.conditions.get(step)
    if reason == OMITTED and not (condition is not None and condition.always):
        unmet = list(_unmet(links, "start"))
        if unmet:
            yield from unmet
            return
    if reason in (SKIPPED, OMITTED):
        yield _condition(fold, step, is_own=reason == SKIPPED)
        return
    code, _, message = reason.partition(":")
    told, data = _CANCELLED.get(code, f"it was cancelled ({code})"), dict[str, JSON]()
    if code == FAIL_FAST:
        failed = [fold.plan.steps[other].id for other in islice(_failures(fold), TOLD)]
        told, data = f"nothing more was started after the failure of {', '.join(failed)}", {"failed": failed}
    yield Cause(code, f"{told}{':' if message else ''}{message}", data=data)


def _condition(fold: Fold, step: int, *, is_own: bool) -> Cause:
    """The condition that was false: by its own data, or because of how other steps ended."""
    condition = fold.plan.conditions[step]
    if is_own:
        text = f"its own condition was false: {condition.text}"
        return Cause(Why.CONDITION_FALSE, text, data={"condition": condition.text})
    steps: dict[str, JSON] = {id: _outcome(fold, id) for id in condition.steps}
    ends = _named((f"{id} ended as {outcome}" for id, outcome in steps.items()), len(steps))
    text = f"its condition on other steps was not met: {condition.text} ({ends})"
    return Cause(Why.CONDITION_UNMET, text, data={"condition": condition.text, "steps": steps})


def _unmet(links: Iterable[LinkStanding], gate: str) -> Iterator[Cause]:
    for link in links:
        if link.gate == gate and link.is_met is False:
            yield Cause(Why.LINK_UNMET, f"a link was not met: {link}", link)


def _failures(fold: Fold) -> Iterator[int]:
    """The steps whose failure was not allowed."""
    step = fold.ends.find(End.FAILED)
    while step >= 0:
        yield step
        step = fold.ends.find(End.FAILED, step + 1)


def _outcome(fold: Fold, id: str) -> str | None:
    end = fold.ends[fold.plan.index[id]]
    return None if end == OPEN else End(end).outcome.value


def _named(texts: Iterable[str], count: int) -> str:
    return ", ".join(islice(texts, TOLD)) + (f" and {count - TOLD} more" if count > TOLD else "")
