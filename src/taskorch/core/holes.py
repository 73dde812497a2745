"""Holes in texts, such as ``{params.x}``, ``{steps.x.output.rows}`` and ``{workflow.name}``: what they ask for.

A hole is a path between braces, in the words of a vocabulary. It is filled by plain substitution and never by
``str.format``: nothing is called, no attribute of an object is touched, and what a value holds is not looked at again.
Names that are no identifiers are quoted, as in ``{steps["a.b"].output}``; the id of a step needs it only where it
holds ``.output`` or the like itself. Every other brace stays as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

import attrs

from taskorch.core.expressions.compatibility import require_value
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.expressions.operands import Data, Field, Path, follow
from taskorch.core.expressions.source import Source
from taskorch.core.expressions.values import member_of
from taskorch.core.expressions.vocabulary import Vocabulary
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidCondition, Problem

_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*+)([^{}]*+)\}")
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*+)([.\[][^{}]*+)\}")
_KEY = re.compile(
    r"""\.(?P<name>[^\s.\[\]{}"'](?:[^.\[\]{}"']*[^\s.\[\]{}"'])?)
    |\[(?P<number>-?[0-9]{1,9})\]
    |\[(?P<text>"(?:[^"\\{}]|\\.)+")\]""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.(?P<name>[^\s{}\"']+?)(?=\.(?:output|status|duration|attempts)(?:[.\[]|\Z))")
_LONGEST_KEPT = 4096
MOST_TOLD = 10
"""Problems of the holes of one text."""


@attrs.frozen
class Hole:
    """A place in a text that is to be filled.

    Attributes:
        text: As it is written, braces included.
        path: What it asks for.
        places: The characters of the whole text at which the parts of the path begin.
    """

    text: str
    path: Path
    places: tuple[int, ...]

    @property
    def step(self) -> str | None:
        """The id of the step it asks about."""
        return str(self.path[1]) if self.path[0] == "steps" and len(self.path) > 1 else None

    def value(self, data: Data) -> object:
        """What it asks for; ``ABSENT`` where there is nothing."""
        return walk(data.get(str(self.path[0]), ABSENT), self.path[1:])


def walk(value: object, path: Iterable[str | int]) -> object:
    """What *path* leads to from *value*; ``ABSENT`` where it leads nowhere."""
    for key in path:
        value = member_of(value, key)
    return value


def holes(text: str, vocabulary: Vocabulary) -> Iterator[Hole]:
    """The holes of a text, in order."""
    return (part for part in parts(text, vocabulary) if isinstance(part, Hole))


def steps_named(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """The ids of the steps that the holes of a text ask about, as they come."""
    return (hole.step for hole in holes(text, vocabulary) if hole.step is not None)


def has_more_holes(texts: Iterable[str], vocabulary: Vocabulary, most: int) -> bool:
    """Whether there are more than *most* holes in some texts, as far as their first words tell: none is read."""
    roots = (match for text in texts for match in _HOLE.finditer(text) if match[1] in vocabulary.roots)
    return next(islice(roots, most, None), None) is not None


def parts(text: str, vocabulary: Vocabulary) -> tuple[str | Hole, ...]:
    """The text in pieces: what stands, and the holes in it; braces that are none in the vocabulary stand."""
    if "{" not in text:
        return (text,)
    return _parts(text, vocabulary) if len(text) <= _LONGEST_KEPT else _parts.__wrapped__(text, vocabulary)


@lru_cache(maxsize=1024)
def _parts(text: str, vocabulary: Vocabulary) -> tuple[str | Hole, ...]:
    found: list[str | Hole] = []
    end = 0
    for match in _HOLE.finditer(text):
        hole = _read(match) if match[1] in vocabulary.roots else None
        if hole is not None and not list(_faults(hole, Source(""), vocabulary)):
            found += [text[end : match.start()], hole]
            end = match.end()
    return (*found, text[end:])


def problems_in(text: str, vocabulary: Vocabulary, *, strictly: bool) -> Iterator[Problem]:
    """What looks like a hole and is none: it would be passed on as it stands. Of very many the first are told.

    Args:
        text: The text.
        vocabulary: What holes may ask for.
        strictly: Whether whatever has the form of a path is meant as a hole, and a word of the vocabulary alone;
            otherwise only a path that begins with a word of the vocabulary.
    """
    return islice(_problems_in(text, vocabulary, strictly), MOST_TOLD)


def _problems_in(text: str, vocabulary: Vocabulary, strictly: bool) -> Iterator[Problem]:
    source = Source(text)
    for match in _BRACED.finditer(text):
        if not _is_meant(match[1], match[2], vocabulary, strictly):
            continue
        hole = _read(match)
        if hole is None:
            hint = 'write {params.name} or {steps.id.output}; other names are quoted: {params["a.b"]}'
            found = [Problem("", f"it names no field\n{source.excerpt(match.start())}", hint)]
        else:
            found = list(_faults(hole, source, vocabulary))
        for problem in found:
            yield problem._replace(message=f"{match[0][:60]!r} is no placeholder: {problem.message}")


def _is_meant(root: str, rest: str, vocabulary: Vocabulary, strictly: bool) -> bool:
    if rest[:1] in (".", "["):
        return strictly or root in vocabulary.roots or root in vocabulary.reasons
    if rest or not strictly:
        return False
    fields = [name for shape in vocabulary.roots.values() if isinstance(shape, Mapping) for name in shape]
    return root in vocabulary.roots or root in fields


def _read(match: re.Match[str]) -> Hole | None:
    """What a pair of braces asks for, or None if it has not the form of a path."""
    text, end = match.string, match.end() - 1
    place = match.end(1)
    path: list[str | int] = [match[1]]
    places = [match.start(1)]
    while place < end:
        key = (path == ["steps"] and _STEP.match(text, place, end)) or _KEY.match(text, place, end)
        if not key:
            return None
        kind = str(key.lastgroup)
        written = key[kind]
        try:
            path.append(int(written) if kind == "number" else json.loads(written) if kind == "text" else written)
        except ValueError:
            return None
        places.append(key.start(kind))
        place = key.end()
    return Hole(match[0], tuple(path), tuple(places))


def _faults(hole: Hole, source: Source, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Why the vocabulary has not what a hole asks for."""
    root, place = str(hole.path[0]), hole.places[0]
    if root not in vocabulary.roots:
        hint = vocabulary.reasons.get(root) or _owner(root, vocabulary) or suggestion(root, vocabulary.roots)
        yield source.fault(place, f"{root!r} is not known here", hint).problems[0]
        return
    try:
        keys = list(zip(hole.path, hole.places, strict=True))[1:]
        field = follow(Field(place, (root,), vocabulary.roots[root]), keys, source, vocabulary.reasons)
        require_value(source, field)
    except InvalidCondition as error:
        yield from error.problems


def _owner(name: str, vocabulary: Vocabulary) -> str:
    """The hint for a field that was named without its root."""
    roots = (root for root, shape in vocabulary.roots.items() if isinstance(shape, Mapping) and name in shape)
    return next((f"did you mean {root}.{name}?" for root in roots), "")
