"""The few SVG shapes that the charts are made of, as text; no colour is chosen here, only classes."""

from html import escape
from math import floor, log10
from typing import Final

from taskorch.formats.reports.wording import visible

WIDTH: Final = 400
"""The width of every chart in its own units: about that of a telephone, so that text there stays readable."""

SIZE: Final = 12
"""The size of text, in the same units."""

# Shares of the size of the text by which a character moves on, on the safe side for the usual fonts.
_NARROW, _WIDE = frozenset("iljtfr.,:;|!'() "), frozenset("mwMW@%")
_FIRST_DOUBLE = "\u1100"  # from here on a character may take a full square


def width(text: str) -> float:
    """About how wide *text* is drawn, rather too much than too little."""
    return SIZE * sum(map(_advance, text))


def _advance(character: str) -> float:
    if character >= _FIRST_DOUBLE:
        return 1.05
    if character in _NARROW:
        return 0.4
    if character in _WIDE:
        return 0.98
    return 0.72 if character.isupper() else 0.63


def fitted(text: str, room: float) -> str:
    """*text*, made visible, its end cut so that it is no wider than *room*."""
    text = visible(text)
    if width(text) <= room:
        return text
    room -= width("…")
    kept = 0
    while kept < len(text) and (room := room - SIZE * _advance(text[kept])) >= 0:
        kept += 1
    return text[:kept].rstrip() + "…"


def element(name: str, content: str = "", /, **attributes: str | float) -> str:
    """An element with attributes; ``_`` in their names stands for ``-``, and one at the end for nothing.

    Args:
        name: Its name.
        content: What stands in it, as SVG already.
        attributes: Texts are escaped, numbers written with at most two decimals.
    """
    words = [name]
    for key, value in attributes.items():
        text = escape(value) if isinstance(value, str) else number(value)
        words.append(f'{key.rstrip("_").replace("_", "-")}="{text}"')
    opening = " ".join(words)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def number(value: float) -> str:
    """A coordinate: at most two decimals, and none that say nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line of a class."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def bar(x: float, y: float, wide: float, high: float, kind: str, *, note: str = "") -> str:
    """A rectangle of a class, with a note for whoever points at it."""
    inner = element("title", escape(visible(note))) if note else ""
    return element("rect", inner, x=x, y=y, width=max(wide, 0), height=max(high, 0), class_=kind)


def label(x: float, y: float, text: str, kind: str = "label", anchor: str = "start") -> str:
    """A line of text; *anchor* says which end of it is at *x*: ``start``, ``middle`` or ``end``."""
    return element("text", escape(visible(text)), x=x, y=y, text_anchor=anchor, class_=kind)


def heading(y: float, name: str, words: str, kind: str) -> str:
    """The two ends of the line above a bar: a name on the left, cut if need be, and words on the right."""
    words = fitted(words, WIDTH - SIZE - min(width(visible(name)), WIDTH * 0.3))
    left = label(0, y, fitted(name, WIDTH - width(words) - SIZE))
    return left + label(WIDTH, y, words, f"words {kind}".rstrip(), "end")


def arrow(x: float, y: float, direction: int, kind: str) -> str:
    """The head of an arrow whose tip is at *x*: what is drawn goes on to the right (1) or left (-1)."""
    back = x - 8 * direction
    tip, top, bottom = (f"{number(a)},{number(b)}" for a, b in ((x, y), (back, y - 6), (back, y + 6)))
    return element("polygon", points=f"{tip} {top} {bottom}", class_=kind)


def chart(id: str, title: str, description: str, height: float, parts: list[str]) -> str:
    """A whole chart: an image with a title and a description for those who do not see it; its id begins ``chart-``."""
    id = f"chart-{id}"
    inner = element("title", escape(visible(title)), id=f"{id}-title")
    inner += element("desc", escape(visible(description, 1000)), id=f"{id}-desc")
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {number(height)}", "role": "img"}
    labelled = f"{id}-title {id}-desc"
    return element("svg", inner + "".join(parts), **attributes, class_="chart", id=id, aria_labelledby=labelled)


def axis_end(most: float) -> float:
    """A round number at which an axis from 0 may end: 1, 2, 4, 6 or 8 with noughts, not below *most*."""
    if most <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(most))
    return next(step * unit for step in (1, 2, 4, 6, 8, 10, 20) if step * unit >= most)
