"""The command that proves an audit trail: audit verify."""

import os
from argparse import Namespace

from taskorch.cli.exits import Exit
from taskorch.cli.screen import Screen, shown
from taskorch.core.audit import Head, key_in
from taskorch.errors import AuditError, InvalidParameters
from taskorch.observers import read_key, verify_audit


def verify(asked: Namespace, screen: Screen) -> Exit:
    """Say whether an audit file is the chain that was written, or name the first line that is wrong."""
    head = None if asked.head is None else Head.of(asked.head)
    try:
        key = _key(asked)
        verdict = verify_audit(asked.file, key=key, head=head)
    except AuditError as error:  # a file that cannot be read at all is a matter of what was asked for
        screen.complain(error)
        return Exit.INVALID
    name = shown(asked.file)
    if verdict.flaw is not None:
        screen.put(f"{name}: line {verdict.flaw.line} {verdict.flaw.message} [{verdict.flaw.fault}]")
        screen.put(f"before it: whole, {_counted(verdict.head.sequence)}")
        return Exit.FAILED
    screen.put(f"{name}: whole, {_counted(verdict.head.sequence)}")
    screen.put(f"head {verdict.head}")
    if key is None:
        screen.say("note: without a key this shows accidents only; whoever can write the file can make it anew")
    if head is None:
        screen.say("note: without a published head (--head), records missing at the end do not show")
    return Exit.COMPLETED


def _counted(records: int) -> str:
    return f"{records:,} record{'s' * (records != 1)}"


def _key(asked: Namespace) -> bytes | None:
    if asked.key_file is not None:
        return read_key(asked.key_file)
    if asked.key_env is None:
        return None
    value = os.environ.get(asked.key_env)
    if value is None:
        raise InvalidParameters([f"--key-env: there is no environment variable {asked.key_env!r}"])
    return key_in(os.fsencode(value))
