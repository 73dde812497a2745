"""The text of a condition: its bounds, its tokens, its tree, and carets that point into it."""

import ast
import keyword
import re
from contextlib import suppress
from unicodedata import category, east_asian_width, normalize

import attrs

from taskorch.core.durations import is_duration
from taskorch.core.json_text import described
from taskorch.errors import InvalidCondition, Problem, UndecidableCondition

MAX_LENGTH = 1024
MAX_DEPTH = 32
MAX_NODES = 200

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<name>[^\W\d]\w*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>==|!=|<=|>=|[<>()\[\],.]|-(?=[ \t]*[0-9]))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]")
_JOINING = frozenset({"and", "or", "not", "in"})
_WORDS = frozenset({*_JOINING, "True", "False", "None"})
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[wdhms]) ?)+(?!\w)")
_HINTS = {
    "=": "write == to compare",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "-": 'it stands before digits only; quote names that hold it: steps["a-b"]',
    "{": "lists are written in [ ]",
}
_CURLY = frozenset("\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b«»\u2039\u203a")
_OPEN_CALL = re.compile(r"\bon_[a-z]+\([^()]*$")
_UNFINISHED = frozenset({"and", "or", "not", "in", "==", "!=", "<", "<=", ">", ">=", ".", ",", "-"})
_CLOSED_BY = {"(": ")", "[": "]"}
_SHOWN = 120
_TRIES = 50


def _parsed(text: str) -> ast.expr:
    """What the parser makes of *text*, whatever other threads parse meanwhile.

    CPython 3.11 counts the depth of all threads' parsing in one place: where they take turns in the middle it finds
    its count wrong and raises ``SystemError`` for a text without fault, which the next try reads.
    """
    for _ in range(_TRIES):
        with suppress(SystemError):
            return ast.parse(text, mode="eval").body
    return ast.parse(text, mode="eval").body


@attrs.frozen
class Source:
    """The text of a condition, without the white space around it."""

    text: str

    def tree(self) -> ast.expr:
        """What Python's parser makes of it, within the bounds.

        Raises:
            InvalidCondition: It is no expression, or beyond a bound.
        """
        try:
            # What makes the parser warn was refused with the tokens. Filters of warnings are left alone: they are
            # the whole process's, and other threads may be at them.
            tree = _parsed(self.text)
        except SyntaxError as error:
            raise self.fault((error.offset or 1) - 1, "is not a condition") from None
        except (ValueError, MemoryError, RecursionError):
            raise self.fault(0, "is too deeply nested for a condition") from None
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise self.fault(0, f"has more than {MAX_NODES} parts")
        return tree

    def place_of(self, node: ast.AST) -> int:
        """The character at which *node* begins; offsets of the parser count UTF-8 bytes."""
        return len(self.text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore"))

    def fault(self, place: int, message: str, hint: str = "") -> InvalidCondition:
        """The refusal that points at the character *place*."""
        place = min(max(place, 0), len(self.text))
        problem = Problem("", f"{message}\n{self.excerpt(place)}", hint)
        return InvalidCondition([problem], text=self.text, place=place)

    def undecidable(self, place: int, message: str, kinds: tuple[str, str]) -> UndecidableCondition:
        """The error of an evaluation that points at the character *place*."""
        left, right = map(str, kinds)
        return UndecidableCondition(f"{message}\n{self.excerpt(place)}", self.text, place, (left, right))

    def excerpt(self, place: int) -> str:
        """The text around *place* on one line, and on the next a caret below it.

        What would move or colour a terminal's cursor is shown as a replacement character.
        """
        begin = 0 if len(self.text) <= _SHOWN else max(0, min(place - 60, len(self.text) - 110))
        shown = self.text[begin : begin + (_SHOWN if len(self.text) <= _SHOWN else 110)]
        head = "..." if begin else ""
        tail = "..." if begin + len(shown) < len(self.text) else ""
        printable = "".join(" " if c == "\t" else c if c.isprintable() else "\ufffd" for c in shown)
        columns = len(head) + sum(map(_columns, printable[: place - begin]))
        return f"      {head}{printable}{tail}\n      {' ' * columns}^"


def source_of(text: object) -> Source:
    """The source of a text within the bounds, made of the tokens of conditions and of nothing else.

    Raises:
        InvalidCondition: It is not.
    """
    if not isinstance(text, str):
        raise InvalidCondition.because(f"expected the text of a condition, got {described(text)}")
    if not text.strip():
        raise InvalidCondition.because("is an empty condition", 'leave it out, or write "always"')
    if len(text.encode(errors="replace")) > MAX_LENGTH:
        raise InvalidCondition.because(f"is a condition of more than {MAX_LENGTH} bytes")
    source = Source(text.strip(" \t"))
    if broken := re.search(r"[\n\r\0]", source.text):
        raise source.fault(broken.start(), "holds a line break or NUL")
    place, before = 0, ""
    brackets: list[int] = []
    while place < len(source.text):
        token = _TOKEN.match(source.text, place)
        if token is None:
            raise _stranger(source, place)
        kind = str(token.lastgroup)
        _check_token(source, token, before)
        if kind == "sign":
            _follow(source, brackets, place)
        if kind != "space":
            before = token.group()
        place = token.end()
    if brackets:
        raise source.fault(brackets[-1], "has a bracket that is never closed")
    if before in _UNFINISHED:
        raise source.fault(len(source.text), f"ends after {before!r}, where something has to follow")
    return source


def _columns(character: str) -> int:
    """The columns a terminal gives a character."""
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _stranger(source: Source, place: int) -> InvalidCondition:
    """The refusal of a character that begins no token."""
    character = source.text[place]
    if character in "\"'":
        return source.fault(place, "has a text that is never closed")
    if (duration := _DURATION.match(source.text, place)) and is_duration(duration.group()):
        minus = "-" if source.text[:place].rstrip().endswith("-") else ""
        return source.fault(place, "is a duration without quotes", f'write "{minus}{duration.group().strip()}"')
    if character.isdigit() and character.isascii():
        return source.fault(place, "has a number that JSON would not take", "write 12, -0.5 or 1e6")
    if character == "=" and (call := _OPEN_CALL.search(source.text, 0, place)):
        name = call.group().partition("(")[0]
        return source.fault(place, "'=' is not allowed in a condition", f"name steps only: {name}(a, b)")
    if character in _CURLY:
        return source.fault(place, f"{character!r} is no quote of a condition", "write straight quotes: \" or '")
    if character.isascii():
        return source.fault(place, f"{character!r} is not allowed in a condition", _HINTS.get(character, ""))
    return source.fault(place, f"{character!a} is no letter of a condition", "quote names that hold it")


def _check_token(source: Source, token: re.Match[str], before: str) -> None:
    place, written = token.start(), token.group()
    if token.lastgroup == "name":
        if normalize("NFKC", written) != written:
            # The parser would take it for the plain letters it resembles.
            odd = next((i for i, c in enumerate(written) if normalize("NFKC", c) != c), 0)
            raise source.fault(place + odd, f"{written[odd]!r} is no letter of a condition", "quote names that hold it")
        if keyword.iskeyword(written):
            _check_reserved(source, place, written, before)
    elif token.lastgroup == "number" and before == ".":
        raise _stranger(source, place)
    elif token.lastgroup == "text":
        if before[:1] in ("'", '"'):
            raise source.fault(place, "has two texts side by side", "is a comma missing?")
        if place and (source.text[place - 1].isalnum() or source.text[place - 1] == "_"):
            raise source.fault(place, "has a text without a space before it", "texts take no prefix")
        _check_escapes(source, token)
    elif before in _JOINING and written in (")", "]", ",", "."):
        raise source.fault(place, f"follows {before!r}, which is a reserved word", _quoting(before, before))


def _check_reserved(source: Source, place: int, word: str, before: str) -> None:
    """Refuse a reserved word of Python where it can be nothing but a name."""
    if word not in _WORDS or before == ".":
        hint = "write == or !=" if word == "is" else _quoting(word, before)
        allowed = "is a reserved word" if word in _WORDS else "is not allowed in a condition"
        raise source.fault(place, f"{word!r} {allowed}", hint)
    if word in ("and", "or", "in") and before in ("", "(", "[", ","):
        raise source.fault(place, f"{word!r} is a reserved word, and nothing stands before it", _quoting(word, before))


def _quoting(word: str, before: str) -> str:
    quoted = f'["{word}"] without the dot' if before == "." else f'"{word}"'
    return f"quote it if it is a name: {quoted}"


def _check_escapes(source: Source, token: re.Match[str]) -> None:
    for part in _ESCAPE.finditer(source.text, token.start() + 1, token.end() - 1):
        piece = part.group()
        if piece[0] != "\\":
            bad = category(piece) in ("Cc", "Cs") and piece != "\t"
        elif len(piece) == 6:
            bad = piece[2] in "dD" and piece[3] in "89abcdefABCDEF"  # half a character
        else:
            bad = piece[1] not in "\"'\\bfnrt"
        if bad:
            raise source.fault(part.start(), "has a text with what JSON would not take", r"write \\, \n, \t or é")


def _follow(source: Source, brackets: list[int], place: int) -> None:
    """Keep account of the open brackets."""
    character = source.text[place]
    if character in _CLOSED_BY:
        brackets.append(place)
        if len(brackets) > MAX_DEPTH:
            raise source.fault(place, f"is nested deeper than {MAX_DEPTH} brackets")
    elif character in ")]" and (not brackets or _CLOSED_BY[source.text[brackets.pop()]] != character):
        raise source.fault(place, "has a bracket that closes nothing")
