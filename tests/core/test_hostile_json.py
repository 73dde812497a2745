"""Whatever JSON comes, reading it ends soon, and raises nothing but ``InvalidTask`` or ``InvalidWorkflow``."""

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskorch import InvalidDocument, InvalidTask, InvalidWorkflow, Task, Workflow
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


def seconds(read: Any, document: object) -> float:
    """How long a document takes to be refused."""
    began = time.process_time()
    with pytest.raises(InvalidDocument):
        read(document)
    return time.process_time() - began


def test_a_number_of_5000_digits_is_refused_as_data() -> None:
    """An amount with more digits than Python writes is a problem of the document, not a ``ValueError``."""
    for document in (
        {"workflow": flow_of("a"), "context": {"resources": {"cpu": 10**5000}}},
        flow_of("a", resources={"limits": {"cpu": 10**5000}}),
        flow_of("a", timeout=10**5000),
    ):
        with pytest.raises(InvalidWorkflow):
            Workflow.from_dict(document)


def test_lines_are_found_in_linear_time() -> None:
    """Telling the lines of the problems of a text four times as long takes about four times as long."""

    def text(items: int) -> str:
        return json.dumps({"task": {"x-a": [{"a": "b" * 40}] * items, "bogus": 1}}, indent=0)

    short, long = seconds(Task.from_json, text(2_000)), seconds(Task.from_json, text(8_000))

    assert long < 8 * short + LIMIT


def test_many_bad_links_are_refused_in_good_time() -> None:
    """500 links to steps that are not there, beside 500 that are, are told within two seconds."""
    links = tuple((f"step_nmuber_{number}", f"step_number_{number}") for number in range(500))
    document = flow_of(*(f"step_number_{number}" for number in range(500)), links=links)

    assert seconds(Workflow.from_dict, document) < 2


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
