"""Text in which nothing is hidden: what acts on a display, or cannot be seen on it, is written as its code."""

import json
import re
from typing import Final

# Control characters, those that break lines or turn the direction of text, those that cannot be seen (joiners,
# fillers, blanks that are no spaces, tags), halves of characters and those that are none. A variation selector
# stays behind a symbol that it makes a picture of.
ACTIVE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])[\ufe00-\ufe0f]"
)
"""What is no plain text."""


def visible(text: str) -> str:
    """*text* as one line in which nothing is hidden, its codes written as Python does."""
    return ACTIVE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def visible_json(text: str) -> str:
    """The JSON *text* as one line in which nothing is hidden; it reads as before, if it has no line ends of its own."""
    return ACTIVE.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    # The one character of these that json writes as it is.
    return r"\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1]
