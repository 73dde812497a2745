"""Ranks as text that sorts as the numbers do it was made of, in every store alike."""

import struct

_BITS = 64
_SIGN = 1 << (_BITS - 1)
_ALL = (1 << _BITS) - 1


def rank(*numbers: float) -> str:
    """A text by which entries are ordered as by the tuple of *numbers*, the lowest first.

    Each number takes 16 letters: the bits of its floating-point form, turned so that they sort. Whole numbers keep
    their order up to 2**53.

    Args:
        numbers: Finite numbers; always as many in what is to be compared.

    Raises:
        ValueError: One is not finite.
    """
    return "".join(map(_sortable, numbers))


def _sortable(number: float) -> str:
    try:
        number = float(number) + 0.0  # there is one zero only
    except OverflowError:
        raise ValueError("a rank is made of numbers that a float can hold") from None
    if number - number != 0:  # NaN or infinite
        raise ValueError(f"a rank is made of finite numbers, not {number!r}")
    (bits,) = struct.unpack(">Q", struct.pack(">d", number))
    return f"{bits ^ (_ALL if bits & _SIGN else _SIGN):016x}"
