"""What the tests of reports use: scorecards, loads and standings made by hand, and readers of what comes out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from taskorch.core.loads import Load
from taskorch.core.metrics.definitions import DEFINITIONS, Target
from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.core.metrics.scorecards import Scorecard
from taskorch.core.metrics.window import Window
from taskorch.core.reports import StatusReport, TaskStanding
from taskorch.core.sla import SlaStatus, Standing

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
WEEK = Window.week(NOW)
HOUR = timedelta(hours=1)
SVG = "{http://www.w3.org/2000/svg}"

FIGURES = (1.5, 30.25, 94.97, 12.4, 3.2, 12.0, None)
"""A value for each of the seven; the third and the sixth miss their targets."""
NO_FIGURES = (None,) * 7

HOSTILE = (
    "<script>alert(1)</script>",
    "</title></svg></style><img src=x onerror=alert(1)>",
    "a & b &lt; \"c\" 'd' `e`",
    "one | two\nthree\r\n| four |",
    "*bold* _it_ [link](javascript:alert(1)) ![x](y) ~~no~~ # head $x$",
    "https://evil.example www.evil.example @someone",
    "\x00\x07\x1b[31mred\x7f\x9b",
    "safe \u202egnp.exe \u2066x\u2069 \u200f\u200b\ufeff",
    "half \ud800 and \udfff, none \ufffe \uffff",
    "\u2028line\u2029paragraph\x85",
    "]]> <!-- --> <![CDATA[ x ]]> ]]>",
    "\\| \\",
)


def figures(values: Sequence[float | None] = FIGURES) -> tuple[Kpi, ...]:
    """The seven figures with these values and D0's targets, judged."""
    return tuple(
        Kpi(
            name=definition.name,
            value=value,
            unit=definition.unit,
            sample=0 if value is None else 40,
            target=definition.target,
            verdict=_verdict(definition.target, value),
        )
        for definition, value in zip(DEFINITIONS, values, strict=True)
    )


def _verdict(target: Target | None, value: float | None) -> KpiVerdict:
    if value is None:
        return KpiVerdict.NO_DATA
    if target is None:
        return KpiVerdict.NO_TARGET
    is_met = target.number is None or target.is_met(value)
    return KpiVerdict.MET if is_met else KpiVerdict.MISSED


def scorecard(
    values: Sequence[float | None] = FIGURES,
    *,
    days: Sequence[int] = (12, 7, 0, 31, 4),
    window: Window = WEEK,
    by_queue: Mapping[str, tuple[Kpi, ...]] | None = None,
) -> Scorecard:
    """A scorecard with these figures, and these numbers of completed tasks from the first day of the window on."""
    return Scorecard(
        window=window,
        now=NOW,
        overall=figures(values),
        by_queue=by_queue or {},
        by_type={},
        by_skill={},
        completed_per_day=tuple((window.start + timedelta(days=day), number) for day, number in enumerate(days)),
    )


def load(queue: str = "q", waiting: int = 3, capacity: int | None = 10, in_progress: int = 1) -> Load:
    """The load of a queue."""
    return Load(queue, waiting, in_progress, capacity, None)


def entry(
    id: str = "T-1",
    status: SlaStatus = SlaStatus.ON_TRACK,
    *,
    since: float = -5,
    due: float | None = 5,
    title: str = "a task",
    now: datetime = NOW,
) -> TaskStanding:
    """A task that began and is due so many hours from now."""
    remaining = None if due is None else due * HOUR
    standing = Standing(
        deadline=None if remaining is None else now + remaining,
        elapsed=-since * HOUR,
        remaining=remaining,
        slack=remaining,
        used=None if due is None else since / ((since - due) or 1),
        status=status,
    )
    return TaskStanding(id, title, "normal", now + since * HOUR, standing)


def full_report(title: str = "The week", extra: Iterable[str] = ()) -> StatusReport:
    """A report with something of everything; *extra* are names for one more queue, task, type each."""
    extra = tuple(extra)
    card = scorecard(by_queue={"critical": figures(), **{name: figures() for name in extra}})
    loads = [load("critical", 3, 3), load("urgent", 7, 5), load("normal", 0, 50), load("backlog", 1234, None)]
    entries = [
        entry("T-late", SlaStatus.BREACHED, since=-30, due=-2),
        entry("T-soon", SlaStatus.AT_RISK, since=-10, due=0.5),
        entry("T-fine", due=20),
        *(entry(f"T-extra-{index}", title=name) for index, name in enumerate(extra)),
        entry("T-free", SlaStatus.NONE, due=None),
        entry("T-met", SlaStatus.MET),
    ]
    return StatusReport(title, card, (*loads, *(load(name) for name in extra)), tuple(entries))


class Page(HTMLParser):
    """A page read strictly: every element that is opened is closed in its turn."""

    VOID = frozenset(("meta", "br", "img", "link", "hr", "input"))

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content, as only SVG has it."""
        assert "svg" in self.open, f"<{tag}/> means nothing in HTML"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """The innermost open element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text within it."""
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def said(self, *tags: str) -> list[str]:
        """The texts in elements of these names; all texts if none is named."""
        return [text for tag, text in self.texts if not tags or tag in tags]


def charts(page: str) -> dict[str, ET.Element]:
    """The charts of a page by their ids, each read as XML."""
    roots = [ET.fromstring(text) for text in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]
    return {root.attrib["id"]: root for root in roots}


def shapes(root: ET.Element, name: str, kind: str = "") -> list[ET.Element]:
    """The shapes of a chart of this name, with this class among theirs."""
    return [shape for shape in root.iter(SVG + name) if not kind or kind in shape.get("class", "").split()]


def at(shape: ET.Element, key: str) -> float:
    """A coordinate of a shape."""
    return float(shape.attrib[key])


def words(root: ET.Element, kind: str = "") -> list[str]:
    """The texts of a chart in their order."""
    return [shape.text or "" for shape in shapes(root, "text", kind)]


def cells(markdown: str) -> list[list[str]]:
    """The cells of all tables of a Markdown text, split as GitHub splits them, and read back as plain text."""
    lines = [line for line in markdown.split("\n") if line.startswith("| ")]
    rows = [re.findall(r"\| ((?:\\.|[^|\\])*?) ?(?=\|)", line) for line in lines]
    return [[plain(cell) for cell in row] for row in rows]


def plain(markdown: str) -> str:
    """The text that Markdown shows for inline text in which everything active is escaped."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("&amp;", "&")
