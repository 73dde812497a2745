"""A reader of the files of PSPLIB (``.sm``): one project as a workflow, with what it takes and what there is."""

from collections.abc import Iterator
from pathlib import Path

import attrs

from taskorch import Link, Step, Workflow


@attrs.frozen
class Project:
    """One instance.

    Attributes:
        flow: Its activities as steps; their times are seconds, their ``resources`` and the limits are the file's.
        longest: Its critical path in seconds, as the file tells it (``MPM-Time``).
    """

    flow: Workflow
    longest: int


def read(path: Path) -> Project:
    """The project of a file."""
    sections = _sections(path.read_text(encoding="ascii"))
    successors = {row[0]: row[3:] for row in sections["PRECEDENCE RELATIONS:"]}
    (available,) = sections["RESOURCEAVAILABILITIES:"]
    names = [f"R{number}" for number in range(1, len(available) + 1)]
    steps = [
        Step(
            str(job),
            command="true",
            estimated_duration=length,
            resources={name: amount for name, amount in zip(names, amounts, strict=True) if amount},
        )
        for job, _, length, *amounts in sections["REQUESTS/DURATIONS:"]
    ]
    links = [Link(str(job), str(other)) for job, others in successors.items() for other in others]
    pool = Workflow.from_dict({"name": "pool", "resources": {"limits": dict(zip(names, available, strict=True))}})
    flow = Workflow(path.stem, steps=steps, links=links, resources=pool.resources)
    return Project(flow, sections["PROJECT INFORMATION:"][0][-1])


def _sections(text: str) -> dict[str, list[list[int]]]:
    """The rows of numbers below each heading."""
    found: dict[str, list[list[int]]] = {}
    for block in text.split("*" * 72):
        heading, *rows = block.strip().splitlines() or [""]
        found[heading.strip()] = list(_numbers(rows))
    return found


def _numbers(rows: list[str]) -> Iterator[list[int]]:
    for row in rows:
        words = row.split()
        if words and all(word.isdigit() for word in words):
            yield [int(word) for word in words]
