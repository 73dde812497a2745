"""Part the flights in two: those whose airline and airports are known, and the others."""

from pathlib import Path

from flightdata import (
    FLIGHTS,
    QUARANTINED_FLIGHTS,
    Row,
    broken_references,
    known_keys,
    read_table,
    write_table,
)
from workdir import Result, replacing, run


def quarantine(work: Path) -> str:
    known = known_keys(work)
    clean: list[Row] = []
    quarantined: list[Row] = []
    for flight in read_table(work / Result.FLIGHTS):
        if broken := broken_references(flight, known):
            reason = ", ".join(f"unknown {column} {flight[column]}" for column in broken)
            quarantined.append({**flight, "reason": reason})
        else:
            clean.append(flight)

    # The clean flights come last: where they are, the others are too.
    with replacing(work / Result.QUARANTINED) as temporary:
        write_table(temporary, QUARANTINED_FLIGHTS, quarantined)
    with replacing(work / Result.CLEAN) as temporary:
        write_table(temporary, FLIGHTS, clean)
    return f"{len(quarantined)} flights set aside, {len(clean)} clean"


if __name__ == "__main__":
    run(quarantine)
