"""The caller must act: a request that cannot be carried out as it was made."""

from collections.abc import Iterable

from taskorch.errors.root import CallerError, quoted


class UnsupportedFeature(CallerError):
    """A workflow needs what this version reads and keeps but cannot carry out.

    Attributes:
        features: The paths of the fields concerned.
    """

    def __init__(self, name: str, features: Iterable[str]) -> None:
        self.features = tuple(features)
        super().__init__(
            f"workflow {name!r} needs what this version of taskorch cannot run yet: {', '.join(self.features)}; "
            "remove these fields, or run it with a version that supports them"
        )


class IllegalTransition(CallerError):
    """A verb has no row in the transition table for the state the task is in.

    Attributes:
        id: The task's id.
        state: The state it is in.
        verb: The verb that was asked for.
        legal: The verbs that this state allows.
    """

    def __init__(self, id: str, state: str, verb: str, legal: Iterable[str]) -> None:
        self.id, self.state, self.verb = id, state, verb
        self.legal = tuple(legal)
        allowed = ", ".join(self.legal) if self.legal else "none, it is final"
        super().__init__(f"can't {verb} when {state} (task {id}; legal verbs: {allowed})")


class UnknownVerb(CallerError, ValueError):
    """A word is none of the verbs that change a task.

    Attributes:
        verb: The word.
        known: The verbs there are.
    """

    def __init__(self, verb: str, known: Iterable[str], hint: str = "") -> None:
        self.verb, self.known = verb, tuple(known)
        super().__init__(f"there is no verb {verb[:80]!r}" + (f" ({hint})" if hint else ""))


class UnknownRun(CallerError):
    """No run of that id is alive on this event loop, as it has ended or is carried out elsewhere; or none in a store.

    Attributes:
        run_id: The id that was given.
        store: The store that was asked; None for this event loop.
    """

    def __init__(self, run_id: str, hint: str = "", *, store: str | None = None) -> None:
        self.run_id, self.store = run_id, store
        super().__init__(
            f"store {quoted(store)} has no run {run_id[:128]!r}; see its id, and that this is the store it is kept in"
            if store is not None
            else f"no run {run_id[:128]!r} is alive on this event loop; "
            + (hint or "a run can be steered from its start() or run() on, until that has ended")
        )


class UnknownAction(CallerError, ValueError):
    """A word is none of the actions by which a run is steered.

    Attributes:
        action: The word.
        known: The actions there are.
    """

    def __init__(self, action: str, known: Iterable[str], hint: str = "") -> None:
        self.action, self.known = action, tuple(known)
        super().__init__(f"there is no action {action[:80]!r}" + (f" ({hint})" if hint else ""))


class UnknownStep(CallerError):
    """A run has no such step.

    Attributes:
        run_id: The run.
        step: What was given for a step.
    """

    def __init__(self, run_id: str, step: str, hint: str = "") -> None:
        self.run_id, self.step = run_id, step
        super().__init__(f"run {run_id!r} has no step {step[:128]!r}" + (f"; {hint}" if hint else ""))


class NotInStep(CallerError, LookupError):
    """Something was asked that only the running body of a step can ask."""

    def __init__(self) -> None:
        super().__init__("current_step() means something only in the body of a step")


class NotSteerable(CallerError):
    """What was asked of a run cannot be done from where it was asked.

    Attributes:
        run_id: The run.
    """

    def __init__(self, run_id: str, message: str) -> None:
        self.run_id = run_id
        super().__init__(f"run {run_id!r} {message}")


class InvalidParameters(CallerError, ValueError):
    """Values that were given cannot be: for a run, they do not fit the workflow; for a store, it cannot be so.

    Attributes:
        problems: What is wrong, one sentence each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class WorkflowChanged(CallerError):
    """The run id belongs to a run that was started with another definition, params or context.

    Attributes:
        run_id: The run.
        what: Which part differs: ``definition``, ``params`` or ``context``.
    """

    def __init__(self, run_id: str, what: str) -> None:
        self.run_id, self.what = run_id, what
        super().__init__(
            f"run {run_id!r} was started with another {what}; give the same one to go on with it, "
            "or another run id for a new run"
        )


class RunBusy(CallerError):
    """Another living owner holds the run, or the store it lives in.

    Attributes:
        subject: The run or the store.
        owner: Who holds it, as it named itself.
    """

    def __init__(self, subject: str, owner: str) -> None:
        self.subject, self.owner = subject, owner
        sharing = "open it with shared=True (--shared) in all of them, or " if subject.startswith("store ") else ""
        super().__init__(
            f"{subject} is held by {owner}; {sharing}wait until it has ended, stop it, or use another store"
        )


class UnknownEscalation(CallerError):
    """There is no escalation of that key here: it was never raised, or its task has been forgotten.

    Attributes:
        key: The key that was given.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"there is no escalation {key[:200]!r} here; a key is <task>/<rule>/<level>")


class WeakKey(CallerError):
    """A key is too short to protect anything, or is no bytes. The key itself is not told.

    Attributes:
        length: Its length in bytes, or None if it is no bytes.
        least: The least length.
    """

    def __init__(self, length: int | None, least: int) -> None:
        self.length, self.least = length, least
        given = "is not of bytes" if length is None else f"of {length} bytes is too short"
        super().__init__(f"the key {given}; give at least {least} bytes, such as secrets.token_bytes(32)")


class InvalidHead(CallerError):
    """A text is no head of an audit trail.

    Attributes:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text[:80]!r} is no head; write it as it was published: its number, a colon, 64 hex digits")


class NotText(CallerError):
    """What should be a text is none.

    Attributes:
        kind: What it is instead, as the name of its type.
    """

    def __init__(self, value: object) -> None:
        self.kind = type(value).__name__
        super().__init__(f"expected a text, got {self.kind}; say in words what is wanted")


class TextTooLong(CallerError):
    """A text is longer than what is looked through.

    Attributes:
        length: Its characters.
        limit: The most.
    """

    def __init__(self, length: int, limit: int) -> None:
        self.length, self.limit = length, limit
        super().__init__(f"the text has {length:,} characters; say it in at most {limit:,}")


class UndecidableCondition(CallerError):
    """A condition asks of its data what has no answer, such as which of a text and a number comes first.

    Attributes:
        text: The condition.
        place: The character of it, from 0, at which the question begins.
        kinds: What the two values are, as words; the values are not told, for they may be secret.
    """

    def __init__(self, message: str, text: str, place: int, kinds: tuple[str, str]) -> None:
        self.text, self.place, self.kinds = text, place, kinds
        super().__init__(f"can't decide a condition: {message}")


class TaskCycle(CallerError):
    """Tasks are parts of one another in a circle, so that nothing can be added up over them.

    Attributes:
        cycle: The ids of the tasks on one such circle, each a part of the one before.
    """

    def __init__(self, cycle: Iterable[str]) -> None:
        self.cycle = tuple(cycle)
        path = " → ".join((*self.cycle, *self.cycle[:1]))
        super().__init__(f"the subtasks of task {self.cycle[0]!r} lead back to it: {path}; take one of these links out")


class EndlessSimulation(CallerError):
    """A simulated run would never end.

    Attributes:
        why: What keeps it from its end.
        steps: The ids of the steps that have not ended.
        seconds: How far it had come, in seconds of its own time.
    """

    def __init__(self, why: str, steps: Iterable[str], seconds: float) -> None:
        self.why, self.steps, self.seconds = why, tuple(steps), seconds
        more = f" and {len(self.steps) - 5} more" if len(self.steps) > 5 else ""
        super().__init__(
            f"after {seconds:g} s of the simulated run {why}; steps that have not ended: "
            f"{', '.join(self.steps[:5])}{more}; see their retries, durations and outcomes"
        )
