"""Filling ``{params.x}`` and ``{steps.x.output}`` into arguments by plain substitution, never ``str.format``.

Only these two forms mean anything; every other brace stays as it is.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from taskorch.core.documents import JSON, suggestion
from taskorch.errors import InvalidParameters, Problem

_HOLE = re.compile(r"\{(?:params\.([^{}]+)|steps\.([^{}]+)\.output|steps\[\"([^\"{}]+)\"\]\.output)\}")
_NUMBER = re.compile(r"-[0-9.]+(?:[eE][+-]?[0-9]+)?")


_MEANT = re.compile(r"\{(?:params?|steps?)[.\[][^{}]*\}")


def check_holes(text: str) -> Iterator[Problem]:
    """What looks like a hole and is none: it would be passed on as it stands."""
    for match in _MEANT.finditer(text):
        if not _HOLE.fullmatch(match[0]):
            hint = "write {params.name} or {steps.id.output}"
            yield Problem("", f"{match[0][:60]!r} is no placeholder", hint)


def parameters_in(argv: Iterable[str]) -> Iterator[str]:
    """The names of the params that arguments ask for."""
    return (match[1] for argument in argv for match in _HOLE.finditer(argument) if match[1])


def steps_in(argv: Iterable[str]) -> Iterator[str]:
    """The ids of the steps whose output arguments ask for."""
    return (match[2] or match[3] for argument in argv for match in _HOLE.finditer(argument) if not match[1])


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


def fill(argv: Iterable[str], params: Mapping[str, JSON], output_of: Callable[[str], JSON]) -> tuple[str, ...]:
    """The arguments with every hole filled; one argument stays one, whatever it is filled with.

    Args:
        argv: The arguments.
        params: The params of the run.
        output_of: Gives the output of a step by id, or raises.

    Raises:
        InvalidParameters: A value would turn an argument into an option, or holds a NUL.
    """
    return tuple(_fill_one(argument, params, output_of) for argument in argv)


def check_values(argv: Iterable[str], params: Mapping[str, JSON]) -> None:
    """Raise ``InvalidParameters`` for params whose values do not fit the arguments that need nothing else."""
    fill([argument for argument in argv if not list(steps_in([argument]))], params, lambda _: None)


def _fill_one(argument: str, params: Mapping[str, JSON], output_of: Callable[[str], JSON]) -> str:
    def value(match: re.Match[str]) -> str:
        data = params[match[1]] if match[1] else output_of(match[2] or match[3])
        return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)

    filled = _HOLE.sub(value, argument)
    if "\0" in filled:
        raise InvalidParameters([f"the value for {_holes(argument)} holds the character NUL"])
    if filled.startswith("-") and not argument.startswith("-") and not _NUMBER.fullmatch(filled):
        raise InvalidParameters([f"the value for {_holes(argument)} begins with '-' and would be read as an option"])
    return filled


def _holes(argument: str) -> str:
    """The holes of an argument, without what stands around them."""
    return ", ".join(match[0] for match in _HOLE.finditer(argument))
