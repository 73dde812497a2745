"""Documents that stand alone: an object with one key, and the members ``x`` and ``x-*`` beside it."""

import json
from collections.abc import Mapping
from typing import ClassVar, Self

import attrs

from taskorch.core import json_text
from taskorch.core.documents import EMPTY, JSON, Document, is_extension, read_text, unstructure
from taskorch.errors import InvalidDocument


@attrs.frozen
class EnvelopedDocument(Document):
    """The base of documents written as ``{"<wrapper>": {…}}``; every key of theirs is written.

    Attributes:
        envelope: The members ``x`` and ``x-*`` beside the document, untouched.
    """

    envelope: Mapping[str, JSON] = attrs.field(default=EMPTY, kw_only=True)

    wrapper: ClassVar[str]
    complete: ClassVar[bool] = True

    @classmethod
    def from_dict(cls, data: JSON) -> Self:
        """The value of a document, as plain data; raises an ``InvalidDocument`` of its own with every problem."""
        if problems := json_text.check(data):
            raise cls.invalid(problems)
        if not isinstance(data, Mapping) or [key for key in data if not is_extension(key)] != [cls.wrapper]:
            raise cls.invalid.because(f'expected an object with the single key "{cls.wrapper}"')
        value = cls.structured(data[cls.wrapper], cls.wrapper)
        envelope = {key: value for key, value in data.items() if key != cls.wrapper}
        return attrs.evolve(value, envelope=envelope) if envelope else value

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value of a JSON text; raises like ``from_dict``, each problem with its line."""
        try:
            return read_text(text, cls.from_dict)
        except cls.invalid:
            raise
        except InvalidDocument as error:
            raise cls.invalid(error.problems) from None

    def to_dict(self) -> dict[str, JSON]:
        """The document, as plain data."""
        return {self.wrapper: unstructure(self), **self.envelope}

    def to_json(self, indent: int | None = 2) -> str:
        """The document, as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)
