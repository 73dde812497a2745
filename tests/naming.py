"""The names of tests: the same in every process, so that several may share the work."""

import re

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def shown(value: object) -> str:
    """What ``repr`` says, with sets in order and without where in memory something lies; for ``ids=``."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    return _ADDRESS.sub("", repr(value))
