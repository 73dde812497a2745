"""The tables of D0, read from its page."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.core.samples import SHARED

PAGE = SHARED / "documents" / "001_3c07a348487b87de.txt"


def section(title: str) -> str:
    """The text below the heading *title*, up to the next heading of its level or a higher one."""
    found = re.search(rf"^(#+) {re.escape(title)}$(.*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"D0 has no heading {title!r}"
    level, rest = found.groups()
    end = re.search(rf"^#{{1,{len(level)}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(title: str) -> Iterator[list[str]]:
    """The rows of the first table below *title*, without its head, as cells without code marks."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def example(title: str) -> dict[str, Any]:
    """The first block of JSON below *title*."""
    match = re.search(r"^```json\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    assert match
    found = json.loads(match[1])
    assert isinstance(found, dict)
    return found
