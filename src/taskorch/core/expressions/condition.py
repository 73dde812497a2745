"""A parsed condition, and what it says of steps and data."""

from collections.abc import Iterator

import attrs

from taskorch.core.documents import EMPTY
from taskorch.core.expressions.compiler import Compiler, OutcomeOf, Test
from taskorch.core.expressions.operands import Data, Path
from taskorch.core.expressions.source import source_of
from taskorch.core.expressions.vocabulary import STEPS, Vocabulary
from taskorch.core.outcomes import Outcome
from taskorch.errors import InvalidCondition, Problem


@attrs.frozen(eq=False)
class Condition:
    """A parsed condition.

    Attributes:
        text: As it was written, without white space around it.
        steps: The ids of the steps it names, in order; each makes an implied link.
        fields: The paths of the fields it reads, in order.
        always: Whether it mentions ``always``, and so overrides the conditions of links.
    """

    text: str
    steps: tuple[str, ...]
    fields: tuple[Path, ...]
    always: bool
    _asks: bool = attrs.field(repr=False)
    _test: Test = attrs.field(repr=False)

    @property
    def needs_data(self) -> bool:
        """Whether it reads data."""
        return bool(self.fields)

    def holds(self, data: Data) -> bool:
        """Whether it is true of *data*: mappings by root, as ``{"task": {"blocked_for": …}}``.

        Raises:
            UndecidableCondition: It asks for the order of unlike kinds, or for the truth of what has none.
            ValueError: It has status functions, which ``verdict`` answers.
        """
        if self._asks:
            raise ValueError("this condition asks how steps ended; ask `verdict` with their outcomes")
        return self._test(None, data)

    def verdict(self, outcome_of: OutcomeOf, data: Data = EMPTY) -> Outcome | None:
        """None if the condition holds, else how the step ends that will not run.

        A condition that would be false even if every status function were true is false by its own data:
        skipped. Otherwise what happened to other steps made it false: omitted (design §7).

        Args:
            outcome_of: How the step of an id ended.
            data: As in ``holds``; what is not in it is absent.

        Raises:
            UndecidableCondition: As in ``holds``.
        """
        if self._test(outcome_of, data):
            return None
        return Outcome.OMITTED if self._test(None, data) else Outcome.SKIPPED


def parse(text: str, vocabulary: Vocabulary = STEPS) -> Condition:
    """The condition written as *text*, in the words of *vocabulary*.

    Raises:
        InvalidCondition: With one problem that quotes the text and points at the place.
    """
    source = source_of(text)
    compiler = Compiler(source, vocabulary)
    test = compiler.compile(source.tree())
    steps, fields = dict.fromkeys(compiler.steps), dict.fromkeys(compiler.fields)
    return Condition(source.text, tuple(steps), tuple(fields), compiler.always, compiler.asks, test)


def check_condition(text: str | None) -> Iterator[Problem]:
    """What keeps *text* from being a condition of a step or an alert."""
    if text is not None:
        try:
            parse(text)
        except InvalidCondition as error:
            yield from error.problems
