"""Running a program while its scheduling steps are counted, so that something can be done at the k-th.

A step is one callback of asyncio's loop, or one step of a task on trio: everything that can happen between two
awaits happens inside of one, so whoever acts before each of them acts at every await.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class Steps:
    """Counts steps while it is armed, and acts just before some of them.

    Attributes:
        count: The steps since it was armed.
        noise: What the event loop or an action complained about.
    """

    def __init__(self) -> None:
        self.count = 0
        self.noise: list[str] = []
        self._armed = False
        self._actions: dict[int, Callable[[], object]] = {}

    def arm(self, actions: dict[int, Callable[[], object]]) -> None:
        """Count from 0 from now on, and carry out each action before the step of its number."""
        self.count, self._armed, self._actions = 0, True, dict(actions)

    def disarm(self) -> int:
        """Count no further, and return the number of steps."""
        self._armed = False
        return self.count

    def tick(self) -> None:
        """A step is about to be made."""
        if not self._armed:
            return
        self.count += 1
        if (action := self._actions.pop(self.count, None)) is not None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the loop must go on; the trial tells of it
                self.noise.append(f"the action at step {self.count} raised {error!r}")

    def complain(self, context: dict[str, Any]) -> None:
        """Take note of what asyncio would only log."""
        self.noise.append(f"{context.get('message')}: {context.get('exception')!r}")


class _Ready(deque[Any]):
    """The handles that are ready to run; it tells whenever one is taken out."""

    def __init__(self, tick: Callable[[], None]) -> None:
        super().__init__()
        self._tick = tick

    def popleft(self) -> Any:
        self._tick()
        return super().popleft()


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop of asyncio whose callbacks are counted."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._ready = _Ready(steps.tick)
        self.set_exception_handler(lambda _, context: steps.complain(context))


def run(main: Callable[[], Awaitable[T]], backend: str, steps: Steps, seed: int = 0) -> T:
    """Run *main* on *backend* with its steps counted; *seed* decides in which order trio takes its tasks."""
    if backend == "asyncio":
        options: dict[str, Any] = {"loop_factory": lambda: CountingLoop(steps)}
        return anyio.run(main, backend=backend, backend_options=options)
    import trio
    from trio._core import _run

    class Counter(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            steps.tick()

    _run._r.seed(seed)
    return anyio.run(main, backend=backend, backend_options={"instruments": [Counter()]})
