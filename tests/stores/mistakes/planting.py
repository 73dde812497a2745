"""Mistakes that are planted into the memory store and the rules, each with the check that must find it.

A mistake is one wrong line: a function that patches a rule with the help of a ``pytest.MonkeyPatch``.
"""

from collections.abc import Callable

import pytest

Plant = Callable[[pytest.MonkeyPatch], None]
MISTAKES: list[tuple[Plant, str]] = []
"""Each mistake, and the name of the check that finds it."""


def mistake(check: str) -> Callable[[Plant], Plant]:
    """Note a mistake that *check* must find."""

    def note(plant: Plant) -> Plant:
        MISTAKES.append((plant, check))
        return plant

    return note
