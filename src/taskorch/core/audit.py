"""The audit trail: a line for each record, each bound to the one before it, and what a broken chain shows.

A line is a JSON object whose last two members bind it: ``previous``, the MAC of the record before, and its own
MAC over every byte of the line up to there. The name of the last member says how it was made: ``hmac-sha256``
with a key, ``sha256`` without.

With a key, whoever has not got it can neither change, insert, remove nor reorder a record unseen. **Without
a key the chain shows accidents only**: anybody who can write the file can change a record and work out every
MAC after it anew. Either way the chain does not show that records are missing at its *end*, nor that the whole
file was replaced by an older one, unless it is compared with a head that was kept elsewhere.

One key serves a file for its life; to change it, close the file and begin another.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import attrs

from taskorch.core.records import Record, written
from taskorch.errors import InvalidHead, WeakKey

SHORTEST_KEY: Final = 16
"""Bytes; a shorter key could be guessed."""
_PRINTABLE = re.compile(rb"[ -~]*")
LONGEST_LINE: Final = 256 * 1024
"""Bytes, its newline included. No record makes a longer one, so no reader needs to hold more."""
_PURPOSE: Final = b"taskorch audit 1\n"  # so that a MAC made for anything else under the same key is none here
_LINE = re.compile(
    rb'(?P<body>\{"sequence":(?P<sequence>[1-9][0-9]{0,17}),.*"previous":"(?P<previous>[0-9a-f]{64})"),'
    rb'"(?P<name>sha256|hmac-sha256)":"(?P<mac>[0-9a-f]{64})"\}\n'
)
_HEAD = re.compile(r"(0|[1-9][0-9]{0,17}):([0-9a-f]{64})")
_NO_MAC = "0" * 64


def key_in(content: bytes) -> bytes:
    """The key in what a file or an environment variable holds: all of it, but for one line end behind plain text.

    ``openssl rand -hex 32`` and ``echo`` write such a line end. If any other byte is no printable ASCII, the key is
    binary: then its last byte is a part of it, whatever it is.

    Args:
        content: What the file or variable holds, as bytes.
    """
    text = content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
    return text if _PRINTABLE.fullmatch(text) else content


@attrs.frozen
class Head:
    """The end of a chain. Published where the file's writers cannot reach, it shows a file that was cut off.

    Attributes:
        sequence: The number of the last record; 0 of an empty chain.
        mac: Its MAC, 64 hexadecimal digits in lower case; zeros for an empty chain.

    Raises:
        InvalidHead: There is no such head.
    """

    sequence: int = 0
    mac: str = _NO_MAC

    def __attrs_post_init__(self) -> None:
        kinds: tuple[object, object] = self.sequence, self.mac
        if not (isinstance(kinds[0], int) and isinstance(kinds[1], str) and _HEAD.fullmatch(str(self))):
            raise InvalidHead(str(self))
        if self.sequence == 0 and self.mac != _NO_MAC:
            raise InvalidHead(str(self))

    def __str__(self) -> str:
        return f"{self.sequence}:{self.mac}"

    @classmethod
    def of(cls, text: "Head | str") -> "Head":
        """The head that ``str(head)`` wrote, or that is one; raises ``InvalidHead`` for anything else."""
        given: object = text
        if isinstance(given, Head):
            return given
        if not isinstance(given, str):
            raise InvalidHead(repr(given))
        match = _HEAD.fullmatch(given.strip().lower())
        if not match or (match[1] == "0" and match[2] != _NO_MAC):
            raise InvalidHead(given)
        return cls(int(match[1]), match[2])


class Fault(StrEnum):
    """What is wrong with a line of an audit file, or with its end."""

    FORM = "form"
    """It is no record."""
    TORN = "torn"
    """It has no end, after a crash in the middle of writing or a cut."""
    KEY = "key"
    """It is bound with a key and none is given, or the other way round."""
    EDITED = "edited"
    """Its MAC does not belong to it."""
    MISSING = "missing"
    """Records before it are gone, or stand elsewhere."""
    REPEATED = "repeated"
    """Its number has been passed already."""
    LINK = "link"
    """The record before it is not the one it was written after."""
    REWRITTEN = "rewritten"
    """It is not the record that the published head names."""
    TRUNCATED = "truncated"
    """The chain ends before the published head."""


@attrs.frozen
class Flaw:
    """The first thing that is wrong with a chain.

    Attributes:
        line: The line, counted from 1; one past the last for a chain that was cut off.
        fault: The kind of fault.
        message: What is wrong, in a sentence.
    """

    line: int
    fault: Fault
    message: str


@attrs.frozen
class Verdict:
    """What a verification found.

    Attributes:
        head: The end of the part that is whole.
        flaw: The first flaw, or None if all of it is whole.
    """

    head: Head
    flaw: Flaw | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.flaw is None


class Chain:
    """How records are bound to one another.

    Args:
        key: The secret, at least 16 bytes; without one, the chain shows accidents only. It is not kept, only
            the state of the MAC it was begun with, so nothing can show it.

    Raises:
        WeakKey: The key is too short, or is no bytes.
    """

    def __init__(self, key: bytes | None = None) -> None:
        if key is not None and not isinstance(key, bytes | bytearray):
            raise WeakKey(None, SHORTEST_KEY)
        if key is not None and len(key) < SHORTEST_KEY:
            raise WeakKey(len(key), SHORTEST_KEY)
        self.name = "sha256" if key is None else "hmac-sha256"
        self._begun = hashlib.sha256(_PURPOSE) if key is None else hmac.new(key, _PURPOSE, hashlib.sha256)

    @property
    def is_keyed(self) -> bool:
        """Whether it is bound with a key."""
        return self.name == "hmac-sha256"

    def line(self, record: Record, head: Head) -> tuple[bytes, Head]:
        """The line of *record* after *head*, with its newline, and the head since.

        Raises:
            InvalidRecord: The record cannot be written.
        """
        members = {"sequence": head.sequence + 1} | record.members() | {"previous": head.mac}
        body = written(members)[:-1]
        mac = self._mac(body)
        return body + f',"{self.name}":"{mac}"}}\n'.encode(), Head(head.sequence + 1, mac)

    def read(self, line: bytes, number: int) -> tuple[Head, str] | Flaw:
        """The head that a line by itself claims to be, and the MAC it follows; or why it is no sound line.

        Args:
            line: The line with its newline.
            number: Its number in the file, for the flaw.
        """
        match = _LINE.fullmatch(line) if len(line) <= LONGEST_LINE else None
        if match is None:
            is_torn = len(line) <= LONGEST_LINE and not line.endswith(b"\n")
            return Flaw(number, *(_TORN if is_torn else _FORM))
        name, mac = match["name"].decode(), match["mac"].decode()
        if name != self.name:
            return Flaw(number, Fault.KEY, _KEYS[self.is_keyed])
        if not hmac.compare_digest(self._mac(match["body"]), mac):
            other = ", or this is not the key it was written with" if self.is_keyed else ""
            return Flaw(number, Fault.EDITED, f"its MAC does not belong to it: it was edited{other}")
        if not _is_object(line):
            return Flaw(number, *_FORM)
        return Head(int(match["sequence"]), mac), match["previous"].decode()

    def follow(self, line: bytes, head: Head, number: int) -> Head | Flaw:
        """The head after *line*, which stands after *head*; or what is wrong with it."""
        found = self.read(line, number)
        if isinstance(found, Flaw):
            return found
        after, previous = found
        expected = head.sequence + 1
        if after.sequence > expected:
            message = f"is record {after.sequence} where record {expected} is expected: removed, or moved elsewhere"
            return Flaw(number, Fault.MISSING, message)
        if after.sequence < expected:
            message = f"is record {after.sequence} once more, or moved here: record {expected} is expected"
            return Flaw(number, Fault.REPEATED, message)
        if not hmac.compare_digest(previous, head.mac):
            return Flaw(number, Fault.LINK, "the record before it is not the one it was written after")
        return after

    def _mac(self, body: bytes) -> str:
        mac = self._begun.copy()
        mac.update(body)
        return mac.hexdigest()


def verify(lines: Iterable[bytes], chain: Chain, head: Head | None = None) -> Verdict:
    """Whether the lines are a whole chain; the first flaw is told, and nothing behind it is read.

    Args:
        lines: The lines with their newlines, from the first. They are taken one by one, and a line that is
            longer than ``LONGEST_LINE`` may be given in part.
        chain: How they are bound.
        head: A head that was published once; the file may have grown since.
    """
    last = Head()
    for number, line in enumerate(lines, 1):
        found = chain.follow(line, last, number)
        if isinstance(found, Flaw):
            return Verdict(last, found)
        if head is not None and found.sequence == head.sequence and not hmac.compare_digest(found.mac, head.mac):
            message = f"record {head.sequence} is not the one that the published head names: the file was rewritten"
            return Verdict(last, Flaw(number, Fault.REWRITTEN, message))
        last = found
    if head is not None and last.sequence < head.sequence:
        message = f"is missing: the chain ends with record {last.sequence}, and record {head.sequence} was published"
        return Verdict(last, Flaw(last.sequence + 1, Fault.TRUNCATED, message))
    return Verdict(last)


_FORM = (Fault.FORM, "is no audit record as it was written")
_TORN = (Fault.TORN, "has no end: a crash while it was written, or a cut")
_KEYS = {
    True: "is bound without a key, so it proves nothing under the key that is given",
    False: "is bound with a key, and none is given",
}


def _is_object(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):  # only a writer who can make MACs gets here
        return False
    return True
