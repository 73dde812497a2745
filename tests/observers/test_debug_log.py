"""Debug mode (D4, "Debug Mode"): what a run tells of itself, and how much of it."""

import logging

import anyio
import pytest

import taskorch
from taskorch import Retry, Workflow
from taskorch.core.settings import Debug
from taskorch.observers.debug_log import OUTPUT_TOLD, VERBOSE
from taskorch.stores import MemoryStore
from tests.harness.clocks import JumpingClock


class Kept(logging.Handler):
    """A host's handler that keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        """Keep it."""
        self.records.append(record)

    @property
    def lines(self):
        """What was written."""
        return [record.getMessage().partition("/")[2] or record.getMessage() for record in self.records]


@pytest.fixture
def kept():
    """The host's handler at the logger of the library, whose level asks for errors only."""
    logger, handler = logging.getLogger("taskorch"), Kept()
    before = logger.level
    logger.setLevel(logging.ERROR)
    logger.addHandler(handler)
    yield handler
    assert logger.level == logging.ERROR
    logger.removeHandler(handler)
    logger.setLevel(before)


def flow(**debug):
    """A workflow in which everything happens that is decided about steps."""
    made = Workflow("w", debug=Debug(**debug))
    made.step(lambda: "secret", id="ok", inline=True)
    made.step(lambda: 1 / 0, id="bad", inline=True)
    made.step(lambda: 1, id="after", after="bad", inline=True)
    made.step(lambda: 1, id="never", condition="not always", inline=True)
    made.step(lambda: 1, id="then", after="ok", inline=True)
    made.link("bad", "then", type="finish_to_finish", condition="always")
    return made


async def test_a_run_is_traced_with_explanations(kept):
    """With traceDependencies each decision about a step is told with its explanation, as it stood at that moment."""
    await taskorch.run(flow(trace_dependencies=True), run_id="r", concurrency=1, clock=JumpingClock())

    link, fault = "(finish_to_start, success)", "ZeroDivisionError: division by zero"
    assert set(kept.lines) >= {
        "ok: enqueue, now QUEUED: it may start; it had to wait for no step",
        "bad: enqueue, now QUEUED: it may start; it had to wait for no step",
        "ok: complete, now COMPLETED: its body ended well; it had to wait for no step",
        f"bad: fail, now FAILED (division by zero): attempt 1 failed: {fault} (exhausted); it had to wait for no step",
        f"after: cancel, now CANCELLED (omitted): a link was not met: bad ended as failed {link}",
        "never: cancel, now CANCELLED (skipped): its own condition was false: not always",
        f"then: enqueue, now QUEUED: it may start; its links were met: ok ended as completed {link}",
    }
    assert "r: enqueue, now QUEUED" in kept.lines
    levels = {record.getMessage().split(",")[0]: record.levelname for record in kept.records}
    assert {levels[f"r/{told}"] for told in ("ok: enqueue", "ok: start")} == {"DEBUG"}
    assert {levels[f"r/{told}"] for told in ("ok: complete", "after: cancel", "never: cancel")} == {"INFO"}
    assert levels["r/bad: fail"] == "ERROR"


async def test_a_held_step_is_explained(kept):
    """A finish that is held names the link; the places that were taken at that moment are those of that moment."""
    made = Workflow("w", debug=Debug(trace_dependencies=True))
    gate = anyio.Event()
    made.step(gate.wait, id="slow")
    made.step(gate.set, id="quick", inline=True)
    made.step(lambda: 1, id="next", inline=True)
    made.link("slow", "quick", type="finish_to_finish")
    await taskorch.run(made, concurrency=2)

    held = "its body has ended, its finish waits: slow has not ended (finish_to_finish, success)"
    assert f"quick: block, now BLOCKED: {held}" in [line.replace(" (finish_gate)", "") for line in kept.lines]


@pytest.mark.parametrize(
    ("level", "least"),
    [("error", "ERROR"), ("warning", "WARNING"), ("info", "INFO"), ("debug", "DEBUG"), ("verbose", "Level 5")],
)
async def test_the_level_is_for_this_run_alone(kept, level, least):
    """The logLevel says what is told, whatever the level of the logger is, which stays as it was."""
    made = flow(log_level=level)
    made.step(lambda: 1 / 0, id="shaky", retry=Retry(max_attempts=2, initial=0), inline=True)
    await taskorch.run(made, clock=JumpingClock())

    assert logging.getLevelName(min(record.levelno for record in kept.records)) == least
    assert any(record.verb == "schedule" for record in kept.records) == (level == "verbose")
    assert not any("link" in line for line in kept.lines)


async def test_what_is_not_asked_for_is_not_told(kept):
    """Without debug, or with one that is off, nothing is written; outputs are told only if asked for."""
    await taskorch.run(flow(enabled=False, trace_dependencies=True, capture_outputs=True))
    assert kept.records == []
    await taskorch.run(flow(log_level="verbose", trace_dependencies=True))
    assert kept.records
    assert not any("secret" in line for line in kept.lines)


@pytest.mark.parametrize(("store", "told"), [(None, "secret"), ("memory:", '"secret"')])
async def test_outputs_are_told_if_asked_for(kept, store, told):
    """With captureOutputs the output of each step is told; with a store it is the text that is kept."""
    await taskorch.run(flow(capture_outputs=True), store=store)
    assert f"ok: complete, now COMPLETED; output: {told}" in kept.lines


async def test_a_long_or_broken_output_hurts_nothing(kept):
    """Outputs are cut, shown on one line, and one that cannot be shown is named by its class."""

    class Broken:
        def __repr__(self):
            raise ValueError("no")

    made = Workflow("w", debug=Debug(capture_outputs=True))
    made.step(lambda: "x" * 100_000 + "\n", id="long", inline=True)
    made.step(lambda: [list(range(1000))] * 1000, id="wide", inline=True)
    made.step(lambda: "a\nb\x1b[0m", id="lines", inline=True)
    made.step(Broken, id="broken", inline=True)
    (await taskorch.run(made)).check()

    lines = {line.split(":")[0]: line for line in kept.lines if "output" in line}
    assert len(lines) == 4
    assert all(len(line) < OUTPUT_TOLD + 100 and "\n" not in line and "\x1b" not in line for line in lines.values())
    assert "Broken" in lines["broken"]


async def test_the_host_has_the_last_word(kept):
    """A handler's level, ``logging.disable`` and a logger that is disabled hold for debug mode too."""
    kept.setLevel(logging.ERROR)
    await taskorch.run(flow(log_level="verbose"))
    assert {record.levelname for record in kept.records} == {"ERROR"}
    kept.records.clear()
    logging.disable(logging.CRITICAL)
    try:
        await taskorch.run(flow(log_level="verbose"))
    finally:
        logging.disable(logging.NOTSET)
    assert kept.records == []


async def test_a_resumed_run_is_explained_from_where_it_was(kept):
    """What happened in an earlier life is known, and not told again."""
    made, calls = Workflow("w", debug=Debug(trace_dependencies=True)), []

    @made.step
    async def first():
        return 1

    @made.step(after=first)
    async def second():
        calls.append(1)
        if len(calls) == 1:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
        return 2

    async with MemoryStore() as store:
        with anyio.CancelScope() as scope:
            await taskorch.run(made, store=store, run_id="r")
        kept.records.clear()
        await taskorch.run(made, store=store, run_id="r")
    assert not any(line.startswith("first") for line in kept.lines)
    assert (
        "second: complete, now COMPLETED: its body ended well; "
        "its links were met: first ended as completed (finish_to_start, success)"
    ) in kept.lines


def test_debug_mode_can_be_carried_out():
    """A document in debug mode runs: nothing of it is unsupported; the level below DEBUG is below DEBUG."""
    step = {"id": "a", "command": "true"}
    debug = {"enabled": True, "logLevel": "verbose", "captureOutputs": True, "traceDependencies": True}
    assert Workflow.from_dict({"workflow": {"name": "w", "steps": [step]}, "debug": debug}).unsupported() == []
    assert VERBOSE < logging.DEBUG
