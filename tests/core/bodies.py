"""Bodies of steps, and workflows of them."""

from collections.abc import Callable
from typing import Any

import pytest

from taskorch import InvalidWorkflow, Workflow


async def extract() -> list[int]:
    """A body."""
    return [1]


def transform(extract: list[int]) -> int:
    """A body fed by the step of the parameter's name."""
    return len(extract)


def flow_with(*functions: Callable[..., Any]) -> Workflow:
    """A workflow of these functions."""
    flow = Workflow("w")
    for function in functions:
        flow.step(function)
    return flow


def refusal(make: Callable[[], object]) -> str:
    """The message with which something is refused."""
    with pytest.raises(InvalidWorkflow) as caught:
        make()
    return str(caught.value)
