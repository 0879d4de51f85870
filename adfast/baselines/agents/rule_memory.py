"""RuleMemory: what learners of one kind know, each in an environment of its own.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba.core.errors import NumbaError

from adfast.baselines.agents.rule_loops import RuleLoops, compile_rule_loops
from adfast.errors import InvalidArgument, byte_size
from adfast.machine.memory import memory_bytes
from adfast.random_streams import BEHAVIOUR, ENVIRONMENT_RESET, stream_keys
from adfast.source_algorithms.compiled_algorithm import FLOAT64, CompiledAlgorithm
from adfast.source_algorithms.parallel_algorithm import ParallelAlgorithm
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily

FIRST_EPISODES = 64  # whose exploration is computed beforehand


@dataclass(frozen=True)
class ActedOn:
    """What M learners choose on: their `environments`, what they see as a number, and when."""

    environments: np.ndarray
    seen: np.ndarray
    episode: np.ndarray
    episode_step: np.ndarray


class RuleMemory:
    """N learners of the kind `learner`; learner n draws from `random_streams[n]` of `seed`.

    These are the draws of a history that the learner itself would write in that stream. Raises
    `InvalidArgument` where the learner cannot be an agent in tasks of `family`.
    """

    def __init__(
        self,
        learner: SourceAlgorithm,
        family: TaskFamily,
        num_environments: int,
        seed: int,
        random_streams: np.ndarray | None,
    ) -> None:
        self.learner = require_told_as_an_agent(learner)
        self.family = family
        learner.check(family)
        self._loops = loops_of(self.learner, family)
        size = learner.memory_bytes(family) // FLOAT64
        require_memory(learner.name, FLOAT64 * size * num_environments, num_environments)
        self._memory = np.zeros((num_environments, size))
        self._parameters = self.learner.parameters()
        self._exploration = learner_exploration(self.learner, FIRST_EPISODES)
        streams = np.arange(num_environments) if random_streams is None else random_streams
        self._reset_keys = stream_keys(seed, ENVIRONMENT_RESET, streams)
        self._keys = stream_keys(seed, BEHAVIOUR, streams)
        self._compile()

    @property
    def says_chances(self) -> bool:
        """Whether the rules say how probable actions are."""
        return self._loops.chances is not None

    @property
    def tells_episodes(self) -> bool:
        """Whether the learner is told how an episode begins, and draws what it does in it."""
        return self._loops.tells_episodes

    def begin(self, environments: np.ndarray) -> None:
        """New histories begin in these."""
        self._loops.begin(environments, self._memory, self._parameters)

    def begin_episode(
        self, environments: np.ndarray, episode: np.ndarray, seen: np.ndarray
    ) -> None:
        """Episodes of these numbers begin, where `seen` is seen."""
        offset, mask = self._reset_keys
        self._loops.begin_episode(
            environments, self._memory, self._parameters, episode, offset, mask, seen
        )

    def choose(self, now: ActedOn) -> np.ndarray:
        """int64 `[M]` actions; raises `InvalidArgument` where a learner has none."""
        actions = np.empty(len(now.environments), np.int64)
        clock = now.episode * self.family.episode_length + now.episode_step
        self._loops.choose(
            now.environments,
            self._memory,
            self._parameters,
            now.seen,
            now.episode_step,
            self.exploration(now.episode),
            *self._keys,
            clock,
            actions,
        )
        num_actions = self.family.num_actions
        if (wrong := np.flatnonzero((actions < 0) | (actions >= num_actions))).size:
            raise InvalidArgument(
                f"choose of {self.learner.name} in environment {now.environments[wrong[0]]} must "
                f"return an action in 0..{num_actions - 1}, got {actions[wrong[0]]}; a learner "
                f"that knows the family has none where no task of {self.family.name} would show "
                "what it was shown"
            )
        return actions

    def chances(self, now: ActedOn, *, explores: bool = True) -> np.ndarray:
        """float64 `[M, A]`: how probable actions are; raises `InvalidArgument` if nobody knows.

        Unless the learner `explores`, its schedule of random actions counts for nothing.
        """
        if self._loops.chances is None:
            raise InvalidArgument(
                f"the rules of {self.learner.name} do not say how probable their actions are; take "
                "an algorithm whose rules have `chances`, such as q-learning"
            )
        found = np.zeros((len(now.environments), self.family.num_actions))
        self._loops.chances(
            now.environments,
            self._memory,
            self._parameters,
            now.seen,
            now.episode_step,
            self.exploration(now.episode) if explores else np.zeros(len(found)),
            found,
        )
        return found

    def update(
        self,
        environments: np.ndarray,
        seen: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        seen_next: np.ndarray,
        boundary: np.ndarray,
    ) -> None:
        """Transitions `[M]`, one in each of these."""
        self._loops.update(
            environments,
            self._memory,
            self._parameters,
            seen,
            action,
            reward.astype(np.float64),
            seen_next,
            boundary,
        )

    def live(
        self,
        now: ActedOn,
        action: np.ndarray,
        reward: np.ndarray,
        seen_next: np.ndarray,
        boundary: np.ndarray,
    ) -> None:
        """Choose, and learn from what was done instead, time after time: `[M]` transitions, of
        which an environment may have several.
        """
        self._loops.live(
            now.environments,
            self._memory,
            self._parameters,
            now.seen,
            now.episode_step,
            self.exploration(now.episode),
            *self._keys,
            now.episode * self.family.episode_length + now.episode_step,
            action,
            reward.astype(np.float64),
            seen_next,
            boundary,
        )

    def exploration(self, episode: np.ndarray) -> np.ndarray:
        """float64 `[M]`: the probability of a random action in episodes of these numbers."""
        if (last := episode.max(initial=0)) >= len(self._exploration):
            self._exploration = learner_exploration(self.learner, 2 * int(last))
        return np.asarray(self._exploration[episode])

    def _compile(self) -> None:
        """Compile the loops; raises `InvalidArgument` for rules that read task or state."""
        none = np.zeros(0, np.int64)
        try:
            self.begin(none)
            self.begin_episode(none, none, none)
            now = ActedOn(none, none, none, none)
            self.choose(now)
            self.update(none, none, none, none, none, none)
            if self.says_chances:
                self.chances(now)
        except NumbaError as error:
            raise InvalidArgument(
                f"{self.learner.name} cannot be an agent: its rules do not compile where they are "
                "told neither the task nor the state; take an algorithm that learns from "
                "observations and rewards, such as q-learning"
            ) from error


def loops_of(learner: CompiledAlgorithm, family: TaskFamily) -> RuleLoops:
    """The compiled loops around the learner's rules."""
    has_actors = isinstance(learner, ParallelAlgorithm)
    return compile_rule_loops(family, type(learner).rules, has_actors=has_actors)


def require_told_as_an_agent(learner: SourceAlgorithm) -> CompiledAlgorithm:
    """`learner`; raises `InvalidArgument` unless all that it is told an agent could be told."""
    cannot = f"{learner.name} cannot be an agent: "
    if not isinstance(learner, CompiledAlgorithm):
        raise InvalidArgument(
            f"{cannot}it is not made of compiled rules, which is what `act` and `read` can feed; "
            "derive it from CompiledAlgorithm, or write a TransitionAgent"
        )
    if learner.reads != "observation":
        raise InvalidArgument(
            f'{cannot}reads = "{learner.reads}" tells it what the observation hides; set reads = '
            '"observation" among its options'
        )
    if learner.actors > 1:
        raise InvalidArgument(
            f"{cannot}it has {learner.actors} actors, which share what they learn, and an agent "
            "learns in each environment alone; set actors = 1 among its options"
        )
    return learner


def learner_exploration(learner: CompiledAlgorithm, episodes: int) -> np.ndarray:
    """float64 `[episodes]`; raises `InvalidArgument` unless more episodes would begin alike."""
    found = learner.exploration(episodes)
    if not np.array_equal(found[: episodes // 2], learner.exploration(episodes // 2)):
        raise InvalidArgument(
            f"{learner.name} cannot be an agent with these options: how it explores depends on how "
            "many episodes there will be, which agents are not told; give it a schedule of its own"
        )
    return found


def require_memory(name: str, needed: int, num_environments: int) -> None:
    """Raise `InvalidArgument` for more than half of the machine's memory."""
    if 2 * needed > memory_bytes():
        raise InvalidArgument(
            f"{name} would hold {byte_size(needed)} in {num_environments:,} environments, and half "
            f"of this machine's memory is {byte_size(memory_bytes() // 2)}; act in fewer at once, "
            "or make the family smaller"
        )
