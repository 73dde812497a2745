"""Every scenario that is cancelled at each await, under its name: a workflow, or one that is steered meanwhile."""

import attrs

from tests.harness.policy_scenarios import DECIDED
from tests.harness.scenarios import CHAIN, COMMAND, FAN, QUICK, RETRIED, THREADS, Scenario
from tests.harness.steering import (
    CANCELLED,
    CANCELLED_EARLY,
    DIRECT,
    IN_A_BLOCK,
    PAUSED,
    RESTARTED,
    STRAIGHT,
    Steered,
)
from tests.harness.waiting_scenarios import HELD, WAITING


@attrs.frozen
class Explored:
    """What is explored. The same with another store is the same.

    Attributes:
        scenario: The workflow.
        steered: How it is carried out.
    """

    scenario: Scenario
    steered: Steered = STRAIGHT

    @property
    def name(self) -> str:
        """What it is called."""
        return self.scenario.name if self.steered is STRAIGHT else f"{self.scenario.name}, {self.steered.name}"


PLAIN = tuple(map(Explored, QUICK))
STEERED = tuple(
    Explored(scenario, way)
    for way in (IN_A_BLOCK, PAUSED, CANCELLED_EARLY, CANCELLED)
    for scenario in (RETRIED, THREADS)
)
FURTHER = (*map(Explored, (*WAITING, *DECIDED)), Explored(HELD, RESTARTED), Explored(FAN, DIRECT))
COMMANDS = (Explored(COMMAND),)
SHARED = (Explored(CHAIN), Explored(THREADS), Explored(RETRIED, PAUSED))
"""Those of the others that are carried out in a shared store as well."""

CATALOGUE = (*PLAIN, *STEERED, *FURTHER, *COMMANDS)
