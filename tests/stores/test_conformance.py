"""All stores do what the protocol says, and the suite that says so finds planted mistakes."""

from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from taskorch.errors import StoreError
from taskorch.protocols import Store
from taskorch.stores import MemoryStore
from taskorch.stores.settlement import Settlement
from taskorch.testing import stores
from taskorch.testing.store_checks import renewals
from taskorch.testing.stores import CHECKS, check_store
from taskorch.testing.units import a_fact, expect_claimed, expect_steps, hold, inserting, owners
from tests.stores.mistakes import calls, claims, contents, crowds, leases, rules  # noqa: F401 - noted by being imported
from tests.stores.mistakes.planting import MISTAKES

VERBS = (
    *("apply", "claim", "lease", "renew", "read", "find", "journal", "messages", "events", "next_due"),
    *("hints", "trim", "aclose"),
)


@pytest.mark.timeout(600)  # many fresh files, each change waited for: a slow disk needs its time
async def test_every_store_conforms(fresh):
    """Every store that is shipped passes the conformance suite, and all checks ran."""
    assert await check_store(fresh) == len(CHECKS)


async def test_a_factory_may_give_a_bare_store_or_a_context_manager():
    """The factory may return an async context manager, or a store that has just the verbs."""

    class Bare:
        """A store that is no context manager."""

        def __init__(self):
            self._inner = MemoryStore()
            self.name = "bare"
            self.is_shared = False
            for verb in VERBS:
                setattr(self, verb, getattr(self._inner, verb))

    @asynccontextmanager
    async def managed():
        yield MemoryStore()

    assert await check_store(Bare) == len(CHECKS)
    assert await check_store(managed) == len(CHECKS)


async def test_what_is_no_json_is_refused_before_anything_is_kept(fresh):
    """A detail that is no JSON value is a StoreError, and nothing of its batch is kept."""
    async with fresh() as store:
        await hold(store)
        for detail in (float("nan"), object(), {1, 2}, 10**5000):
            bad = attrs.evolve(owners(2), facts=(a_fact(2, detail),))
            with pytest.raises(StoreError, match=r"run 'r'.*nothing of the batch was kept"):
                await store.apply([owners(1), bad])
        await expect_steps(store, [0])


async def test_a_lone_surrogate_in_a_detail_is_kept(fresh):
    """The message of an error may hold a file name that is not UTF-8, and is kept as it is."""
    async with fresh() as store:
        await hold(store)
        await store.apply([attrs.evolve(owners(1), facts=(a_fact(1, "no \udce9 file"),))])

        assert (await store.journal("r"))[-1].facts[0][4] == "no \udce9 file"


async def test_a_cancelled_call_holds_nothing(fresh):
    """A claim whose caller is cancelled holds no lease, and the store works on."""
    async with fresh() as store:
        await store.apply([inserting()])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.lease("ghost", "r")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.apply([inserting("s")])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.journal("r")

        [record] = await store.read(["r"])
        assert record is not None
        assert record.owner is None
        await expect_claimed(store, record.epoch + 1)


@pytest.mark.parametrize(("plant", "check"), MISTAKES, ids=[f"{plant.__name__}-{check}" for plant, check in MISTAKES])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the loop makes no difference to what is looked for here
async def test_a_planted_mistake_is_found(plant, check, monkeypatch):
    """A store that breaks one rule fails the check of this rule, with a broken rule and no other error."""
    found = next(one for one in CHECKS if one.__name__ == check)
    async with MemoryStore() as store:
        await found(store)
    monkeypatch.setattr(renewals, "LATE", 0.2)  # in memory it is seen at once
    plant(monkeypatch)
    async with MemoryStore() as store:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - told apart below
            await found(store)

    assert (
        caught.group_contains(AssertionError)
        if isinstance(caught.value, ExceptionGroup)
        else (type(caught.value) is AssertionError)
    )


async def test_a_broken_rule_is_quoted(monkeypatch):
    """Whoever runs the suite is told which check a store fails, what the rule is, and what came instead."""
    monkeypatch.setattr(Settlement, "_number", lambda self, standing, unit: 0)

    with pytest.raises(AssertionError, match=r"memory: fails a_repeated_number_is_known: Rule 1: .*[.] But: the rec"):
        await check_store(MemoryStore)


def test_every_check_finds_a_mistake():
    """For every check a mistake is planted that it must find; each has a rule and a name of its own."""
    names = [check.__name__ for check in CHECKS]

    assert len({plant for plant, _ in MISTAKES}) >= 60
    assert len(set(names)) == len(names)
    assert set(names) == {name for _, name in MISTAKES}
    assert all((check.__doc__ or "").strip().endswith(".") for check in CHECKS)


async def test_an_unexpected_error_names_the_check():
    """An error that is no broken rule goes through, with a note that names the store and the check."""

    class Raises(MemoryStore):
        async def read(self, ids):
            raise KeyError(ids[0])

    with pytest.raises(KeyError) as caught:
        await check_store(Raises)
    assert "check an_insert_is_read_back" in caught.value.__notes__[0]


def test_a_store_is_a_store(fresh):
    """The shipped stores have the types of the protocol, as a type checker sees them."""
    store: Store = fresh()

    assert store.name


ALWAYS = MemoryStore()


def _lacking(*verbs, **others):
    """A store without some verbs, and with others instead."""
    names = [verb for verb in VERBS if verb not in verbs]
    return type(
        "Odd", (), {"name": "odd", "is_shared": False, **{name: getattr(MemoryStore, name) for name in names}, **others}
    )()


@asynccontextmanager
async def _of_nothing():
    yield None


async def _async_factory():
    return MemoryStore()


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (MemoryStore(), "a function that makes a store, not a MemoryStore"),
        (lambda: None, "gave None, which is no store"),
        (lambda: MemoryStore, "gave the class MemoryStore, which is no store"),
        (_of_nothing, "gave None, which is no store"),
        (_async_factory, "the factory is async"),
        (lambda: _lacking("trim", "hints", "lease"), "a Odd is no store: it lacks lease, hints, trim;"),
        (lambda: _lacking(read=lambda self, ids: [], trim=lambda self: 0), "verbs that are not async: read, trim;"),
        (object, "lacks name, is_shared, apply, claim"),
        (lambda: ALWAYS, "the same store twice"),
    ],
    ids=["store", "none", "class", "nothing", "async", "lacking", "plain", "object", "same"],
)
async def test_nonsense_for_a_factory_is_told_before_the_first_check(factory, message):
    """What makes no stores is a TypeError that says all that is wrong at once."""
    with pytest.raises(TypeError, match=message):
        await check_store(factory)


async def test_a_verb_that_never_returns_is_told(monkeypatch):
    """A check ends within its bound, and names itself."""

    class Silent(MemoryStore):
        async def read(self, ids):
            await anyio.sleep_forever()

    monkeypatch.setattr(stores, "PATIENCE", 0.05)
    with pytest.raises(
        AssertionError, match=r"memory: fails \w+: .* did not end within 0.05 s: a verb does not return"
    ):
        await check_store(Silent)


async def test_verbs_may_pass_on_to_others():
    """A verb that is a plain function is as good, if it gives what can be awaited."""

    class Passing:
        name, is_shared = "passing", False

        def __init__(self):
            self._inner = MemoryStore()

        def read(self, ids):
            return self._inner.read(ids)

        def __getattr__(self, verb):
            return getattr(self._inner, verb)

    assert await check_store(Passing) == len(CHECKS)
