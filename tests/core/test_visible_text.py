"""Text in which nothing is hidden: one table for terminals, reports and the audit trail."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.cli.screen import shown
from taskorch.core.records import written
from taskorch.core.visible_text import visible, visible_json
from taskorch.formats.reports import wording

HIDDEN = [
    *"\x00\n\x1b\x7f\x85\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u2028\u202e\u2060\u2066\u2800\u3164",
    *"\ud800\udfff\ufe0f\ufeff\uffa0\ufff9\uffff\U0001d173\U000e0041\U000e0100",
]


@pytest.mark.parametrize("char", HIDDEN, ids=lambda char: f"{ord(char):04x}")
def test_what_is_hidden_is_shown_everywhere(char: str) -> None:
    """What acts on a display, or cannot be seen, is written as its code on terminals, in reports and in records."""
    text = f"a{char}b"

    assert visible(text) == shown(text) == wording.visible(text) == "a" + char.encode("unicode_escape").decode() + "b"
    line = written({"name": text})
    assert char.encode("utf-8", "surrogatepass") not in line
    assert json.loads(line) == {"name": text}


@pytest.mark.parametrize(
    "text", ["échec — 失败", "naïve", "한글", "मुंबई", "✈\ufe0f 1\ufe0f\u20e3", "a\u00a0b", "e\u0301", "😀"]
)
def test_plain_text_stays(text: str) -> None:
    """Letters, marks and pictures that can be seen stay as they are."""
    assert visible(text) == visible_json(text) == text


def test_only_one_selector_stays_behind_a_picture() -> None:
    """A variation selector that changes nothing which can be seen is shown, so that none can carry a message."""
    assert visible("✈\ufe0f\ufe01") == "✈\ufe0f\\ufe01"
    assert visible("a\ufe01") == "a\\ufe01"


def test_no_control_character_of_unicode_stays() -> None:
    """Every control character and every one of format is shown, but for Arabic and kindred signs with a shape."""
    kinds = {char: unicodedata.category(char) for char in map(chr, range(0x110000))}
    left = {char for char, kind in kinds.items() if kind in ("Cc", "Cs", "Zl", "Zp", "Cf") and visible(char) == char}

    assert {unicodedata.name(char).split()[0] for char in left} <= {"ARABIC", "SYRIAC", "KAITHI"}


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_visible_text_is_stable_and_json_reads_as_before(text: str) -> None:
    """What was made visible has nothing hidden in it, and JSON made visible reads as it did."""
    assert visible(visible(text)) == visible(text)
    assert len(visible(text).splitlines()) <= 1
    joined = json.loads(json.dumps(text))
    assert json.loads(visible_json(json.dumps(text, ensure_ascii=False))) == joined
