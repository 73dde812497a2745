"""What one run is given from outside."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from taskorch.core.documents import JSON
from taskorch.engine.observation import Observation
from taskorch.protocols import Clock, Dispatcher


@attrs.frozen(kw_only=True, eq=False)
class Surroundings:
    """What a run is given from outside.

    Attributes:
        run_id: Its id.
        params: Its params.
        context: Its context.
        dispatcher: Who runs the bodies.
        is_direct: Whether those on the event loop are called without asking the dispatcher: it is our own.
        clock: Its time.
        observation: Who hears of it.
        started_at: When it began; this time is recorded.
        workers: The most bodies at once.
    """

    run_id: str
    params: Mapping[str, JSON]
    context: Mapping[str, JSON]
    dispatcher: Dispatcher
    is_direct: bool
    clock: Clock
    observation: Observation
    started_at: datetime
    workers: int
