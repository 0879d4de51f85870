"""Known agents are told apart by what they do; noise and ties are told from who acts."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.collection.config import CollectionConfig
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import TrainedOn
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.probes.candidates import corrections, whose_actions
from adfast.probes.candidates.corrections import CorrectionsProbe
from adfast.probes.candidates.explained import ITSELF, best_versions, versions_explained
from adfast.probes.candidates.whose_actions import WhoseActionsProbe
from adfast.probes.catalogue import PROBES
from adfast.probes.subject import Subject
from probes.subjects import bare_model

SMALL = {"size": 5, "episode_length": 10}
SOURCE = {"epsilon_start": 0.5, "epsilon_episodes": 40, "learning_rate": 0.9}
BRIEF = {"episodes": 16, "seeds": 3}


def subject(agent, room=None, **changes):
    """An agent by name in small rooms, beside Q-learning, of which every fourth episode is kept."""
    family = tasks.make("dark-room", **(SMALL if room is None else room))
    collection = CollectionConfig(options=SOURCE, keep_every=4, held_out=8, validation=6)
    split = family.split(8, validation=6, seed=0)
    known = TrainedOn("q-learning", SOURCE, split.train)
    values = {
        "name": agent if isinstance(agent, str) else type(agent).__name__,
        "family": family,
        "split": split,
        "source": source_algorithms.make("q-learning", **SOURCE),
        "collection": collection,
        "seed": 0,
        "agent": AGENTS.make(agent).beside(known) if isinstance(agent, str) else agent,
    }
    return Subject(**(values | changes))


def explained_of(who, **options):
    """What each candidate explains of what `who` does."""
    probe = WhoseActionsProbe(**(BRIEF | options))
    return best_versions(versions_explained(probe.observe(who, np.arange(probe.seeds))))


@pytest.mark.parametrize(
    ("agent", "verdict", "words"),
    [
        ("random", "undecided", "nobody's"),
        ("heuristic", "supported", "The heuristic explains most"),
        pytest.param(
            *("corrected-heuristic", "refuted", "The corrected-heuristic explains most"),
            marks=pytest.mark.thorough,
        ),
        ("posterior-sampling", "refuted", "The posterior-sampling explains most"),
        ("source-algorithm", "refuted", "The source-algorithm explains most"),
        pytest.param(
            *("memorised-goal", "refuted", "The memorised-goal explains most"),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_known_agents_are_recognised(agent, verdict, words):
    finding = WhoseActionsProbe(**BRIEF).measure([subject(agent)])
    assert finding.verdict == verdict, [(e.name, e.mean, e.low, e.high) for e in finding.evidence]
    assert words in finding.sections[-1].text
    assert "ideal-learner" in finding.sections[-1].text, "which is not known of such rooms"


# One of those that small rooms do not tell; others are recognised there.
OF_THE_PAPERS_ROOM = ("ideal-learner",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(name, marks=() if name in OF_THE_PAPERS_ROOM else pytest.mark.thorough)
        for name in whose_actions.EXPECTED
    ],
)
def test_known_agents_are_recognised_in_the_papers_room(agent):
    collection = CollectionConfig(options=SOURCE, held_out=16, validation=8)
    family = tasks.make("dark-room")
    who = subject(agent, {}, collection=collection, split=family.split(16, validation=8, seed=0))
    probe = WhoseActionsProbe()
    observed = [probe.observe(who, np.arange(probe.seeds))]
    assert probe.judge([who], observed).verdict == whose_actions.EXPECTED[agent]
    verdict = CorrectionsProbe().judge([who], observed).verdict
    assert corrections.EXPECTED[agent] in (verdict, None)


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [("heuristic", "refuted"), ("corrected-heuristic", "supported"), ("random", "undecided")],
)
def test_corrections_are_found_where_there_are_some(agent, verdict):
    finding = CorrectionsProbe(**BRIEF).measure([subject(agent)])
    assert finding.verdict == verdict, finding.numbers
    assert len(finding.sections[0].labels) == 7


def test_several_subjects_are_judged_together():
    probe = WhoseActionsProbe(**BRIEF)
    finding = probe.measure([subject("heuristic"), subject("heuristic", seed=1)])
    assert finding.verdict == "supported"
    assert {len(piece.values) for piece in finding.evidence} == {2}
    assert finding.sections[1].rows[0][-1] == "2"


class Trembling(TransitionAgent):
    """The heuristic with so much noise."""

    noise = 0.3

    def __init__(self, schema, num_environments, family, **choosing):
        super().__init__(schema, num_environments, **choosing)
        maker = AGENTS.make("heuristic")
        self.steady = maker.make_agent(schema, num_environments, family=family)
        self.begin, self.learn = self.steady.begin, self.steady.learn

    def action_logits(self, environments, observation, episode_step):
        chances = self.steady.chances(environments, observation, episode_step)
        chances = chances / chances.sum(axis=1, keepdims=True)
        return np.log((1 - self.noise) * chances + self.noise / chances.shape[1])


class Trembler(type(AGENTS.make("random"))):
    """Makes it."""

    def make_agent(self, schema, num_environments, *, family=None, **choosing):
        return Trembling(schema, num_environments, family, **choosing)


def test_noise_is_that_of_who_acts_and_leaves_no_bits_over():
    explained = explained_of(subject(Trembler()))
    assert explained["heuristic"].noise == 0.3
    assert explained["heuristic"].version == "explores uniform"
    gap = explained[ITSELF].per_step() - explained["heuristic"].per_step()
    assert np.abs(gap).max() < 0.01


def test_a_candidate_that_is_as_likely_as_any_action_explains_nothing():
    explained = explained_of(subject("random"))
    assert explained[ITSELF].per_step() == pytest.approx(0.0, abs=1e-9)
    assert all(abs(each.per_step().mean()) < 0.02 for each in explained.values())


def test_ties_are_spread_evenly():
    explained = explained_of(subject("heuristic"))
    assert explained["heuristic"].noise <= 0.01
    paid = slice(1, 3)
    itself, heuristic = (explained[name].per_step(paid) for name in (ITSELF, "heuristic"))
    np.testing.assert_allclose(heuristic, itself, atol=0.01)


def test_a_model_is_asked_too_and_sources_that_are_no_agents_are_left_out():
    family = tasks.make("dark-room", size=4, episode_length=5)
    who = replace(
        subject("random", {"size": 4, "episode_length": 5}),
        model=bare_model(),
        agent=None,
        split=family.split(4, validation=3, seed=0),
        source=source_algorithms.make("optimal"),
        collection=CollectionConfig(algorithm="optimal"),
    )
    finding = WhoseActionsProbe(episodes=2, seeds=1).measure([who])
    assert finding.verdict == "undecided"
    text = finding.sections[-1].text
    assert "Left out: source-algorithm, for optimal cannot be an agent" in text


@pytest.mark.parametrize("name", ["whose-actions", "corrections"])
def test_what_a_subject_lacks_is_said(name):
    probe = PROBES.make(name)
    bandit = tasks.make("bandit")
    with pytest.raises(InvalidArgument, match=r'needs the candidate heuristic .*"random".*bandit'):
        probe.measure([replace(subject("random"), family=bandit)])
    without = subject("random").family.split(8, validation=1, seed=0)
    with pytest.raises(InvalidArgument, match=r"at least 2, .* has 1; set collection\.validation"):
        probe.measure([subject("random", split=without)])
    with pytest.raises(InvalidArgument, match="needs the family"):
        probe.measure([subject("random", family=None)])


def test_rules_name_their_thresholds():
    probe = WhoseActionsProbe(margin=0.07, least=0.11, disagreement=0.31)
    assert all(value in probe.rule for value in ("0.07", "0.11", "0.31"))
    probe = CorrectionsProbe(margin=0.07, least=0.11, disagreement=0.31)
    assert all(value in probe.rule for value in ("0.07", "0.11", "0.31"))
