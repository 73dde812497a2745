"""The page: one file, read by anybody, that needs nothing and lets nothing in."""

import re

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch.core.reports import StatusReport
from taskorch.core.sla import SlaStatus
from taskorch.formats import reports
from taskorch.formats.reports.style import STYLE
from taskorch.formats.reports.wording import visible
from tests.formats.samples import HOSTILE, NO_FIGURES, Page, charts, entry, figures, full_report, load, scorecard

HUGE = StatusReport(
    "many",
    scorecard(days=range(366), by_queue={f"q{number}": figures() for number in range(200)}),
    tuple(load(f"q{number}", number, 30) for number in range(200)),
    tuple(entry(f"T-{number}", SlaStatus.AT_RISK, due=number / 500) for number in range(500)),
)
EMPTY = StatusReport("nothing", attrs.evolve(scorecard(days=()), overall=()))
NO_DATA = StatusReport("no data", scorecard(NO_FIGURES, days=(0, 0)))
REPORTS = {"full": full_report(), "hostile": full_report(HOSTILE[1], HOSTILE), "huge": HUGE}
REPORTS |= {"empty": EMPTY, "no data": NO_DATA}


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_well_formed(name: str) -> None:
    """Its elements are balanced, its ids unique, what refers to an id finds it, and its charts are XML."""
    text = reports.html(REPORTS[name])
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    asked = [id for _, attributes in page.tags for id in (attributes.get("aria-labelledby") or "").split()]

    assert text.startswith("<!DOCTYPE html>\n")
    assert len(ids) == len(set(ids))
    assert set(asked) <= set(ids)
    assert len(charts(text)) == len(page.named("svg"))
    assert text.encode("utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_needs_nothing_beside_itself(name: str) -> None:
    """No script, no address but the name of SVG, nothing that is loaded, and a policy that forbids it."""
    text = reports.html(REPORTS[name])
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    keys = {key for _, attributes in page.tags for key in attributes}

    assert not tags & {"script", "img", "image", "link", "iframe", "object", "embed", "use", "a", "form", "base"}
    assert not keys & {"src", "href", "xlink:href", "srcset", "action", "style", "background"}
    assert not [key for key in keys if key.startswith("on")]
    addresses = [
        value
        for _, attributes in page.tags
        for key, value in attributes.items()
        if value and re.search("https?:|//", value) and key != "aria-label"
    ]
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|expression\(", STYLE)
    policy = next(meta["content"] for meta in page.named("meta") if meta.get("http-equiv"))
    assert "default-src 'none'" in str(policy)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_in_titles_stays_text(text: str) -> None:
    """A title or a name adds no element, and all of it can be seen wherever it is shown."""
    page = Page(reports.html(full_report(text, [text])))
    harmless = Page(reports.html(full_report("x", ["x"])))
    shown = visible(text)

    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert page.said("h1") == [shown]
    assert page.said("title")[0] == shown
    assert shown in page.said("td")
    assert page.said("th").count(shown) == 2
    assert not [text for text in page.said() if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)]


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_any_title_leaves_the_page_well_formed(title: str) -> None:
    """Whatever it holds, the page is balanced and its charts are XML."""
    made = StatusReport(title, scorecard(), (load(title),), (entry(title=title),))
    text = reports.html(made)

    assert Page(text).said("title")[0] == visible(title) or not title.strip()
    assert set(charts(text)) == {"chart-verdicts", "chart-load", "chart-timeline", "chart-throughput"}


def test_the_page_can_be_read_without_seeing_it() -> None:
    """Charts are images with a title and a description, tables have captions and headings with a scope."""
    text = reports.html(full_report())
    page = Page(text)

    assert page.named("html") == [{"lang": "en"}]
    for chart in page.named("svg"):
        id = chart["id"]
        assert chart["role"] == "img"
        assert chart["aria-labelledby"] == f"{id}-title {id}-desc"
    for root in charts(text).values():
        title, description = list(root)[:2]
        assert (title.tag.split("}")[1], description.tag.split("}")[1]) == ("title", "desc")
        assert all((title.text, description.text))
    assert all(th.get("scope") in ("col", "row") for th in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table"))
    assert [div["tabindex"] for div in page.named("div")] == ["0"] * len(page.named("table"))


def test_colour_is_never_the_only_sign() -> None:
    """Each row that has a colour says the same in words, and so does each chart."""
    text = reports.html(full_report())
    told = {"good": {"met", "on track"}, "warn": {"at risk", "full"}, "bad": {"missed", "breached", "over capacity"}}
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', text)

    assert {tone for tone, _ in rows} == set(told)
    for tone, cells in rows:
        assert any(word in cells for word in told[tone]), (tone, cells)
    drawn = charts(text)
    for id, said in {
        "chart-verdicts": ["met: ", "missed: ", "no data", "no target: "],
        "chart-load": ["full", "over capacity", "no bound"],
        "chart-timeline": ["breached, ", "at risk, ", "on track, "],
    }.items():
        words = " ".join(element.text or "" for element in drawn[id].iter("{http://www.w3.org/2000/svg}text"))
        assert all(word in words for word in said), words


def test_the_page_follows_its_reader() -> None:
    """Light or dark as the reader prefers, with every colour defined for both, and as wide as the screen."""
    viewport = next(meta for meta in Page(reports.html(full_report())).named("meta") if meta.get("name") == "viewport")
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    dark, rest = dark.split("}\n}", 1)
    used = set(re.findall(r"var\(--(\w+)\)", STYLE))

    assert viewport["content"] == "width=device-width, initial-scale=1"
    assert used == set(re.findall(r"--(\w+):", light)) == set(re.findall(r"--(\w+):", dark))
    assert not re.search(r"#[0-9a-f]{3,6}\b", rest)


def _luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_can_be_read(scheme: int) -> None:
    """At least 4.5 to 1 against the paper, as WCAG 2 asks of text."""
    colours = dict(re.findall(r"--(\w+): #([0-9a-f]+)", STYLE.split("@media (prefers-color-scheme: dark)")[scheme]))
    paper = _luminance(colours["paper"])

    for name in ("ink", "soft", "good", "warn", "bad", "plain"):
        low, high = sorted((_luminance(colours[name]), paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_classes_of_charts_and_tables_have_a_style() -> None:
    """What is drawn with a class that no rule knows would be black on black at night."""
    used = {name for _, tags in Page(reports.html(full_report())).tags for name in (tags.get("class") or "").split()}

    # Text and bars have their colour from the rules of their kind.
    assert used - {name for name in used if re.search(rf"\.{name}\b", STYLE)} <= {"label", "text", "bar", "grid"}
