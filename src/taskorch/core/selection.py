"""What is asked of a store: which waiting entries to claim, and which records to find."""

import attrs


@attrs.frozen
class Lane:
    """A set of queues whose entries are taken together, by rank.

    Attributes:
        queues: The queues.
        quota: The most entries to be taken from this lane at a time; None for no bound of its own.
    """

    queues: tuple[str, ...]
    quota: int | None = None


@attrs.frozen(kw_only=True)
class Filter:
    """Which records are meant: those that meet every condition that is given.

    Attributes:
        states: Their state is one of these.
        parent: They belong to this record.
        queue: They wait in this queue, or have been claimed from it.
    """

    states: frozenset[str] | None = None
    parent: str | None = None
    queue: str | None = None
