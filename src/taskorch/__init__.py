"""taskorch: a dependable task orchestrator inside your Python program.

A documented task state machine, workflows with retries and conditions, durable runs in one file. No server.

Importing it costs little: a name loads its room, and what that stands on, when it is first asked for.
``from taskorch import run`` asks at once, so a program that must not pause later pays where it begins.
"""

import importlib as _importlib
import os as _os
import typing as _typing
from datetime import UTC as _UTC
from datetime import datetime as _datetime

from taskorch.core import origin as _origin
from taskorch.errors import *
from taskorch.errors import __all__ as _errors

if _typing.TYPE_CHECKING:
    import taskorch.dispatchers
    import taskorch.formats
    import taskorch.observers
    import taskorch.protocols
    import taskorch.stores
    import taskorch.testing  # noqa: F401 - the packages are members, as the program finds them by _PACKAGES
    from taskorch.api import (
        load as load,
        mermaid as mermaid,
        monitor as monitor,
        open_store as open_store,
        run as run,
        run_sync as run_sync,
        start as start,
    )
    from taskorch.core.alerts import RaisedAlert as RaisedAlert
    from taskorch.core.breaker import Breaker as Breaker, BreakerState as BreakerState
    from taskorch.core.calendars import BusinessCalendar as BusinessCalendar, Calendar as Calendar
    from taskorch.core.deadlines import DeadlineBasis as DeadlineBasis
    from taskorch.core.escalation.conflicts import dependency_conflicts as dependency_conflicts
    from taskorch.core.escalation.escalator import Escalator as Escalator, Findings as Findings, Undecided as Undecided
    from taskorch.core.escalation.records import Escalation as Escalation
    from taskorch.core.escalation.rules import DEFAULT_RULES as DEFAULT_RULES, Rule as Rule, Rung as Rung
    from taskorch.core.escalation.urgencies import Urgency as Urgency
    from taskorch.core.estimates import (
        Estimate as Estimate,
        Estimates as Estimates,
        Remaining as Remaining,
        RemainingBasis as RemainingBasis,
        remaining as remaining,
    )
    from taskorch.core.events import Amendment as Amendment, Event as Event
    from taskorch.core.forecast import Forecast as Forecast, Work as Work, forecast as forecast
    from taskorch.core.frontier.causes import Cause as Cause, LinkStanding as LinkStanding, Why as Why
    from taskorch.core.frontier.explanation import Explanation as Explanation
    from taskorch.core.lanes import Discipline as Discipline, Lane as Lane
    from taskorch.core.lifecycle import advance as advance
    from taskorch.core.loads import Load as Load
    from taskorch.core.metrics.definitions import Target as Target
    from taskorch.core.metrics.kpis import Kpi as Kpi, KpiVerdict as KpiVerdict
    from taskorch.core.metrics.scorecards import Scorecard as Scorecard
    from taskorch.core.metrics.tally import Tally as Tally, measure as measure
    from taskorch.core.metrics.window import Window as Window
    from taskorch.core.outcomes import LinkCondition as LinkCondition, LinkType as LinkType, Outcome as Outcome
    from taskorch.core.predictions import Prediction as Prediction, PredictionBasis as PredictionBasis
    from taskorch.core.priority import Score as Score, Scoring as Scoring
    from taskorch.core.progress import Progress as Progress, TaskTree as TaskTree, task_progress as task_progress
    from taskorch.core.queue_engine import QueueEngine as QueueEngine
    from taskorch.core.queues import (
        DEFAULT_QUEUES as DEFAULT_QUEUES,
        Anchor as Anchor,
        Order as Order,
        QueueSpec as QueueSpec,
    )
    from taskorch.core.reports import StatusReport as StatusReport, TaskStanding as TaskStanding, report as report
    from taskorch.core.results import RunResult as RunResult
    from taskorch.core.retry import (
        GiveUp as GiveUp,
        Retry as Retry,
        RetryAt as RetryAt,
        RetryStrategy as RetryStrategy,
    )
    from taskorch.core.routing import Candidate as Candidate, Route as Route, route as route
    from taskorch.core.run_progress import (
        RunProgress as RunProgress,
        ended_steps as ended_steps,
        run_progress as run_progress,
    )
    from taskorch.core.simulation import simulate as simulate
    from taskorch.core.sla import SlaStatus as SlaStatus, Standing as Standing, standing as standing
    from taskorch.core.states import (
        DOCUMENTED as DOCUMENTED,
        LIFECYCLE as LIFECYCLE,
        State as State,
        TransitionTable as TransitionTable,
        Verb as Verb,
    )
    from taskorch.core.step import Link as Link, Step as Step
    from taskorch.core.step_results import StepResult as StepResult
    from taskorch.core.task import (
        Dependencies as Dependencies,
        Execution as Execution,
        Priority as Priority,
        Task as Task,
    )
    from taskorch.core.thresholds import Crossing as Crossing, SlaWatch as SlaWatch
    from taskorch.core.workflow import Workflow as Workflow
    from taskorch.engine.current import current_step as current_step
    from taskorch.engine.handle import RunHandle as RunHandle
    from taskorch.engine.remote import RemoteRun as RemoteRun, RemoteStatus as RemoteStatus, find_run as find_run
    from taskorch.tenacity_retry import TenacityRetry as TenacityRetry

# Where the names are that are not loaded yet: for each room what the front door shows of it. It says again for
# the program what the imports above say for type checkers; a test compares the two.
_ROOMS = {
    "api": ("load", "mermaid", "monitor", "open_store", "run", "run_sync", "start"),
    "core.alerts": ("RaisedAlert",),
    "core.breaker": ("Breaker", "BreakerState"),
    "core.calendars": ("BusinessCalendar", "Calendar"),
    "core.deadlines": ("DeadlineBasis",),
    "core.escalation.conflicts": ("dependency_conflicts",),
    "core.escalation.escalator": ("Escalator", "Findings", "Undecided"),
    "core.escalation.records": ("Escalation",),
    "core.escalation.rules": ("DEFAULT_RULES", "Rule", "Rung"),
    "core.escalation.urgencies": ("Urgency",),
    "core.estimates": ("Estimate", "Estimates", "Remaining", "RemainingBasis", "remaining"),
    "core.events": ("Amendment", "Event"),
    "core.forecast": ("Forecast", "Work", "forecast"),
    "core.frontier.causes": ("Cause", "LinkStanding", "Why"),
    "core.frontier.explanation": ("Explanation",),
    "core.lanes": ("Discipline", "Lane"),
    "core.lifecycle": ("advance",),
    "core.loads": ("Load",),
    "core.metrics.definitions": ("Target",),
    "core.metrics.kpis": ("Kpi", "KpiVerdict"),
    "core.metrics.scorecards": ("Scorecard",),
    "core.metrics.tally": ("Tally", "measure"),
    "core.metrics.window": ("Window",),
    "core.outcomes": ("LinkCondition", "LinkType", "Outcome"),
    "core.predictions": ("Prediction", "PredictionBasis"),
    "core.priority": ("Score", "Scoring"),
    "core.progress": ("Progress", "TaskTree", "task_progress"),
    "core.queue_engine": ("QueueEngine",),
    "core.queues": ("DEFAULT_QUEUES", "Anchor", "Order", "QueueSpec"),
    "core.reports": ("StatusReport", "TaskStanding", "report"),
    "core.results": ("RunResult",),
    "core.retry": ("GiveUp", "Retry", "RetryAt", "RetryStrategy"),
    "core.routing": ("Candidate", "Route", "route"),
    "core.run_progress": ("RunProgress", "ended_steps", "run_progress"),
    "core.simulation": ("simulate",),
    "core.sla": ("SlaStatus", "Standing", "standing"),
    "core.states": ("DOCUMENTED", "LIFECYCLE", "State", "TransitionTable", "Verb"),
    "core.step": ("Link", "Step"),
    "core.step_results": ("StepResult",),
    "core.task": ("Dependencies", "Execution", "Priority", "Task"),
    "core.thresholds": ("Crossing", "SlaWatch"),
    "core.workflow": ("Workflow",),
    "engine.current": ("current_step",),
    "engine.handle": ("RunHandle",),
    "engine.remote": ("RemoteRun", "RemoteStatus", "find_run"),
    "tenacity_retry": ("TenacityRetry",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}
_PACKAGES = frozenset({"dispatchers", "formats", "observers", "protocols", "stores", "testing"})

if not _typing.TYPE_CHECKING:  # type checkers have read it all above, and tell a name that is not there
    __all__ = tuple(sorted([*_errors, *_HOMES]))

    def __getattr__(name: str) -> object:
        if name in _PACKAGES:
            return _importlib.import_module(f"taskorch.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_importlib.import_module(f"taskorch.{_HOMES[name]}"), name)
        globals()[name] = value  # from now on it is found without asking here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_errors, *_HOMES, *_PACKAGES})


def _present() -> tuple[_datetime, str]:
    return _datetime.now(_UTC), _os.urandom(6).hex()


_origin.install(_present)
