"""Amounts of resources as Kubernetes writes them: ``500m``, ``4Gi``, ``2``, ``1e3``."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from taskorch.core.documents import JSON
from taskorch.core.json_text import child, described
from taskorch.errors import InvalidWorkflow, Problem

if TYPE_CHECKING:
    from fractions import Fraction

_FORM = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?")
_UNITS = {
    **{unit: (1000, -power) for power, unit in enumerate("mun", start=1)},
    **{unit: (1000, power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": (1024, power) for power, unit in enumerate("KMGTPE", start=1)},
}


def quantity(value: JSON) -> "Fraction":
    """The exact amount of a text, a number, or true (one).

    Raises:
        InvalidWorkflow: It is not an amount, or negative.
    """
    from fractions import Fraction  # with decimal, which is slow to load; most workflows state no amounts

    if isinstance(value, bool):
        return Fraction(int(value))
    is_short = isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 100)  # as the form asks
    text = str(value) if is_short else value
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        shown = repr(text[:40]) if isinstance(text, str) else described(value)
        raise InvalidWorkflow.because(f"{shown} is not an amount", 'such as "500m", "4Gi" or 2')
    number, unit = Fraction(match.group(1)), match.group(2)
    if unit is None:
        return number
    base, power = _UNITS.get(unit) or (10, int(unit[1:]))
    return number * Fraction(base) ** power


def check_quantities(amounts: JSON) -> Iterator[Problem]:
    """What keeps *amounts* from being an object of resource names and amounts."""
    if not isinstance(amounts, Mapping):
        yield Problem("", f"expected an object of amounts, got {described(amounts)}")
        return
    for name, amount in amounts.items():
        try:
            quantity(amount)
        except InvalidWorkflow as error:
            yield error.problems[0]._replace(path=child("", name))
