"""What must hold at every instant, whatever order the calls of two actors come in."""

from collections import Counter

from tests.stores.interleavings import World


async def nothing_wrong_was_answered(world: World) -> str | None:
    """No answer contradicts those before it."""
    return "; ".join(world.seen.wrong) or None


async def s6_one_living_lease(world: World) -> str | None:
    """S6: epochs of a record rise without gaps, each is given once, and the store shows the last one's owner."""
    for record in await world.records():
        leases = world.seen.leases.get(record.id, [])
        first = leases[0].epoch if leases else record.epoch + 1  # not 1, once something was forgotten
        if [lease.epoch for lease in leases] != [*range(first, first + len(leases))]:
            return f"the epochs of {record.id} are {leases}"
        lives = bool(leases) and not leases[-1].is_ended and not leases[-1].until_over
        if record.epoch != first + len(leases) - 1 or (record.owner is not None) != lives:
            return f"{record} should show {leases}"
    return None


async def s7_fencing(world: World) -> str | None:
    """S7: nothing of an owner who was replaced is in the journal behind what its successor wrote."""
    for run in world.seen.kept:
        details = [fact[4] for entry in await world.store.journal(run) for fact in entry.facts if fact[0] != 9]
        epochs = [int(detail.split(".")[0]) for detail in details]
        if epochs != sorted(epochs):
            return f"the epochs in the journal of {run} are {epochs}"
    return None


async def s9_recorded_once(world: World) -> str | None:
    """S9: what was answered as kept is in the journal once, in order, and nothing else is."""
    for run, wanted in world.seen.kept.items():
        found = [entry.facts for entry in await world.store.journal(run)]
        if found != wanted:
            return f"the journal of {run} is {found}, not {wanted}"
    return None


async def s9_told_once(world: World) -> str | None:
    """S9: a reader of events gets every journal entry once, those of a run in order."""
    told: dict[str, list[object]] = {}
    for entry in await world.events():
        told.setdefault(entry.run, []).append(entry.facts)
    return None if told == world.seen.kept else f"told is {told}, not {world.seen.kept}"


async def s10_versions(world: World) -> str | None:
    """S10: the version of a record is that of the last put that was answered as kept."""
    found = {record.id: record.version for record in await world.records()}
    return None if found == world.seen.versions else f"the versions are {found}, not {world.seen.versions}"


async def s10_messages(world: World) -> str | None:
    """S10: every message that was sent is unread until it is consumed, in the order sent, and never twice."""
    for run, told in world.seen.told.items():
        unread = [message.id for message in await world.store.messages(run)]
        wanted = [id for id in told if id not in world.seen.consumed]
        if unread != wanted:
            return f"unread of {run} is {unread}, not {wanted}"
    return None


async def s15_limits(world: World) -> str | None:
    """S15: no more leases of a tag live than every claim has allowed."""
    living = Counter(
        tag
        for record in await world.records()
        if record.owner is not None and record.entry is not None
        for tag in record.entry.tags
    )
    over = {tag: living[tag] for tag, limit in world.seen.limits.items() if living[tag] > limit}
    return f"over the limit: {over}" if over else None


async def s15_rooms(world: World) -> str | None:
    """S15: no more entries wait in a queue than every unit has allowed."""
    waiting = Counter(
        record.entry.queue for record in await world.records() if record.owner is None and record.entry is not None
    )
    over = {queue: waiting[queue] for queue, limit in world.seen.rooms.items() if waiting[queue] > limit}
    return f"over the limit: {over}" if over else None


INVARIANTS = (
    nothing_wrong_was_answered,
    s6_one_living_lease,
    s7_fencing,
    s9_recorded_once,
    s9_told_once,
    s10_versions,
    s10_messages,
    s15_limits,
    s15_rooms,
)
