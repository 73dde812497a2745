"""What makes the stores that are checked, and whether what it makes can be one at all."""

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from taskorch.core.selection import Filter
from taskorch.protocols.store import Store

Factory = Callable[[], AbstractAsyncContextManager[Store] | Store]

_HARMLESS: dict[str, tuple[object, ...]] = {
    "apply": ([],),
    "claim": ("check", [], {}, None, 0),
    "lease": ("check", "no such record"),
    "renew": ([], 1.0),
    "read": ([],),
    "find": (Filter(), "", 0),
    "journal": ("no such run", 0, 0),
    "messages": ("no such run", 0),
    "events": ("", 0),
    "next_due": ([],),
    "hints": (),
    "trim": (0, 0),
}
"""How each verb is called so that it changes nothing."""


async def fresh(factory: Factory, stack: AsyncExitStack) -> Store:
    """A new store, which *stack* closes.

    Raises:
        TypeError: It is none; the message says all that is missing.
    """
    made: object = factory()
    if _is_awaitable(made):
        raise TypeError("the factory is async; give one that returns the store, or an async context manager")
    if isinstance(made, AbstractAsyncContextManager):
        return _store(await stack.enter_async_context(made))
    store = _store(made)
    stack.push_async_callback(_close, store)
    return store


def kind(given: object) -> str:
    """What *given* is, for messages."""
    if given is None:
        return "None"
    return f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"


def _store(given: object) -> Store:
    """*given*, if it is a store as far as that can be seen."""
    if given is None or isinstance(given, type):
        raise TypeError(f"the factory gave {kind(given)}, which is no store; let it return one, fresh and empty")
    missing = [name for name in ("name", "is_shared", *_HARMLESS, "aclose") if not hasattr(given, name)]
    plain = [verb for verb in _HARMLESS if verb not in missing and not _is_async(getattr(given, verb), verb)]
    faults = [f"lacks {', '.join(missing)}"] if missing else []
    if plain:
        faults.append(f"has verbs that are not async: {', '.join(plain)}")
    if faults:
        raise TypeError(f"{kind(given)} is no store: it {' and '.join(faults)}; see taskorch.protocols.Store")
    store: Any = given  # Any: it has what a store has
    checked: Store = store
    return checked


def _is_async(verb: Any, name: str) -> bool:  # Any: it is what is asked here
    """Whether a verb gives something to be awaited; one that is no async function may pass on to one."""
    if inspect.iscoroutinefunction(verb):
        return True
    try:
        return _is_awaitable(verb(*_HARMLESS[name]))
    except Exception:  # noqa: BLE001 - whatever it is, an async function says nothing before it is awaited
        return False


def _is_awaitable(given: object) -> bool:
    if inspect.iscoroutine(given):
        given.close()  # nobody will await it
        return True
    return inspect.isawaitable(given)


async def _close(store: Store) -> None:
    closing: object = store.aclose()
    if not inspect.isawaitable(closing):
        raise TypeError(f"aclose() of {kind(store)} is not async; see taskorch.protocols.Store")
    await closing
