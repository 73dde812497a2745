"""The caller must act: a request that cannot be carried out as it was made."""

from collections.abc import Iterable

from taskorch.errors.root import CallerError


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


class InvalidParameters(CallerError):
    """The values given for a run do not fit the workflow.

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
        super().__init__(f"{subject} is held by {owner}; wait until it has ended, stop it, or use another store")
