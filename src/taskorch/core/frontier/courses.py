"""The course of every step, read from the facts: its attempts, and the time its bodies took."""

from collections.abc import Sequence

import attrs

from taskorch.core.frontier.facts import BLOCK, CANCEL, COMPLETE, FAIL, RETRY, START, Fact
from taskorch.core.frontier.reasons import LOST
from taskorch.core.step_results import StepFault


@attrs.define
class Course:
    """What the facts tell of one step; times are microseconds.

    Attributes:
        attempts: How often its body was tried.
        began: When the first attempt began, or None.
        since: When the body began that is running, or None.
        ended: When the last attempt ended, or None.
        spent: The time of all bodies that have ended.
        fault: The last failure, or None.
    """

    attempts: int = 0
    began: int | None = None
    since: int | None = None
    ended: int | None = None
    spent: int = 0
    fault: StepFault | None = None

    def began_body(self, attempt: int, at: int) -> None:
        """Note that an attempt has begun, or that a held step goes on."""
        if attempt == self.attempts:
            return  # it was held; its body has ended before
        self.attempts, self.since = attempt, at
        self.began = at if self.began is None else self.began

    def ended_body(self, at: int, *, is_end: bool) -> tuple[int, int] | None:
        """Note that a body, or the step after it, has ended; the time of the body, if one was running."""
        if self.attempts and is_end:
            self.ended = at
        if self.since is None:
            return None
        interval, self.since = (self.since, at), None
        self.spent += interval[1] - interval[0]
        return interval

    def duration(self, now: int) -> int | None:
        """The time spent in its bodies, the one that is running until *now* included; None before any."""
        if not self.attempts:
            return None
        return self.spent if self.since is None else self.spent + max(0, now - self.since)


class Courses:
    """The courses of all steps, read as far as the facts go when somebody asks: of most runs nobody does."""

    def __init__(self, count: int, facts: Sequence[Fact]) -> None:
        """The courses of *count* steps by *facts*, which may grow."""
        self._count, self._facts = count, facts
        self._read = 0
        self._courses: list[Course] = []
        self._intervals: list[tuple[int, int]] = []
        self._present = self._earlier = 0  # the time of the facts at hand, and of the last ones before them

    @property
    def all(self) -> list[Course]:
        """The course of each step."""
        self._catch_up()
        return self._courses

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """When bodies ran: the beginning and the end of each attempt that has ended."""
        self._catch_up()
        return self._intervals

    def _catch_up(self) -> None:
        if not self._courses:
            self._courses = [Course() for _ in range(self._count)]
        if self._read == len(self._facts):
            return
        facts, self._read = self._facts[self._read :], len(self._facts)
        for step, verb, attempt, at, detail in facts:
            course = self._courses[step]
            if at > self._present:
                self._present, self._earlier = at, self._present
            if verb in (START, RETRY):
                course.began_body(attempt, at)
            elif verb in (COMPLETE, FAIL, BLOCK, CANCEL):
                # A process that died told nothing of its end: it lived until its last fact, at least.
                is_lost = verb == FAIL and detail.get("reason") in LOST
                end = max(self._earlier, course.since or 0) if is_lost else at
                if (interval := course.ended_body(end, is_end=verb != BLOCK)) is not None:
                    self._intervals.append(interval)
                if verb == FAIL:
                    course.fault = StepFault(detail.get("type", ""), detail.get("message", ""))
