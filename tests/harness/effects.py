"""What the bodies of a scenario have really done, whatever the store says about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from taskorch import current_step

Attempt = tuple[str, int]
"""A step's id, and which try it is."""


class PlannedError(Exception):
    """What a body raises because its scenario wants it to."""


class Effects:
    """The log that bodies write: it sees what happens in threads, too.

    Attributes:
        began: Every attempt whose body was entered.
        returned: Every attempt whose body has ended well and returned.
        raised: Every attempt whose body raised ``PlannedError``.
        running: Attempts that are under way.
        recorded: The attempts whose start is known to the store; None where there is none.
        faults: What went wrong inside of bodies.
    """

    def __init__(self) -> None:
        self.began: list[Attempt] = []
        self.returned: list[Attempt] = []
        self.raised: list[Attempt] = []
        self.running: list[Attempt] = []
        self.recorded: set[Attempt] | None = None
        self.faults: list[str] = []
        self._mutex = Lock()

    @contextmanager
    def body(self) -> Iterator[Attempt]:
        """Around everything that a body does, its ``return`` included."""
        step = current_step()
        attempt = (step.id, step.attempt)
        with self._mutex:
            if self.recorded is not None and attempt not in self.recorded:
                self.faults.append(f"{attempt} began before its start was recorded")
            self.began.append(attempt)
            self.running.append(attempt)
        try:
            yield attempt
        except PlannedError:
            self.raised.append(attempt)
            raise
        else:
            self.returned.append(attempt)
        finally:
            with self._mutex:
                self.running.remove(attempt)

    def fail(self, times: int) -> None:
        """Raise ``PlannedError``, unless this step has done so *times* times already."""
        id = current_step().id
        if sum(step == id for step, _ in self.raised) < times:
            raise PlannedError(f"{id} is to fail {times} times")
