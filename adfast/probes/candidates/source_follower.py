"""SourceFollower: a compiled learner with the state that it would have, had it acted itself.

Twin: `tests/reference/candidates.py`.

Axes: N histories, M of them, A actions.
"""

from __future__ import annotations

import numpy as np

from adfast.baselines.agents.rule_memory import ActedOn, RuleMemory
from adfast.errors import InvalidArgument
from adfast.probes.candidates.follower import Follower, Moment, taken
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily


class SourceFollower(Follower):
    """`learner`, which learns each episode `times` times, as if it had seen so many of the kind.

    What happens in an episode it learns as it happens, and the rest when the episode is over.
    Unless it `explores`, it never acts at random on purpose. Raises `InvalidArgument` where the
    learner cannot be an agent, or does not say how probable its actions are.
    """

    def __init__(
        self,
        learner: SourceAlgorithm,
        family: TaskFamily,
        num_histories: int,
        times: int = 1,
        *,
        explores: bool = True,
    ) -> None:
        self._memory = RuleMemory(learner, family, num_histories, 0, None)
        require_chances(self._memory)
        self._times = times
        self._explores = explores
        self._sizes = family.observation_sizes
        self._episode: list[Moment] = []  # whose episodes are not over, or were over before others
        self._memory.begin(np.arange(num_histories))

    def follow(self, now: Moment) -> tuple[np.ndarray, np.ndarray]:
        """What it would do by what it has learned until now."""
        self._act(now, 0)
        chances = self._memory.chances(self._acted_on(now, 0), explores=self._explores)
        self._learn(now)
        if self._times > 1:
            self._episode.append(now)
            if (ended := now.rows[now.ends_episode]).size:
                self._repeat(ended)
        return chances, taken(chances, now)

    def _repeat(self, ended: np.ndarray) -> None:
        """Learn the last episode of the histories `ended` again."""
        again = [moment.select(np.isin(moment.rows, ended)) for moment in self._episode]
        for repetition in range(1, self._times):
            for moment in again:
                if moment.rows.size:
                    self._act(moment, repetition)
                    self._learn(moment)
        rest = (moment.select(~np.isin(moment.rows, ended)) for moment in self._episode)
        self._episode = [moment for moment in rest if moment.rows.size]

    def _acted_on(self, now: Moment, repetition: int) -> ActedOn:
        episode = now.episode * self._times + repetition
        return ActedOn(now.rows, self._number(now.observation), episode, now.episode_step)

    def _act(self, now: Moment, repetition: int) -> None:
        """Let the rules choose, which may prepare them for what they are told then."""
        self._memory.choose(self._acted_on(now, repetition))

    def _learn(self, now: Moment) -> None:
        seen, seen_next = self._number(now.observation), self._number(now.next_observation)
        self._memory.update(now.rows, seen, now.action, now.reward, seen_next, now.boundary)

    def _number(self, observation: np.ndarray) -> np.ndarray:
        return np.asarray(np.ravel_multi_index(tuple(observation.T), self._sizes))


def require_chances(memory: RuleMemory) -> None:
    """Raise `InvalidArgument` unless what the learner would do is known from what it was told."""
    name = memory.learner.name
    if not memory.says_chances:
        raise InvalidArgument(
            f"the rules of {name} do not say how probable their actions are; take an algorithm "
            "whose rules have `chances`, such as q-learning"
        )
    if memory.tells_episodes:
        raise InvalidArgument(
            f"{name} draws what it follows when an episode begins, and what another one drew "
            "nobody knows; take an algorithm such as q-learning"
        )
