"""Hints that name what may have been meant, within bounds: a bad document costs no more time than a good one."""

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

MOST_WORDS: Final = 200
"""Among more known words none is looked for."""
LONGEST_WORD: Final = 40
"""Characters of a word that is compared; longer ones are passed over."""
_ONE_DOCUMENT = 250_000
_MOST_LISTED, _LONGEST_LIST = 12, 400

_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextmanager
def few_suggestions() -> Iterator[None]:
    """Have all that is suggested inside share one allowance: the first problems of a document get suggestions.

    What is counted is pairs of characters that are compared, so that nothing depends on a clock. The outermost
    allowance counts.
    """
    if _left.get() is not None:
        yield
        return
    token = _left.set([_ONE_DOCUMENT])
    try:
        yield
    finally:
        _left.reset(token)


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to *word*, or lists a few known ones."""
    words = _bounded(known)
    near = [other for other in words if len(other) <= LONGEST_WORD] if len(word) <= LONGEST_WORD else []
    if near and _is_granted(len(word) * sum(map(len, near))):
        import difflib  # only a bad document needs it

        if found := difflib.get_close_matches(word, near, n=1):
            return f"did you mean {found[0]!r}?"
    listed = ", ".join(words) if len(words) <= _MOST_LISTED else ""
    return f"one of {listed}" if 0 < len(listed) <= _LONGEST_LIST else ""


def _bounded(known: Iterable[str]) -> list[str]:
    """The known words, or none of them where there are very many."""
    if isinstance(known, Sized) and len(known) > MOST_WORDS:
        return []
    words = list(known)
    return words if len(words) <= MOST_WORDS else []


def _is_granted(cost: int) -> bool:
    left = _left.get()
    if left is None:
        return True
    if cost > left[0]:
        return False
    left[0] -= cost
    return True
