"""The probe gives the answer that is known of its subject."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import source_algorithms
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.agents.in_context_agent import AgentMaker, InContextAgent
from adfast.probes.losses.history_loss import HistoryLossProbe
from probes.subjects import Persistent, repeating_model, subject


def test_who_thinks_all_actions_alike_has_the_same_loss_everywhere_and_no_gain():
    finding = HistoryLossProbe().measure([subject()])
    (chart,) = finding.sections
    for series in chart.series:
        np.testing.assert_allclose(series.y, np.log(5), rtol=1e-6)
    gain, last = finding.numbers
    assert (gain.low, gain.value, gain.high) == (0.0, 0.0, 0.0)
    assert last.value == pytest.approx(np.log(5))
    assert finding.verdict == "refuted"


def test_who_carries_something_over_from_the_episode_before_gains():
    finding = HistoryLossProbe().measure([subject(repeating_model())])
    whole, alone = finding.sections[0].series
    assert whole.y[-1] < 0.01
    # The first of the five steps of an episode is a guess.
    assert alone.y[-1] == pytest.approx(np.log(5) / 5, rel=0.02)
    assert finding.numbers[0].value == pytest.approx(np.log(5) / 5, rel=0.02)
    assert finding.verdict == "supported"


def test_what_is_required_of_a_gain_is_the_margin():
    finding = HistoryLossProbe(margin=1.0).measure([subject(repeating_model())])
    assert finding.verdict == "refuted"
    assert "above 1 nats" in finding.rule


def test_verdict_on_several_subjects_is_over_subjects():
    subjects = [
        subject(repeating_model(), name="one"),
        subject(name="two"),
        subject(name="three"),
    ]
    finding = HistoryLossProbe().measure(subjects)
    assert finding.subjects == ("one", "two", "three")
    assert finding.verdict == "undecided"
    gain = finding.numbers[0]
    assert (gain.low, gain.high) == (0.0, pytest.approx(3 * gain.value, rel=0.01))
    names = [series.name.split(":")[0] for series in finding.sections[0].series]
    assert names == ["one", "one", "two", "two", "three", "three"]


def test_what_a_subject_lacks_is_said():
    without = replace(subject(), model=None)
    with pytest.raises(InvalidArgument, match='a model or an agent of its subject "known"'):
        HistoryLossProbe().measure([without])
    with pytest.raises(InvalidArgument, match="at least one subject"):
        HistoryLossProbe().measure([])


class Uniform(AgentMaker):
    """Draws any action, whatever happened."""

    name = "uniform"

    def make_agent(self, schema, num_environments, **options):
        return UniformAgent(schema, num_environments)


class UniformAgent(InContextAgent):
    def __init__(self, schema, num_environments):
        self.schema, self.num_environments = schema, num_environments

    def reset(self, mask=None):
        pass

    def act(self, observation, *outcome, **named):
        return np.zeros(self.num_environments, np.int64)

    def read(self, history, length=None):
        pass

    def action_probabilities(self):
        shape = (self.num_environments, self.schema.num_actions)
        return np.full(shape, 1 / self.schema.num_actions)


class Acted(AgentMaker):
    """A trained model that acts, as an agent by name."""

    name = "acted"

    def make_agent(self, schema, num_environments, **options):
        return Agent(repeating_model(), num_environments)


@pytest.mark.parametrize("source", [Persistent(), source_algorithms.make("q-learning")])
def test_agent_is_asked_as_a_model_is(source):
    uniform, acted = (
        HistoryLossProbe().measure([replace(subject(source=source), model=None, agent=maker)])
        for maker in (Uniform(), Acted())
    )
    model = HistoryLossProbe().measure([subject(repeating_model(), source=source)])
    assert (uniform.verdict, acted.verdict) == ("refuted", model.verdict)
    for line, expected in zip(acted.sections[0].series, model.sections[0].series, strict=True):
        np.testing.assert_allclose(line.y, expected.y, rtol=1e-3)
    np.testing.assert_allclose(uniform.sections[0].series[0].y, np.log(5))
