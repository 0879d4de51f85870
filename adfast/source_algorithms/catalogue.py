"""The source algorithms by name. A new one is one file here and one line below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adfast.catalogue import Catalogue

if TYPE_CHECKING:
    from adfast.source_algorithms.source_algorithm import SourceAlgorithm

# Imported when asked for: each brings Numba, 1.3 s to import.
SOURCE_ALGORITHMS: Catalogue[SourceAlgorithm] = Catalogue(
    kind="source algorithm",
    group="adfast.source_algorithms",
    base="adfast.source_algorithms.source_algorithm:SourceAlgorithm",
    shipped={
        "q-learning": "adfast.source_algorithms.q_learning:QLearning",
        "sarsa": "adfast.source_algorithms.sarsa:Sarsa",
        "q-lambda": "adfast.source_algorithms.q_lambda:QLambda",
        "actor-critic": "adfast.source_algorithms.actor_critic:ActorCritic",
        "dqn": "adfast.source_algorithms.neural.dqn:DQN",
        "ucb1": "adfast.source_algorithms.ucb1:UCB1",
        "thompson-sampling": "adfast.source_algorithms.thompson_sampling:ThompsonSampling",
        "ideal-learner": "adfast.source_algorithms.ideal_learner:DisturbedIdealLearner",
        "posterior-sampling": "adfast.source_algorithms.posterior_sampling:PosteriorSampling",
        "heuristic": "adfast.source_algorithms.heuristic:HeuristicLearner",
        "optimal": "adfast.source_algorithms.expert:Optimal",
        "annealed-expert": "adfast.source_algorithms.expert:AnnealedExpert",
    },
)


def names() -> list[str]:
    """The names that `make` knows beside full ones, sorted."""
    return SOURCE_ALGORITHMS.names()


def make(name: str, /, **options: Any) -> SourceAlgorithm:
    """The source algorithm `name`, or of one's own "package.module:Class", with `options`.

    Raises `UnknownName` for an unknown algorithm or option, `InvalidArgument` for a bad value.
    """
    return SOURCE_ALGORITHMS.make(name, **options)
