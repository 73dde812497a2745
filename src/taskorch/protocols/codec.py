"""What a codec must do: write outputs down, and read them back."""

from typing import Protocol


class Codec(Protocol):
    """Turns the output of a body into text and back.

    *annotation* is the return annotation of the body, ``None`` standing for "there is none" and
    ``type(None)`` for the annotation ``None``.
    """

    def check(self, annotation: object) -> str | None:
        """Why values of this annotation can never be stored, or None. Asked when a step is defined."""
        ...

    def encode(self, value: object, annotation: object) -> str:
        """The text for *value*; ``TypeError`` or ``ValueError`` says why it has none.

        ``decode(encode(v, a), a)`` equals *v* for every value that fits its annotation.
        """
        ...

    def decode(self, text: str, annotation: object) -> object:
        """The value that was written as *text*."""
        ...
