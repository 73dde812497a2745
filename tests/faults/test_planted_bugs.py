"""The test of the tests: a bug that is planted into a copy of the package is found by a checker of its name.

Every bug is planted by ``nox -s faults``; here are the quick ones, and the proof that all can be planted.
"""

import os
from pathlib import Path

import pytest

from tests.faults.bugs import BUGS, Bug
from tests.faults.planted import SECONDS, campaign, finders, planted

QUICK = ("abandoned", "forks", "values")
"""The parts of the campaign that find their bugs in a second."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the campaign forks, kills and stops processes")


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.part in QUICK], ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_is_found_by_its_checker(bug: Bug) -> None:
    """The campaign on a copy with the bug fails, and names the checker whose invariant is broken."""
    found, text = finders(bug)

    assert found & set(bug.found_by), text


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_bug_has_one_place_to_be_planted(bug: Bug, tmp_path: Path) -> None:
    """The text that a bug replaces stands once in its module, which is valid Python afterwards."""
    path = planted(bug, tmp_path) / "taskorch" / bug.file

    compile(path.read_text(encoding="utf-8"), str(path), "exec")


@pytest.mark.timeout(SECONDS + 20)
def test_a_copy_without_a_bug_is_found_sound() -> None:
    """What finds the bugs is the campaign, and not the copying."""
    status, text = campaign(Path(__file__).parents[2] / "src", "--only", "abandoned", "--long", "0.1")

    assert status == 0, text


def test_there_are_enough_bugs() -> None:
    """At least fifteen bugs are planted, each under a name of its own."""
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 15
