"""The join of a step over the ends of its predecessors: always an answer, and the same as peers give to the same."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import LinkCondition, Outcome
from taskorch.core.expressions import parse
from taskorch.core.frontier.ends import MASKS, End
from taskorch.core.outcomes import satisfies
from tests.core.samples import SHARED, needs_shared

SUCCESS, FAILURE, ALWAYS = LinkCondition
Ends = Sequence[tuple[End, LinkCondition]]
CONDITIONS = {
    None: lambda ends: True,
    "always": lambda ends: True,
    "on_success": lambda ends: all(end is End.COMPLETED for end in ends),
    "on_failure": lambda ends: any(end in (End.FAILED, End.ALLOWED) for end in ends),
    "on_skip": lambda ends: any(end is End.SKIPPED for end in ends),
    "on_complete": lambda ends: True,
}  # type: dict[str | None, Callable[[Iterable[End]], bool]]


def satisfied(end: End, link: LinkCondition) -> bool:
    """Whether one predecessor's end satisfies its link, by the table of outcomes."""
    return satisfies(end.outcome, link, allowed=end is End.ALLOWED)


def join(ends: Ends, condition: str | None = None) -> Outcome | None:
    """None if a step starts whose links were settled so, else how it ends instead; all predecessors are named."""
    if condition != "always" and not all(satisfied(*each) for each in ends):
        return Outcome.OMITTED
    if condition in (None, "always"):
        return None
    named = {f"s{number}": end.outcome for number, (end, _) in enumerate(ends)}
    return parse(f"{condition}({', '.join(named)})").verdict(named.__getitem__)


@given(st.lists(st.tuples(st.sampled_from(End), st.sampled_from(LinkCondition)), min_size=1, max_size=6), st.data())
def test_a_join_is_a_total_function_over_multisets(ends: list[tuple[End, LinkCondition]], data: st.DataObject) -> None:
    """Whatever the ends, a step runs or is omitted, and their order does not matter; only own data can skip it."""
    condition = data.draw(st.sampled_from(sorted(CONDITIONS, key=str)))
    shuffled = data.draw(st.permutations(ends))
    runs = CONDITIONS[condition]([end for end, _ in ends]) and (
        condition == "always" or all(satisfied(*each) for each in ends)
    )

    assert join(ends, condition) is (None if runs else Outcome.OMITTED)
    assert join(shuffled, condition) is join(ends, condition)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("link", list(LinkCondition))
def test_the_plan_decides_as_the_table_does(size: int, link: LinkCondition) -> None:
    """The masks of a plan, bit by bit over every multiset of ends, are the table of outcomes."""
    for ends in combinations_with_replacement(End, size):
        by_mask = all(MASKS[link] >> end & 1 for end in ends)
        for order in permutations(ends):
            assert (join([(end, link) for end in order]) is None) is by_mask


def test_one_more_satisfied_link_changes_nothing() -> None:
    """A join is as strict as its links: one that is satisfied neither starts a step nor keeps it from starting."""
    links = [(end, link) for end in End for link in LinkCondition]
    satisfied_links = [each for each in links if satisfied(*each)]

    assert len(satisfied_links) == 12
    assert all(join([one, other]) is join([one]) for one in links for other in satisfied_links)


# --- peers ---------------------------------------------------------------------------------------------------

AIRFLOW = {"success": End.COMPLETED, "failed": End.FAILED, "upstream_failed": End.OMITTED}
RULES = {"all_success": SUCCESS, "all_done": ALWAYS, "all_failed": FAILURE}


@cache
def known(name: str) -> dict[str, Any]:
    """A file of answers known from outside."""
    data: dict[str, Any] = json.loads((SHARED / "data" / "conditions" / name).read_text(encoding="utf-8"))
    return data


def rows_of_airflow() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Rule, upstream and result of the rows whose meaning is ours: all finished, none skipped or removed."""
    table = known("airflow_trigger_rules.json")
    for row in [*table["grid"], *(test for test in table["tests"] if test["counts_consistent"])]:
        rule, upstream = row["trigger_rule"], row["upstream"]
        same = set(AIRFLOW) - ({"upstream_failed"} if rule == "all_failed" else set())
        if rule in RULES and upstream and set(upstream) <= same:
            yield rule, tuple(upstream), row["result"]


@needs_shared
def test_joins_decide_as_airflow_where_the_meaning_is_the_same() -> None:
    """Links that are all ``success``, ``always`` or ``failure`` are all_success, all_done and all_failed."""
    rows = list(rows_of_airflow())
    answers = {None: {"runs"}, Outcome.OMITTED: {"skipped", "upstream_failed"}}

    assert {rule: sum(1 for row in rows if row[0] == rule) for rule in RULES} == {
        "all_success": 21, "all_done": 20, "all_failed": 11,
    }  # fmt: skip
    for rule, upstream, result in rows:
        ends = [(AIRFLOW[state], RULES[rule]) for state in upstream]
        assert result in answers[join(ends)], (rule, upstream)


@needs_shared
@pytest.mark.parametrize(("rule", "condition"), [("none_failed", None), ("all_success", "on_success")])
def test_joins_with_skipped_predecessors_have_their_rules_in_airflow(rule: str, condition: str | None) -> None:
    """The default link is none_failed, for a skip is settled; ``on_success`` is all_success, a skip included."""
    states = {**AIRFLOW, "skipped": End.SKIPPED}
    rows = [row for row in known("airflow_trigger_rules.json")["grid"] if row["trigger_rule"] == rule]
    finished = [row for row in rows if set(row["upstream"]) <= set(states)]

    assert len(finished) == 34
    for row in finished:
        ends = [(states[state], SUCCESS) for state in row["upstream"]]
        assert (join(ends, condition) is None) is (row["result"] == "runs"), row["upstream"]


ARGO = {
    "Succeeded": End.COMPLETED, "Skipped": End.SKIPPED, "Failed": End.FAILED, "Errored": End.FAILED,
    "Omitted": End.OMITTED,
}  # fmt: skip
ACTIONS = {"success": End.COMPLETED, "failure": End.FAILED, "skipped": End.SKIPPED}
GITLAB = {"success": End.COMPLETED, "failed": End.FAILED, "failed, allow_failure": End.ALLOWED}
PEERS: dict[tuple[str, str], tuple[dict[str, End], LinkCondition]] = {
    ("argo", "depends: A  (== dependencies: [A])"): (ARGO, SUCCESS),
    ("argo", "depends: A.Failed"): (ARGO, FAILURE),
    ("github_actions", "needs: A (no if)"): (ACTIONS, SUCCESS),
    ("github_actions", "needs: A, if: always()"): (ACTIONS, ALWAYS),
    ("github_actions", "needs: A, if: failure()"): (ACTIONS, FAILURE),
    ("gitlab_ci", "when: on_success (jobs of earlier stages)"): (GITLAB, SUCCESS),
    ("gitlab_ci", "when: on_failure (jobs of earlier stages)"): (GITLAB, FAILURE),
    ("gitlab_ci", "when: always (jobs of earlier stages)"): (GITLAB, ALWAYS),
}


DIFFERING = {
    ("argo", "depends: A.Failed", "Errored"),  # for us an error is a failure
    ("github_actions", "needs: A (no if)", "skipped"),  # for us what was skipped by its own data is settled
}


@needs_shared
def test_joins_differ_from_peers_only_where_the_docs_say_so() -> None:
    """One link beside the rule of Argo, GitHub Actions or GitLab that is nearest: the same but for our choices."""
    compared, differing = 0, set()
    for row in known("peers.json")["rows"]:
        ends, link = PEERS.get((row["peer"], row["rule"]), ({}, SUCCESS))
        (upstream, *more) = row["upstream"]
        if upstream in ends and not more:
            compared += 1
            if (join([(ends[upstream], link)]) is None) is not (row["result"] == "runs"):
                differing.add((row["peer"], row["rule"], upstream))

    assert compared == 25
    assert differing == DIFFERING
