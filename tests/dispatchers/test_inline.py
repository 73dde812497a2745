"""``InlineDispatcher``."""

import pytest

from taskorch.dispatchers import InlineDispatcher
from taskorch.errors import StepFailed
from taskorch.testing.dispatchers import check_dispatcher
from tests.dispatchers.jobs import QuietReport, body, command


async def test_it_keeps_the_promises() -> None:
    """An inline dispatcher passes the conformance checks for bodies that do not block."""
    await check_dispatcher(InlineDispatcher, blocks=False)


async def test_an_object_that_pretends_to_have_everything_is_not_awaited() -> None:
    """Only what its type says can be awaited is awaited."""

    class Pretender:
        def __getattr__(self, name: str) -> object:
            return self

    pretender = Pretender()

    assert await InlineDispatcher().dispatch(body(lambda: pretender), QuietReport()) is pretender


async def test_it_refuses_commands() -> None:
    """A command is refused with a typed error that says which dispatcher is missing."""
    with pytest.raises(StepFailed, match="it is a command"):
        await InlineDispatcher().dispatch(command("true"), QuietReport())
