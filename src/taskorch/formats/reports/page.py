"""A report as one HTML page that needs nothing beside itself: no script, no file, no network."""

from collections.abc import Iterator
from html import escape
from typing import Final

from taskorch.core.reports import StatusReport, as_report
from taskorch.core.times import write_time
from taskorch.formats.reports.figures_chart import figures_chart
from taskorch.formats.reports.load_chart import load_chart
from taskorch.formats.reports.sections import MOST_ROWS, Row, Section, Table, fullest, sections
from taskorch.formats.reports.style import STYLE
from taskorch.formats.reports.summary import period, summary
from taskorch.formats.reports.throughput_chart import throughput_chart
from taskorch.formats.reports.timeline import timeline
from taskorch.formats.reports.wording import moment, visible

# Nothing may be loaded, whatever a title might try; only the style of the page itself holds.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(report: StatusReport) -> str:
    """The report as a page of its own, to be written as UTF-8. The same report gives the same text.

    Args:
        report: What to say.

    Returns:
        HTML with its style and its charts, inline SVG, inside. It follows the reader's choice of light or dark,
        can be read on a telephone and by a screen reader, and says in words whatever it says in colours. What was in
        titles and names stays text; long lists are cut, and say so.

    Raises:
        InvalidReport: It is no report.
    """
    report = as_report(report)
    title = _text(report.title)
    made = f'<time datetime="{write_time(report.now)}">{moment(report.now)}</time>'
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<header>",
        f"<h1>{title}</h1>",
        f'<p class="about">Window: {_text(period(report.window))}. Made at {made}.</p>',
        "</header>",
        "<main>",
        "<ul>",
        *(f"<li>{_text(sentence)}</li>" for sentence in summary(report)),
        "</ul>",
    ]
    for section in sections(report):
        lines += _section(section, chart_of(section, report))
    return "\n".join([*lines, "</main>", "</body>", "</html>"]) + "\n"


def chart_of(section: Section, report: StatusReport) -> str:
    """The chart of a section as SVG; nothing where there is nothing to draw."""
    if section.table is None:
        return ""
    match section.id:
        case "figures":
            return figures_chart(report.scorecard.overall)
        case "queues":
            return load_chart(fullest(report.loads))
        case "levels":
            return timeline(report.due[:MOST_ROWS], report.now)
        case "throughput":
            return throughput_chart(report.scorecard.completed_per_day)
    return ""


def _text(text: str) -> str:
    """*text* as HTML that shows it, in one line."""
    return escape(visible(text, 1000))


def _section(section: Section, chart: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{section.id}">'
    yield f'<h2 id="{section.id}">{_text(section.heading)}</h2>'
    yield from (f"<p>{_text(sentence)}</p>" for sentence in section.words)
    if chart:
        yield f"<figure>{chart}</figure>"
    if section.table is not None and section.is_long:
        yield "<details><summary>The same as a table</summary>"
        yield from _table(section.table)
        yield "</details>"
    elif section.table is not None:
        yield from _table(section.table)
    yield "</section>"


def _table(table: Table) -> Iterator[str]:
    # What scrolls must be reached by the keyboard too.
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{_text(table.caption)}">'
    yield f"<table><caption>{_text(table.caption)}</caption>"
    headings = "".join(
        f'<th scope="col"{_kind(index, table)}>{_text(text)}</th>' for index, text in enumerate(table.headings)
    )
    yield f"<thead><tr>{headings}</tr></thead>"
    yield "<tbody>"
    yield from (_row(row, table) for row in table.rows)
    yield "</tbody></table></div>"
    if table.more:
        yield f'<p class="more">{_text(table.more)}</p>'


def _row(row: Row, table: Table) -> str:
    name, *cells = row.cells
    tone = f' class="{row.tone}"' if row.tone else ""
    inner = "".join(f"<td{_kind(index, table)}>{_text(text)}</td>" for index, text in enumerate(cells, 1))
    return f'<tr{tone}><th scope="row">{_text(name)}</th>{inner}</tr>'


def _kind(index: int, table: Table) -> str:
    return ' class="number"' if index in table.numbers else ' class="text"' if index else ""
