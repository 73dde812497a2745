"""The examples of the documents are tests: each page runs from top to bottom, in an empty directory."""

import os
import tempfile
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parent


def enter_empty_directory(namespace: dict[str, Any]) -> None:
    """Give the page a working directory of its own."""
    directory = tempfile.TemporaryDirectory(prefix="taskorch-page-")
    namespace["_leave"] = (Path.cwd(), directory)
    os.chdir(directory.name)


def leave_directory(namespace: dict[str, Any]) -> None:
    """Go back, and throw away what the page has written."""
    before, directory = namespace["_leave"]
    os.chdir(before)
    directory.cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    excludes=["docs/_*/*"],
    setup=enter_empty_directory,
    teardown=leave_directory,
).pytest()
