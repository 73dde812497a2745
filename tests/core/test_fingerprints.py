"""The fingerprint of a workflow is that of all it says now, and the same in every version."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import Step, Workflow
from taskorch.core import fingerprints
from taskorch.core.copies import changed
from taskorch.core.fingerprints import fingerprint
from taskorch.core.members import member
from taskorch.core.step import Link


def one() -> int:
    """Give 1."""
    return 1


def two(first: int) -> int:
    """Give twice what comes in."""
    return 2 * first


one.__module__ = two.__module__ = "host"  # it is hashed, and tests are found under several names

DOCUMENT: dict[str, Any] = {
    "workflow": {
        "name": "nightly",
        "x-team": {"name": "data", "pager": [1, 2]},
        "steps": [
            {"id": "a", "command": "true", "environment": {"LEVEL": "1"}, "x-note": ["first"]},
            {"id": "b", "command": ["echo", "{a.output}"], "retries": 2, "timeout": 1500, "name": "Say"},
        ],
        "dependencies": [{"from": "a", "to": "b", "lag": 250, "x-why": {"since": 3}}],
    },
    "context": {"region": {"name": "north"}},
    "parameters": {"level": [1]},
}
"""A document with members at every place where they may be."""


def read() -> Workflow:
    """The workflow of the document, on its own."""
    return Workflow.from_dict(json.loads(json.dumps(DOCUMENT)))


def built() -> Workflow:
    """A workflow of functions."""
    flow = Workflow("w", timeout=60)
    flow.step(one, id="a", inline=True)
    flow.step(two, id="b", inline=True, inputs={"first": "a"})
    flow.step(one, id="c", inline=True, after="a", timeout=3, allow_failure=True)
    return flow


def plain() -> Workflow:
    """A workflow of which nothing can be changed in place but its lists."""
    flow = Workflow("w")
    flow.step(one, id="a", inline=True)
    flow.step(one, id="b", inline=True, after="a", timeout=3)
    return flow


def expected(flow: Workflow) -> str:
    """The hash of all that the workflow says."""
    text = json.dumps(flow.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "1:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("make", "mark"),
    [
        (read, "1:118f7d1914065542b008038e390ec96f41c82a0d33a15a4e314c306f5c17bc75"),
        (built, "1:532be6a14dcf849fae66c740f02d9d1a61f87d6399b9fae70d460505ff0b7ce7"),
        (plain, "1:843b71a9dda5d825327006b904dab914f3dc755f756394d45445b3c26eb6e7c5"),
    ],
)
def test_runs_of_earlier_versions_still_match(make: Callable[[], Workflow], mark: str) -> None:
    """These texts are recorded in stores: they never change."""
    flow = make()

    assert [fingerprint(flow), fingerprint(flow), expected(flow)] == [mark] * 3


CHANGES: dict[str, tuple[Callable[[], Workflow], Callable[[Any], object]]] = {  # Any: some reach into what is frozen
    "a step more": (plain, lambda flow: flow.step(one, id="c", inline=True)),
    "a link more": (plain, lambda flow: flow.link("a", "b", type="start_to_start")),
    "no links": (plain, lambda flow: flow.links.clear()),
    "another step": (plain, lambda flow: flow.steps.__setitem__(0, attrs.evolve(flow.steps[0], timeout=5))),
    "another order": (plain, lambda flow: flow.steps.reverse()),
    "other inputs": (built, lambda flow: flow.steps[1].body.inputs.update(second="c")),
    "the environment of a step": (read, lambda flow: flow.steps[0].environment.update(LEVEL="2")),
    "an extension of a step": (read, lambda flow: flow.steps[0].extensions["x-note"].append("second")),
    "an extension of a link": (read, lambda flow: flow.links[0].extensions["x-why"].update(since=4)),
    "an extension of the workflow": (read, lambda flow: flow.extensions["x-team"]["pager"].append(3)),
    "the context": (read, lambda flow: flow.context["region"].update(name="south")),
    "a parameter": (read, lambda flow: flow.parameters["level"].append(2)),
}


@pytest.mark.parametrize(("make", "change"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_has_another_one(make: Callable[[], Workflow], change: Callable[[Any], object]) -> None:
    """Whatever was added, replaced or changed in place since it was asked for the last time."""
    flow = make()
    before = [fingerprint(flow), fingerprint(flow)]
    change(flow)

    assert fingerprint(flow) not in before
    assert fingerprint(flow) == expected(flow)


def test_it_is_kept_where_nothing_can_change_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further run of the same workflow does not write all its steps again; a run of a copy does."""
    flow = plain()
    mark = fingerprint(flow)
    asked: list[object] = []
    write = fingerprints._text_of_steps

    def noted(steps: Sequence[Step]) -> tuple[str, bool]:
        asked.extend(steps)
        return write(steps)

    monkeypatch.setattr(fingerprints, "_text_of_steps", noted)
    assert fingerprint(flow) == mark
    assert not asked
    assert fingerprint(attrs.evolve(flow)) == mark
    assert set(map(id, asked)) >= set(map(id, flow.steps))


@attrs.frozen
class Noted(Step):
    """A step of a host's own, with a member more."""

    note: list[str] = member(factory=list)


def test_steps_of_a_class_of_their_own_count_with_all_they_say() -> None:
    """Their further members are hashed too, and looked at each time."""
    flow, note = Workflow("w"), ["first"]
    flow.add(Noted("a", note=note))
    before = fingerprint(flow)
    assert before == expected(flow)

    note.append("second")
    assert before != fingerprint(flow) == expected(flow)


def test_other_data_may_look_like_steps_and_links() -> None:
    """Whatever a context holds, steps are written where steps belong."""
    flow = plain()
    alike = changed(flow, context={"a": {"id": "here"}, "b": {"from": "here", "to": "there"}})
    for each in (alike, changed(alike, steps=[], links=[])):
        assert fingerprint(each) == expected(each)


TEXTS = st.text(st.sampled_from('aé"\\\n\u2028'), max_size=4)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {  # Any: as Step takes it
    "timeout": st.integers(1, 9),
    "name": TEXTS,
    "allow_failure": st.booleans(),
    "environment": st.dictionaries(st.sampled_from(["A", "B"]), st.sampled_from(["é", '"', ""])),
    "description": TEXTS,
    "extensions": st.dictionaries(st.sampled_from(["x", "x-é"]), st.sampled_from([1, [2], {"id": "here"}, None])),
}
IDS = st.lists(st.text(st.sampled_from("aB_0"), min_size=1, max_size=4), unique=True, max_size=4)


@given(IDS, st.data())
def test_it_is_the_hash_of_the_whole_document(ids: list[str], data: st.DataObject) -> None:
    """Whatever steps and links hold: what has a short way is written as all else is."""
    flow = Workflow("w", extensions=data.draw(st.sampled_from([{}, {"x": {"id": "here"}}, {"x-y": {"to": 1}}])))
    for number, id in enumerate(["s0", *ids]):
        chosen = data.draw(st.sets(st.sampled_from([*OPTIONS])))
        options: dict[str, Any] = {key: data.draw(OPTIONS[key], key) for key in sorted(chosen)}  # Any: as above
        body = data.draw(st.sampled_from([None, *(step.body for step in built().steps)]), "body")
        flow.add(Step(id, body=body, **options))
        for before in ["s0", *ids][:number]:
            if data.draw(st.booleans(), "link"):
                lag = data.draw(st.sampled_from([0, 3]), "lag")
                flow.link(before, id, lag=lag) if lag else flow.links.append(Link(before, id))
    kept = Workflow.from_dict(flow.to_dict()) if data.draw(st.booleans(), "read") else flow

    assert [fingerprint(kept), fingerprint(kept)] == [expected(kept)] * 2
