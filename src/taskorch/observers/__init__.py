"""Ready-made observers: what happens in a run, told to the world around it."""

from taskorch.core.audit import Fault, Flaw, Head, Verdict
from taskorch.observers.audit import AuditLog, read_key, verify_audit
from taskorch.observers.logs import LogObserver

__all__ = ["AuditLog", "Fault", "Flaw", "Head", "LogObserver", "Verdict", "read_key", "verify_audit"]
