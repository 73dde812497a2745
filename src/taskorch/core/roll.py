"""The roll of a workflow's steps: who is called by which id, and by which function."""

from collections.abc import Sequence

from taskorch.core.body import Body
from taskorch.core.references import identity
from taskorch.core.step import Step


class Roll:
    """The ids of steps by id and by function; follows a list of steps as it grows. A copy begins anew."""

    def __init__(self) -> None:
        self._seen = 0
        self._last: Step | None = None
        self._first: dict[object, str] = {}
        self._more: dict[object, list[str]] = {}
        self._bodies: dict[tuple[int, bool], Body] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return Roll, ()

    def find(self, steps: Sequence[Step], ref: object) -> list[str]:
        """The ids of the steps that *ref* is the id or the function of."""
        if self._seen and (len(steps) < self._seen or steps[self._seen - 1] is not self._last):
            self.__init__()  # type: ignore[misc]  # the list was changed before its end
        for step in steps[self._seen :] if self._seen < len(steps) else ():
            self._last = step
            self._note(step.id, step.id)
            if step.body is not None:
                self._note(identity(step.body.function), step.id)
        self._seen = len(steps)
        key = ref if isinstance(ref, str) else identity(ref)
        first = self._first.get(key)
        return [] if first is None else [first, *self._more.get(key, ())]

    def shared(self, body: Body) -> Body:
        """The same body as one of an earlier step, if there is one: one function may serve very many steps."""
        if body.inputs:
            return body
        known = self._bodies.setdefault((id(body.function), body.inline), body)
        return known if known.is_like(body) else body

    def _note(self, key: object, id: str) -> None:
        if key in self._first:
            self._more.setdefault(key, []).append(id)
        else:
            self._first[key] = id
