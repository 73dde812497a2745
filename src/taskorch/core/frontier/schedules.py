"""Schedules of a project, made from an order of its steps in the two ways that the field knows.

R. Kolisch, "Serial and parallel resource-constrained project scheduling methods revisited", European Journal of
Operational Research 90 (1996): ``dispatch`` never idles, and so may miss every best schedule; among those of
``insert`` there is always a best one, but from a plain rule it is the worse of the two.
"""

from bisect import bisect_left
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from taskorch.core.frontier.project import Demand, Project


class Schedule(NamedTuple):
    """When each step starts, and when the last one has ended."""

    starts: list[int]
    makespan: int


def dispatch(project: Project, keys: Sequence[float]) -> Schedule:
    """The schedule of a dispatcher that never idles: at every event, what is ready and fits starts.

    This is what the frontier does at run time. (Parallel schedule generation, Kolisch 1996.)

    Args:
        project: What is to be scheduled.
        keys: For each step, what it is ordered by: smaller is better, then the earlier in the document.
    """
    waits, earliest, free = list(project.waits), [0] * len(keys), list(project.limits)
    starts, now = [0] * len(keys), 0
    # What comes: a step that becomes ready, or (as its complement, so that it is first) one that ends.
    events = [(0, step) for step, count in enumerate(waits) if not count]
    lines: dict[Demand, list[tuple[float, int]]] = {}  # what is ready, a heap for each distinct demand
    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            step = heappop(events)[1]
            if step >= 0:
                heappush(lines.setdefault(project.demands[step], []), (keys[step], step))
            else:
                for resource, amount in project.demands[~step]:
                    free[resource] += amount
        for step in _take(lines, free):
            starts[step] = now
            heappush(events, (now + project.durations[step], ~step))
            for target, distance in project.arcs[step]:
                waits[target] -= 1
                earliest[target] = max(earliest[target], now + distance)
                if not waits[target]:
                    heappush(events, (max(now, earliest[target]), target))
    return Schedule(starts, now)


def _take(lines: dict[Demand, list[tuple[float, int]]], free: list[int]) -> list[int]:
    """Take what fits from the lines, the best first; *free* is what is left."""
    taken = []
    heads = [(*line[0], demand) for demand, line in lines.items()]
    heapify(heads)
    while heads:
        _, step, demand = heappop(heads)
        for resource, amount in demand:
            if free[resource] < amount:
                break  # within one instant nothing is given back
        else:
            for resource, amount in demand:
                free[resource] -= amount
            taken.append(step)
            line = lines[demand]
            heappop(line)
            if line:
                heappush(heads, (*line[0], demand))
            else:
                del lines[demand]
    return taken


def insert(project: Project, keys: Sequence[float]) -> Schedule:
    """The schedule in which the steps, one after the other, get the earliest time that is left for them.

    A step may be put before others that were put in already. (Serial schedule generation, Kolisch 1996.)

    Args:
        project: What is to be scheduled.
        keys: For each step, what it is ordered by among those whose predecessors are in: smaller is better.
    """
    waits, earliest = list(project.waits), [0] * len(keys)
    starts, makespan = [0] * len(keys), 0
    heap = [(keys[step], step) for step, count in enumerate(waits) if not count]
    heapify(heap)
    profile = _Profile(project.limits)
    while heap:
        step = heappop(heap)[1]
        start = profile.put(earliest[step], project.durations[step], project.demands[step])
        starts[step], makespan = start, max(makespan, start + project.durations[step])
        for target, distance in project.arcs[step]:
            waits[target] -= 1
            earliest[target] = max(earliest[target], start + distance)
            if not waits[target]:
                heappush(heap, (keys[target], target))
    return Schedule(starts, makespan)


class _Profile:
    """How much of every resource is free from each of some times on, until the next of them."""

    def __init__(self, limits: Sequence[int]) -> None:
        self._times, self._free = [0], [list(limits)]

    def put(self, earliest: int, duration: int, demand: Demand) -> int:
        """Take *demand* for *duration* as soon as it is free throughout, not before *earliest*: when."""
        if not demand:
            return earliest
        first = last = self._at(earliest)
        end = earliest + duration
        while last < len(self._times) and (self._times[last] < end or last == first):
            free = self._free[last]
            last += 1
            for resource, amount in demand:
                if free[resource] < amount:
                    first = last
                    end = self._times[first] + duration
                    break
        if duration:
            for free in self._free[first : self._at(end)]:
                for resource, amount in demand:
                    free[resource] -= amount
        return self._times[first]

    def _at(self, time: int) -> int:
        """The place of *time*, which is made where there is none."""
        place = bisect_left(self._times, time)
        if place == len(self._times) or self._times[place] != time:
            self._times.insert(place, time)
            self._free.insert(place, list(self._free[place - 1]))
        return place
