"""SourceFollower: a compiled learner with the state that it would have, had it acted itself.

Twin: `tests/reference/candidates.py`.

Axes: N histories, M of them, A actions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.baselines.agents.rule_memory import ActedOn, RuleMemory
from adfast.errors import InvalidArgument
from adfast.probes.followers.follower import Follower, Moment, Said, taken
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily


class SourceFollower(Follower):
    """`learner`, which learns each episode `times` times, as if it had seen so many of the kind.

    What happens in an episode it learns as it happens, and the rest when the episode is over.
    A version for each of `explores`: one that does not explore never acts at random on purpose.
    Raises `InvalidArgument` where the learner cannot be an agent, or does not say how probable its
    actions are.
    """

    def __init__(
        self,
        learner: SourceAlgorithm,
        family: TaskFamily,
        num_histories: int,
        times: int = 1,
        *,
        explores: Sequence[bool] = (True,),
    ) -> None:
        self._memory = RuleMemory(learner, family, num_histories, 0, None)
        require_chances(self._memory)
        self.versions = len(explores)
        self._times = times
        self._explores = explores
        self._sizes = family.observation_sizes
        self._episode: list[Moment] = []  # whose episodes are not over, or were over before others
        self._memory.begin(np.arange(num_histories))

    def follow(self, now: Moment) -> list[Said]:
        """What it would do by what it has learned until now."""
        seen, seen_next = self._number(now.observation), self._number(now.next_observation)
        acted_on = ActedOn(now.rows, seen, now.episode * self._times, now.episode_step)
        self._memory.choose(acted_on)  # which may prepare the rules for what they are told then
        found = [self._memory.chances(acted_on, explores=each) for each in self._explores]
        self._memory.update(now.rows, seen, now.action, now.reward, seen_next, now.boundary)
        if self._times > 1:
            self._episode.append(now)
            if (ended := now.rows[now.ends_episode]).size:
                self._repeat(ended)
        return [(chances, taken(chances, now)) for chances in found]

    def _repeat(self, ended: np.ndarray) -> None:
        """Learn the last episode of the histories `ended` again, history by history."""
        moments = Moment.joined(self._episode)
        is_over = np.isin(moments.rows, ended)
        again = moments.select(is_over)
        again = again.select(np.argsort(again.rows, kind="stable"))
        seen, seen_next = self._number(again.observation), self._number(again.next_observation)
        for repetition in range(1, self._times):
            episode = again.episode * self._times + repetition
            acted_on = ActedOn(again.rows, seen, episode, again.episode_step)
            self._memory.live(acted_on, again.action, again.reward, seen_next, again.boundary)
        self._episode = [] if is_over.all() else [moments.select(~is_over)]

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
