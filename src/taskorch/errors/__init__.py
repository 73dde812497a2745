"""Every error taskorch raises: one root, grouped by who must act.

``CallerError``: the host program or the author of a document asked for something that cannot be done.
``StepError``: the author of a step must look at its body. ``OperatorError``: whoever runs the store, the
machine or a dispatcher must look. Errors carry their data as attributes, so nobody parses their text, and
they never hold environment values, argument vectors or secrets.
"""

from taskorch.errors.callers import (
    IllegalTransition,
    InvalidHead,
    InvalidParameters,
    RunBusy,
    TaskCycle,
    TextTooLong,
    UndecidableCondition,
    UnknownEscalation,
    UnsupportedFeature,
    WeakKey,
    WorkflowChanged,
)
from taskorch.errors.documents import (
    CycleError,
    InvalidCalendar,
    InvalidCondition,
    InvalidDocument,
    InvalidEscalation,
    InvalidEvent,
    InvalidQueue,
    InvalidRecord,
    InvalidRule,
    InvalidTask,
    InvalidWindow,
    InvalidWorkflow,
    Problem,
)
from taskorch.errors.operators import (
    AuditBusy,
    AuditDamaged,
    AuditError,
    DispatcherLost,
    StaleLease,
    StoreError,
    StoreUnavailable,
    StoreUnreadable,
)
from taskorch.errors.queues import (
    DuplicateTask,
    NotWaiting,
    QueueFull,
    UnknownQueue,
    UnknownTask,
)
from taskorch.errors.root import (
    CallerError,
    OperatorError,
    TaskorchError,
)
from taskorch.errors.steps import (
    MissingOutput,
    NonRetryable,
    OutputNotStorable,
    RetryAfter,
    RunFailed,
    StepError,
    StepFailed,
    StepTimeout,
)

__all__ = [
    "AuditBusy",
    "AuditDamaged",
    "AuditError",
    "CallerError",
    "CycleError",
    "DispatcherLost",
    "DuplicateTask",
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
    "InvalidRule",
    "InvalidTask",
    "InvalidWindow",
    "InvalidWorkflow",
    "MissingOutput",
    "NonRetryable",
    "NotWaiting",
    "OperatorError",
    "OutputNotStorable",
    "Problem",
    "QueueFull",
    "RetryAfter",
    "RunBusy",
    "RunFailed",
    "StaleLease",
    "StepError",
    "StepFailed",
    "StepTimeout",
    "StoreError",
    "StoreUnavailable",
    "StoreUnreadable",
    "TaskCycle",
    "TaskorchError",
    "TextTooLong",
    "UndecidableCondition",
    "UnknownEscalation",
    "UnknownQueue",
    "UnknownTask",
    "UnsupportedFeature",
    "WeakKey",
    "WorkflowChanged",
]
