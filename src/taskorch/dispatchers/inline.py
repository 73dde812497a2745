"""Bodies on the event loop itself."""

from typing import Any, cast

from taskorch.dispatchers.bodies import body_of, is_awaitable
from taskorch.protocols import Job, Report


class InlineDispatcher:
    """Runs bodies on the event loop: the cheapest way, and the right one for ``async def``.

    A cancelled body gets the cancellation at its next ``await``. One that never awaits blocks the event loop
    and cannot be stopped: such bodies belong in a ``ThreadDispatcher``, unless they take no time.
    """

    async def dispatch(self, job: Job, report: Report) -> object:  # nothing to tell
        """Call the body, await what it returns if that can be awaited, and return the outcome.

        Args:
            job: A job with a Python body.
            report: Not used: the body speaks for itself.

        Returns:
            What the body returned.

        Raises:
            StepFailed: The job is a command.
        """
        result = body_of(job)()
        return await cast("Any", result) if is_awaitable(result) else result
