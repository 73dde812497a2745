"""A report as Markdown: headings, sentences and tables that stay what they are whatever is in their cells."""

import re
from collections.abc import Iterator

from taskorch.core.reports import StatusReport, as_report
from taskorch.formats.reports.sections import Section, Table, sections
from taskorch.formats.reports.summary import period, summary
from taskorch.formats.reports.wording import moment, visible

# What Markdown or HTML would act on. An underscore or a colon within a word does nothing, but for that of an address.
_ACTIVE = re.compile(r"[\\`*{}\[\]<>|~#$!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|@|(?<=www)\.", re.IGNORECASE)


def markdown(report: StatusReport) -> str:
    """The report as Markdown with tables, as GitHub and most others read it. The same report gives the same text.

    Args:
        report: What to say.

    Returns:
        Text that ends with a newline. What was in titles and names stays text; long lists are cut, and say so.

    Raises:
        InvalidReport: It is no report.
    """
    report = as_report(report)
    lines = [f"# {escaped(visible(report.title))}", ""]
    lines += [f"Window: {period(report.window)}. Made at {moment(report.now)}.", ""]
    lines += [f"- {escaped(sentence)}" for sentence in summary(report)]
    for section in sections(report):
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """*text* so that Markdown shows it as it is, in a cell of a table too."""
    return _ACTIVE.sub(lambda match: "\\" + match[0], text.replace("&", "&amp;"))


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.heading}"
    for sentence in section.words:
        yield ""
        yield escaped(sentence)
    if section.table is not None:
        yield ""
        yield from _table(section.table)
        if section.table.more:
            yield ""
            yield escaped(section.table.more)


def _table(table: Table) -> Iterator[str]:
    yield _line(table.headings)
    yield "|" + "|".join("---:" if index in table.numbers else "---" for index in range(len(table.headings))) + "|"
    for row in table.rows:
        yield _line(row.cells)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"
