"""What a check of a store is."""

from typing import Protocol

from taskorch.protocols.store import Store


class Check(Protocol):
    """A function that is a check. Its docstring is the rule that it checks."""

    __name__: str

    async def __call__(self, store: Store, /) -> None:
        """Check *store*, which is fresh.

        Raises:
            AssertionError: The store breaks the rule.
        """
