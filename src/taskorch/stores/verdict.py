"""The verdict on a unit: rules 1 to 4 of ``Store.apply``, for every store that can look up what they ask for.

They decide nothing about the work; they only say whether a unit still fits what is kept.
"""

import attrs

from taskorch.core.unit import Refusal, Refused, Repeated, Unit


@attrs.frozen(kw_only=True)
class Tenure:
    """What is kept of one epoch of a run.

    Attributes:
        living: Whether its lease still lives.
        number: The number of the last unit kept under it, 0 before the first.
    """

    living: bool
    number: int


@attrs.frozen(kw_only=True)
class Standing:
    """What is kept under the id of a put.

    Attributes:
        version: The version of the record.
        same_body: Whether its body is that of the put.
    """

    version: int
    same_body: bool


def verdict(unit: Unit, tenure: Tenure | None, standing: Standing | None) -> Repeated | Refused | None:
    """Say whether *unit* may be kept.

    Args:
        unit: The unit.
        tenure: That of the unit's run and epoch; None if there was none, or the unit is a client's.
        standing: That of the id of the unit's put; None if there is no such record, or no put.

    Returns:
        None if the unit is to be kept, else the receipt that says why not.
    """
    if unit.epoch > 0:
        if tenure is not None and unit.number <= tenure.number:
            return Repeated()
        if tenure is None or not tenure.living:
            return Refused(Refusal.STALE_LEASE)
    put = unit.put
    if put is None:
        return None
    if put.expected is None:
        if standing is None:
            return None
        again = unit.epoch == 0 and standing.same_body and standing.version == put.version
        return Repeated() if again else Refused(Refusal.EXISTS)
    if standing is None or standing.version != put.expected:
        return Refused(Refusal.VERSION_CONFLICT)
    return None
