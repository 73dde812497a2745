"""Filling what a run knows into the arguments of commands: ``{params.x}``, ``{steps.x.output.rows}``, ``{context.x}``.

Arguments are split first and filled then, so that one stays one, whatever it is filled with, and none becomes an
option. What is not there is an error: nothing is run with a hole in it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from taskorch.core.documents import EMPTY, JSON
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.expressions.operands import Data
from taskorch.core.expressions.vocabulary import COMMANDS
from taskorch.core.holes import MOST_TOLD, Hole, has_more_holes, holes, parts, problems_in, steps_named, walk
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidParameters, Problem

MAX_ARGUMENT = 131_071
"""Characters of one argument: longer ones are refused by Linux when a program is started."""
MAX_HOLES = 500
"""In the arguments of one command."""
_NUMBER = re.compile(r"-[0-9.]+(?:[eE][+-]?[0-9]+)?")


def check_holes(text: str) -> Iterator[Problem]:
    """What looks like a hole and is none: it would be passed on as it stands."""
    return problems_in(text, COMMANDS, strictly=False)


def check_arguments(argv: Iterable[str]) -> Iterator[Problem]:
    """The same for all arguments of a command, the first of it; of very many holes none is looked at."""
    braced = [argument for argument in argv if "{" in argument]
    if has_more_holes(braced, COMMANDS, MAX_HOLES):
        return iter([Problem("", f"has more than {MAX_HOLES} placeholders", "hand the values over in a file")])
    return islice((problem for argument in braced for problem in check_holes(argument)), MOST_TOLD)


def parameters_in(argv: Iterable[str]) -> Iterator[str]:
    """The names of the params that arguments ask for."""
    return (str(hole.path[1]) for hole in _holes(argv) if hole.path[0] == "params")


def steps_in(argv: Iterable[str]) -> Iterator[str]:
    """The ids of the steps that arguments ask about."""
    return (id for argument in argv for id in steps_named(argument, COMMANDS))


def check_parameters(given: Mapping[str, JSON], declared: Iterable[str], used: Iterable[str]) -> None:
    """Raise ``InvalidParameters`` for params that are asked for and not there, or there and unknown.

    Args:
        given: The params of a run, defaults included.
        declared: The names the workflow has defaults for; where there are none, any name is welcome.
        used: The names its commands ask for.
    """
    asked = list(dict.fromkeys(used))
    problems = [
        f"the param {name!r} is missing; give it with params= or --param {name}=…"
        for name in asked
        if name not in given
    ]
    known = {*declared, *asked}
    if known:
        for name in given:
            if name not in known:
                hint = suggestion(name, sorted(known))
                problems.append(f"there is no param {name!r}" + (f" ({hint})" if hint else ""))
    if problems:
        raise InvalidParameters(problems)


def fill(
    argv: Iterable[str], params: Mapping[str, JSON], output_of: Callable[[str], JSON], others: Data = EMPTY
) -> tuple[str, ...]:
    """The arguments with every hole filled; one argument stays one, whatever it is filled with.

    Args:
        argv: The arguments.
        params: The params of the run.
        output_of: Gives the output of a step by id, or raises.
        others: What else there is to see of the run, by root: ``context``, ``workflow``, ``step``, ``steps``.

    Raises:
        InvalidParameters: There is nothing to fill a hole with, or a value would turn an argument into an option, or
            holds a NUL.
    """

    def value_of(hole: Hole) -> object:
        match hole.path:
            case ("params", *rest):
                return walk(params, rest)
            case ("steps", str(id), "output", *rest):
                return walk(output_of(id), rest)
        return hole.value(others)

    return tuple(_fill_one(argument, value_of) for argument in argv)


def check_values(argv: Iterable[str], params: Mapping[str, JSON]) -> None:
    """Raise ``InvalidParameters`` for params whose values do not fit the arguments that need nothing else."""
    fill([a for a in argv if all(hole.path[0] == "params" for hole in _holes([a]))], params, lambda _: None)


def _holes(argv: Iterable[str]) -> Iterator[Hole]:
    return (hole for argument in argv for hole in holes(argument, COMMANDS))


def _fill_one(argument: str, value_of: Callable[[Hole], object]) -> str:
    pieces = parts(argument, COMMANDS)
    if len(pieces) == 1:
        return argument
    shown = ", ".join(dict.fromkeys(piece.text for piece in pieces if isinstance(piece, Hole)))
    written: list[str] = []
    room = MAX_ARGUMENT
    for piece in pieces:
        written.append(piece if isinstance(piece, str) else _written(piece, value_of(piece)))
        room -= len(written[-1])
        if room < 0:
            message = f"the value for {shown} makes an argument of more than {MAX_ARGUMENT:,} characters"
            raise InvalidParameters([f"{message}; hand it over in a file"])
    filled = "".join(written)
    if "\0" in filled:
        raise InvalidParameters([f"the value for {shown} holds the character NUL"])
    if filled.startswith("-") and not argument.startswith("-") and not _NUMBER.fullmatch(filled):
        raise InvalidParameters([f"the value for {shown} begins with '-' and would be read as an option"])
    return filled


def _written(hole: Hole, value: object) -> str:
    if value is ABSENT:
        raise InvalidParameters([f"there is no value for {hole.text}"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
