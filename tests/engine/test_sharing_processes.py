"""Processes that share a store: killed, stopped and woken, steered from one another, drained."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest

import taskorch
from taskorch import Outcome, RunBusy, RunFailed
from taskorch.core.frontier.attempts import POISON_LIMIT
from taskorch.core.frontier.facts import COMPLETE
from taskorch.core.frontier.reasons import POISON
from taskorch.engine import keeper
from taskorch.stores import SQLiteStore
from tests.harness import sharing

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX"),
    pytest.mark.filterwarnings("ignore:SQLite .* may damage:UserWarning"),  # of an old library; not here
]
ROOT = Path(__file__).parents[2]
SCRIPT = "import sys; from tests.harness.sharing import carry_out; carry_out(sys.argv[1])"


@pytest.fixture(autouse=True)
def short_leases(monkeypatch):
    """Leases that are over soon."""
    monkeypatch.setattr(keeper, "LEASE", sharing.LEASE)
    monkeypatch.setattr(keeper, "BEAT", 0.1)


@pytest.fixture
def another(tmp_path):
    """Another process that carries the run out; its body has begun."""
    processes = []

    def begin():
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        processes.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
async def store(tmp_path, anyio_backend):
    """The store of all these processes."""
    async with SQLiteStore(tmp_path / "s.db", shared=True) as opened:
        yield opened


async def patiently(store, folder):
    """The result of the run, once whoever has it is dead."""
    with anyio.fail_after(60):
        while True:
            try:
                return await taskorch.run(sharing.workflow(folder), store=store, run_id="r")
            except RunBusy:
                await anyio.sleep(0.05)


async def completions(store):
    """How often each step has been recorded as completed."""
    facts = [fact for entry in await store.journal("r") for fact in entry.facts]
    return Counter(fact[0] for fact in facts if fact[1] == COMPLETE)


async def test_a_process_that_was_asleep_finds_its_run_taken_over(store, tmp_path, another):
    """Stopped for longer than its lease it is taken over; awake again it stops with StaleLease and records nothing."""
    process = another()
    with pytest.raises(RunBusy, match=f"process {process.pid} on "):
        await taskorch.run(sharing.workflow(tmp_path), store=store, run_id="r")
    process.send_signal(signal.SIGSTOP)
    (tmp_path / "gate").touch()
    result = await patiently(store, tmp_path)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=60)
    assert out == "StaleLease\n"
    assert result.outputs == {"first": os.getpid(), "second": os.getpid()}
    assert await completions(store) == {0: 1, 1: 1}
    assert (await store.read(["r"]))[0].epoch == 2


async def test_a_process_that_was_killed_is_taken_over(store, tmp_path, another):
    """Whoever runs the same after a kill goes on with it, and need not wait for the end of a lease."""
    process = another()
    process.kill()
    process.wait()
    (tmp_path / "gate").touch()
    result = await taskorch.run(sharing.workflow(tmp_path), store=store, run_id="r")
    assert result.check().steps["first"].attempts == 2


async def test_a_process_that_is_asked_to_stop_hands_its_run_over(store, tmp_path, another):
    """Ctrl-C in one process lets the next one go on at once, and the attempt counts for nothing."""
    process = another()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert (await store.read(["r"]))[0].owner is None
    (tmp_path / "gate").touch()
    assert (await taskorch.run(sharing.workflow(tmp_path), store=store, run_id="r")).check().steps[
        "first"
    ].attempts == 2


async def test_a_body_that_ends_its_process_is_given_up(store, tmp_path, another):
    """After three processes the step has failed for ``poison``; the fourth does not begin it."""
    (tmp_path / "bomb").touch()
    for _ in range(POISON_LIMIT):
        assert another().wait(timeout=60) == 9
    result = await taskorch.run(sharing.workflow(tmp_path), store=store, run_id="r")
    with pytest.raises(RunFailed, match="3 processes were lost"):
        result.check()
    assert (result.steps["first"].status, result.steps["first"].attempts) == (Outcome.FAILED, POISON_LIMIT)
    assert result.explain("first").causes[0].code == POISON


async def test_a_run_is_steered_from_another_process(store, another):
    """What is asked here is done there."""
    process = another()
    remote = await taskorch.find_run(store, "r")
    assert f"process {process.pid} on " in (await remote.status()).owner
    await remote.cancel()
    out, _ = process.communicate(timeout=60)
    assert out == "cancelled\n"
    assert await store.messages("r") == []
