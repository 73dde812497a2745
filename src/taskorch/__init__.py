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
from taskorch.errors import (
    AuditBusy,
    AuditDamaged,
    AuditError,
    CallerError,
    CycleError,
    DispatcherLost,
    DuplicateTask,
    IllegalTransition,
    InvalidCalendar,
    InvalidCondition,
    InvalidDocument,
    InvalidEscalation,
    InvalidEvent,
    InvalidHead,
    InvalidParameters,
    InvalidQueue,
    InvalidRecord,
    InvalidReport,
    InvalidRule,
    InvalidTarget,
    InvalidTask,
    InvalidWindow,
    InvalidWorkflow,
    MissingOutput,
    NonRetryable,
    NotText,
    NotWaiting,
    OperatorError,
    OutputNotStorable,
    Problem,
    QueueFull,
    RetryAfter,
    RunBusy,
    RunFailed,
    StaleLease,
    StepError,
    StepFailed,
    StepTimeout,
    StoreError,
    StoreUnavailable,
    StoreUnreadable,
    TaskCycle,
    TaskorchError,
    TextTooLong,
    UndecidableCondition,
    UnknownEscalation,
    UnknownQueue,
    UnknownTask,
    UnknownVerb,
    UnsupportedFeature,
    WeakKey,
    WorkflowChanged,
)

if _typing.TYPE_CHECKING:
    from taskorch.api import load, mermaid, open_store, run, run_sync
    from taskorch.core.calendars import BusinessCalendar
    from taskorch.core.escalation.conflicts import dependency_conflicts
    from taskorch.core.escalation.escalator import Escalator, Findings
    from taskorch.core.escalation.records import Escalation
    from taskorch.core.escalation.rules import DEFAULT_RULES, Rule, Rung
    from taskorch.core.escalation.urgencies import Urgency
    from taskorch.core.estimates import Estimate, Estimates, Grounds, Remaining, remaining
    from taskorch.core.events import Amendment, Event
    from taskorch.core.forecast import Forecast, Work, forecast
    from taskorch.core.lifecycle import advance
    from taskorch.core.metrics.definitions import Target
    from taskorch.core.metrics.kpis import Kpi, KpiVerdict
    from taskorch.core.metrics.scorecards import Scorecard
    from taskorch.core.metrics.tally import Tally, measure
    from taskorch.core.metrics.window import Window
    from taskorch.core.outcomes import LinkCondition, LinkType, Outcome
    from taskorch.core.predictions import Prediction
    from taskorch.core.priority import Score, Scoring
    from taskorch.core.progress import Progress, TaskTree, task_progress
    from taskorch.core.queue_engine import QueueEngine
    from taskorch.core.queues import DEFAULT_QUEUES, Anchor, Order, QueueSpec
    from taskorch.core.reports import StatusReport, report
    from taskorch.core.results import RunResult
    from taskorch.core.retry import Retry
    from taskorch.core.routing import Route, route
    from taskorch.core.run_progress import RunProgress, ended_steps, run_progress
    from taskorch.core.sla import SlaStatus, Standing, standing
    from taskorch.core.states import DOCUMENTED, LIFECYCLE, State, TransitionTable, Verb
    from taskorch.core.step import Link, Step
    from taskorch.core.step_results import StepResult
    from taskorch.core.task import Dependencies, Execution, Priority, Task
    from taskorch.core.thresholds import Crossing, SlaWatch
    from taskorch.core.waiting_line import Load
    from taskorch.core.workflow import Workflow
    from taskorch.engine.current import current_step

__all__ = [
    "DEFAULT_QUEUES",
    "DEFAULT_RULES",
    "DOCUMENTED",
    "LIFECYCLE",
    "Amendment",
    "Anchor",
    "AuditBusy",
    "AuditDamaged",
    "AuditError",
    "BusinessCalendar",
    "CallerError",
    "Crossing",
    "CycleError",
    "Dependencies",
    "DispatcherLost",
    "DuplicateTask",
    "Escalation",
    "Escalator",
    "Estimate",
    "Estimates",
    "Event",
    "Execution",
    "Findings",
    "Forecast",
    "Grounds",
    "IllegalTransition",
    "InvalidCalendar",
    "InvalidCondition",
    "InvalidDocument",
    "InvalidEscalation",
    "InvalidEvent",
    "InvalidHead",
    "InvalidParameters",
    "InvalidQueue",
    "InvalidRecord",
    "InvalidReport",
    "InvalidRule",
    "InvalidTarget",
    "InvalidTask",
    "InvalidWindow",
    "InvalidWorkflow",
    "Kpi",
    "KpiVerdict",
    "Link",
    "LinkCondition",
    "LinkType",
    "Load",
    "MissingOutput",
    "NonRetryable",
    "NotText",
    "NotWaiting",
    "OperatorError",
    "Order",
    "Outcome",
    "OutputNotStorable",
    "Prediction",
    "Priority",
    "Problem",
    "Progress",
    "QueueEngine",
    "QueueFull",
    "QueueSpec",
    "Remaining",
    "Retry",
    "RetryAfter",
    "Route",
    "Rule",
    "RunBusy",
    "RunFailed",
    "RunProgress",
    "RunResult",
    "Rung",
    "Score",
    "Scorecard",
    "Scoring",
    "SlaStatus",
    "SlaWatch",
    "StaleLease",
    "Standing",
    "State",
    "StatusReport",
    "Step",
    "StepError",
    "StepFailed",
    "StepResult",
    "StepTimeout",
    "StoreError",
    "StoreUnavailable",
    "StoreUnreadable",
    "Tally",
    "Target",
    "Task",
    "TaskCycle",
    "TaskTree",
    "TaskorchError",
    "TextTooLong",
    "TransitionTable",
    "UndecidableCondition",
    "UnknownEscalation",
    "UnknownQueue",
    "UnknownTask",
    "UnknownVerb",
    "UnsupportedFeature",
    "Urgency",
    "Verb",
    "WeakKey",
    "Window",
    "Work",
    "Workflow",
    "WorkflowChanged",
    "advance",
    "current_step",
    "dependency_conflicts",
    "ended_steps",
    "forecast",
    "load",
    "measure",
    "mermaid",
    "open_store",
    "remaining",
    "report",
    "route",
    "run",
    "run_progress",
    "run_sync",
    "standing",
    "task_progress",
]

# Where the names are that are not loaded yet: for each room what the front door shows of it. It says again for
# the program what the imports above say for type checkers; a test compares the two.
_ROOMS = {
    "core.predictions": ("Prediction",),
    "core.escalation.urgencies": ("Urgency",),
    "core.priority": ("Score", "Scoring"),
    "core.waiting_line": ("Load",),
    "core.queue_engine": ("QueueEngine",),
    "api": ("load", "mermaid", "open_store", "run", "run_sync"),
    "core.calendars": ("BusinessCalendar",),
    "core.escalation.conflicts": ("dependency_conflicts",),
    "core.escalation.escalator": ("Escalator", "Findings"),
    "core.escalation.records": ("Escalation",),
    "core.escalation.rules": ("DEFAULT_RULES", "Rule", "Rung"),
    "core.estimates": ("Estimate", "Estimates", "Grounds", "Remaining", "remaining"),
    "core.events": ("Amendment", "Event"),
    "core.forecast": ("Forecast", "Work", "forecast"),
    "core.lifecycle": ("advance",),
    "core.metrics.definitions": ("Target",),
    "core.metrics.kpis": ("Kpi", "KpiVerdict"),
    "core.metrics.scorecards": ("Scorecard",),
    "core.metrics.tally": ("Tally", "measure"),
    "core.metrics.window": ("Window",),
    "core.outcomes": ("LinkCondition", "LinkType", "Outcome"),
    "core.progress": ("Progress", "TaskTree", "task_progress"),
    "core.queues": ("DEFAULT_QUEUES", "Anchor", "Order", "QueueSpec"),
    "core.reports": ("StatusReport", "report"),
    "core.results": ("RunResult",),
    "core.retry": ("Retry",),
    "core.run_progress": ("RunProgress", "ended_steps", "run_progress"),
    "core.sla": ("SlaStatus", "Standing", "standing"),
    "core.routing": ("Route", "route"),
    "core.states": ("DOCUMENTED", "LIFECYCLE", "State", "TransitionTable", "Verb"),
    "core.step": ("Link", "Step"),
    "core.step_results": ("StepResult",),
    "core.task": ("Dependencies", "Execution", "Priority", "Task"),
    "core.thresholds": ("Crossing", "SlaWatch"),
    "core.workflow": ("Workflow",),
    "engine.current": ("current_step",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}
_PACKAGES = frozenset({"dispatchers", "formats", "observers", "protocols", "stores", "testing"})

if not _typing.TYPE_CHECKING:  # so that a type checker tells a name that is not there

    def __getattr__(name: str) -> object:
        if name in _PACKAGES:
            return _importlib.import_module(f"taskorch.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_importlib.import_module(f"taskorch.{_HOMES[name]}"), name)
        globals()[name] = value  # from now on it is found without asking here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})


def _present() -> tuple[_datetime, str]:
    return _datetime.now(_UTC), _os.urandom(6).hex()


_origin.install(_present)
