"""The source algorithms by name. A new one is one file below this folder and one line below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adfast.catalogue import Catalogue

if TYPE_CHECKING:
    from adfast.source_algorithms.source_algorithm import SourceAlgorithm

PACKAGE = "adfast.source_algorithms"
# Imported when asked for: each brings Numba, 1.3 s to import.
SOURCE_ALGORITHMS: Catalogue[SourceAlgorithm] = Catalogue(
    kind="source algorithm",
    group=PACKAGE,
    base=f"{PACKAGE}.source_algorithm:SourceAlgorithm",
    shipped={
        "q-learning": f"{PACKAGE}.tabular.q_learning:QLearning",
        "sarsa": f"{PACKAGE}.tabular.sarsa:Sarsa",
        "q-lambda": f"{PACKAGE}.tabular.q_lambda:QLambda",
        "actor-critic": f"{PACKAGE}.tabular.actor_critic:ActorCritic",
        "dqn": f"{PACKAGE}.neural.dqn:DQN",
        "ucb1": f"{PACKAGE}.bandits.ucb1:UCB1",
        "thompson-sampling": f"{PACKAGE}.bandits.thompson_sampling:ThompsonSampling",
        "ideal-learner": f"{PACKAGE}.informed.ideal_learner:DisturbedIdealLearner",
        "posterior-sampling": f"{PACKAGE}.informed.posterior_sampling:PosteriorSampling",
        "heuristic": f"{PACKAGE}.informed.heuristic:HeuristicLearner",
        "optimal": f"{PACKAGE}.informed.expert:Optimal",
        "annealed-expert": f"{PACKAGE}.informed.expert:AnnealedExpert",
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
