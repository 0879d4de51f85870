"""The candidates: who may be acting, each in one or more versions, and who is not defined there.

The version that fits best on validation tasks stands for the candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adfast.baselines.agents.competence_mimic import CompetentAgent
from adfast.baselines.agents.corrected_heuristic import CorrectedHeuristic
from adfast.baselines.agents.heuristic import Uniform
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import AgentMaker, TrainedOn
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.probes.followers.drawn_task import Drawing, DrawnTaskFollower
from adfast.probes.followers.follower import AgentFollower, Follower
from adfast.probes.followers.source_follower import SourceFollower
from adfast.probes.followers.task_plans import plans_of
from adfast.probes.subject import Subject
from adfast.source_algorithms import make
from adfast.tasks.family import TaskFamily

HEURISTIC, CORRECTED = "heuristic", "corrected-heuristic"
LIKE_SOURCE = "source-first-episode"
NAMES = (
    HEURISTIC,
    CORRECTED,
    "competence-mimic",
    "source-algorithm",
    "posterior-sampling",
    "ideal-learner",
    "memorised-goal",
)


@dataclass(frozen=True)
class Versions:
    """Versions of a candidate that are followed as one; `make(N)` follows N histories."""

    candidate: str
    names: tuple[str, ...]
    make: Callable[[int], Follower]


@dataclass(frozen=True)
class Candidates:
    """All versions that are defined, and why others are not: `left_out`, by candidate."""

    versions: tuple[Versions, ...]
    left_out: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates that are defined, in order."""
        return tuple(dict.fromkeys(version.candidate for version in self.versions))


def candidates_of(subject: Subject, names: Sequence[str] = NAMES) -> Candidates:
    """Those of `names` that are defined for what `subject` acts in and learned from."""
    family = subject.family
    assert family is not None, "required"
    versions, left_out = [], {}
    for name in names:
        try:
            found = list(VERSIONS[name](subject, family))
            for version in found:
                version.make(1)
        except InvalidArgument as reason:
            left_out[name] = str(reason)
        else:
            versions += found
    return Candidates(tuple(versions), left_out)


def heuristics(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """The critique's heuristic, with each way to explore that there is."""
    for explore in ("uniform", "unvisited", LIKE_SOURCE):
        maker = AGENTS.make(HEURISTIC, explore=explore)
        try:
            how = "as its source" if explore == LIKE_SOURCE else explore
            version = by_agent(HEURISTIC, f"explores {how}", maker, subject, family)
            version.make(1)
        except InvalidArgument:
            if explore != LIKE_SOURCE:
                raise
        else:
            yield version


def corrected_heuristics(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """With the critique's corrections, both or one of them."""
    maker = AGENTS.make(CORRECTED)
    assert isinstance(maker, CorrectedHeuristic)
    able = maker.model_copy(update={"improvement": 1.0})
    yield by_agent(CORRECTED, "both corrections", maker, subject, family)
    yield by_agent(CORRECTED, "searches elsewhere", able, subject, family)

    def incompetent(num_histories: int) -> Follower:
        agent = maker.make_agent(family.transition_schema, num_histories, family=family)
        assert isinstance(agent, CompetentAgent)
        agent.explorer = Uniform()
        return AgentFollower(agent)

    yield Versions(CORRECTED, ("as incompetent",), incompetent)


def competence_mimics(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """Who is as competent as the context looks."""
    name = "competence-mimic"
    yield by_agent(name, "", AGENTS.make(name), subject, family)


def sources(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """Who wrote the histories that were learned from, with and without actions at random.

    Where these were thinned, the source's own state is not known, and one that learns each episode
    as often as it would have had such episodes stands for it beside one that learns it once.
    """
    name, source, collection = "source-algorithm", subject.source, subject.collection
    if source is None or collection is None:
        raise InvalidArgument("source-algorithm needs histories that a source algorithm wrote")
    for times in dict.fromkeys((1, collection.keep_every)):
        how = "its own state" if times == 1 else f"learns each episode {times} times"

        def follow(num: int, times: int = times) -> Follower:
            return SourceFollower(source, family, num, times, explores=(True, False))

        yield Versions(name, (how, f"{how}, no own exploration"), follow)


def posterior_samplers(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """Who draws a task that agrees with what was seen."""
    every = np.ones(family.num_tasks)
    once = Drawing(every, learns=True, each_episode=True)
    anew = Drawing(every, learns=True, each_episode=True, redraws=True)
    yield by_drawing("posterior-sampling", "a draw an episode", once, family)
    yield by_drawing("posterior-sampling", "draws when refuted", anew, family)


def ideal_learners(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """The best plan that is known; of several as good ones it is one."""
    ideal = make("ideal-learner")
    yield Versions("ideal-learner", ("",), lambda num: SourceFollower(ideal, family, num))


def memorised_goals(subject: Subject, family: TaskFamily) -> Iterator[Versions]:
    """Who picks a training task, whatever it is paid."""
    trained = np.zeros(family.num_tasks)
    trained[subject.split.train] = 1.0
    for_ever = Drawing(trained, learns=False, each_episode=False)
    each = Drawing(trained, learns=False, each_episode=True)
    yield by_drawing("memorised-goal", "one for ever", for_ever, family)
    yield by_drawing("memorised-goal", "one an episode", each, family)


VERSIONS: dict[str, Callable[[Subject, TaskFamily], Iterator[Versions]]] = {
    HEURISTIC: heuristics,
    CORRECTED: corrected_heuristics,
    "competence-mimic": competence_mimics,
    "source-algorithm": sources,
    "posterior-sampling": posterior_samplers,
    "ideal-learner": ideal_learners,
    "memorised-goal": memorised_goals,
}


def by_agent(
    candidate: str, name: str, maker: AgentMaker, subject: Subject, family: TaskFamily
) -> Versions:
    """The version that an agent written by hand is."""
    collection = subject.collection
    algorithm = None if collection is None else collection.algorithm
    options = {} if collection is None else collection.options
    beside = maker.beside(TrainedOn(algorithm, options, subject.split.train))

    def follow(num_histories: int) -> Follower:
        agent = beside.make_agent(family.transition_schema, num_histories, family=family)
        assert isinstance(agent, TransitionAgent), "as those are that are named here"
        return AgentFollower(agent)

    return Versions(candidate, (name,), follow)


def by_drawing(candidate: str, name: str, drawing: Drawing, family: TaskFamily) -> Versions:
    """The version that draws a task; raises `InvalidArgument` where tasks have no plans."""
    plans_of(family)
    return Versions(candidate, (name,), lambda num: DrawnTaskFollower(drawing, family, num))
