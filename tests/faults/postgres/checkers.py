"""What must hold after any faults: one function for each invariant, named after it."""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from taskorch.core.receipts import Entry, Record
from taskorch.core.unit import Unit
from tests.faults.postgres.worker import COMPLETE, START


@attrs.define
class Aftermath:
    """What is known after the faults.

    Attributes:
        acknowledged: The tasks whose completion the store had answered, with the epochs.
        records: The records in the store, by id.
        journals: Their journals.
        deaths: What workers said that ended by themselves.
    """

    acknowledged: list[tuple[str, int]] = attrs.field(factory=list)
    records: dict[str, Record] = attrs.field(factory=dict)
    journals: dict[str, list[Entry]] = attrs.field(factory=dict)
    deaths: list[str] = attrs.field(factory=list)

    @property
    def lost(self) -> int:
        """How many leases were given without a completion: their owners were killed, or shut out."""
        return sum(record.epoch for record in self.records.values()) - sum(
            len(self.epochs(id, COMPLETE)) for id in self.records
        )

    def epochs(self, id: str, verb: int) -> list[int]:
        """Under which epochs that happened to a task, in order."""
        return [fact[2] for entry in self.journals[id] for fact in entry.facts if fact[1] == verb]


def s8_no_acknowledged_completion_is_lost(after: Aftermath) -> None:
    """Whatever the store has answered to be complete is complete in it, under that very epoch."""
    for id, epoch in after.acknowledged:
        assert after.epochs(id, COMPLETE) == [epoch], f"{id} was acknowledged under epoch {epoch}"
        assert after.records[id].body == f'{{"epoch":{epoch}}}', id


def s6_epochs_rise(after: Aftermath) -> None:
    """The leases under which a task was begun have epochs that rise, and the record shows none below the last."""
    for id, record in after.records.items():
        begun = after.epochs(id, START)
        assert begun == sorted(set(begun)), f"{id} was begun under the epochs {begun}"
        assert not begun or record.epoch >= begun[-1], id


def s7_nobody_writes_under_an_older_epoch(after: Aftermath) -> None:
    """Once a task was begun under an epoch, nothing is recorded under an earlier one."""
    for id in after.records:
        epochs = [fact[2] for entry in after.journals[id] for fact in entry.facts]
        assert epochs == sorted(epochs), f"{id} has facts of the epochs {epochs}"


def s9_at_most_one_completion(after: Aftermath) -> None:
    """No task is completed twice; one that is complete waits no longer, one that is not still waits."""
    for id, record in after.records.items():
        completed = after.epochs(id, COMPLETE)
        assert len(completed) <= 1, f"{id} was completed under the epochs {completed}"
        assert (record.entry is None) == bool(completed), id
        assert (record.version == 1) == bool(completed), id


def l1_all_is_done_in_the_end(after: Aftermath) -> None:
    """Whoever died, somebody completes every task; and no worker ended by an error of its own."""
    assert not after.deaths, after.deaths[:3]
    assert [id for id in after.records if not after.epochs(id, COMPLETE)] == []


def s10_ambiguous_commit_is_one(units: Sequence[Unit], journals: Mapping[str, Iterable[Entry]]) -> None:
    """Each unit, repeated until its outcome was known, has the effect of one: its facts stand in the journal once."""
    wanted: dict[str, list[tuple[object, ...]]] = {}
    for unit in units:
        wanted.setdefault(unit.run, []).extend(unit.facts)
    for run, facts in wanted.items():
        found = [fact for entry in journals[run] for fact in entry.facts]
        assert found == facts, f"s10_ambiguous_commit_is_one: the journal of {run} has {found[-3:]}, not {facts[-3:]}"


ALL = (
    s8_no_acknowledged_completion_is_lost,
    s6_epochs_rise,
    s7_nobody_writes_under_an_older_epoch,
    s9_at_most_one_completion,
    l1_all_is_done_in_the_end,
)
