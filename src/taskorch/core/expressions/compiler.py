"""From the tree of a condition to nested closures; whatever the language has not is refused on the way."""

import ast
from collections.abc import Callable
from itertools import pairwise

from taskorch.core.expressions.comparisons import compare, truth
from taskorch.core.expressions.operands import Data, Field, Operand, Path, read_operand
from taskorch.core.expressions.relations import RELATIONS
from taskorch.core.expressions.source import Source
from taskorch.core.expressions.vocabulary import CONSTANTS, STATUS_FUNCTIONS, Vocabulary
from taskorch.core.outcomes import Outcome
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidCondition

OutcomeOf = Callable[[str], Outcome | None]
"""How the step of an id ended; None if it has not, as alerts may ask."""
Test = Callable[[OutcomeOf | None, Data], bool]
"""A compiled part; asked with None it takes every status function as true."""

_FUNCTIONS: dict[str, Callable[[list[Outcome | None]], bool]] = {
    "on_success": lambda ends: all(end is Outcome.COMPLETED for end in ends),
    "on_failure": lambda ends: any(end is Outcome.FAILED for end in ends),
    "on_skip": lambda ends: any(end is Outcome.SKIPPED for end in ends),
    "on_complete": lambda ends: None not in ends,
}


class Compiler:
    """Compiles one condition, and notes what it speaks of.

    Attributes:
        steps: The ids of steps, as they come.
        fields: The paths of fields, as they come.
        compared: What stands beside each other in comparisons, as it comes.
        always: Whether ``always`` was met.
        asks: Whether a status function was met.
    """

    def __init__(self, source: Source, vocabulary: Vocabulary) -> None:
        self._source, self._vocabulary = source, vocabulary
        self.steps: list[str] = []
        self.fields: list[Path] = []
        self.compared: list[tuple[Operand, Operand]] = []
        self.always = self.asks = False

    def compile(self, node: ast.expr) -> Test:
        """The closure of a part that is true or false.

        Raises:
            InvalidCondition: It is not of the language.
        """
        match node:
            case ast.BoolOp(op, values):
                return _joined([self.compile(value) for value in values], isinstance(op, ast.And))
            case ast.UnaryOp(ast.Not(), operand):
                test = self.compile(operand)
                return lambda of, data: not test(of, data)
            case ast.Compare(left, operators, others):
                return self._chain(left, operators, others)
            case ast.Name("always") | ast.Call(ast.Name("always"), [], []) if self._vocabulary.status_functions:
                self.always = True
                return lambda of, data: True
            case ast.Call(ast.Name(name), arguments, []):
                return self._status(node, name, arguments)
            case ast.Name(name) if name in STATUS_FUNCTIONS and self._vocabulary.status_functions:
                raise self._fault(node, f"{name} needs the id of at least one step", f"write {name}(…)")
        return self._alone(node)

    def _alone(self, node: ast.expr) -> Test:
        """A field or constant that is not compared with anything."""
        operand = self._operand(node)
        if isinstance(operand, Field):
            holds = truth(self._source, operand)
            return lambda of, data: holds(data)
        if isinstance(operand.value, bool):
            constant = operand.value
            return lambda of, data: constant
        raise self._fault(node, "is neither true nor false by itself", "compare it with a field")

    def _chain(self, left: ast.expr, operators: list[ast.cmpop], others: list[ast.expr]) -> Test:
        operands = [self._operand(node, may_be_text=True) for node in (left, *others)]
        tests = [
            compare(self._source, one, RELATIONS[type(operator)], other)
            for one, operator, other in zip(operands, operators, operands[1:], strict=False)
        ]
        self.compared.extend(pairwise(operands))
        if len(tests) == 1:
            (test,) = tests
            return lambda of, data: test(data)
        return lambda of, data: all(test(data) for test in tests)

    def _operand(self, node: ast.expr, *, may_be_text: bool = False) -> Operand:
        operand = read_operand(node, self._source, self._vocabulary, may_be_text=may_be_text)
        if isinstance(operand, Field):
            self.fields.append(operand.path)
            if operand.path[0] == "steps" and len(operand.path) > 1:
                self.steps.append(str(operand.path[1]))
        return operand

    def _status(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> Test:
        if not self._vocabulary.status_functions:
            raise self._fault(node, "calls a function, and there are none here", "compare fields")
        if name == "always":
            raise self._fault(node, "`always` takes no arguments")
        if name not in _FUNCTIONS:
            raise self._fault(node, f"there is no function {name!r}", suggestion(name, [*_FUNCTIONS, "always"]))
        if not arguments:
            raise self._fault(node, f"{name} needs the id of at least one step")
        ids = tuple(self._id(argument) for argument in arguments)
        self.steps.extend(ids)
        self.asks = True
        function = _FUNCTIONS[name]
        return lambda of, data: of is None or function([of(id) for id in ids])

    def _id(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id) if id in CONSTANTS:
                raise self._fault(node, f"{id} is no id of a step", f'quote it if it is: "{id}"')
            case ast.Constant(str(id)) if not id.strip():
                raise self._fault(node, "the id of a step is never empty")
            case ast.Name(id) | ast.Constant(str(id)):
                return id
        raise self._fault(node, "expected the id of a step", 'quote ids that are no identifiers: "build[0]"')

    def _fault(self, node: ast.AST, message: str, hint: str = "") -> InvalidCondition:
        return self._source.fault(self._source.place_of(node), message, hint)


def _joined(tests: list[Test], conjunction: bool) -> Test:
    """All of the tests, or any of them; the first that decides is the last that is asked."""

    def joined(of: OutcomeOf | None, data: Data) -> bool:
        for test in tests:
            if test(of, data) is not conjunction:
                return not conjunction
        return conjunction

    return joined
