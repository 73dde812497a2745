"""The event loop as other threads see it."""

import threading

import anyio
import pytest

from taskorch.event_loops import EventLoop


async def test_a_thread_has_something_done_on_the_loop_without_waiting_for_it() -> None:
    """What a thread asks for is done by the thread of the loop, after the thread that asked has ended."""
    loop, done, places = EventLoop(), anyio.Event(), list[int]()

    def here() -> None:
        places.append(threading.get_ident())
        done.set()

    told = list[bool]()
    thread = threading.Thread(target=lambda: told.append(loop.soon(here)))
    thread.start()
    thread.join()  # the loop is blocked meanwhile, so that nobody can have waited for it

    assert told == [True]
    assert not places
    with anyio.fail_after(10):
        await done.wait()
    assert places == [threading.get_ident()]


async def test_a_bell_may_be_rung_again() -> None:
    """A bell is rung as often as one likes; each ring counts."""
    rung, enough = list[int](), anyio.Event()

    def count() -> None:
        rung.append(1)
        if len(rung) == 3:
            enough.set()

    ring = EventLoop().bell(count)
    for _ in range(3):
        ring()
    with anyio.fail_after(10):
        await enough.wait()


async def test_it_makes_events_of_its_own_kind() -> None:
    """Its events are those of the loop that runs, made sooner."""
    assert type(EventLoop().new_event()) is type(anyio.Event())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_happens_once_the_loop_has_ended(backend: str) -> None:
    """Whoever rings too late is told, and meets no error; the loop that runs now is another one."""
    rung = list[int]()

    async def made() -> EventLoop:
        assert EventLoop().runs_here
        return EventLoop()

    async def runs_here(loop: EventLoop) -> bool:
        return loop.runs_here

    ended = anyio.run(made, backend=backend)

    assert not ended.soon(lambda: rung.append(1))
    ended.bell(lambda: rung.append(1))()
    assert not anyio.run(runs_here, ended, backend=backend)
    assert rung == []
