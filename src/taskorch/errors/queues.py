"""The caller must act: a queue refused what it was asked."""

from collections.abc import Iterable

from taskorch.errors.root import CallerError


class UnknownQueue(CallerError):
    """There is no queue of that name.

    Attributes:
        name: The name that was given.
        known: The names there are.
    """

    def __init__(self, name: str, known: Iterable[str], hint: str = "") -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"there is no queue {name[:80]!r} ({hint or 'known: ' + ', '.join(self.known)})")


class UnknownTask(CallerError):
    """There is no task of that id here: it was never put here, or has been taken out.

    Attributes:
        id: The id that was given.
    """

    def __init__(self, id: str, hint: str = "it was never pushed, or has been removed") -> None:
        self.id = id
        super().__init__(f"there is no task {id[:128]!r} here; {hint}")


class DuplicateTask(CallerError):
    """A task of that id is here already.

    Attributes:
        id: The id that was given.
        queue: The queue the other one is in.
    """

    def __init__(self, id: str, queue: str) -> None:
        self.id, self.queue = id, queue
        super().__init__(
            f"task {id!r} is in queue {queue!r} already; remove that one first, or give this one its own id"
        )


class NotWaiting(CallerError):
    """The task has been handed out, so its place in a queue can no longer be changed.

    Attributes:
        id: The task.
        wish: What was asked for.
    """

    def __init__(self, id: str, wish: str) -> None:
        self.id, self.wish = id, wish
        super().__init__(f"can't {wish} task {id!r}: it is in progress; remove it, and push it again if it is to wait")


class QueueFull(CallerError):
    """A queue has no place for another waiting task; nothing was changed.

    Attributes:
        queue: The queue.
        waiting: The tasks that wait in it.
        capacity: The most that may.
        overflows: The queues that take what it has no place for, one after the other, and had none either.
    """

    def __init__(self, queue: str, waiting: int, capacity: int, overflows: Iterable[str] = ()) -> None:
        self.queue, self.waiting, self.capacity, self.overflows = queue, waiting, capacity, tuple(overflows)
        taken = f"queue {queue!r} is full: {waiting} of {capacity} places are taken"
        if self.overflows:
            taken += f", nor has its overflow {' → '.join(map(repr, self.overflows))} a place"
        last = "name one as overflow=" if not self.overflows else "give one of these more places"
        super().__init__(f"{taken}; wait until one is free, choose another queue, or {last}")
