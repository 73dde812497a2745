"""Real graphs: every one is read and written back, and their stages and critical paths are as known from outside."""

import json
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import CycleError, Workflow
from tests.core.samples import SHARED, flow_of, load, needs_shared, ordered

DATA = SHARED / "data"
FOLDERS = ("pipelines", "wfinstances", "psplib/max_ubo10")
FILES = sorted(path for folder in FOLDERS for path in (DATA / folder).glob("*.json"))
SOUND = [path for path in FILES if not path.name.startswith("CYCLIC")]
CIRCULAR = [path for path in FILES if path.name.startswith("CYCLIC")]
FS, SS, FF, SF = "finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"


def name(path: Path) -> str:
    """The name of a file without its endings."""
    return path.name.split(".")[0]


@cache
def flow(path: Path) -> Workflow:
    """The workflow of a file."""
    return Workflow.from_json(path.read_bytes())


@needs_shared
def test_the_files_are_all_there() -> None:
    """Five pipelines, six recorded workflows and ninety instances are tested."""
    assert [len([f for f in FILES if f.is_relative_to(DATA / folder)]) for folder in FOLDERS] == [5, 6, 90]
    assert len(CIRCULAR) == 2


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_a_real_workflow_round_trips(path: Path) -> None:
    """A real document is written back as it was, key by key in its order."""
    document = json.loads(path.read_text(encoding="utf-8"))
    written = flow(path).to_dict()

    assert written == document
    assert ordered(written) == ordered(document)


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_stages_keep_the_order_of_the_links(path: Path) -> None:
    """Every step stands in one stage, after those its start waits for, and as early as they allow."""
    stages = flow(path).stages()
    place = {id: number for number, stage in enumerate(stages) for id in stage}
    gates = [link for link in flow(path).all_links() if link.type.gates_start]

    assert sum(map(len, stages)) == len(place) == len(flow(path).steps)
    for id, number in place.items():
        assert number == max((place[link.predecessor] + 1 for link in gates if link.successor == id), default=0)


@pytest.mark.parametrize("path", CIRCULAR, ids=name)
def test_a_circle_is_refused_with_its_steps(path: Path) -> None:
    """The instances that are known to be circular raise ``CycleError`` with a circle that is one."""
    document = json.loads(path.read_text(encoding="utf-8"))["workflow"]
    links = {(link["from"], link["to"]) for link in document["dependencies"]}

    with pytest.raises(CycleError) as caught:
        Workflow.from_json(path.read_bytes())
    found = caught.value.cycle
    assert len(found) > 1
    assert all(pair in links for pair in zip(found, (*found[1:], found[0]), strict=True))


@needs_shared
@pytest.mark.parametrize("path", [path for path in SOUND if path.parent.name == "wfinstances"], ids=name)
def test_the_critical_path_of_a_recording_is_its_longest_chain(path: Path) -> None:
    """With plain links only, the path's steps follow one another, and their estimates add up to its duration."""
    found = flow(path).critical_path()
    links = {(link.predecessor, link.successor) for link in flow(path).all_links()}
    lengths = {step.id: step.estimated_duration or timedelta(0) for step in flow(path).steps}

    assert all(pair in links for pair in pairwise(found.steps))
    assert abs(sum((lengths[id] for id in found.steps), timedelta(0)) - found.duration) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("type", "lag", "seconds"),
    [(FS, 0, 5), (SS, 0, 3), (FF, 0, 3), (SF, 0, 3), (FS, 4, 9), (SS, 4, 7), (FF, 4, 6), (SF, 4, 4), (SF, 1, 3)],
)
def test_types_and_lags_make_the_critical_path(type: str, lag: float, seconds: float) -> None:
    """A takes 2 s, B takes 3 s: the path follows what of B waits for what of A, and for how long."""
    document = flow_of("a", "b", links=(("a", "b", type),))
    document["steps"][0]["estimatedDuration"], document["steps"][1]["estimatedDuration"] = 2000, 3000
    document["dependencies"][0]["lag"] = lag * 1000

    assert Workflow.from_dict(document).critical_path().duration == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("links", "stages"),
    [
        ((("a", "b", SS),), (("a", "c"), ("b",))),
        ((("a", "b", FF),), (("a", "b", "c"),)),
        ((("a", "b", SF),), (("a", "b", "c"),)),
        ((("c", "a"), ("a", "b")), (("c",), ("a",), ("b",))),
    ],
)
def test_only_gates_of_the_start_make_stages(
    links: tuple[tuple[str, ...], ...], stages: tuple[tuple[str, ...], ...]
) -> None:
    """Links to a finish do not put off a start; within a stage the order is the document's."""
    assert load("a", "b", "c", links=links).stages() == stages


def test_nothing_takes_no_time() -> None:
    """A workflow without steps has no stages and an empty path; without estimates a path takes no time."""
    assert (load().stages(), load().critical_path().duration, load().critical_path().steps) == ((), timedelta(0), ())
    assert load("a", "b", links=(("a", "b"),)).critical_path().duration == timedelta(0)


@given(st.data())
def test_any_graph_without_circles_is_staged(data: st.DataObject) -> None:
    """Links from earlier to later steps never form a circle; turning one chain around always does."""
    count = data.draw(st.integers(2, 8))
    ids = [f"s{number}" for number in range(count)]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = data.draw(st.sets(st.sampled_from(pairs), min_size=1))
    types = st.sampled_from([FS, SS, FF, SF])
    links = tuple((ids[a], ids[b], data.draw(types)) for a, b in sorted(chosen))
    flow = load(*data.draw(st.permutations(ids)), links=links)

    assert sorted(id for stage in flow.stages() for id in stage) == ids
    a, b, _ = links[0]
    with pytest.raises(CycleError) as caught:
        load(*ids, links=((a, b, FS), (b, a, FS)))
    assert set(caught.value.cycle) == {a, b}
