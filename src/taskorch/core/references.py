"""Where a function or a class is defined, as a document can name it."""


def reference_of(target: object) -> str:
    """``module:name`` of a function or a class; of any other object, the name is that of its class."""
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{getattr(target, '__module__', '')}:{name}"
