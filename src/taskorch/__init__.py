"""taskorch: a dependable task orchestrator inside your Python program.

A documented task state machine, workflows with retries and conditions, durable runs in one file. No server.
"""

from taskorch.api import load, mermaid, open_store, run, run_sync
from taskorch.core.events import Event
from taskorch.core.lifecycle import advance
from taskorch.core.outcomes import LinkCondition, LinkType, Outcome
from taskorch.core.results import RunResult
from taskorch.core.retry import Retry
from taskorch.core.states import DOCUMENTED, LIFECYCLE, State, TransitionTable, Verb
from taskorch.core.step import Link, Step
from taskorch.core.step_results import StepResult
from taskorch.core.task import Task
from taskorch.core.workflow import Workflow
from taskorch.engine.current import current_step
from taskorch.errors import (
    CallerError,
    CycleError,
    DispatcherLost,
    IllegalTransition,
    InvalidDocument,
    InvalidParameters,
    InvalidTask,
    InvalidWorkflow,
    MissingOutput,
    NonRetryable,
    OperatorError,
    OutputNotStorable,
    Problem,
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
    TaskorchError,
    UnsupportedFeature,
    WorkflowChanged,
)

__all__ = [
    "DOCUMENTED",
    "LIFECYCLE",
    "CallerError",
    "CycleError",
    "DispatcherLost",
    "Event",
    "IllegalTransition",
    "InvalidDocument",
    "InvalidParameters",
    "InvalidTask",
    "InvalidWorkflow",
    "Link",
    "LinkCondition",
    "LinkType",
    "MissingOutput",
    "NonRetryable",
    "OperatorError",
    "Outcome",
    "OutputNotStorable",
    "Problem",
    "Retry",
    "RetryAfter",
    "RunBusy",
    "RunFailed",
    "RunResult",
    "StaleLease",
    "State",
    "Step",
    "StepError",
    "StepFailed",
    "StepResult",
    "StepTimeout",
    "StoreError",
    "StoreUnavailable",
    "StoreUnreadable",
    "Task",
    "TaskorchError",
    "TransitionTable",
    "UnsupportedFeature",
    "Verb",
    "Workflow",
    "WorkflowChanged",
    "advance",
    "current_step",
    "load",
    "mermaid",
    "open_store",
    "run",
    "run_sync",
]
