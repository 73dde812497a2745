"""Mistakes that are planted into the memory store and the rules, each with the check that must find it.

A mistake is one wrong line: a function that patches a rule with the help of a ``pytest.MonkeyPatch``.
"""

from collections.abc import Callable

import pytest

Plant = Callable[[pytest.MonkeyPatch], None]
MISTAKES: list[tuple[Plant, str]] = []
"""Each mistake with each of the checks that must find it, by name."""


def mistake(*checks: str) -> Callable[[Plant], Plant]:
    """Note a mistake that each of *checks* must find."""

    def note(plant: Plant) -> Plant:
        MISTAKES.extend((plant, check) for check in checks)
        return plant

    return note
