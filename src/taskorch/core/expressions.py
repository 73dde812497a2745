"""The language of conditions: parsed and checked when a workflow is loaded, never ``eval``.

``always`` · ``on_success(a, …)`` all completed · ``on_failure(a, …)`` at least one failed, allowed or not ·
``on_skip(a, …)`` at least one skipped · ``on_complete(a, …)`` all have ended, however · ``and or not``.
Ids that are no identifiers are quoted. Comparisons over data (``steps.x.output.rows > 0``) are parsed and
their steps noted, but this version cannot evaluate them: ``Condition.needs_data`` says so.

The text is bounded before the standard parser sees it, and of its tree only a few node types are let through.
"""

import ast
import warnings
from collections.abc import Callable, Iterator
from unicodedata import normalize

import attrs

from taskorch.core.documents import suggestion
from taskorch.core.outcomes import Outcome
from taskorch.errors import InvalidWorkflow, Problem

MAX_LENGTH = 1024
MAX_DEPTH = 32
MAX_NODES = 200

OutcomeOf = Callable[[str], Outcome]
_Test = Callable[[OutcomeOf | None], bool]
"""A compiled part; asked with None it takes every status function as true."""

_FUNCTIONS: dict[str, Callable[[list[Outcome]], bool]] = {
    "on_success": lambda ends: all(end is Outcome.COMPLETED for end in ends),
    "on_failure": lambda ends: any(end is Outcome.FAILED for end in ends),
    "on_skip": lambda ends: any(end is Outcome.SKIPPED for end in ends),
    "on_complete": lambda ends: True,
}
_ROOTS = ("steps", "step", "context", "params")
_DATA = (ast.Compare, ast.Attribute, ast.Subscript, ast.Constant)


@attrs.frozen(eq=False)
class Condition:
    """A parsed condition.

    Attributes:
        text: As it was written.
        steps: The ids of the steps it names, in order; each makes an implied link.
        always: Whether it mentions ``always``, and so overrides the conditions of links.
        needs_data: Whether it compares data, which this version cannot evaluate.
    """

    text: str
    steps: tuple[str, ...]
    always: bool
    needs_data: bool
    _test: _Test = attrs.field(repr=False)

    def verdict(self, outcome_of: OutcomeOf) -> Outcome | None:
        """None if the condition holds, else how the step ends that will not run.

        A condition that would be false even if every status function were true is false by its own data:
        skipped. Otherwise what happened to other steps made it false: omitted.
        """
        if self._test(outcome_of):
            return None
        return Outcome.OMITTED if self._test(None) else Outcome.SKIPPED


def parse(text: str) -> Condition:
    """The condition written as *text*.

    Raises:
        InvalidWorkflow: With one problem that quotes the text and points at the place.
    """
    _check_bounds(text)
    text = text.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the parser finds odd is refused below, or harmless
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise _fault(text, (error.offset or 1) - 1, "is not a condition") from None
    except (ValueError, MemoryError, RecursionError):
        raise _fault(text, 0, "is too deeply nested for a condition") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise _fault(text, 0, f"has more than {MAX_NODES} parts")
    compiler = _Compiler(text)
    test = compiler.compile(tree)
    return Condition(text, tuple(dict.fromkeys(compiler.steps)), compiler.always, compiler.needs_data, test)


def check_condition(text: str | None) -> Iterator[Problem]:
    """What keeps *text* from being a condition."""
    if text is not None:
        try:
            parse(text)
        except InvalidWorkflow as error:
            yield from error.problems


class _Compiler:
    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: list[str] = []
        self.always = self.needs_data = False

    def compile(self, node: ast.expr) -> _Test:
        match node:
            case ast.BoolOp(op, values):
                tests = [self.compile(value) for value in values]
                quantor = all if isinstance(op, ast.And) else any
                return lambda of: quantor(test(of) for test in tests)
            case ast.UnaryOp(ast.Not(), operand):
                test = self.compile(operand)
                return lambda of: not test(of)
            case ast.Name("always") | ast.Call(ast.Name("always"), [], []):
                self.always = True
                return lambda of: True
            case ast.Call(ast.Name("always")):
                raise self._fault(node, "`always` takes no arguments")
            case ast.Call(ast.Name(name), arguments, []):
                return self._status(node, name, arguments)
            case ast.Name(name):
                known = ("always", *(f"{function}(…)" for function in _FUNCTIONS), *_ROOTS)
                raise self._fault(node, f"{name!r} is not known in a condition", suggestion(name, known))
        if isinstance(node, _DATA):
            self._data(node)
            return lambda of: True
        raise self._fault(node, "is not allowed in a condition")

    def _status(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> _Test:
        if name not in _FUNCTIONS:
            raise self._fault(node, f"there is no function {name!r}", suggestion(name, [*_FUNCTIONS, "always"]))
        if not arguments:
            raise self._fault(node, f"{name} needs the id of at least one step")
        ids = tuple(self._id(argument) for argument in arguments)
        self.steps.extend(ids)
        function = _FUNCTIONS[name]
        return lambda of: of is None or function([of(id) for id in ids])

    def _id(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id) | ast.Constant(str(id)):
                return id
        raise self._fault(node, "expected the id of a step", 'quote ids that are no identifiers: "build[0]"')

    def _data(self, node: ast.expr) -> None:
        self.needs_data = True
        for part in ast.walk(node):
            match part:
                case ast.Attribute(ast.Name("steps"), id) | ast.Subscript(ast.Name("steps"), ast.Constant(str(id))):
                    self.steps.append(id)
                case ast.Attribute(_, str(name)) if name.startswith("_"):
                    raise self._fault(part, f"the name {name!r} is private")
                case ast.Name(name) if name not in _ROOTS:
                    raise self._fault(part, f"{name!r} is not known in a condition", suggestion(name, _ROOTS))
                case ast.expr() if not isinstance(part, (*_DATA, ast.Name, ast.UnaryOp)):
                    raise self._fault(part, "is not allowed in a condition")

    def _fault(self, node: ast.AST, message: str, hint: str = "") -> InvalidWorkflow:
        # Offsets of the parser count UTF-8 bytes.
        before = self.text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")
        return _fault(self.text, len(before), message, hint)


def _check_bounds(text: str) -> None:
    if not text.strip():
        raise InvalidWorkflow.because("is an empty condition", 'leave it out, or write "always"')
    if len(text.encode(errors="replace")) > MAX_LENGTH:
        raise InvalidWorkflow.because(f"is a condition of more than {MAX_LENGTH} bytes")
    depth, quote = 0, ""
    for place, character in enumerate(text):
        if character in "\"'" and quote in ("", character):
            quote = "" if quote else character
        if not quote and normalize("NFKC", character) != character:
            # The parser would take it for the plain letter it resembles.
            raise _fault(text, place, f"{character!r} is no letter of a condition", "quote ids that hold it")
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_DEPTH:
            raise _fault(text, place, f"is nested deeper than {MAX_DEPTH} brackets")
        if character in "\n\r\0":
            raise _fault(text.splitlines()[0], 0, "holds a line break or NUL")


def _fault(text: str, place: int, message: str, hint: str = "") -> InvalidWorkflow:
    shown = text if len(text) <= 120 else text[:117] + "..."
    caret = " " * min(max(place, 0), len(shown))
    return InvalidWorkflow.because(f"{message}\n      {shown}\n      {caret}^", hint)
