"""Routing: from what somebody asks for, in French or English, to the one call that does it, or to a question."""

import re
import string
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import CallerError, NotText, TextTooLong, route
from taskorch.core import routing
from taskorch.core.routing import _ELIDED, LONGEST_TEXT, SURE
from taskorch.core.vocabulary import CALLS, ENGLISH_VERBS, FRENCH_VERBS, IRREGULAR, KEYWORDS, PENDING, SYNONYMS
from tests.core.samples import SHARED, needs_shared

DOMAINS = {
    "Queue Management": "queue",
    "State Machine": "state-machine",
    "Execution": "execution",
    "Tracking": "tracking",
}
DOMAIN_ROW = re.compile(r"^\| \**(?P<name>[^|*]+?)\** \| [^|]+ \| (?P<agents>\d+) \|$", re.MULTILINE)
PHRASES = sorted(text for table in (KEYWORDS, SYNONYMS) for texts in table.values() for text in texts)
ROW = re.compile(r"^\| (?P<words>[^|]+?) \| `?(?P<agent>[\w-]+/[\w-]+)`? \|$", re.MULTILINE)


def bare(text: str) -> str:
    """A text without its accents."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def entries(table: Any) -> list[tuple[str, str]]:
    """The agent and text of every entry."""
    return [(agent, text) for agent, texts in table.items() for text in texts]


# --- the tables --------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("number", [0, 1])
def test_the_keywords_are_those_of_the_documents(number: int) -> None:
    """All four tables of D0/D1, sixteen agents with every keyword, stand in ``KEYWORDS`` in their order."""
    (path,) = SHARED.glob(f"documents/00{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    routing = text[text.index("Routing\n") : text.index("Workflow Principal")]
    rows = {row["agent"]: tuple(word.strip() for word in row["words"].split(",")) for row in ROW.finditer(routing)}

    assert len(rows) == 16
    assert list(rows.items()) == list(KEYWORDS.items())
    assert {agent.partition("/")[0] for agent in rows} == set(DOMAINS.values())
    assert all(heading in routing for heading in DOMAINS)


@needs_shared
@pytest.mark.parametrize("number", [0, 1])
def test_the_domains_are_those_of_the_documents(number: int) -> None:
    """The table of the four domains tells how many agents each has: as many as the tables here, sixteen in all."""
    (path,) = SHARED.glob(f"documents/00{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    part = text[text.index("Domaines d'Expertise") : text.index("Routing\n")]
    rows = {row["name"]: int(row["agents"]) for row in DOMAIN_ROW.finditer(part)}
    names = [title.removesuffix(" Management") for title in DOMAINS]  # D0 calls it Queue here, and so below
    counted = Counter(agent.partition("/")[0] for agent in KEYWORDS)

    assert list(rows) == names == ["Queue", "State Machine", "Execution", "Tracking"]
    assert list(rows.values()) == [counted[domain] for domain in DOMAINS.values()] == [4] * 4
    assert f"Total : {sum(rows.values())} agents spécialisés" in part
    assert sum(rows.values()) == len(KEYWORDS)


def test_every_table_is_about_the_sixteen_agents() -> None:
    """Synonyms and calls are given for each agent, and for no other; what is pending is one of them."""
    assert list(SYNONYMS) == list(KEYWORDS) == list(CALLS)
    assert set(PENDING) <= set(CALLS)


def test_no_phrase_stands_twice() -> None:
    """A phrase means one agent."""
    assert len(PHRASES) == len(set(PHRASES))


def test_what_is_said_of_words_is_said_of_words_in_the_tables() -> None:
    """Verbs and irregular forms are of words that the tables use."""
    words = {word for phrase in PHRASES for word in re.findall(r"\w+", phrase)}

    assert FRENCH_VERBS | ENGLISH_VERBS | set(IRREGULAR) <= words


@pytest.mark.parametrize(("agent", "text"), entries(KEYWORDS), ids=lambda value: value)
def test_every_keyword_leads_to_its_agent(agent: str, text: str) -> None:
    """A keyword by itself names its agent, its domain and its call, beyond doubt."""
    found = route(text)

    assert (found.agent, found.domain, found.call) == (agent, agent.partition("/")[0], CALLS[agent])
    assert (found.matched, found.confidence, found.is_ambiguous) == ((text,), 1, False)


@pytest.mark.parametrize(("agent", "text"), entries(SYNONYMS), ids=lambda value: value)
@pytest.mark.parametrize("between", ["", "la", "the old one"], ids=range(3))
def test_every_synonym_leads_to_its_agent(agent: str, text: str, between: str) -> None:
    """What people say instead leads to the agent too, whatever few words stand in a gap."""
    found = route(text.replace("…", between))

    if text == "resume":  # or *résumé* without its accents
        assert {each.agent for each in found.candidates} == {
            "state-machine/blocker-handler",
            "tracking/report-generator",
        }
        assert found.agent is None
    else:
        assert found.agent == agent


# --- how words are found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("Mettre la tâche en attente", "state-machine/blocker-handler"),
        ("mets la tâche du client en attente !", "state-machine/blocker-handler"),
        ("file d'attente", "queue/queue-manager"),
        ("la file d\u2019attente", "queue/queue-manager"),
        ("les FILES D'ATTENTE sont pleines", "queue/queue-manager"),
        ("mettre en file d'attente", "queue/queue-manager"),
        ("queues", "queue/queue-manager"),
        ("queued", "queue/queue-manager"),
        ("combien de temps reste-t-il ?", "queue/sla-tracker"),
        ("How long do we have left?", "queue/sla-tracker"),
        ("who changed this task?", "tracking/audit-logger"),
        ("qu'est-ce que dit l'historique ?", "tracking/audit-logger"),
        ("pourquoi la tâche a-t-elle échoué ?", "execution/error-handler"),
        ("why did it fail", "execution/error-handler"),
        ("échecs", "execution/error-handler"),
        ("retries", "execution/error-handler"),
        ("run these in parallel", "execution/parallel-executor"),
        ("lance les tâches en même temps", "execution/parallel-executor"),
        ("concurrentes", "execution/parallel-executor"),
        ("exécutez-la", "execution/task-dispatcher"),
        ("lançons", "execution/task-dispatcher"),
        ("started", "execution/task-dispatcher"),
        ("la métrique", "tracking/metrics-collector"),
        ("KPIs", "tracking/metrics-collector"),
        ("une stat", "tracking/metrics-collector"),
        ("la tâche en attente", "queue/queue-manager"),
        ("les tâches en attente", "queue/queue-manager"),
        ("l'état", "state-machine/state-controller"),
        ("statuses", "state-machine/state-controller"),
        ("bloqué", "state-machine/blocker-handler"),
        ("Bloquées", "state-machine/blocker-handler"),
        ("bloquant", "state-machine/blocker-handler"),
        ("débloquons", "state-machine/blocker-handler"),
        ("on_hold", "state-machine/blocker-handler"),
        ("held", "state-machine/blocker-handler"),
        ("roll-back", "state-machine/rollback-manager"),
        ("annulée", "state-machine/rollback-manager"),
        ("cancelled", "state-machine/rollback-manager"),
        ("workflows", "state-machine/workflow-engine"),
        ("flows", "state-machine/workflow-engine"),
        ("work\u2011flow", "state-machine/workflow-engine"),
        ("où en est-on ?", "tracking/progress-tracker"),
        ("summaries", "tracking/report-generator"),
        ("q\u00adu\u200beue", "queue/queue-manager"),
        ("\uff31\uff35\uff25\uff35\uff25", "queue/queue-manager"),
        ("la tâche est en attente", "state-machine/blocker-handler"),
        ("les tâches étaient encore en attente", "state-machine/blocker-handler"),
        ("blocking", "state-machine/blocker-handler"),
        ("rolled back", "state-machine/rollback-manager"),
        ("rolling back", "state-machine/rollback-manager"),
        ("suivre la tâche", "tracking/progress-tracker"),
        ("où en sont les tâches", "tracking/progress-tracker"),
        ("parallelism", "execution/parallel-executor"),
        ("parallélisme", "execution/parallel-executor"),
        ("concurrency", "execution/parallel-executor"),
        ("completed", "execution/result-collector"),
    ],
)
def test_usual_forms_and_phrases(text: str, agent: str) -> None:
    """Plurals, verb forms, elisions, both apostrophes, hyphens and everyday phrases are understood."""
    assert route(text).agent == agent


@pytest.mark.parametrize(
    "text",
    ["catalogue", "blog", "overflow", "holder", "restart", "slap", "estate", "auditorium", "progressiste", "asyncio",
     "charger", "file", "attente", "", " ", "…", "'", "-", "tâche", "\0", "\udcff", "日本語", "d' l' -t-"],
)  # fmt: skip
def test_parts_of_words_do_not_match(text: str) -> None:
    """A keyword inside another word is none, and neither is half of a phrase."""
    found = route(text)

    assert (found.agent, found.domain, found.call, found.matched, found.confidence) == (None, None, None, (), 0)
    assert (found.candidates, found.is_ambiguous) == ((), False)


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("chargé de projet", None),
        ("la charge", "queue/capacity-monitor"),
        ("faire un résumé", "tracking/report-generator"),
        ("un re\u0301sume\u0301", "tracking/report-generator"),
        ("RÉSUMÉ", "tracking/report-generator"),
        ("resumé", "tracking/report-generator"),
        ("resume", None),
        ("reporté", None),
        ("tracé", None),
        ("quéue", None),
        ("Echéance", "queue/sla-tracker"),
        ("ETAT", "state-machine/state-controller"),
        ("lançons-la", "execution/task-dispatcher"),
        ("lancons-la", "execution/task-dispatcher"),
        ("exécutées", "execution/task-dispatcher"),
        ("dé-bloquée", "state-machine/blocker-handler"),
        ("de-bloquée", "state-machine/blocker-handler"),
        ("work-flów", None),
        ("métriqúes", None),
    ],
)
def test_accents_may_be_left_out_but_not_put_in(text: str, agent: str | None) -> None:
    """A word may lack accents of a keyword, and has none where the keyword has none: *chargé* is no *charge*."""
    assert route(text).agent == agent


@pytest.mark.parametrize("word", sorted(_ELIDED))
def test_what_is_elided_is_no_word(word: str) -> None:
    """What is left of a word before an apostrophe does not count in a gap."""
    assert route(f"mettre {word}'a b x y en attente").agent == "state-machine/blocker-handler"


def test_the_elided_words_are_those_of_french() -> None:
    """All French words that lose their vowel before another are known as such."""
    assert {"c", "d", "j", "l", "m", "n", "s", "t", "qu", "lorsqu", "puisqu", "jusqu"} == _ELIDED


def test_a_keyword_goes_before_a_synonym(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a keyword of D0 and a synonym of another agent are the same word, the keyword has it."""
    for keyword, synonym in permutations(("queue/queue-manager", "tracking/audit-logger")):
        with monkeypatch.context() as patched:
            patched.setattr(routing, "KEYWORDS", dict.fromkeys(KEYWORDS, ()) | {keyword: ("zork",)})
            patched.setattr(routing, "SYNONYMS", {synonym: ("zork",)})
            routing._vocabulary.cache_clear()
            assert [each.agent for each in route("zork").candidates] == [keyword]
    routing._vocabulary.cache_clear()


def test_the_longer_match_has_the_word() -> None:
    """A word belongs to the longest phrase it stands in, and to no other besides."""
    assert route("workflow").matched == ("workflow",)
    assert route("file d'attente").matched == ("file d'attente",)
    assert route("run the task in parallel").matched == ("run … in parallel",)
    assert route("prochaine étape").matched == ("prochaine étape",)


def test_a_gap_has_its_bounds() -> None:
    """A gap is of four words at most, and what stands behind it must follow."""
    assert route("mettre a b x y en attente").agent == "state-machine/blocker-handler"
    assert route("mettre a b x y z en attente").agent is None
    assert route("en attente mettre").agent is None


# --- ambiguity -----------------------------------------------------------------------------------------------------


def test_ambiguity_is_reported() -> None:
    """Where two agents are meant equally well none is named, and both are told with what speaks for them."""
    found = route("l'état de la queue")

    assert (found.agent, found.call, found.domain, found.confidence) == (None, None, None, 0.5)
    assert found.is_ambiguous
    assert [(each.agent, each.call, each.matched, each.share) for each in found.candidates] == [
        ("queue/queue-manager", "taskorch.QueueEngine.push", ("queue",), 0.5),
        ("state-machine/state-controller", "taskorch.advance", ("état",), 0.5),
    ]


def test_the_domain_is_told_where_the_candidates_share_it() -> None:
    """Two agents of one domain leave the agent open, not the domain."""
    found = route("priorité de la queue")

    assert (found.agent, found.domain) == (None, "queue")


def test_confidence_is_the_share_of_the_matched_phrases() -> None:
    """The confidence is the agent's share of the matched phrases; an agent is named from ``SURE`` on."""
    found = route("SLA breach in the queue")

    assert (found.agent, found.confidence) == ("queue/sla-tracker", pytest.approx(2 / 3))
    assert found.matched == ("SLA", "breach", "queue")
    assert route("SLA breach, queue, status").agent is None
    assert SURE == 0.6


@pytest.mark.parametrize("agent", KEYWORDS)
def test_two_keywords_of_two_agents_are_never_a_guess(agent: str) -> None:
    """One keyword of one agent beside one of another is ambiguous, whatever the order and however long either is."""
    ours, theirs = KEYWORDS[agent], [text for other, texts in KEYWORDS.items() if other != agent for text in texts]
    for one, other in product(ours, theirs):
        for text in (f"{one} {other}", f"{other}: {one}", f"la {one} de la {other}", f"the {other} of the {one}"):
            found = route(text)
            assert found.is_ambiguous, text
            assert (found.confidence, set(found.matched)) == (0.5, {one, other})


@pytest.mark.parametrize(
    "text",
    [
        "la priorité de la file d'attente",
        "annuler la mise en attente",
        "SLA : combien de place ?",
        "who changed the status?",
    ],
)
def test_a_phrase_of_many_words_has_one_vote(text: str) -> None:
    """A phrase weighs as much as a word: what is said at greater length is not truer."""
    found = route(text)

    assert (found.is_ambiguous, found.confidence) == (True, 0.5)


def test_a_phrase_keeps_the_words_of_others_in_it() -> None:
    """A word inside a longer phrase is no vote for another agent: no *étape* by itself is asked for here."""
    assert route("la prochaine étape").matched == ("prochaine étape",)
    assert route("mettre la tâche en file d'attente").matched == ("file d'attente",)


def test_three_words_in_five_are_enough() -> None:
    """A share of exactly ``SURE`` names the agent, one of four in seven does not."""
    enough = route("SLA, breach, délai; queue, status")

    assert (enough.agent, enough.confidence) == ("queue/sla-tracker", 0.6)
    assert route("SLA, breach, délai, deadline; queue, status, audit").confidence == pytest.approx(4 / 7)
    assert route("SLA, breach, délai, deadline; queue, status, audit").agent is None


def test_what_is_said_twice_is_not_twice_as_true() -> None:
    """The same keyword counts once, in whatever form it is repeated."""
    assert route("queue queues QUEUE status").confidence == 0.5


def test_near_words_are_suggested() -> None:
    """Where nothing matches, keywords near to what was said are suggested, three at most."""
    assert route("anulé").suggestions == ("annuler",)
    assert route("worklfow").suggestions == ("workflow",)
    assert route("zzz").suggestions == ()
    assert route("la tâche").suggestions == route("taches").suggestions == ()  # no slip of *trace*
    assert len(route("anulé worklfow rolback metriqes").suggestions) == 3
    assert route("queue worklfow").suggestions == ()


# --- laws ----------------------------------------------------------------------------------------------------------

FILLER = ["la", "the", "tâche", "client", "catalogue", "en", "de", "it", "task", "zzz"]
WORDS = st.sampled_from(sorted({word for phrase in PHRASES for word in re.findall(r"[\w']+", phrase)} | set(FILLER)))
ASKED = st.lists(st.one_of(st.sampled_from(PHRASES), WORDS), max_size=6).map(" ".join)
AROUND = st.text(string.punctuation + string.whitespace + "«»…“”\u2019¿¡–—", max_size=5)


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_gets_an_answer(text: str) -> None:
    """No text raises anything, and every answer is coherent."""
    found = route(text)

    assert (found.agent is None) is (found.call is None) is (found.confidence < SURE)
    assert sum(each.share for each in found.candidates) == pytest.approx(1 if found.candidates else 0)
    assert list(found.candidates) == sorted(found.candidates, key=lambda each: -each.share)


@given(ASKED, AROUND, AROUND)
def test_punctuation_around_a_text_changes_nothing(text: str, before: str, after: str) -> None:
    """Punctuation and space around a text do not change its answer."""
    assert route(before + text + after) == route(text)


@given(ASKED)
def test_accents_written_apart_change_nothing(text: str) -> None:
    """A text with its accents written apart has the same answer."""
    assert route(unicodedata.normalize("NFD", text)) == route(text)


@given(ASKED | st.text(max_size=50))
def test_a_text_without_its_accents_is_still_matched(text: str) -> None:
    """Leaving out the accents never loses a match: where something was matched, something still is."""
    assert bool(route(bare(text)).matched) or not route(text).matched


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_without_its_accents_means_the_same(phrase: str) -> None:
    """Leaving out the accents of a phrase never loses its agent, though another may come to it."""
    agents = {each.agent for each in route(phrase).candidates}

    assert agents
    assert agents <= {each.agent for each in route(bare(phrase)).candidates}


@pytest.mark.parametrize("value", [None, b"queue", 5, ["queue"]], ids=repr)
def test_what_is_no_text_is_refused(value: Any) -> None:
    """Anything but a text raises ``NotText`` with what it is instead."""
    with pytest.raises(NotText) as caught:
        route(value)
    assert caught.value.kind == type(value).__name__
    assert isinstance(caught.value, CallerError)


@given(ASKED)
def test_case_changes_nothing(text: str) -> None:
    """A text in capitals or small letters has the same answer."""
    assert route(text.upper()) == route(text.lower()) == route(text.title()) == route(text)


def test_the_answer_is_the_same_with_every_hash_seed() -> None:
    """The order of candidates does not depend on the hashes of texts."""
    program = "from taskorch import route; print(route('resume the queue, état, log, bump, KPI, report, SLA'))"
    answers = {
        subprocess.check_output([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2", "3")
    }

    assert len(answers) == 1


def test_the_length_is_bounded() -> None:
    """A text beyond the limit is refused with both figures; one at the limit is not, however hostile."""
    for char in ("a", "\ufdfa", "\u0301", "e\u0301", "-a", "queue "):
        assert route((char * LONGEST_TEXT)[:LONGEST_TEXT]) is not None
    with pytest.raises(TextTooLong) as caught:
        route("a" * (LONGEST_TEXT + 1))

    assert (caught.value.length, caught.value.limit) == (LONGEST_TEXT + 1, LONGEST_TEXT)
