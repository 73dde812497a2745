"""The alerts of one run, raised by what has been told of it.

What is told may lag behind what is decided: with a store, nobody hears of a fact before it is safe. So the facts
that were told are folded here once more, and alerts speak of nothing else. A run that is resumed is told its earlier
facts again; what they raised then is not raised anew.
"""

from collections.abc import Callable, Iterable

from taskorch.core.alerts import AlertWatch, RaisedAlert
from taskorch.core.frontier.facts import BLOCK, CANCEL, COMPLETE, FAIL, RETRY, START, Fact
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.reasons import LOST
from taskorch.core.frontier.slots import Slots
from taskorch.core.run_data import RunView

_BEGINNINGS, _ENDINGS = {START, RETRY}, {COMPLETE, FAIL, CANCEL, BLOCK}


class Alarms:
    """Which alerts of a run are raised, fact by fact. Times are microseconds since 1970."""

    def __init__(self, plan: Plan, see: Callable[[Fold], RunView], began: int) -> None:
        """The alerts of a run of which nothing was told yet.

        Args:
            plan: Its plan, with its alerts.
            see: Gives what there is to see of the run, of which so much was told as is in a fold.
            began: When it began.
        """
        self._fold = Fold(plan, Slots.of(loop=0, threads=0, commands=0), began)  # nobody asks here what would fit
        self._watch = AlertWatch(plan.alerts, see(self._fold))

    @property
    def told(self) -> int:
        """How many facts were told."""
        return len(self._fold.facts)

    def replay(self, facts: Iterable[Fact]) -> None:
        """Take over what was told in an earlier life of the run; what that raised was heard then."""
        for fact in facts:
            self.before(fact)
            self.after(fact)

    def before(self, fact: Fact) -> list[RaisedAlert]:
        """What time has raised before *fact*, which is told next."""
        _, verb, _, at, detail = fact
        if verb == FAIL and detail.get("reason") in LOST:
            return []  # the attempt was lost long before, and so was whoever should have raised anything
        return self._watch.due(at)

    def after(self, fact: Fact) -> list[RaisedAlert]:
        """What *fact* itself raises, which has just been told."""
        step, verb, _, at, _ = fact
        self._fold.replay((fact,))
        id = self._fold.plan.steps[step].id
        if verb in _BEGINNINGS:
            return self._watch.started(id, at)
        return self._watch.ended(id, at) if verb in _ENDINGS else []

    def due(self, now: int) -> list[RaisedAlert]:
        """What time alone has raised up to *now*."""
        return self._watch.due(now)

    def next_due(self) -> int | None:
        """When ``due`` should be asked next, or None."""
        return self._watch.next_due()
