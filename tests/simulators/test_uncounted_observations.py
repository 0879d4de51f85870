"""Real observations are refused by every face of a compiled loop, in words that name the family."""

from typing import ClassVar

import numpy as np
import pytest

from adfast import check_family, source_algorithms
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.simulators.random_rollout import random_returns
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from own_family import Sound


class MeasuredWalk(Sound):
    """A walk that says that its observations are real numbers."""

    name: ClassVar[str] = "measured-walk"

    @property
    def transition_schema(self):
        return TransitionSchema(RealObservation("float32", (1,)), 2, self.episode_length)


def learn(algorithm, family):
    out = family.transition_schema.allocate(1, 2 * family.episode_length)
    return source_algorithms.make(algorithm).learn(family, [0], [0], 2, 0, out)


FACES = {
    "BatchSimulator": lambda family: BatchSimulator(family, [0, 1]),
    "random policy": lambda family: random_returns(family, np.array([0, 1]), 2),
    "learning Q-learning": lambda family: learn("q-learning", family),
    "learning the optimum": lambda family: learn("optimal", family),
    "returns of Q-learning": lambda family: source_algorithms.make("q-learning").returns(
        family, [0], [0], 2, 0
    ),
    "check_family": check_family,
}


@pytest.mark.parametrize("face", FACES.values(), ids=list(FACES))
def test_real_observations_are_refused_with_a_way_out(face):
    message = (
        r"observations of measured-walk must be counted \(DiscreteObservation\) for compiled "
        r"loops, got real numbers, float32 of shape \(1,\); count them .* adfast\.Recorder"
    )
    with pytest.raises(InvalidArgument, match=message):
        face(MeasuredWalk())
