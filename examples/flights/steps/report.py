"""Write the report in Markdown, from whatever the other steps left; print where it is.

This step runs also when another failed, so a part that is missing is said to be missing.
"""

from collections.abc import Iterator
from pathlib import Path

from workdir import Counts, Delay, Delays, Result, Unknown, read_json, replacing, run

RESULT_OF = {
    "extract": Result.FLIGHTS,
    "validate": Result.COUNTS,
    "check_foreign_keys": Result.UNKNOWN,
    "quarantine": Result.CLEAN,
    "load": Result.DATABASE,
    "aggregate": Result.DELAYS,
}
UNKNOWN_KINDS = {
    "carrier": "of unknown airlines",
    "origin": "from unknown airports",
    "dest": "to unknown airports",
}


def report(work: Path) -> str:
    counts: Counts | None = read_json(work / Result.COUNTS)
    unknown: Unknown | None = read_json(work / Result.UNKNOWN)
    delays: Delays | None = read_json(work / Result.DELAYS)
    expected = dict(RESULT_OF)
    if not (unknown and any(unknown.values())):
        del expected["quarantine"]  # not needed, or nobody knows whether it was
    absent = [f"`{step}`" for step, result in expected.items() if not (work / result).exists()]

    lines = ["# Flights", ""]
    if absent:
        lines += [f"**Incomplete:** no result from {', '.join(absent)}.", ""]
    lines += flights_section(counts) if counts else missing("validate")
    lines += ["", "## Unknown airlines and airports", ""]
    lines += unknown_section(unknown) if unknown else missing("check_foreign_keys")
    lines += ["", "## Delays", ""]
    lines += delays_section(delays) if delays else missing("aggregate")
    target = work / Result.REPORT
    with replacing(target) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(target)


def missing(step: str) -> list[str]:
    return [f"Missing: the step `{step}` left no result."]


def flights_section(counts: Counts) -> Iterator[str]:
    yield f"From {counts['first_day']} to {counts['last_day']}:"
    yield ""
    yield f"- flights: {counts['flights']:,}"
    yield f"- without a departure: {counts['without_departure']:,}"
    for origin, flights in counts["by_origin"].items():
        yield f"- from {origin}: {flights:,}"


def unknown_section(unknown: Unknown) -> Iterator[str]:
    for column, kind in UNKNOWN_KINDS.items():
        values = unknown[column]
        listed = ", ".join(f"{value} {flights:,}" for value, flights in values.items())
        yield f"- {kind}: {sum(values.values()):,}" + (listed and f" ({listed})")


def delays_section(delays: Delays) -> Iterator[str]:
    overall = delays["overall"]
    yield f"In minutes, over all flights in `{Result.DATABASE}` that have one, clean or quarantined."
    yield ""
    yield f"- clean flights: {delays['clean_flights']:,}"
    yield f"- quarantined flights: {delays['quarantined_flights']:,}"
    yield f"- mean departure delay: {minutes(overall['departure'], digits=4)}"
    yield f"- mean arrival delay: {minutes(overall['arrival'], digits=4)}"
    for title, groups in (("Carrier", delays["by_carrier"]), ("Origin", delays["by_origin"])):
        yield from ["", f"| {title} | Name | Flights | Departure | Arrival |"]
        yield "|---|---|---:|---:|---:|"
        yield from map(table_row, groups)


def table_row(group: Delay) -> str:
    cells = [
        group["code"],
        group["name"] or "unknown",
        f"{group['flights']:,}",
        minutes(group["departure"]),
        minutes(group["arrival"]),
    ]
    return f"| {' | '.join(cells)} |"


def minutes(mean: float | None, digits: int = 2) -> str:
    return "none" if mean is None else f"{mean:.{digits}f}"


if __name__ == "__main__":
    run(report)
