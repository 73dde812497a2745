"""The chain of the audit trail: whatever is done to its lines is found, and the first bad one is named."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.core import json_text
from taskorch.core.audit import LONGEST_LINE, Chain, Fault, Head, verify
from taskorch.core.records import LONGEST_DETAILS, LONGEST_NAME, LONGEST_REASON, _least, written
from taskorch.errors import InvalidHead, InvalidRecord, WeakKey
from tests.observers.trails import KEY, lines, record

SIX = lines(6)
FORGED = lines(6, b"another key of 16")
BOTH = pytest.mark.parametrize("key", [None, KEY], ids=["keyless", "keyed"])


def fault(changed: list[bytes], key: bytes | None = KEY, head: Head | None = None) -> tuple[int, Fault] | None:
    """The line and kind of the first flaw."""
    flaw = verify(changed, Chain(key), head).flaw
    return flaw and (flaw.line, flaw.fault)


def head_of(chain: list[bytes], key: bytes | None = KEY) -> Head:
    """The head of a whole chain."""
    return verify(chain, Chain(key)).head


@BOTH
def test_a_chain_as_written_is_whole(key: bytes | None) -> None:
    """A chain that nobody touched is whole, and its head is its last record."""
    chain = lines(6, key)
    verdict = verify(chain, Chain(key))

    assert verdict.is_whole
    assert verdict.head.sequence == 6
    assert verdict.head.mac in chain[-1].decode()
    assert verify([], Chain(key)).head == Head()


@BOTH
@pytest.mark.parametrize("number", range(6))
def test_any_changed_byte_is_found(key: bytes | None, number: int) -> None:
    """Whatever byte of a line is changed, that line is named."""
    chain = lines(6, key)
    for place in range(len(chain[number])):
        line = bytearray(chain[number])
        line[place] ^= 1
        found = fault([*chain[:number], bytes(line), *chain[number + 1 :]], key)
        assert found is not None
        assert found[0] == number + 1


@pytest.mark.parametrize("number", range(5))
def test_a_removed_line_is_found(number: int) -> None:
    """Where a line is gone, the one that stands in its place is named."""
    assert fault(SIX[:number] + SIX[number + 1 :]) == (number + 1, Fault.MISSING)


@pytest.mark.parametrize("number", range(5))
def test_another_order_is_found(number: int) -> None:
    """Of two lines that changed places, the first is named."""
    swapped = [*SIX[:number], SIX[number + 1], SIX[number], *SIX[number + 2 :]]

    assert fault(swapped) == (number + 1, Fault.MISSING)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_repeated_line_is_found(number: int) -> None:
    """A line that stands there once more is named."""
    assert fault([*SIX[:number], SIX[number - 1], *SIX[number:]]) == (number + 1, Fault.REPEATED)


@pytest.mark.parametrize("number", range(6))
def test_a_forged_line_is_found(number: int) -> None:
    """A line made with another key is named, whether it is put in or in the place of a true one."""
    assert fault([*SIX[:number], FORGED[number], *SIX[number:]]) == (number + 1, Fault.EDITED)
    assert fault([*SIX[:number], FORGED[number], *SIX[number + 1 :]]) == (number + 1, Fault.EDITED)


def test_the_end_of_another_chain_is_found() -> None:
    """Lines of another chain under the same key do not go on from this one."""
    chain, head, other = Chain(KEY), Head(), []
    for number in range(1, 7):
        line, head = chain.line(record(number, actor="bob"), head)
        other.append(line)

    assert fault(SIX[:3] + other[3:]) == (4, Fault.LINK)


@pytest.mark.parametrize("kept", range(6))
def test_a_cut_end_shows_against_a_published_head(kept: int) -> None:
    """A chain that ends before the published head was cut off; by itself it looks whole."""
    assert fault(SIX[:kept]) is None
    assert fault(SIX[:kept], head=head_of(SIX)) == (kept + 1, Fault.TRUNCATED)


@pytest.mark.parametrize("published", range(7))
def test_a_chain_may_grow_behind_its_published_head(published: int) -> None:
    """A head that was published earlier is still held by the chain that grew since."""
    assert fault(SIX, head=head_of(SIX[:published])) is None


def test_a_keyless_chain_made_anew_shows_against_a_published_head_only() -> None:
    """Without a key, whoever can write can make all of it anew; only a published head shows that."""
    true, false = lines(6, None), []
    chain, head = Chain(), Head()
    for number in range(1, 7):
        line, head = chain.line(record(number, reason="nothing happened here"), head)
        false.append(line)

    assert fault(false, None) is None
    assert fault(false, None, head=head_of(true, None)) == (6, Fault.REWRITTEN)
    assert fault(false, None, head=head_of(true[:3], None)) == (3, Fault.REWRITTEN)


def test_a_keyless_line_proves_nothing_under_a_key() -> None:
    """A chain bound without a key is refused when a key is given, and the other way round."""
    assert fault(lines(2, None), KEY) == (1, Fault.KEY)
    assert fault(SIX, None) == (1, Fault.KEY)
    assert fault([*SIX, *lines(7, None)[6:]]) == (7, Fault.KEY)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", Fault.TORN),
        (b"\n", Fault.FORM),
        (b"{}\n", Fault.FORM),
        (b"\x00\xff\xfe\n", Fault.FORM),
        (SIX[0][:-1], Fault.TORN),
        (SIX[0][:-1] + b"\r\n", Fault.FORM),
        (b" " + SIX[0], Fault.FORM),
        (SIX[0].replace(b'"sequence":1', b'"sequence":01'), Fault.FORM),
        (SIX[0].replace(b'"sequence":1', b'"sequence":' + b"9" * 5000), Fault.FORM),
        (b"x" * (LONGEST_LINE + 1), Fault.FORM),
        (b"[" * LONGEST_LINE, Fault.TORN),
    ],
    ids=range(11),
)
def test_what_is_no_record_is_named(line: bytes, expected: Fault) -> None:
    """A line that is no record as it was written is a flaw, whatever it is."""
    assert fault([line, *SIX[1:]]) == (1, expected)


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_any_bytes_get_a_verdict(chunks: list[bytes]) -> None:
    """Verification answers for any lines, and calls none of them whole that was not written."""
    assert verify(chunks, Chain(KEY)).is_whole is (not chunks)


def test_a_keyless_line_that_is_no_json_is_named() -> None:
    """A line whose MAC fits and whose body is nonsense is no record."""
    chain = Chain()
    body = b'{"sequence":1,' + b"[" * 5000 + b'"previous":"' + b"0" * 64 + b'"'
    line = body + f',"sha256":"{chain._mac(body)}"}}\n'.encode()

    assert fault([line], None) == (1, Fault.FORM)


def test_verification_takes_line_by_line() -> None:
    """Nothing behind the first flaw is read."""
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield b"x\n"

    assert verify(endless(), Chain(KEY)).flaw is not None
    assert taken == 1


# --- keys and heads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [b"", b"fifteen bytes..", "sixteen letters.", 16, ["x"] * 16])
def test_a_weak_key_is_refused(key: object) -> None:
    """A key is at least 16 bytes; another is refused, and never told."""
    with pytest.raises(WeakKey) as caught:
        Chain(key)  # type: ignore[arg-type]

    assert "at least 16 bytes" in str(caught.value)
    assert "fifteen" not in str(caught.value)
    assert caught.value.least == 16


def test_a_key_is_never_shown() -> None:
    """No representation, and nothing the chain keeps, holds the key."""
    chain = Chain(KEY)

    assert "sixteen" not in repr(chain) + repr(vars(chain)) + repr(SIX)


def test_a_head_is_read_as_it_is_written() -> None:
    """``Head.of`` gives back the head whose text it is given, in any case and with space around it."""
    for head in (Head(), head_of(SIX)):
        assert Head.of(str(head)) == head
        assert Head.of(f"  {str(head).upper()}\n") == head


@pytest.mark.parametrize("text", ["", "6", "6:", "a" * 64, f"-1:{'a' * 64}", f"06:{'a' * 64}", f"0:{'a' * 64}", "6:x"])
def test_what_is_no_head_is_refused(text: str) -> None:
    """A text that is no head is refused with the text."""
    with pytest.raises(InvalidHead) as caught:
        Head.of(text)

    assert caught.value.text == text


@pytest.mark.parametrize("text", [None, b"2:" + b"0" * 64, 5, True], ids=range(4))
def test_what_is_no_text_is_no_head(text: object) -> None:
    """A head is read from text only; anything else is refused as it is shown."""
    with pytest.raises(InvalidHead) as caught:
        Head.of(text)  # type: ignore[arg-type]

    assert caught.value.text == repr(text)


def test_a_head_is_read_from_itself() -> None:
    """``Head.of`` gives back a head that it is given."""
    assert Head.of(head_of(SIX)) == head_of(SIX)


@pytest.mark.parametrize(
    ("sequence", "mac"),
    [
        (2, "é"),
        (2, "f" * 63),
        (2, "F" * 64),
        (2, None),
        (-1, "f" * 64),
        (0, "f" * 64),
        ("2", "f" * 64),
        (True, "f" * 64),
    ],
    ids=range(8),
)
def test_a_head_that_cannot_be_is_refused(sequence: int, mac: str) -> None:
    """A head that no chain can have is refused when it is made."""
    with pytest.raises(InvalidHead):
        Head(sequence, mac)


# --- records -----------------------------------------------------------------------------------------------------


def line_of(**members: object) -> bytes:
    """The line of one record."""
    return Chain(KEY).line(record(**members), Head())[0]


@given(st.text())
def test_every_text_is_one_harmless_line(text: str) -> None:
    """Any text is kept exactly, on one line, with whatever is active in it escaped."""
    line = line_of(reason=text)
    shown = line.decode()

    assert json.loads(line)["reason"] == text or any("\ud800" <= char <= "\udfff" for char in text)
    assert len(shown.splitlines()) == 1
    assert fault([line]) is None


@pytest.mark.parametrize(
    "char", ["\n", "\r", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\udcff", "\u3164"]
)
def test_active_characters_are_escaped(char: str) -> None:
    """Control characters, line separators, turns of direction and halves of characters stand as escapes."""
    line = line_of(actor=f"a{char}b", details={"k": [char], f"{char}k": {}})

    assert char.encode("utf-8", "surrogatepass") not in line[:-1]
    assert json.loads(line)["actor"] == f"a{char}b"
    assert json.loads(line)["details"] == {"k": [char], f"{char}k": {}}


def test_plain_text_stays_readable() -> None:
    """Letters of any language stand as they are, so that the file can be searched."""
    assert "échec — 失败".encode() in line_of(reason="échec — 失败")


def test_long_texts_are_cut_with_a_mark() -> None:
    """A text beyond its limit is cut, and says by how much; no record is longer than the longest line."""
    worst = "\U000e0001" * 20_000
    members = dict.fromkeys(("actor", "verb", "subject", "before", "after", "step", "reason"), worst)
    line = line_of(**members, details={"k": "x" * 32_000})
    read = json.loads(line)

    assert len(line) <= LONGEST_LINE
    assert read["actor"].startswith(worst[:LONGEST_NAME] + "…")
    assert read["actor"].endswith("(+19000 characters)")
    assert read["reason"].endswith(f"(+{20_000 - LONGEST_REASON} characters)")


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"actor": None}, "actor"),
        ({"verb": 1}, "verb"),
        ({"subject": b"T"}, "subject"),
        ({"reason": 3.5}, "reason"),
        ({"before": True}, "before"),
        ({"attempt": None}, "attempt"),
        ({"attempt": True}, "attempt"),
        ({"version": -1}, "version"),
        ({"before_version": 2**80}, "before_version"),
        ({"at": "2026-11-20"}, "at"),
        ({"at": datetime(2026, 11, 20)}, "at"),  # noqa: DTZ001 - a naive time is the point
        ({"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))}, "at"),
        ({"at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))}, "at"),
        ({"details": [1]}, "details"),
        ({"details": {"a": float("nan")}}, "details.a"),
        ({"details": {"a": {1: 2}}}, "details.a"),
        ({"details": {"a": object()}}, "details.a"),
        ({"details": {"a": "x" * 40_000}}, "details"),
        ({"details": {"a": [[[[[[[[[1]]]]]]]]]}}, "details.a[0][0][0][0][0][0][0]"),
    ],
    ids=range(19),
)
def test_a_record_that_makes_no_sense_is_refused(members: dict[str, object], path: str) -> None:
    """What cannot be written as it is meant is refused with its path."""
    with pytest.raises(InvalidRecord) as caught:
        line_of(**members)

    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize(
    "details",
    [
        {"a": [[[0] * 100] * 100] * 100},
        {"a": [0] * 10**6},
        {"a": dict.fromkeys(map(str, range(10**4)))},
        {"k" * 40_000: 1},
        {"a": [["x" * 300] * 100] * 100},
        {"a": [1 << 10_000] * 100},
    ],
    ids=range(6),
)
def test_details_are_bounded_before_they_are_walked(
    details: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Details beyond the bound are refused after a look at no more of them than could be written."""
    looked = 0

    def child(path: str, key: str | int) -> str:
        nonlocal looked
        looked += 1
        return path

    monkeypatch.setattr(json_text, "child", child)
    with pytest.raises(InvalidRecord, match="at most 32,768 bytes of JSON"):
        line_of(details=details)
    assert looked <= LONGEST_DETAILS / 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_the_count_of_details_is_never_too_high(value: object) -> None:
    """What is counted while details are walked is at most what they take, so that nothing that fits is refused."""
    waiting, least = [value], 1
    while waiting:
        item = waiting.pop()
        least += _least(item)
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()

    assert least <= len(written({"": value})) - len('{"":}')


def test_details_up_to_the_bound_are_written() -> None:
    """Details of just the bound are written, and one byte more is refused."""
    most = LONGEST_DETAILS - len('{"k":""}')
    assert json.loads(line_of(details={"k": "x" * most}))["details"] == {"k": "x" * most}
    with pytest.raises(InvalidRecord, match="at most 32,768"):
        line_of(details={"k": "x" * (most + 1)})
    zeros = [0] * ((LONGEST_DETAILS - len('{"k":[]}') + 1) // 2)
    assert json.loads(line_of(details={"k": zeros}))["details"] == {"k": zeros}


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_can_be_written(year: int) -> None:
    """The first and the last year are times like others."""
    assert f'"at":"{year:04}-01-01T00:00:00Z"' in line_of(at=datetime(year, 1, 1, tzinfo=UTC)).decode()


def test_the_lines_are_the_same_every_time() -> None:
    """The format of a line is fixed, and anybody with the key can work out its MAC by the book."""
    body = (
        '{"sequence":1,"at":"2026-11-20T10:00:01Z","actor":"ann","verb":"start","subject":"T-1","step":null,'
        '"attempt":0,"before":null,"after":null,"before_version":null,"version":null,"reason":null,'
        f'"previous":"{"0" * 64}"'
    ).encode()
    purpose = b"taskorch audit 1\n"
    keyed, keyless = hmac.digest(KEY, purpose + body, "sha256").hex(), hashlib.sha256(purpose + body).hexdigest()

    assert lines(1)[0] == body + f',"hmac-sha256":"{keyed}"}}\n'.encode()
    assert lines(1, None)[0] == body + f',"sha256":"{keyless}"}}\n'.encode()
