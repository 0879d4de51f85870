"""MemorisedGoal: picks a training task and acts as if it were that, whatever it is paid.

That is what the critique holds expert distillation to be. Twin:
`tests/reference/memorised_goal.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numba import uint32, uint64
from numba.extending import register_jitable
from pydantic import BeforeValidator, Field

from adfast.baselines.agents.source_agent import LearnerAgent
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import AgentMaker, TrainedOn
from adfast.random_draws import bounded, subkey
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.informed import expert, posterior_sampling
from adfast.source_algorithms.informed.expert import check_planner, plan_of
from adfast.source_algorithms.informed.posterior_sampling import stepping
from adfast.source_algorithms.loops.greedy_choice import epsilon_greedy, greedy_chances
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.compiled.components import column_reader, mixed_radix_inverse
from adfast.tasks.family import TaskFamily, hash_of_sources

MAX_TASKS = 2**14  # whose parameters are kept
NONE = -1.0  # no task
TaskIds = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(lambda ids: tuple(ids) if type(ids) is list else ids),
]


class FollowsMemorisedTask(CompiledAlgorithm):
    """Draws one of `training_tasks` and follows the plan for it."""

    name: ClassVar[str] = "memorised-goal"

    training_tasks: TaskIds
    each_episode: bool

    def parameters(self) -> Any:
        """float64: whether a task is drawn for each episode, and the tasks."""
        return np.array([float(self.each_episode), *self.training_tasks])

    def check(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` where there is no plan, or no such task."""
        super().check(family)
        family.check_task_ids(np.array(self.training_tasks))

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`."""
        return np.zeros(episodes)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Behind the plan stand the task, the state in it, and how the episode began."""
        check_planner(family)
        if family.num_tasks > MAX_TASKS:
            raise InvalidArgument(
                f"memorised-goal keeps what makes up each task, at most {MAX_TASKS:,} of them, but "
                f"{family.name} has {family.num_tasks:,}; make the family smaller"
            )
        drawn, state_in, begins, number, first_key, first_seen = range(
            family.num_planned_values, family.num_planned_values + 6
        )
        sources = hash_of_sources(expert.__name__, posterior_sampling.__name__)
        tasks = np.ascontiguousarray(family.task_parameters(np.arange(family.num_tasks)).T)
        read_task = column_reader(family.task_size)
        state_of = mixed_radix_inverse(family.state_sizes)
        start_in, step_in = stepping(family)
        plan, value, best_value = plan_of(family)
        pick = epsilon_greedy(family.num_actions, value, best_value)
        chances_of = greedy_chances(family.num_actions, value, best_value)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            _ = sources
            memory[uint64(drawn)] = NONE

        @register_jitable
        def begin_episode(memory: Any, parameters: Any, episode: Any, key: Any, seen: Any) -> Any:
            memory[uint64(begins)], memory[uint64(number)] = 1.0, episode
            memory[uint64(first_key)], memory[uint64(first_seen)] = key, seen

        @register_jitable
        def own_task(memory: Any) -> Any:
            return read_task(tasks, uint64(memory[uint64(drawn)]))

        @register_jitable
        def choose(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            key: Any,
        ) -> Any:
            if memory[uint64(begins)] != 0.0:
                memory[uint64(begins)] = 0.0
                if memory[uint64(drawn)] == NONE or parameters[0] != 0.0:
                    place = bounded(subkey(key, 1), uint64(parameters.shape[0] - 1))
                    memory[uint64(drawn)] = parameters[uint64(1) + uint64(place)]
                    plan(memory, own_task(memory))
                episode, start_key = (
                    uint32(memory[uint64(number)]),
                    uint32(memory[uint64(first_key)]),
                )
                at = uint64(memory[uint64(first_seen)])
                _, at = start_in(own_task(memory), episode, start_key, at)
                memory[uint64(state_in)] = at
            own = state_of(uint64(memory[uint64(state_in)]))
            return pick(memory, parameters, own_task(memory), own, seen, episode_step, 0.0, key)

        @register_jitable
        def update(
            memory: Any,
            parameters: Any,
            seen: Any,
            action: Any,
            reward: Any,
            seen_next: Any,
            terminated: Any,
        ) -> Any:
            at = uint64(memory[uint64(state_in)])
            _, at = step_in(own_task(memory), at, action, reward, seen_next, terminated)
            memory[uint64(state_in)] = at

        @register_jitable
        def chances(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            out: Any,
        ) -> None:
            own = state_of(uint64(memory[uint64(state_in)]))
            chances_of(memory, parameters, own_task(memory), own, seen, episode_step, 0.0, out)

        return LearningRules(first_seen + 1, begin, choose, update, None, begin_episode, chances)


class MemorisedGoal(LearnerAgent):
    """Picks a training task and acts as if it were that, whatever it is paid."""

    name: ClassVar[str] = "memorised-goal"

    training_tasks: TaskIds | None = None
    """The tasks to pick from; none: those of the run that is evaluated."""

    each_episode: bool = False
    """Whether another task is picked for each episode, in place of one for all of a history."""

    def beside(self, trained_on: TrainedOn) -> AgentMaker:
        """With the run's training tasks unless some are given."""
        if self.training_tasks is not None or trained_on.training_tasks is None:
            return self
        task_ids = tuple(int(task_id) for task_id in trained_on.training_tasks)
        return self.model_copy(update={"training_tasks": task_ids})

    def learner(self) -> FollowsMemorisedTask:
        """Who follows the plan; raises `InvalidArgument` where there are no training tasks."""
        if not self.training_tasks:
            raise InvalidArgument(
                "memorised-goal needs training_tasks, at least one, where it acts beside no run of "
                "the same family"
            )
        return FollowsMemorisedTask.from_mapping(
            {"training_tasks": self.training_tasks, "each_episode": self.each_episode}
        )
