"""What the steps do: nothing, in the ways in which nothing can be done; what remains is overhead."""

from collections.abc import Callable, Mapping


async def idle() -> None:
    """Never leave the event loop; kind to executors that never leave it either."""


def plain() -> None:
    """The same without a coroutine."""


async def yielding() -> None:
    """Give the event loop back once, as nearly every real body does."""
    import anyio.lowlevel  # not in the environment of every peer

    await anyio.lowlevel.checkpoint()


BODIES: Mapping[str, Callable[[], object]] = {"async": idle, "sync inline": plain, "yields once": yielding}
