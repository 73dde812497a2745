"""What conditions cost: µs to read each, and µs for each time it is asked; the aim is 5 µs a question.

Those of steps and alerts are asked of what a run shows (``core/run_data.py``), made anew for each question.

    python tests/bench/expressions.py [TIMES] [REPEATS]

The floor is the same question written by hand in Python, over the same data, without any care for what is
absent or of another kind. Printed are medians of rounds in which all are asked in turn.
"""

import gc
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import process_time
from typing import Any

from taskorch.core.expressions import ALERTS, STEPS, Kind, Vocabulary, condition, parse
from taskorch.core.outcomes import Outcome
from taskorch.core.run_data import RunView

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = Vocabulary({"task": {"blocked_for": Kind.DURATION, "state": None, "due": Kind.TIME, "labels": Kind.ARRAY}})
DATA: dict[str, Any] = {
    "task": {"blocked_for": timedelta(hours=25), "state": "BLOCKED", "due": NOW, "labels": ["a", "b", "urgent"]},
    "steps": {"count": {"output": {"rows": 3, "name": "x"}, "status": "completed"}},
    "step": {"duration": 600_001},
    "params": {"least": 3},
    "context": {"environment": "production"},
}


class Stage:
    """A run of one step, ``count``, as the frontier would show it."""

    def outcome_of(self, id: str) -> Outcome:
        """It has completed."""
        return Outcome.COMPLETED

    def output_of(self, id: str) -> object:
        """Its output."""
        return DATA["steps"]["count"]["output"]

    def duration_of(self, id: str, now: int) -> int:
        """Ten minutes and a little."""
        return 600_001_000

    def attempts_of(self, id: str) -> int:
        """One."""
        return 1

    def name_of(self, id: str) -> str:
        """Its id."""
        return id

    def __contains__(self, id: object) -> bool:
        return id == "count"


RUN = RunView(Stage(), params=DATA["params"], context=DATA["context"])


READ = condition._read.__wrapped__  # as it is where nothing was kept


def ended(id: str) -> Outcome:
    """Every step has ended well."""
    return Outcome.COMPLETED


CASES: list[tuple[str, Vocabulary, Callable[[Any], object]]] = [
    ("on_success(test, security_scan)", STEPS, lambda d: all(ended(i) == "completed" for i in ("test", "scan"))),
    ("step.duration > 600000", ALERTS, lambda d: d["step"]["duration"] > 600000),
    ("steps.count.output.rows > 0", STEPS, lambda d: d["steps"]["count"]["output"]["rows"] > 0),
    ('steps.count.status == "completed"', STEPS, lambda d: d["steps"]["count"]["status"] == "completed"),
    ('"rows" in steps.count.output', STEPS, lambda d: "rows" in d["steps"]["count"]["output"]),
    (
        "steps.count.output.rows >= params.least",
        STEPS,
        lambda d: d["steps"]["count"]["output"]["rows"] >= d["params"]["least"],
    ),
    (
        'context.environment == "production" and on_success(count) and not steps.count.output.rows == 0',
        STEPS,
        lambda d: (
            d["context"]["environment"] == "production"
            and ended("count") == "completed"
            and not d["steps"]["count"]["output"]["rows"] == 0  # noqa: SIM201 - as the condition has it
        ),
    ),
    ('task.blocked_for > "24h"', RULES, lambda d: d["task"]["blocked_for"] > timedelta(1)),
    ('task.due < "2026-11-21T00:00:00Z"', RULES, lambda d: d["task"]["due"] < NOW + timedelta(hours=12)),
    ('task.state in ["ON_HOLD", "FAILED", "BLOCKED"]', RULES, lambda d: d["task"]["state"] in ("ON_HOLD", "BLOCKED")),
    ('"urgent" in task.labels', RULES, lambda d: "urgent" in d["task"]["labels"]),
]


def timed(call: Callable[[], object], times: int) -> float:
    """µs of CPU time for each call, with the garbage of others collected before."""
    gc.collect()
    start = process_time()
    for _ in range(times):
        call()
    return (process_time() - start) / times * 1e6


def main(times: int = 20_000, repeats: int = 7) -> None:
    """Read and ask every condition, and print the table."""
    print(f"median of {repeats} × {times:,}, µs: to read · to ask · by hand in Python · ratio")
    for text, vocabulary, by_hand in CASES:
        parsed = parse(text, vocabulary)
        data_of = (lambda: DATA) if vocabulary is RULES else partial(RUN.at, 0, "count")
        assert parsed.verdict(ended, data_of()) is None

        rounds = [
            (
                timed(lambda text=text, vocabulary=vocabulary: READ(text, vocabulary), times // 100),  # type: ignore[misc]
                timed(lambda parsed=parsed, data_of=data_of: parsed.verdict(ended, data_of()), times),  # type: ignore[misc]
                timed(lambda by_hand=by_hand: by_hand(DATA), times),  # type: ignore[misc]
            )
            for _ in range(repeats)
        ]
        read, asked, hand = (median(r[n] for r in rounds) for n in range(3))
        ratio = median(r[1] / r[2] for r in rounds)
        print(f"  {read:6.0f}  {asked:5.2f}  {hand:5.2f}  {ratio:4.1f} ×  {text}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
