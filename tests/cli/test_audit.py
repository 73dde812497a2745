"""audit verify: whether an audit file is the chain that was written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.observers.trails import KEY, written

ESCAPE = chr(0x1B)


@pytest.fixture(autouse=True)
def trail(shell: Shell) -> str:
    """A file of three records in ``audit.jsonl``, its key in ``key``; its head."""
    shell.write("key", KEY + b"\n")
    return str(written(shell.directory / "audit.jsonl", 3))


def test_a_whole_file(shell: Shell, trail: str) -> None:
    """A whole file leads to its head, and to 0; it is not changed."""
    before = shell.files()
    said = shell.run("audit", "verify", "audit.jsonl", "--key-file", "key", "--head", trail)

    assert (said.code, said.err) == (0, "")
    assert said.out == f"audit.jsonl: whole, 3 records\nhead {trail}\n"
    assert shell.files() == before


def test_a_key_in_the_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may be the value of an environment variable; one that is not there is named."""
    monkeypatch.setenv("AUDIT_KEY", KEY.decode())

    assert shell.run("audit", "verify", "audit.jsonl", "--key-env", "AUDIT_KEY").code == 0
    said = shell.run("audit", "verify", "audit.jsonl", "--key-env", "NO_KEY")
    assert said.code == 2
    assert "there is no environment variable 'NO_KEY'" in said.err


def test_a_key_is_the_same_from_either_place(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line end behind a key does not count, whether it comes from a file or from the environment."""
    monkeypatch.setenv("AUDIT_KEY", KEY.decode() + "\n")
    assert shell.run("audit", "verify", "audit.jsonl", "--key-env", "AUDIT_KEY").code == 0

    binary = b"\xff" + KEY + b"\n"
    written(shell.directory / "binary.jsonl", 1, binary)
    shell.write("key", binary)
    monkeypatch.setenv("AUDIT_KEY", os.fsdecode(binary))
    assert shell.run("audit", "verify", "binary.jsonl", "--key-file", "key").code == 0
    assert shell.run("audit", "verify", "binary.jsonl", "--key-env", "AUDIT_KEY").code == 0


def test_what_cannot_be_shown_is_said(shell: Shell) -> None:
    """Without a key, and without a head, it is said what that cannot show."""
    shell.run("audit", "verify", "audit.jsonl", "--key-file", "key")
    written(shell.directory / "plain.jsonl", 1, None)
    said = shell.run("audit", "verify", "plain.jsonl")

    assert said.code == 0
    assert "1 record\n" in said.out
    assert "without a key this shows accidents only" in said.err
    assert "without a published head" in said.err


def test_the_first_bad_line_is_named(shell: Shell) -> None:
    """A changed line leads to its number and what is wrong, and to 1."""
    path = shell.directory / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"ann", b"bob") + lines[2])
    said = shell.run("audit", "verify", "audit.jsonl", "--key-file", "key")

    assert said.code == 1
    assert said.out.startswith("audit.jsonl: line 2 its MAC does not belong to it: it was edited")
    assert "before it: whole, 1 record\n" in said.out


def test_a_cut_end_is_named(shell: Shell, trail: str) -> None:
    """A file that ends before the published head leads to 1, and says where it ends."""
    path = shell.directory / "audit.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    said = shell.run("audit", "verify", "audit.jsonl", "--key-file", "key", "--head", trail)

    assert said.code == 1
    assert "line 3 is missing: the chain ends with record 2, and record 3 was published [truncated]" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["audit.jsonl"], 1, "bound with a key, and none is given"),
        (["audit.jsonl", "--key-file", "other"], 1, "or this is not the key it was written with"),
        (["binary"], 1, "line 1 is no audit record"),
        (["empty"], 0, "whole, 0 records"),
        (["nowhere"], 2, "No such file or directory"),
        (["."], 2, "Is a directory"),
        (["audit.jsonl", "--key-file", "nowhere"], 2, "the key cannot be read"),
        (["audit.jsonl", "--key-file", "."], 2, "the key cannot be read"),
        (["audit.jsonl", "--key-file", "short"], 2, "is too short; give at least 16 bytes"),
        (["audit.jsonl", "--head", "3"], 2, "'3' is no head"),
        (["audit.jsonl", "--head", f"{ESCAPE}[31m"], 2, r"\x1b[31m"),
        (["audit.jsonl", "--key-file", "key", "--key-env", "KEY"], 2, "not allowed with argument"),
        ([], 2, "required: FILE"),
    ],
    ids=range(13),
)
def test_bad_input(shell: Shell, arguments: list[str], code: int, message: str) -> None:
    """Whatever the files are, there is a plain sentence and no traceback, and no key in it."""
    shell.write("other", b"another key of 16")
    shell.write("short", b"hush-hush\n")
    shell.write("binary", bytes(range(256)) * 4000)
    shell.write("empty", b"")
    said = shell.run("audit", "verify", *arguments)

    assert said.code == code
    assert message in said.out + said.err
    assert "Traceback" not in said.err
    for hidden in (ESCAPE, "hush", "another key"):
        assert hidden not in said.out + said.err


def test_audit_needs_a_command(shell: Shell) -> None:
    """``audit`` by itself says what it wants."""
    said = shell.run("audit")

    assert said.code == 2
    assert "required: COMMAND" in said.err


def test_a_file_on_standard_input_is_verified(shell: Shell) -> None:
    """What comes through a pipe is verified as well, line by line."""
    if not Path("/dev/stdin").exists():
        pytest.skip("there is no /dev/stdin")
    program = [sys.executable, "-m", "taskorch", "audit", "verify", "/dev/stdin", "--key-file", "key"]
    content = (shell.directory / "audit.jsonl").read_bytes()
    done = subprocess.run(program, input=content, cwd=shell.directory, capture_output=True, check=False, env=os.environ)

    assert done.returncode == 0
    assert b"whole, 3 records" in done.stdout


def test_memory_does_not_grow_with_the_file(shell: Shell) -> None:
    """A line without an end is not read to its end."""
    path = shell.directory / "sparse"
    with path.open("wb") as file:
        file.truncate(2**33)  # gigabytes of nothing, on no disk
    said = shell.run("audit", "verify", "sparse")

    assert said.code == 1
    assert "line 1 is no audit record" in said.out
