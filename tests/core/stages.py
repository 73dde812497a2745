"""Steps of a run that tests begin and end by hand, as conditions and alerts see them."""

from taskorch import Outcome
from taskorch.core.documents import JSON
from taskorch.core.expressions.kinds import ABSENT


class Stage:
    """A ``StepView`` that is told what happens; times are microseconds."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids) or {"count", "other", "third"}
        self.outcomes: dict[str, Outcome] = {}
        self.outputs: dict[str, JSON] = {}
        self.began: dict[str, int] = {}
        self.spent: dict[str, int] = {}
        self.attempts: dict[str, int] = {}
        self.read = 0  # how often an output was

    def start(self, id: str, at: int) -> None:
        """An attempt of a step begins."""
        self.began[id] = at
        self.attempts[id] = self.attempts.get(id, 0) + 1

    def pause(self, id: str, at: int) -> None:
        """The attempt under way ends, and there will be another."""
        if id in self.began:
            self.spent[id] = self.spent.get(id, 0) + at - self.began.pop(id)

    def end(self, id: str, at: int, outcome: Outcome = Outcome.COMPLETED, output: JSON = ABSENT) -> None:
        """A step ends; one that was not begun began at nothing and took all the time."""
        if id not in self.attempts and outcome in (Outcome.COMPLETED, Outcome.FAILED):
            self.start(id, 0)
        self.pause(id, at)
        self.outcomes[id] = outcome
        self.outputs[id] = output

    def outcome_of(self, id: str) -> Outcome | None:
        """As ``StepView`` says."""
        return self.outcomes.get(id)

    def output_of(self, id: str) -> JSON:
        """As ``StepView`` says."""
        self.read += 1
        return self.outputs[id]

    def duration_of(self, id: str, now: int) -> int | None:
        """As ``StepView`` says."""
        if id not in self.attempts:
            return None
        return self.spent.get(id, 0) + (now - self.began[id] if id in self.began else 0)

    def attempts_of(self, id: str) -> int:
        """As ``StepView`` says."""
        return self.attempts.get(id, 0)

    def name_of(self, id: str) -> str:
        """As ``StepView`` says."""
        return f"The {id}"

    def __contains__(self, id: object) -> bool:
        return id in self.ids
