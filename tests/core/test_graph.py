"""Steps and links as numbers: circles, stages, groups, and the quick look at very many links."""

import copy
import pickle
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import CycleError, Link, Step, Workflow
from taskorch.core.graph import Wiring, find_cycle, groups, stages
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.soundness import Parts, Retained, check_links, problems_of

MANY = 100_000
LINKS = st.builds(
    Link,
    st.sampled_from("abcde"),
    st.sampled_from("abcde"),
    type=st.sampled_from(LinkType),
    condition=st.sampled_from(LinkCondition),
)


def events_of(ids: str, links: list[Link]) -> "nx.DiGraph[tuple[str, str]]":
    """The graph of starts and finishes."""
    graph = nx.DiGraph([((id, "start"), (id, "finish")) for id in ids])
    for link in links:
        source = (link.predecessor, "finish" if link.type.from_finish else "start")
        graph.add_edge(source, (link.successor, "start" if link.type.gates_start else "finish"))
    return graph


def chain(closed: bool = False) -> tuple[list[str], list[Link]]:
    """The ids and links of very many steps in a row, or in a circle."""
    ids = [f"s{number}" for number in range(MANY)]
    links = [Link(before, after) for before, after in pairwise(ids)]
    return ids, links + ([Link(ids[-1], ids[0])] if closed else [])


def test_links_are_told_with_the_places_of_their_ends() -> None:
    """``wiring`` gives what ``check`` gives, implied links included, and where each begins and ends."""
    flow = Workflow("w")
    flow.command("true", id="a")
    flow.step(lambda a: a, id="b")
    flow.command("echo {steps.b.output}", id="c", condition="on_success(a)")
    found = flow.wiring()
    ids = list(found.place)

    assert ids == ["a", "b", "c"]
    assert list(zip(found.sources, found.targets, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert [(ids.index(k.predecessor), ids.index(k.successor)) for k in found.links] == [(0, 1), (0, 2), (1, 2)]
    assert (found.is_whole, found.is_plain, found.leads_on) == (True, True, True)
    assert found.links == flow.check() == flow.all_links()


def test_the_wiring_tells_what_kind_it_is() -> None:
    """Links of other types, backward ones and those that lead nowhere show, and the last are passed over."""
    odd = [Link("a", "b", type="start_to_start"), Link("c", "a"), Link("c", "nowhere")]
    found = Wiring.of(["a", "b", "c"], odd)

    assert (found.is_whole, found.is_plain, found.leads_on) == (False, False, False)
    assert (found.links, found.sources, found.targets) == (odd[:2], [0, 2], [1, 0])
    assert found.order() == [2, 0, 1]


def test_ids_that_stand_twice_count_once() -> None:
    """Of a document that is wrong in this way too the circle is found."""
    found = Wiring.of(["a", "a", "b"], [Link("a", "b"), Link("b", "a")])

    assert (found.place, found.is_circular()) == ({"a": 0, "b": 1}, True)
    with pytest.raises(CycleError) as caught:
        Workflow.from_dict(
            {
                "name": "w",
                "steps": [{"id": id, "command": "true"} for id in "aab"],
                "dependencies": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
            }
        )
    assert len(caught.value.problems) == 2


@given(st.lists(LINKS, max_size=8))
def test_circles_are_those_of_events(links: list[Link]) -> None:
    """Links are circular where networkx finds a circle of events, and the circle that is named is one."""
    wiring = Wiring.of("abcde", links)
    events = events_of("abcde", links)
    circular = not nx.is_directed_acyclic_graph(events)
    cycle = find_cycle(wiring)

    assert wiring.is_circular() == circular == bool(cycle)
    pairs = {(link.predecessor, link.successor) for link in links}
    assert pairs >= set(pairwise((*cycle, *cycle[:1])))
    assert len(set(cycle)) == len(cycle)


@given(st.lists(LINKS, max_size=8))
def test_stages_are_the_generations_of_starts(links: list[Link]) -> None:
    """Where no circle is, stages are what networkx makes of the links that gate a start."""
    links = [link for link in links if link.predecessor < link.successor]
    graph = nx.DiGraph((link.predecessor, link.successor) for link in links if link.type.gates_start)
    graph.add_nodes_from("abcde")

    found = stages(Wiring.of("abcde", links))
    assert found == tuple(tuple(sorted(group)) for group in nx.topological_generations(graph))


@given(st.lists(LINKS, max_size=8))
def test_groups_come_after_those_they_wait_for(links: list[Link]) -> None:
    """Steps that wait for one another are a group, and every other link leads from one group to a later one."""
    wiring = Wiring.of("abcde", links)
    graph = nx.DiGraph(zip(wiring.sources, wiring.targets, strict=True))
    graph.add_nodes_from(range(5))
    found = groups(wiring)
    number = {place: number for number, group in enumerate(found) for place in group}

    assert sorted(map(tuple, found)) == sorted(tuple(sorted(c)) for c in nx.strongly_connected_components(graph))
    assert all(number[a] <= number[b] for a, b in zip(wiring.sources, wiring.targets, strict=True))


@given(st.lists(LINKS, max_size=6), st.sampled_from(["abcde", "abcd"]))
def test_the_quick_look_at_all_links_sees_what_each_one_shows(links: list[Link], ids: str) -> None:
    """The problems of links are the same, whether or not a look at all at once has found them plainly well."""
    parts = Parts("dependencies", links)
    retained = Retained(Parts("steps", ids), Parts("steps", []), parts)

    assert list(problems_of(retained, Wiring.of(ids, links))) == list(check_links(parts, ids))


def test_very_many_steps_in_a_row_are_ordered() -> None:
    """A hundred thousand are in as many stages, forward and in a document that runs backward."""
    ids, links = chain()

    for order in (ids, ids[::-1]):
        wiring = Wiring.of(order, links)
        assert not wiring.is_circular()
        assert stages(wiring) == tuple((id,) for id in ids)


def test_a_very_long_circle_is_named() -> None:
    """A circle of a hundred thousand steps is found and told whole."""
    ids, links = chain(closed=True)
    wiring = Wiring.of(ids, links)

    assert wiring.is_circular()
    assert sorted(find_cycle(wiring)) == sorted(ids)


def test_a_step_knows_what_it_names_and_stays_a_value() -> None:
    """What a step has found out about itself is neither compared nor written, and survives copies."""
    step = Step("a", command="echo {steps.b.output}", condition="on_success(c)", map="steps.d.output.files")
    fresh = Step("a", command="echo {steps.b.output}", condition="on_success(c)", map="steps.d.output.files")

    assert step.named_steps == (("condition", "c"), ("map", "d"), ("command", "b"))
    assert step.argv == ("echo", "{steps.b.output}")
    assert (step, step.to_dict(), repr(step)) == (fresh, fresh.to_dict(), repr(fresh))
    for other in (copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        assert (other, other.named_steps, other.argv) == (step, step.named_steps, step.argv)
