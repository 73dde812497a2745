"""Rounds in which all contenders run in turn, so that noise hits all of them alike.

With `BENCH_CLOCK=cpu` in the environment, processor time is counted instead of time: for machines that others use
too, where a contender may not get a processor for most of a round. It misses what is done in other processes.
"""

import gc
import os
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, process_time

Contenders = Mapping[str, Callable[[], object]]

CLOCK = os.environ.get("BENCH_CLOCK", "wall")
"""What is counted: wall or cpu."""
now = {"wall": perf_counter, "cpu": process_time}[CLOCK]


def timed(call: Callable[[], object]) -> float:
    """Seconds that *call* takes, with the garbage of others collected before."""
    gc.collect()
    start = now()
    call()
    return now() - start


def told(call: Callable[[], object]) -> float:
    """The seconds that *call* returns: it has a database to make first and one to close afterwards, untimed."""
    gc.collect()
    seconds = call()
    assert isinstance(seconds, float), f"{call} told no seconds"
    return seconds


class Rounds:
    """How long each contender took in each round, in µs per step, as *measure* sees it."""

    def __init__(
        self,
        contenders: Contenders,
        steps: int,
        repeats: int,
        measure: Callable[[Callable[[], object]], float] = timed,
    ) -> None:
        self.times: dict[str, list[float]] = {name: [] for name in contenders}
        gc.collect()
        gc.freeze()  # the graphs of one contender must not slow the collector down while another runs
        try:
            for _ in range(repeats):
                for name, call in contenders.items():
                    self.times[name].append(measure(call) / steps * 1e6)
        finally:
            gc.unfreeze()

    def median(self, name: str) -> float:
        """The µs per step of *name*."""
        return median(self.times[name])

    def ratio(self, name: str, to: str) -> float:
        """How many times as long *name* took as *to*, round by round."""
        return median(a / b for a, b in zip(self.times[name], self.times[to], strict=True))

    def added(self, name: str, to: str) -> float:
        """How many µs per step *name* took more than *to*, round by round."""
        return median(a - b for a, b in zip(self.times[name], self.times[to], strict=True))
