"""Amounts of resources as Kubernetes writes them: ``500m``, ``4Gi``, ``2``, ``1e3``.

They are reckoned with as whole numbers of thousandths, so that no sum ever errs.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from taskorch.core.documents import JSON
from taskorch.core.json_text import child, described
from taskorch.errors import InvalidWorkflow, Problem

if TYPE_CHECKING:
    from fractions import Fraction

WHOLE: Final = 1000
"""One of a resource, in the unit of amounts: thousandths, as Kubernetes counts."""

_MOST = 10**30
_LONGEST = 70  # characters; the form has no longer ones, and longer ones are not to be kept
_FORM = re.compile(
    r"\+?(?:([0-9]{1,30})(?:\.([0-9]{0,30}))?|\.([0-9]{1,30}))([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?"
)
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
    from fractions import Fraction  # with decimal, which is slow to load; nothing but this needs it

    return Fraction(*_ratio(value))


def request_amount(value: JSON) -> int:
    """What a step takes, in thousandths; a finer amount is rounded up, so that no step takes more than it says.

    Raises:
        InvalidWorkflow: It is not an amount, or negative.
    """
    above, below = _ratio(value)
    return -(-above * WHOLE // below)


def limit_amount(value: JSON) -> int:
    """How much there is, in thousandths; a finer amount is rounded down, so that no more is ever given out.

    Raises:
        InvalidWorkflow: It is not an amount, or negative.
    """
    above, below = _ratio(value)
    return above * WHOLE // below


def amount_text(amount: int) -> str:
    """The shortest way to write so many thousandths: ``16Gi``, ``500m``, ``4``."""
    whole, rest = divmod(amount, WHOLE)
    if rest or not whole:
        return f"{amount}m" if rest else "0"
    texts = [str(whole)]
    for unit, (base, power) in _UNITS.items():
        if power > 0 and whole % base**power == 0:
            texts.append(f"{whole // base**power}{unit}")
    return min(texts, key=len)


def check_quantities(amounts: JSON) -> Iterator[Problem]:
    """What keeps *amounts* from being an object of resource names and amounts."""
    if not isinstance(amounts, Mapping):
        yield Problem("", f"expected an object of amounts, got {described(amounts)}")
        return
    for name, amount in amounts.items():
        if not isinstance(name, str):
            yield Problem("", f"expected the name of a resource, got {described(name)}")
            continue
        try:
            _ratio(amount)
        except InvalidWorkflow as error:
            yield error.problems[0]._replace(path=child("", name))


def _ratio(value: JSON) -> tuple[int, int]:
    """The amount as numerator and denominator; the form bounds both, so that no text costs much."""
    if isinstance(value, int) and 0 <= value < _MOST:
        return int(value), 1
    text = value if isinstance(value, str) else str(value) if isinstance(value, float) else ""
    ratio = _parsed(text) if len(text) <= _LONGEST else None
    if ratio is None:
        shown = repr(value[:40]) if isinstance(value, str) else described(value)
        raise InvalidWorkflow.because(f"{shown} is not an amount", 'such as "500m", "4Gi" or 2')
    return ratio


@lru_cache(maxsize=256)  # many steps state the same few amounts
def _parsed(text: str) -> tuple[int, int] | None:
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    whole, decimals, only_decimals, unit = match.groups()
    digits = decimals or only_decimals or ""
    number, scale = int((whole or "") + digits), 10 ** len(digits)
    base, power = (1, 0) if unit is None else _UNITS.get(unit) or (10, int(unit[1:]))
    return (number * base**power, scale) if power >= 0 else (number, scale * base**-power)
