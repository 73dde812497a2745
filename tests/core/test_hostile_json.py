"""Whatever JSON comes, reading it ends soon, and raises nothing but ``InvalidTask`` or ``InvalidWorkflow``."""

import contextlib
import difflib
import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskorch import InvalidDocument, InvalidTask, InvalidWorkflow, Problem, Task, Workflow
from taskorch.core.json_text import located
from taskorch.core.step import Link, Step
from tests.core.samples import TASK, flow_of, task_document

LIMIT = 0.05  # seconds for a document of at most a few kilobytes
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["always", "on_success(a)", "a", "2024-01-15T10:35:00Z", "500m", "4Gi", "python x.py", "'", "-1"])
)
KEYS = st.sampled_from(
    [
        *("task", "workflow", "steps", "dependencies", "context", "from", "to", "x", "x-a", "limits", "history", "at"),
        *(key for cls in (Task, Workflow, Step, Link) for key in cls.members()),
    ]
) | st.text(max_size=4)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
RICH: dict[str, Any] = {
    "workflow": flow_of("a", "b", "c", links=(("a", "b"), ("b", "c", "start_to_start", "always")), timeout=1000)
    | {"parallel": ["a"], "resources": {"a": {"cpu": "2"}}, "errorHandling": {"retryPolicy": {"maxRetries": 3}}},
    "context": {"resources": {"cpu": "2"}, "notifications": {"channels": ["x"]}},
    "notifications": {"alerts": [{"condition": "step.duration > 5"}]},
    "debug": {"enabled": True},
}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys that lead to every member of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, member in inner for path in paths(member, (*here, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of a document with one member replaced."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def dumped(document: object) -> str:
    """The text of a document; empty if Python itself will not write its numbers."""
    try:
        return json.dumps(document)
    except ValueError:
        return ""


def read(cls: Any, document: object) -> None:
    """Read a document as data and as text, in good time and with the right errors only."""
    error = InvalidTask if cls is Task else InvalidWorkflow
    with contextlib.suppress(error):
        written = cls.from_dict(document).to_dict()
        assert cls.from_dict(written).to_dict() == written
    text, spent = dumped(document), []
    for _ in range(3):  # a collection of garbage may fall into one of them
        began = time.process_time()
        with contextlib.suppress(error):
            cls.from_json(text)
        spent.append(time.process_time() - began)
        if spent[-1] < LIMIT:
            return
    raise AssertionError(f"{min(spent) * 1000:.0f} ms")


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Everything that is made at the first use is made."""
    Task.from_dict(task_document())
    for document in (RICH, flow_of("a", links=(("a", "a"),))):
        with contextlib.suppress(InvalidDocument):
            Workflow.from_dict(document).stages()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
@example({"task": {"x-a": 10**5000}})
@example({"name": "w", "steps": [], "timeout": 10**5000})
def test_any_json_is_read_or_refused(document: object) -> None:
    """Arbitrary JSON raises nothing but ``InvalidTask`` and ``InvalidWorkflow``, within 50 ms."""
    for cls in (Task, Workflow):
        read(cls, document)


@pytest.mark.parametrize(("cls", "document"), [(Task, TASK), (Workflow, RICH)], ids=["task", "workflow"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_member_may_be_anything(cls: Any, document: Any, data: st.DataObject) -> None:
    """A good document with some members replaced by arbitrary JSON is read, or refused with its own error."""
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(document)))
        document = replaced(document, path, data.draw(JSON))
    read(cls, document)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_read_or_refused(text: bytes | str) -> None:
    """Arbitrary bytes and text raise nothing but the reader's own error."""
    for cls, error in ((Task, InvalidTask), (Workflow, InvalidWorkflow)):
        with pytest.raises(error):
            cls.from_json(text)


def test_a_number_of_5000_digits_is_refused_as_data() -> None:
    """An amount with more digits than Python writes is a problem of the document, not a ``ValueError``."""
    for document in (
        {"workflow": flow_of("a"), "context": {"resources": {"cpu": 10**5000}}},
        flow_of("a", resources={"limits": {"cpu": 10**5000}}),
        flow_of("a", timeout=10**5000),
    ):
        with pytest.raises(InvalidWorkflow):
            Workflow.from_dict(document)


class Scanned(str):
    """A text that notes how much of it is searched for line breaks."""

    __slots__ = ("characters",)

    def count(self, sub: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]  # as it is used
        """Count, and note."""
        end = len(self) if end is None else end
        self.characters = getattr(self, "characters", 0) + end - start
        return super().count(sub, start, end)


def test_lines_are_found_in_one_pass() -> None:
    """Telling the lines of all problems reads the text once, however many members it has."""
    text = Scanned(json.dumps({"a": [{"b": "c"}] * 500, "bogus": 1}, indent=0))
    problems = [Problem("bogus", "is odd"), Problem("a[499].b", "is odd")]

    assert [problem.line for problem in located(problems, text)] == [1504, 1501]
    assert text.characters <= len(text)


def test_no_suggestion_is_looked_for_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """500 links to steps that are not there, beside 500 that are, are told without comparing each with each."""
    compared: list[int] = []
    monkeypatch.setattr(difflib, "get_close_matches", lambda word, words, n: compared.append(len(words)) or [])
    links = tuple((f"step_nmuber_{number}", f"step_number_{number}") for number in range(500))
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_dict(flow_of(*(f"step_number_{number}" for number in range(500)), links=links))

    assert len(caught.value.problems) == 500
    assert sum(compared) <= 200 * 200


def test_the_same_document_gets_the_same_answer() -> None:
    """The problems of a document are told in the same words whatever the hash seed."""
    program = (
        "import taskorch\n"
        "names = [f'step{n}' for n in range(9)]\n"
        "try:\n"
        "    taskorch.Workflow.from_dict({'name': 'w', 'steps': [{'id': n, 'command': 'x'} for n in names],\n"
        "        'parallel': ['stepx', 'zzz'], 'resources': {'stepy': {}, 'q': {}}})\n"
        "except taskorch.InvalidWorkflow as error:\n"
        "    print(error)\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "1234"
    }

    assert len(answers) == 1
