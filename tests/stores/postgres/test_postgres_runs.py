"""Runs kept in PostgreSQL: carried out, gone on with, steered from elsewhere."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

import taskorch
from taskorch.errors import RunBusy
from tests.stores.postgres.long_run import workflow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills are of POSIX")
ROOT = Path(__file__).parents[3]


@contextmanager
def another(dsn, schema):
    """Another process that carries the run out, amid its second step."""
    command = [sys.executable, "-c", "from tests.stores.postgres.long_run import main; main()", dsn, schema]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert [process.stdout.readline() for _ in range(2)] == ["first\n", "second\n"]
            yield process
        finally:
            process.kill()


async def test_a_run_ends_once(fresh):
    """The same call again returns the recorded result, and runs nothing."""
    begun = []
    flow = workflow(begun.append)
    async with fresh() as store:
        result = await taskorch.run(flow, store=store, run_id="R-1")
    async with fresh() as store:
        again = await taskorch.run(flow, store=store, run_id="R-1")
    assert begun == ["first", "second"]
    assert again.outputs == result.outputs
    assert again.ended_at == result.ended_at


async def test_a_killed_process_is_followed_at_once(fresh, dsn, schema):
    """While it lives the run is its own; once it is dead the next call goes on, and only with what was not recorded."""
    begun = []
    flow = workflow(begun.append)
    async with fresh() as store:
        with another(dsn, schema) as process:
            with pytest.raises(RunBusy, match=str(process.pid)):
                await taskorch.run(flow, store=store, run_id="R-1")
            process.kill()
            process.wait()
        with anyio.fail_after(20):  # a lease lives for 30 s
            result = await taskorch.run(flow, store=store, run_id="R-1")
    assert begun == ["second"]
    assert result.success


async def test_a_run_of_another_process_is_cancelled(fresh, dsn, schema):
    """A request goes through the store to the process that carries the run out."""
    async with fresh() as store:
        with another(dsn, schema) as process:
            run = await taskorch.find_run(store, "R-1")
            await run.cancel()
            await anyio.to_thread.run_sync(process.wait)
        result = await taskorch.run(workflow([].append), store=store, run_id="R-1")
    assert result.status == "cancelled"
