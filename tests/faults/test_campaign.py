"""The fault campaign in small: each of its parts runs, hurts the store, and finds every invariant kept.

It runs in a process of its own, as it forks: the process of the tests has threads and databases of other tests.
"""

import os
import re
from pathlib import Path

import pytest

from tests.faults.campaign import SQLITE, put_into
from tests.faults.planted import SECONDS, campaign

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| (?P<fault>SQLite.*?) \| (?P<runs>[\d,]+) \| (?P<injected>[\d,]+) \| (?P<told>[\d,]+) \|", re.MULTILINE
)
SMALL = {
    "kills": ("--kills", "25"),
    "points": ("--long", "0.1"),
    "migrations": (),
    "runs": ("--long", "0.15"),
    "disk": ("--stride", "16", "--long", "0.5"),
    "contention": ("--long", "0.15"),
    "pauses": ("--long", "0.1"),
    "abandoned": ("--long", "0.2"),
    "reader": ("--long", "0.2"),
    "full": ("--long", "0.2"),
    "forks": ("--long", "0.2"),
    "orders": ("--stride", "32"),
    "values": ("--long", "0.2"),
}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the campaign forks, kills and stops processes")


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("part", SQLITE)
def test_a_part_of_the_campaign_finds_no_violation(part: str) -> None:
    """After so many faults of a kind every invariant holds, and each row of the table tells of faults and answers."""
    status, text = campaign(ROOT / "src", "--only", part, *SMALL[part])

    assert status == 0, text
    rows = list(ROW.finditer(text))
    assert rows
    assert all(int(row[name].replace(",", "")) > 0 for row in rows for name in ("runs", "injected", "told")), text


def test_every_part_is_tried_in_small() -> None:
    """The small campaign leaves out no part of the great one."""
    assert SMALL.keys() == SQLITE.keys()


def test_figures_are_put_into_their_part_of_a_page(tmp_path: Path) -> None:
    """What stood between the marks is replaced, and nothing else; a page without marks is refused."""
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- figures -->\nold\n<!-- end of figures -->\nfoot\n")
    for text in ("first", "| second |"):
        put_into(page, "figures", text)
    assert page.read_text() == "head\n<!-- figures -->\n\n| second |\n\n<!-- end of figures -->\nfoot\n"
    with pytest.raises(ValueError, match="has no part 'other'"):
        put_into(page, "other", "text")


def test_the_page_has_a_part_for_each_table(tmp_path: Path) -> None:
    """``--write docs/reliability.md`` finds the parts it fills."""
    copy = tmp_path / "reliability.md"
    copy.write_text((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("figures", "planted bugs"):
        put_into(copy, name, f"the {name}")
        assert f"\nthe {name}\n" in copy.read_text(encoding="utf-8")
