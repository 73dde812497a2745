"""Who is dead for certain, and who is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskorch.stores import processes

PROGRAM = "from taskorch.stores.processes import identity; print(identity('t'), flush=True); input()"


@pytest.fixture
def child():
    """A process that has said what it is called and waits."""
    source = Path(processes.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def test_an_identity_tells_store_objects_apart():
    """Two tokens give two identities of one living process."""
    one, other = processes.identity("one"), processes.identity("two")

    assert one != other
    assert one.rpartition("|")[0] == other.rpartition("|")[0]
    assert not processes.is_dead(one)


def test_a_token_may_hold_anything():
    """A token with the separator in it changes nothing."""
    assert not processes.is_dead(processes.identity("a|b|c"))


def test_a_process_is_dead_when_it_was_killed(child):
    """A process lives until it is killed, and is dead even before its parent has noticed, and afterwards."""
    process, identity = child
    assert not processes.is_dead(identity)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert processes.is_dead(identity)

    process.wait()
    assert processes.is_dead(identity)


def test_a_process_with_the_same_number_is_another():
    """A living process that began at another instant is not the one that is meant."""
    boot, namespace, pid, started, token = processes.identity("t").split("|")

    assert processes.is_dead("|".join((boot, namespace, pid, str(int(started) - 1), token)))


@pytest.mark.parametrize("part", [0, 1], ids=["boot", "namespace"])
def test_nothing_is_known_of_other_hosts(child, part):
    """Of another boot, or another namespace of process ids, nobody is certain to be dead."""
    process, identity = child
    process.kill()
    process.wait()
    parts = identity.split("|")
    parts[part] += "x"

    assert not processes.is_dead("|".join(parts))


@pytest.mark.parametrize("identity", ["", "x", "||||", "a|b|1|2", "boot|ns|-1|5|t", "boot|ns|1e3|5|t", "é|\0|٣|5|t"])
def test_what_is_no_identity_is_not_dead(identity):
    """A text that nobody made with ``identity`` says nothing."""
    assert not processes.is_dead(identity)


def test_without_proc_nobody_is_dead(monkeypatch, tmp_path):
    """Where the system does not tell, an identity can be made, and is never certain to be dead."""
    told = processes.identity("t")
    monkeypatch.setattr(processes, "_PROC", tmp_path)

    assert processes.identity("t").endswith(f"|{os.getpid()}||t")
    assert not processes.is_dead(processes.identity("t"))
    assert not processes.is_dead(told)


def test_a_process_that_is_hidden_is_not_dead(monkeypatch):
    """A process that exists, but of which /proc shows nothing, may be anybody's."""
    told = processes.identity("t")
    monkeypatch.setattr(processes, "_started", lambda stat: "")

    assert not processes.is_dead(told)
