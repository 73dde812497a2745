"""How full a queue is."""

import attrs


@attrs.frozen
class Load:
    """How full a queue is (D0, capacity-monitor).

    Attributes:
        queue: Its name.
        waiting: The tasks that wait in it, those held or with a date to come among them. Those that go on after a
            failure or a block are not: they take no place.
        in_progress: Its tasks that were handed out.
        capacity: The most that may wait, or None.
        concurrency: The most that may be in progress, or None.
    """

    queue: str
    waiting: int
    in_progress: int
    capacity: int | None
    concurrency: int | None

    @property
    def utilisation(self) -> float | None:
        """The share of its places that is taken, 0 to 1; None where there is no bound."""
        if self.capacity is None:
            return None
        return self.waiting / self.capacity if self.capacity else 1.0
