"""Durations as people write them: ``24h``, ``1h30m``, ``90 s``, or ISO 8601 as ``PT24H``."""

import re
from datetime import timedelta

from taskorch.core.json_text import described
from taskorch.core.times import LONGEST, MICROSECOND
from taskorch.errors import InvalidDocument

_UNITS = {
    "w": 7 * 86_400_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
}
"""Microseconds of each unit, the largest first: the order in which they are written."""
_NUMBER = r"([0-9]{1,15})(?:\.([0-9]{1,15}))?"
_PART = re.compile(_NUMBER + r" ?(ms|[wdhms]) ?")
_ISO = re.compile(rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:(?=T.)T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?")
_LONGEST_TEXT = 60


def read_duration(value: object) -> timedelta:
    """The duration a text such as ``24h``, ``1h30m``, ``1.5 d``, ``-500ms`` or ``PT24H`` names.

    Units are ``w d h m s ms``, the larger first and each once; a minus before all of it makes it negative, as
    the time left after a deadline is. Years and months are refused: they are of no certain length.

    Raises:
        InvalidDocument: It is no such text, finer than a microsecond, or longer than a century.
    """
    if not isinstance(value, str):
        raise InvalidDocument.because(f'expected a duration such as "24h", got {described(value)}')
    text = value.strip(" ") if len(value) <= _LONGEST_TEXT else ""
    negative = text.startswith("-")
    parts = _parts(text[negative:])
    if not parts:
        raise InvalidDocument.because(f"{value[:40]!r} is not a duration", 'write "24h", "1h30m", "500ms" or "PT24H"')
    total = 0
    for whole, fraction, unit in parts:
        exact, rest = divmod(int(whole + fraction) * _UNITS[unit], 10 ** len(fraction))
        if rest:
            raise InvalidDocument.because(f"{value[:40]!r} is finer than a microsecond")
        total += exact
    if total > LONGEST // MICROSECOND:
        raise InvalidDocument.because(f"{value[:40]!r} is out of range", "at most 100 years")
    return timedelta(microseconds=-total if negative else total)


def is_duration(text: str) -> bool:
    """Whether ``read_duration`` takes a text."""
    try:
        read_duration(text)
    except InvalidDocument:
        return False
    return True


def _parts(text: str) -> list[tuple[str, str, str]]:
    """Whole digits, decimals and unit of each part; empty if the text is no duration."""
    if text.startswith("P"):
        match = _ISO.fullmatch(text)
        groups = match.groups(default="") if match else ()
        return [(w, f, u) for w, f, u in zip(groups[::2], groups[1::2], _UNITS, strict=False) if w]
    parts: list[tuple[str, str, str]] = []
    place = 0
    for match in _PART.finditer(text):
        whole, fraction, unit = match.groups(default="")
        if match.start() != place or (parts and _UNITS[unit] >= _UNITS[parts[-1][2]]):
            return []
        parts.append((whole, fraction, unit))
        place = match.end()
    return parts if place == len(text) else []
