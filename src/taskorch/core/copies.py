"""Frozen values made and copied quickly, for those who know that what they put in is valid.

The constructor of an attrs class asks every validator; ``attrs.evolve`` does so even for the members that stay as
they are. What is made here is asked nothing. It is otherwise the same: of the same class, frozen, equal, with every
member. So these functions are for values that were checked before, or that our own rules have just made: never for
what comes from outside.
"""

from collections.abc import Callable
from typing import Any, NoReturn, Self, TypeVar

import attrs

T = TypeVar("T")


class Empty(dict[str, Any]):
    """A mapping without members that stays so: what many values have in common, and a copy of which is itself.

    It is a dictionary, so that it is written as one and may be compared with one. Any: nothing is in it.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping is shared by all that was given none; give a mapping of its own")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> str:
        return "EMPTY"


EMPTY = Empty()

_copiers: dict[type, Callable[..., Any]] = {}  # Any: of the class that is the key
_makers: dict[type, Callable[..., Any]] = {}  # Any: as above

# Members are set on a draft: a subclass without attrs' refusals and with the same slots, so that in the end the
# draft can be told that it is one of the class. That takes a third of the time of ``object.__setattr__`` for each.
# The names between double underscores are ours, so that a member may have any other.
_TEMPLATE = """
def {name}({signature}):
    __draft__ = __new__(__Draft__)
    {body}
    __draft__.__class__ = __cls__
    return __draft__
"""


def changed(value: T, /, **changes: Any) -> T:  # Any: members of several types
    """A copy of *value* with other members, none of which is checked.

    Args:
        value: An instance of a frozen attrs class without validators that look at several members. One of a subclass
            that has no slots is copied by ``attrs.evolve``, which does check.
        changes: The members that differ, by name: valid ones.

    Raises:
        TypeError: There is no such member, or *value* is of no attrs class.
    """
    return copier(type(value))(value, **changes)


def copier(cls: type[T]) -> Callable[..., T]:
    """The function that does what ``changed`` does, for values of *cls*.

    Raises:
        TypeError: *cls* is no attrs class.
    """
    function = _copiers.get(cls)
    if function is None and cls.__dictoffset__ and attrs.has(cls):
        function = _copiers[cls] = attrs.evolve
    if function is None:
        names = _names(cls)
        signature = ", ".join(["__value__", "/", "*", *(f"{name}=__kept__" for name in names)])
        body = [f"__draft__.{name} = __value__.{name} if {name} is __kept__ else {name}" for name in names]
        function = _copiers[cls] = _compiled(cls, "changed", signature, body, {"__kept__": object()})
    return function


def maker(cls: type[T]) -> Callable[..., T]:
    """The constructor of *cls* with every member by name, none of which is checked or converted.

    A class that has no slots, or a default that a factory makes, is made by itself, which does check.

    Raises:
        TypeError: *cls* is no attrs class.
    """
    function = _makers.get(cls)
    if function is None:
        names, members = _names(cls), attrs.fields_dict(cls)  # type: ignore[arg-type]  # it is an attrs class now
        given = {name: members[name].default for name in names if members[name].default is not attrs.NOTHING}
        if cls.__dictoffset__ or any(hasattr(default, "factory") for default in given.values()):
            _makers[cls] = cls
            return cls
        signature = ", ".join(["*", *(f"{name}=__default_{name}__" if name in given else name for name in names)])
        body = [f"__draft__.{name} = {name}" for name in names]
        defaults = {f"__default_{name}__": default for name, default in given.items()}
        function = _makers[cls] = _compiled(cls, "made", signature, body, defaults)
    return function


def _names(cls: Any) -> list[str]:  # Any: attrs describes its classes by a protocol that no class names
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} is no attrs class")
    return [attribute.name for attribute in attrs.fields(cls)]


def _compiled(cls: type[T], name: str, signature: str, body: list[str], names: dict[str, Any]) -> Callable[..., T]:
    plain = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    draft = type(f"{cls.__name__}Draft", (cls,), plain)
    names |= {"__new__": object.__new__, "__Draft__": draft, "__cls__": cls}
    source = _TEMPLATE.format(name=name, signature=signature, body="\n    ".join(body))
    code = compile(source, f"<{name} {cls.__name__}>", "exec")
    exec(code, names)  # noqa: S102 - the text is made of the names of our own members, as attrs makes its methods
    function: Callable[..., T] = names[name]
    return function
