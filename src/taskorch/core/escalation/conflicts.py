"""Waits that cannot end by themselves: on oneself, in a circle, on nobody, on what has failed or was cancelled."""

from collections.abc import Collection, Iterable, Mapping

from taskorch.core.json_text import described
from taskorch.core.states import State
from taskorch.core.task import Task
from taskorch.errors import InvalidTask

_WAITING = frozenset({State.CREATED, State.BLOCKED})
_SHOWN = 5


def dependency_conflicts(tasks: Iterable[Task], finished: Collection[str] = frozenset()) -> dict[str, str]:
    """What is wrong with the waits of tasks (D0: "Conflit de dépendances non résolvable"), by task id.

    Only tasks that wait are told: CREATED or BLOCKED. Those that merely wait for such a one are not; what
    helps it helps them. Takes time in proportion to the tasks and their dependencies, however deep.

    Args:
        tasks: Every task there is, in any order; of two with one id the one of the higher version counts.
        finished: The ids of tasks that were completed and are no longer kept.

    Raises:
        InvalidTask: Something among *tasks* is no task, or *finished* is a text.
    """
    if isinstance(finished, str) or not isinstance(finished, Iterable):
        raise InvalidTask.because(f"expected ids, got {described(finished)}", "give a set of them", "finished")
    finished = frozenset(finished)
    known = _newest(tasks)
    waits = {
        id: tuple(dict.fromkeys(task.dependencies.blocked_by))
        for id, task in sorted(known.items())
        if task.state.current in _WAITING
    }
    circles = _circles({id: [other for other in others if other in waits] for id, others in waits.items()})
    told: dict[str, str] = {}
    for id, others in waits.items():
        found = [sentence for other in others if (sentence := _wrong(id, other, known, finished))]
        if id in circles:
            found.append(f"waits in a circle with {_others(circles[id], id)}")
        if found:
            told[id] = "; ".join(found)
    return told


def _newest(tasks: Iterable[Task]) -> dict[str, Task]:
    if not isinstance(tasks, Iterable):
        raise InvalidTask.because(f"expected tasks, got {type(tasks).__name__}", "give a list of them", "tasks")
    known: dict[str, Task] = {}
    for index, task in enumerate(tasks):
        if not isinstance(task, Task):
            raise InvalidTask.because(f"expected a Task, got {type(task).__name__}", path=f"tasks[{index}]")
        if task.id not in known or task.metadata.version >= known[task.id].metadata.version:
            known[task.id] = task
    return known


def _wrong(id: str, other: str, known: Mapping[str, Task], finished: Collection[str]) -> str:
    if other == id:
        return "waits for itself"
    task = known.get(other)
    if task is None:
        return "" if other in finished else f"waits for {other}, which is not known"
    if task.state.current is State.CANCELLED:
        return f"waits for {other}, which was cancelled"
    if task.state.current is State.FAILED and task.is_final:
        return f"waits for {other}, which has failed"
    return ""


def _others(ids: list[str], id: str) -> str:
    """A few of *ids* without *id*, and how many more there are; the list may be long, and is asked for each of it."""
    few = [other for other in ids[: _SHOWN + 1] if other != id][:_SHOWN]
    rest = len(ids) - 1 - len(few)
    return ", ".join(few) + (f" and {rest} more" if rest else "")


def _circles(waits: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """For every task on a circle of several, the tasks that lie on circles with it, sorted.

    Tarjan's strongly connected components, with a stack of our own in place of recursion.
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: dict[str, list[str]] = {}
    for root in waits:
        if root in number:
            continue
        open_: list[tuple[str, int]] = [(root, 0)]
        while open_:
            id, index = open_.pop()
            if index == 0:
                number[id] = lowest[id] = len(number)
                path.append(id)
                on_path.add(id)
            elif (before := waits[id][index - 1]) in on_path:
                lowest[id] = min(lowest[id], lowest[before])
            while index < len(waits[id]) and (next_ := waits[id][index]) in number:
                if next_ in on_path:
                    lowest[id] = min(lowest[id], number[next_])
                index += 1
            if index < len(waits[id]):
                open_ += [(id, index + 1), (waits[id][index], 0)]
            elif lowest[id] == number[id]:
                members = _cut(path, id)
                on_path.difference_update(members)
                found |= dict.fromkeys(members, sorted(members)) if len(members) > 1 else {}
    return found


def _cut(path: list[str], id: str) -> list[str]:
    """Take off the end of *path* from *id* on."""
    place = len(path) - 1
    while path[place] != id:
        place -= 1
    members = path[place:]
    del path[place:]
    return members
