"""The report for people and for programs: as Markdown, as JSON, and as a page of HTML with charts.

Each is a pure function of a ``StatusReport``: it writes no file and asks no clock, and the same report gives the
same text. Markdown and HTML are bounded, however many queues and tasks there are; JSON holds everything.

``markdown(report)``, ``to_json(report)`` and ``to_dict(report)``, ``html(report)``.
"""

from taskorch.formats.reports.json_text import to_dict, to_json
from taskorch.formats.reports.markdown_text import markdown
from taskorch.formats.reports.page import html

__all__ = ["html", "markdown", "to_dict", "to_json"]
