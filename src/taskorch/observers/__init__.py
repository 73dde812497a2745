"""Ready-made observers: what happens in a run, told to the world around it."""

from taskorch.observers.audit import AuditLog, read_key, verify_audit
from taskorch.observers.logs import LogObserver

__all__ = ["AuditLog", "LogObserver", "read_key", "verify_audit"]
