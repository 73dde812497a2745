"""What a dispatcher must do: run one job to its end."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import attrs

from taskorch.core.resources import NO_AMOUNTS, Amounts
from taskorch.core.runs import idempotency_key
from taskorch.core.settings import AutoScaling


@attrs.frozen(kw_only=True)
class Command:
    """A program to run, without a shell.

    Attributes:
        argv: The program and its arguments, every value filled in.
        environment: Variables beside those the dispatcher allows through.
        directory: The working directory, or None for the dispatcher's own.
        output: ``text`` (standard output without its last newline), ``json`` (parsed) or ``none``.
    """

    argv: tuple[str, ...] = attrs.field(repr=False)
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    directory: str | None = None
    output: str = "text"


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """One attempt of one step: what a dispatcher is given.

    Exactly one of ``call`` and ``command`` is set.

    Attributes:
        run_id: The run.
        step_id: The step.
        attempt: Which try this is, from 1.
        call: The Python body with its arguments bound; it may return an awaitable.
        command: The program to run.
        blocking: Whether calling ``call`` would hold up the event loop.
        resources: What it takes of each resource, in thousandths of it, limited or not.
        auto_scaling: How many workers the workflow would like, for dispatchers that can add some; a hint (D4).
    """

    run_id: str
    step_id: str
    attempt: int
    call: Callable[[], object] | None = None
    command: Command | None = None
    blocking: bool = False
    resources: Amounts = NO_AMOUNTS
    auto_scaling: AutoScaling | None = None

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step in this run, and no other."""
        return idempotency_key(self.run_id, self.step_id)


class Report(Protocol):
    """What a dispatcher tells about a running job, and learns about its end."""

    @property
    def timed_out(self) -> bool:
        """Whether the job is being stopped because its time is up; its result is no longer wanted."""
        ...

    def queued(self) -> None:
        """The job waits for a place where it can run; the timeout of its step does not count meanwhile."""
        ...

    def began(self) -> None:
        """The job has got its place, and its timeout counts from now. To be told after ``queued`` only."""
        ...

    def heartbeat(self) -> None:
        """The worker is alive."""
        ...

    def progress(self, percent: float, text: str = "", rate: str | None = None) -> None:
        """The body has come so far: 0 to 100, and in words; and how fast it goes, in words with a unit."""
        ...


class Dispatcher(Protocol):
    """Runs jobs somewhere.

    ``dispatch`` is called on the event loop and may run for several jobs at the same time.
    """

    def dispatch(self, job: Job, report: Report) -> Awaitable[object]:
        """Run the job to its end and return its output, or raise what the body raised.

        Being cancelled means: stop it. When the call has ended, by returning, raising or cancellation, nothing
        of the job runs any more; where that cannot be (a thread), the dispatcher says so in its docstring.

        Raises:
            StepFailed: A command ended badly or could not be started.
            DispatcherLost: The worker is gone, and with it the knowledge whether the body ended. It is never
                reported as a cancellation.
        """
        ...
