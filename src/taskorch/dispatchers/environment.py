"""What a command finds in its environment: little of the host's, what its step gives, and who it is."""

import os
import stat
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from taskorch.errors import StepFailed
from taskorch.protocols import Command, Job

#: The host's variables that a command may see, as names or patterns. None of them usually holds a secret.
DEFAULT_ENVIRONMENT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP",
    "PYTHONDONTWRITEBYTECODE", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE",
)  # fmt: skip


def allowed(host: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """The variables of *host* whose names are in *patterns*, where ``*`` stands for any characters."""
    found: dict[str, str] = {}
    for pattern in patterns:
        if "*" in pattern:
            found.update((name, value) for name, value in host.items() if fnmatchcase(name, pattern))
        elif (value := host.get(pattern)) is not None:
            found[pattern] = value
    return found


def environment_of(job: Job, command: Command, patterns: Iterable[str], work_root: Path | None) -> dict[str, str]:
    """The whole environment of a command: later ones win in the order allowed, given, our own.

    Raises:
        StepFailed: The work directory cannot be used.
    """
    found = allowed(os.environ, patterns)
    found.update(command.environment)
    found["TASKORCH_RUN_ID"] = job.run_id
    found["TASKORCH_STEP_ID"] = job.step_id
    found["TASKORCH_ATTEMPT"] = str(job.attempt)
    found["TASKORCH_IDEMPOTENCY_KEY"] = job.idempotency_key
    if work_root is not None:
        found["TASKORCH_WORK_DIR"] = str(_work_directory(job, work_root))
    return found


def _work_directory(job: Job, root: Path) -> Path:
    """The directory shared by the steps of one run, and seen by this user only."""
    import hashlib  # a run without commands does without it

    # Never named from the id itself: that may be longer than a file name, or differ in case only.
    path = root.absolute() / hashlib.sha256(job.run_id.encode()).hexdigest()[:16]
    try:
        root.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StepFailed(job.step_id, f"cannot start: no work directory: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        # In a directory that others may write to, somebody could have put a link of this name there.
        raise StepFailed(job.step_id, "cannot start: the work directory of its run belongs to somebody else")
    return path
