"""Where a function or a class is defined, as a document can name it; and what tells one function from another."""

from types import MethodType


def reference_of(target: object) -> str:
    """``module:name`` of a function or a class; of any other object, the name is that of its class."""
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{getattr(target, '__module__', '')}:{name}"


def identity(function: object) -> object:
    """What tells one function from all others alive; of a method, made anew for each look, that is its parts."""
    return (id(function.__self__), id(function.__func__)) if isinstance(function, MethodType) else id(function)
