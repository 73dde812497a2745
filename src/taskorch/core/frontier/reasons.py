"""The reasons that facts give for what a body did not decide itself."""

SKIPPED = "skipped"
OMITTED = "omitted"
WORKFLOW_TIMEOUT = "workflow_timeout"
FAIL_FAST = "fail_fast"
CANCELLED_BY_HOST = "cancelled"
QUEUE_TIMEOUT = "queue_timeout"
TOTAL_TIMEOUT = "total_timeout"
INTERRUPTED = "interrupted"
LEASE_EXPIRED = "lease_expired"
POISON = "poison"
FINISH_GATE = "finish_gate"
CIRCUIT_OPEN = "circuit_open"
UNDECIDABLE = "undecidable_condition"

HALTING = frozenset({WORKFLOW_TIMEOUT, FAIL_FAST, CANCELLED_BY_HOST})
"""After one of these nothing more is started."""
LOST = frozenset({LEASE_EXPIRED, POISON})
"""Attempts whose process was lost: nobody knows when they ended."""
UNCOUNTED = frozenset({INTERRUPTED, LEASE_EXPIRED})
"""Attempts that ended so are no fault of the body and do not use up its attempts."""
BLAMELESS = frozenset({WORKFLOW_TIMEOUT, INTERRUPTED, LEASE_EXPIRED, POISON, CIRCUIT_OPEN, FINISH_GATE})
"""Failures for these reasons say nothing about the target that a step calls."""
