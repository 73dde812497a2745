"""A parsed condition, and what it says of steps and data."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import attrs

from taskorch.core.documents import EMPTY, Number
from taskorch.core.expressions.compatibility import require_value
from taskorch.core.expressions.compiler import Compiler, OutcomeOf, Test
from taskorch.core.expressions.operands import Data, Field, Operand, Path, read_operand
from taskorch.core.expressions.source import source_of
from taskorch.core.expressions.values import milliseconds_in
from taskorch.core.expressions.vocabulary import ALERTS, SOURCES, STEPS, Vocabulary
from taskorch.core.outcomes import Outcome
from taskorch.errors import InvalidCondition, Problem

_KEPT = 1024
"""Conditions that are kept once they were read: some 4 KB each as people write them, 65 KB at the very most."""


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
    _compared: tuple[tuple[Operand, Operand], ...] = attrs.field(default=(), repr=False)

    @property
    def needs_data(self) -> bool:
        """Whether it reads data."""
        return bool(self.fields)

    def bounds(self, path: Path, data: Data = EMPTY) -> Iterator[Number]:
        """The milliseconds that a field of milliseconds is compared with; between them its growth changes nothing.

        Args:
            path: The field, such as ``("step", "duration")``.
            data: As in ``holds``: where the field is compared with other fields, those count as they are there.
        """
        for one, other in self._compared:
            for field, beside in ((one, other), (other, one)):
                if isinstance(field, Field) and field.path == path:
                    value = beside.getter()(data) if isinstance(beside, Field) else beside.value
                    yield from milliseconds_in(value)

    def holds(self, data: Data) -> bool:
        """Whether it is true of *data*: mappings by root, as ``{"task": {"blocked_for": …}}``.

        Raises:
            UndecidableCondition: It asks for the order of unlike kinds, or for the truth of what has none.
            ValueError: It has status functions, which ``verdict`` answers.
        """
        if self._asks:
            raise ValueError("this condition asks how steps ended; ask `verdict` with their outcomes")
        return self._test(None, data)

    def is_met(self, outcome_of: OutcomeOf, data: Data = EMPTY) -> bool:
        """Whether it is true of *data* and of how steps ended; arguments and errors as in ``verdict``."""
        return self._test(outcome_of, data)

    def verdict(self, outcome_of: OutcomeOf, data: Data = EMPTY) -> Outcome | None:
        """None if the condition holds, else how the step ends that will not run.

        A condition that would be false even if every status function were true is false by its own data:
        skipped. Otherwise what happened to other steps made it false: omitted (design §7). To the letter, so
        ``not on_failure(d)`` is false with every status function true, and gives skipped where d failed.

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

    What was read lately is kept, by text and vocabulary: a workflow asks for each condition several times before
    it runs. Refusals are not kept.

    Raises:
        InvalidCondition: With one problem that quotes the text and points at the place.
    """
    return _read(text, vocabulary) if type(text) is str else _read.__wrapped__(text, vocabulary)


@lru_cache(maxsize=_KEPT)
def _read(text: str, vocabulary: Vocabulary) -> Condition:
    source = source_of(text)
    compiler = Compiler(source, vocabulary)
    test = compiler.compile(source.tree())
    steps, fields = dict.fromkeys(compiler.steps), dict.fromkeys(compiler.fields)
    compared = tuple(compiler.compared)
    return Condition(source.text, tuple(steps), tuple(fields), compiler.always, compiler.asks, test, compared)


def read_source(text: str) -> Path:
    """The path of the data that a step is mapped over: a field and nothing else, such as ``steps.x.output.files``.

    Raises:
        InvalidCondition: It is none.
    """
    source = source_of(text)
    operand = read_operand(source.tree(), source, SOURCES)
    if not isinstance(operand, Field):
        raise source.fault(operand.place, "is no data to map over", "name an output: steps.x.output.files")
    require_value(source, operand)
    return operand.path


def check_condition(text: str | None) -> Iterator[Problem]:
    """What keeps *text* from being the condition of a step."""
    return _problems(text, parse)


def check_alert(text: str | None) -> Iterator[Problem]:
    """What keeps *text* from being the condition of an alert."""
    return _problems(text, lambda text: parse(text, ALERTS))


def check_source(text: str | None) -> Iterator[Problem]:
    """What keeps *text* from naming the data that a step is mapped over."""
    return _problems(text, read_source)


def _problems(text: str | None, read: Callable[[str], object]) -> Iterator[Problem]:
    if text is not None:
        try:
            read(text)
        except InvalidCondition as error:
            yield from error.problems
