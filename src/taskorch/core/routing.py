"""From what somebody asks for, in French or English, to the call that does it (D0, "Routing").

A text is read as words without case, elisions and punctuation. A keyword speaks for its agent where it stands as
whole words, in any usual form: *bloquée* for *bloquer*, *files d'attente* for *file d'attente*. Where two keywords
want the same word, the longer one has it, so *workflow* is no *flow*. Accents may be left out, but not put where
the keyword has none: *etat* is *état*, and *chargé* is no *charge*.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

import attrs

from taskorch.core.vocabulary import CALLS, ENGLISH_VERBS, FRENCH_VERBS, IRREGULAR, KEYWORDS, PENDING, SYNONYMS
from taskorch.errors import NotText, TextTooLong

LONGEST_TEXT: Final = 2_000
"""Characters."""
SURE: Final = 0.6
"""The confidence from which an agent is named; below it the text is ambiguous."""

_GAP: Final = 4  # words for which … may stand
_WORD = re.compile(r"[^\W_]+")
_MARKS: Final = ("Mn", "Me", "Cf")  # the categories of what is no letter of its own
_HYPHENS = str.maketrans("\u2010\u2011", "--")
# What is left of an article or pronoun before an apostrophe, with or without it; no keyword is among them.
_ELIDED = frozenset({"c", "d", "j", "l", "m", "n", "s", "t", "qu", "lorsqu", "puisqu", "jusqu"})
_FRENCH = re.compile(r"\w+").findall(
    "er e es ons ez ent é és ée ées ant ants ante antes ais ait ions iez aient ai as a âmes âtes èrent erai eras era "
    "erons erez eront erais erait erions eriez eraient"
)
_Spelled = tuple[str, frozenset[int]]
"""A word without its accents, and the letters that have one."""


@attrs.frozen
class Candidate:
    """An agent that a text may mean.

    Attributes:
        agent: The agent, as ``queue/queue-manager``.
        call: The dotted name of the call that does its job.
        matched: What speaks for it, as the tables write it.
        share: Its share of all that was matched, 0–1.
    """

    agent: str
    call: str
    matched: tuple[str, ...]
    share: float


@attrs.frozen(kw_only=True)
class Route:
    """What a text asks for.

    Attributes:
        agent: The agent, or None where nothing was matched or it is ambiguous.
        domain: Its domain; of an ambiguous text, the one that all candidates share, or None.
        call: The dotted name of the call that does the agent's job, or None.
        matched: The keywords that were found, as the tables write them; those of the agent first.
        confidence: The share of the matched phrases that speak for the best agent: 1 if no other has any, 0 if
            nothing was matched. Every phrase has one vote, however long. An agent is named from ``SURE`` on.
        candidates: Every agent that something speaks for, the best first.
        suggestions: Where nothing was matched: keywords near to what was said.
    """

    agent: str | None
    domain: str | None
    call: str | None
    matched: tuple[str, ...]
    confidence: float
    candidates: tuple[Candidate, ...] = ()
    suggestions: tuple[str, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether several agents are meant equally well, so that none is named."""
        return self.agent is None and bool(self.candidates)

    @property
    def is_pending(self) -> bool:
        """Whether the call of the agent is still to come."""
        return self.agent in PENDING


def route(text: str) -> Route:
    """The agent and the call that *text* asks for; where several fit, all of them and no guess.

    Args:
        text: A wish in French or English, at most 2,000 characters.

    Raises:
        NotText: It is no text.
        TextTooLong: It is longer.
    """
    if not isinstance(text, str):
        raise NotText(text)
    if len(text) > LONGEST_TEXT:
        raise TextTooLong(len(text), LONGEST_TEXT)
    words = _words(text)
    scores: dict[str, int] = {}
    matched: dict[str, list[str]] = {}
    for phrase in _found(words):
        keywords = matched.setdefault(phrase.agent, [])
        if phrase.text not in keywords:  # what is said twice is not twice as true
            keywords.append(phrase.text)
            scores[phrase.agent] = scores.get(phrase.agent, 0) + 1
    if not scores:
        return Route(
            agent=None, domain=None, call=None, matched=(), confidence=0, suggestions=_near([word for word, _ in words])
        )
    total = sum(scores.values())
    order = sorted(scores, key=lambda agent: (-scores[agent], list(KEYWORDS).index(agent)))
    candidates = tuple(Candidate(agent, CALLS[agent], tuple(matched[agent]), scores[agent] / total) for agent in order)
    best = candidates[0]
    domains = {candidate.agent.partition("/")[0] for candidate in candidates}
    is_sure = best.share >= SURE
    return Route(
        agent=best.agent if is_sure else None,
        domain=best.agent.partition("/")[0] if is_sure or len(domains) == 1 else None,
        call=best.call if is_sure else None,
        matched=tuple(keyword for candidate in candidates for keyword in candidate.matched),
        confidence=best.share,
        candidates=candidates,
    )


@attrs.frozen
class _Phrase:
    """A keyword or synonym: pieces of words that follow one another, with gaps between the pieces."""

    agent: str
    text: str
    is_keyword: bool
    pieces: tuple[tuple[str, ...], ...]

    @property
    def length(self) -> int:
        return sum(map(len, self.pieces))


def _folded(text: str) -> str:
    """*text* without case, accents and what is invisible."""
    return _spelled(text)[0]


def _spelled(text: str) -> _Spelled:
    """*text* without case, accents and what is invisible, and where the accents were."""
    if text.isascii():
        return text.casefold(), frozenset()
    letters: list[str] = []
    accents: set[int] = set()
    for char in unicodedata.normalize("NFKD", text.translate(_HYPHENS)):
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            accents.add(len(letters) - 1)
        elif category != "Cf":
            plain = char.casefold().replace("\u0131", "i")  # without a dot; its capital is I
            letters.extend(c for c in unicodedata.normalize("NFKD", plain) if unicodedata.category(c) not in _MARKS)
    return "".join(letters), frozenset(accents)


def _words(text: str) -> list[_Spelled]:
    """The words of a text; what a hyphen joins is one word if the tables know it as one: *roll-back*."""
    words: list[_Spelled] = []
    folded, accents = _spelled(text)
    end = 0
    for match in _WORD.finditer(folded):
        begin, joins = match.start(), bool(words) and folded[end : match.start()] == "-"
        end = match.end()
        own = frozenset(place - begin for place in range(begin, end) if place in accents)
        if joins and (joined := words[-1][0] + match[0]) in _vocabulary().forms:
            before = len(words[-1][0])
            words[-1] = joined, words[-1][1] | {place + before for place in own}
        elif match[0] not in _ELIDED:
            words.append((match[0], own))
    return words


@attrs.frozen
class _Vocabulary:
    """The tables as they are searched.

    Attributes:
        forms: The words of the tables that each form may be of, by the form without accents; each with the letters
            that have an accent in that form.
        phrases: The phrases by their first word.
    """

    forms: Mapping[str, frozenset[tuple[str, frozenset[int]]]]
    phrases: Mapping[str, tuple[_Phrase, ...]]


@cache
def _vocabulary() -> _Vocabulary:
    forms: dict[str, set[tuple[str, frozenset[int]]]] = {}
    phrases: dict[str, list[_Phrase]] = {}
    for agent, text, is_keyword in _entries():
        written = [list(_split(piece)) for piece in text.split("…")]
        pieces = tuple(tuple(map(str.casefold, piece)) for piece in written)
        phrases.setdefault(pieces[0][0], []).append(_Phrase(agent, text, is_keyword, pieces))
        for word in (word for piece in written for word in piece):
            for form in _forms(word):
                folded, accents = _spelled(form)
                forms.setdefault(folded, set()).add((word.casefold(), accents))
    return _Vocabulary(
        {form: frozenset(words) for form, words in forms.items()},
        {word: tuple(listed) for word, listed in phrases.items()},
    )


def _entries() -> Iterator[tuple[str, str, bool]]:
    """The agent and text of every entry of both tables, and whether it is a keyword of D0."""
    for table in (SYNONYMS, KEYWORDS):
        for agent, texts in table.items():
            for text in texts:
                yield agent, text, table is KEYWORDS


def _split(text: str) -> Iterator[str]:
    """The words of an entry of the tables, as they are written there."""
    return (word for word in _WORD.findall(text) if _folded(word) not in _ELIDED)


def _forms(word: str) -> Iterator[str]:
    """The forms of a word: itself, its plural or singular, and those of a verb."""
    yield word
    yield from IRREGULAR.get(word, ())
    if len(word) > 2:
        yield from _plurals(word)
    if word in FRENCH_VERBS:
        stem = word.removesuffix("er").removesuffix("e")
        soft = stem[:-1] + "ç" if stem.endswith("c") else stem
        yield from ((soft if ending[0] in "aâo" else stem) + ending for ending in _FRENCH)
    if word in ENGLISH_VERBS:
        yield from _english(word)


def _plurals(word: str) -> Iterator[str]:
    yield word + "s"
    if word.endswith(("s", "x", "ch", "sh")):
        yield word + "es"
    if word.endswith("y"):
        yield word[:-1] + "ies"


def _english(verb: str) -> Iterator[str]:
    stem = verb.removesuffix("e")
    stems = {stem, stem + stem[-1]}
    yield from (stem + ending for stem in stems for ending in ("ed", "ing"))
    if verb.endswith("y"):
        yield verb[:-1] + "ied"


def _read(word: _Spelled) -> frozenset[str]:
    """The words of the tables that a word may be a form of: it has no accents but theirs, and may lack some."""
    folded, accents = word
    return frozenset(known for known, theirs in _vocabulary().forms.get(folded, ()) if accents <= theirs)


def _found(words: list[_Spelled]) -> list[_Phrase]:
    """The phrases in the text, in its order. A word is used by one phrase, or by several of equal right."""
    vocabulary = _vocabulary()
    read = [_read(word) for word in words]
    matches = [
        (places, phrase)
        for begin, meanings in enumerate(read)
        for meaning in meanings
        for phrase in vocabulary.phrases.get(meaning, ())
        if (places := _places(phrase, read, begin)) is not None
    ]
    # What is longer wins, then what is D0's own; the rest makes the order the same on every day.
    matches.sort(key=lambda found: (-found[1].length, not found[1].is_keyword, found[0], found[1].agent, found[1].text))
    taken: set[int] = set()
    kept: dict[tuple[int, ...], list[_Phrase]] = {}
    for places, phrase in matches:
        if taken.isdisjoint(places):
            taken.update(places)
            kept[places] = [phrase]
        elif (rivals := kept.get(places)) and _is_rival(phrase, rivals):
            rivals.append(phrase)
    return [phrase for places in sorted(kept) for phrase in kept[places]]


def _is_rival(phrase: _Phrase, others: list[_Phrase]) -> bool:
    """Whether the same words mean another agent as well, with equal right: *resume* is *résumé* too."""
    return phrase.is_keyword is others[0].is_keyword and phrase.agent not in {other.agent for other in others}


def _places(phrase: _Phrase, read: list[frozenset[str]], begin: int) -> tuple[int, ...] | None:
    """Where the words of a phrase stand in the text if it begins at *begin*, or None."""
    places: list[int] = []
    for number, piece in enumerate(phrase.pieces):
        starts = range(begin, begin + 1 if number == 0 else begin + _GAP + 1)
        start = next((start for start in starts if _stands(piece, read, start)), None)
        if start is None:
            return None
        begin = start + len(piece)
        places.extend(range(start, begin))
    return tuple(places)


def _stands(piece: Iterable[str], read: list[frozenset[str]], start: int) -> bool:
    return all(start + offset < len(read) and word in read[start + offset] for offset, word in enumerate(piece))


def _near(words: list[str]) -> tuple[str, ...]:
    """Keywords of one word that are near to what was said; a word that the tables use is no slip of another."""
    known = {_folded(text): text for _, text, _ in _entries() if " " not in text}
    near: dict[str, None] = {}
    for word in list(dict.fromkeys(words))[:20]:
        if 3 < len(word) <= 30 and word not in _vocabulary().forms:
            near.update((known[match], None) for match in difflib.get_close_matches(word, known, n=1, cutoff=0.75))
    return tuple(near)[:3]
