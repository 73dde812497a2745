"""JSON text within limits: small, shallow, unambiguous and plain, or refused; and where the problem is."""

import json
from typing import Any

import pytest

from taskorch import InvalidDocument, InvalidTask, InvalidWorkflow, Task, Workflow
from taskorch.core import json_text
from taskorch.core.json_text import Limits
from tests.core.samples import lines, problems, task_document
from tests.naming import shown

READERS = pytest.mark.parametrize("cls", [Task, Workflow])
KINDS: dict[Any, type[InvalidDocument]] = {Task: InvalidTask, Workflow: InvalidWorkflow}
BAD = {
    "nothing": "",
    "white space": " \n\t ",
    "a mark of byte order": "\ufeff",
    "no JSON": "{nope}",
    "two values": "{} {}",
    "a comma too many": '{"a": 1,}',
    "a comment": '{"a": 1} // so',
    "single quotes": "{'a': 1}",
    "an open string": '{"a": "b',
    "a bare word": "task",
    "NaN": '{"x": NaN}',
    "Infinity": '{"x": Infinity}',
    "minus Infinity": '{"x": -Infinity}',
    "a number beyond floats": '{"x": 1e999}',
    "half a pair": '{"x": "\\ud800"}',
    "the other half": '{"x": "\\udfff!"}',
    "half a pair in a key": '{"x": {"\\ud800": 1}}',
    "NUL": '{"x": "a\\u0000b"}',
    "NUL in a key": '{"x": {"\\u0000extensions": 1}}',
    "a key twice": '{"x": 1, "x": 1}',
    "a key twice, escaped": '{"x": 1, "\\u0078": 2}',
    "a key twice, deep down": '{"x": [{"a": {"b": 1, "b": 2}}]}',
    "5,000 digits": '{"x": ' + "9" * 5000 + "}",
    "101 levels": '{"x":' + "[" * 100 + "]" * 100 + "}",
    "10,000 levels": "[" * 10_000 + "]" * 10_000,
    "100,000 levels of objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "1,000,000 brackets": "[" * 1_000_000,
    "a control character": '{"x": "a\nb"}',
}


@READERS
@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_plain_json_is_refused(cls: Any, text: str) -> None:
    """Text that is no JSON, ambiguous or not plain raises the reader's own error, with a path or a line."""
    for source in (text, text.encode()):
        with pytest.raises(KINDS[cls]) as caught:
            cls.from_json(source)
        assert caught.value.problems
        assert len(str(caught.value)) < 1000


@READERS
@pytest.mark.parametrize("data", [b"\xff\xfe{}", b'{"x": "\xe9"}', '{"x": 1}'.encode("utf-16"), b"\x80"])
def test_what_is_no_utf8_is_refused(cls: Any, data: bytes) -> None:
    """Bytes that are no UTF-8 are one problem, with its line."""
    with pytest.raises(KINDS[cls]) as caught:
        cls.from_json(data)
    assert caught.value.problems[0].message == "is not UTF-8 text"
    assert caught.value.problems[0].line == 1


@READERS
@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, b"x", object(), {1: 2}, {None: 1}, "\ud800", "\0", 1j, [(1, {2})]],
    ids=shown,
)
def test_data_that_is_no_json_is_refused(cls: Any, value: object) -> None:
    """What comes as Python data keeps to the same rules as text."""
    with pytest.raises(KINDS[cls]):
        cls.from_dict({"x-a": value})
    with pytest.raises(KINDS[cls]):
        cls.from_dict(value)


@READERS
def test_data_within_itself_is_refused(cls: Any) -> None:
    """An object that contains itself is nested too deeply."""
    endless: dict[str, Any] = {}
    endless["x-a"] = endless
    with pytest.raises(KINDS[cls]):
        cls.from_dict(endless)


def test_a_mark_of_byte_order_is_passed_over() -> None:
    """A document that an editor has begun with a byte order mark is read like any other."""
    text = json.dumps(task_document())

    assert Task.from_json("\ufeff" + text) == Task.from_json(("\ufeff" + text).encode()) == Task.from_json(text)


def test_the_limits_are_exact() -> None:
    """As many bytes, levels and keys as the limits say are taken, one more is refused."""
    limits = Limits(bytes=20, depth=3, keys=2)

    assert json_text.read('{"a":[[1]],"b":2}', limits) == {"a": [[1]], "b": 2}
    assert json_text.read(" " * 19 + "1", limits) == 1
    for text in (" " * 20 + "1", '[[[["a"]]]]', "[[[{}]]]", "[1,2,3]", '{"a":1,"b":2,"c":3}'):
        with pytest.raises(InvalidDocument):
            json_text.read(text, limits)


def test_bytes_are_bytes() -> None:
    """The limit on bytes counts those of the encoded text, not its characters."""
    with pytest.raises(InvalidDocument):
        json_text.read('"' + "é" * 15 + '"', Limits(bytes=20))


def test_brackets_in_strings_are_no_depth() -> None:
    """Only brackets of JSON count as levels."""
    text = json.dumps({"a": '[[[["[{{{\\"[[['})

    assert json_text.read(text, Limits(depth=1)) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('{\n"a": 1,\n"b": 2,\n"a": 3}', "a", 4),
        ('{"x": [\n{"a": 1},\n{"b": 1,\n"b": 2}]}', "x[1].b", 4),
        ('{\n"a": NaN}', "", None),
        ('{\n"a": "\\u0000"}', "a", 2),
        ('{\n"a": [1,\n2,\n"\\ud800"]}', "a[2]", 4),
        ('{"a b": {\n"c.d": "\\u0000"}}', '["a b"]["c.d"]', 2),
        ('{"a": "}{,:[\\"",\n"b": {"c": [[], {}, "", [\n"\\u0000"]]}}', "b.c[3][0]", 3),
        ('{"a":\n1 2}', "", 2),
    ],
)
def test_a_problem_is_found_where_it_stands(text: str, path: str, line: int | None) -> None:
    """Each problem of a text has its path, and the line where its key or item begins."""
    assert lines(json_text.read, text) == {path: line}


@pytest.mark.parametrize(
    ("keys", "path"),
    [(["a", 0, "b"], "a[0].b"), (["a.b"], '["a.b"]'), (["a", "b c", 1], 'a["b c"][1]'), (["x-a_B9"], "x-a_B9")],
)
def test_paths_are_unambiguous(keys: list[str | int], path: str) -> None:
    """A key that is no plain word is quoted in a path."""
    found = ""
    for key in keys:
        found = json_text.child(found, key)
    assert found == path


def test_every_member_of_a_text_has_a_position() -> None:
    """The paths of the members come in the order of the text, each with the place of its key or item."""
    text = '{"a": [1, {"b": "x"}, []], "c": {}, "d": [[true]]}'
    found = dict(json_text.positions(text))

    assert list(found) == ["a", "a[0]", "a[1]", "a[1].b", "a[2]", "c", "d", "d[0]", "d[0][0]"]
    assert [text[offset] for offset in found.values()] == ['"', "1", "{", '"', "[", '"', '"', "[", "t"]


def test_secrets_are_not_repeated() -> None:
    """A text that stands where something else was expected is not shown in the message."""
    document = task_document()
    document["task"]["metadata"] = document["task"]["priority"]["score"] = "hunter2-is-my-password"

    assert "hunter2" not in "".join(problems(Task.from_dict, document).values())
