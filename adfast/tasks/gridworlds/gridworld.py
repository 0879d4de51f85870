"""Gridworld: what every family of cells and moves offers beside its own rules, by option.

- `slip`: a move may turn out as another one, drawn from all.
- `permute_actions`: what each action does is part of the task, one of all permutations.
- `reward_noise`: a reward may be one more or one less, as often; its mean stays.
- `goal_moves_every`: after so many episodes the goals lie elsewhere, where a family has
  goals that can move. Those of the first episodes are the task's own, later ones are drawn from the
  task's stream; a state then ends with where they lie.

Tasks are numbered variant * plain tasks + plain id, where variant = permutation * slips + number of
the slip, so the first ones are the plain ones with the identity. `task_parameters` has the columns
of the plain family, then, each where its option is on, the permutation (three bits for what each
action does), the slip (of 65,536) where there are several, and the two words of the stream that
goals are drawn from. An optimum is that of a history's first episode.

With all options off a family is the plain one that its subclass defines (`plain_gridworld.py`), at
the same speed. What is put around its functions otherwise stands in `variants.py`. Twin:
`tests/reference/gridworld.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from adfast.config import WithoutOption
from adfast.errors import InvalidArgument, shown
from adfast.random_streams import TASK_CONTENT, stream_keys
from adfast.tasks.compiled.outcomes import Outcomes
from adfast.tasks.compiled.planning import planned_returns
from adfast.tasks.family import hash_of_sources
from adfast.tasks.gridworlds import variants
from adfast.tasks.gridworlds.plain_gridworld import PlainGridworld
from adfast.tasks.gridworlds.variants import (
    MAX_PERMUTED_ACTIONS,
    MAX_SLIPS,
    SIGNED,
    combined_outcomes,
    component,
    constant,
    of_65536,
    packed,
    permutations_of,
    slip_outcomes,
    with_drawn_goals,
    with_goals_in_state,
    with_noise,
    with_permutation,
    with_slips,
    without_goals,
)
from adfast.tasks.task_map import TaskMap
from adfast.tasks.transition_schema import TransitionSchema

VARIANTS = ("slip", "permute_actions", "reward_noise", "goal_moves_every")
Probability = Annotated[float, Field(ge=0, le=1)]
# One, or several, which TOML spells as a list.
Slip = Annotated[
    Probability | tuple[Probability, ...],
    BeforeValidator(lambda slip: tuple(slip) if type(slip) is list else slip),
]


class Gridworld(PlainGridworld):
    """A family of cells and moves, and its variants."""

    slip: Slip = 0.0
    """Probability that a move turns out as one drawn from all; of a list each task has one."""

    permute_actions: bool = False
    """Whether what each action does is part of the task: as many times the tasks as orders."""

    reward_noise: Probability = 0.0
    """Probability that a step's reward is one more or one less, as often."""

    if TYPE_CHECKING:  # an option of families whose goals can move
        goal_moves_every: int
    else:
        goal_moves_every: ClassVar[int] = WithoutOption(0)

    @model_validator(mode="after")
    def _variants_fit(self) -> Self:
        if not 1 <= len(set(self.slips)) == len(self.slips) <= MAX_SLIPS:
            raise InvalidArgument(
                f"slip must be a probability, or a list of up to {MAX_SLIPS} different ones, got "
                f"{shown(self.slip)}"
            )
        if any(self.slips) and len(self.plain_outcomes) > 1:
            raise InvalidArgument(
                f"slip must be 0 where moves of {self.name} are random by themselves, got "
                f"{shown(self.slip)}; turn the one or the other off"
            )
        num_actions = self.plain_schema.num_actions
        if self.permute_actions and num_actions > MAX_PERMUTED_ACTIONS:
            raise InvalidArgument(
                f"permute_actions takes at most {MAX_PERMUTED_ACTIONS} actions, but {self.name} "
                f"has {num_actions}; leave it off"
            )
        if self.reward_noise and self.plain_schema.reward_dtype not in SIGNED:
            raise InvalidArgument(
                f"reward_noise must be 0 where rewards are {self.plain_schema.reward_dtype}, got "
                f"{self.reward_noise:g}"
            )
        return self

    def __repr_args__(self) -> Any:
        """Without the variants that are off, as stores from before there were any describe it."""
        fields = type(self).model_fields
        off = {name: fields[name].default for name in VARIANTS if name in fields}
        given = super().__repr_args__()
        return [
            (name, value) for name, value in given if value != off.get(str(name), NotImplemented)
        ]

    @cached_property
    def plain(self) -> Self:
        """The family without variants."""
        return self._without(*VARIANTS)

    def plain_optimum(self, task_ids: np.ndarray) -> np.ndarray:
        """`optimal_return` of the plain family, whose ids are known to be valid."""
        return planned_returns(self.plain, task_ids)

    def _without(self, *options: str) -> Self:
        """The family with these options as they are by default."""
        kept = {
            name: getattr(self, name) for name in type(self).model_fields if name not in options
        }
        return type(self)(**kept)

    @cached_property
    def source_hash(self) -> str:
        """That of every family, and of what is put around its functions."""
        return super().source_hash + hash_of_sources(variants.__name__)

    @property
    def slips(self) -> tuple[float, ...]:
        """All probabilities to slip that a task may have."""
        return self.slip if isinstance(self.slip, tuple) else (self.slip,)

    @property  # an array that is kept would be compared with the options
    def permutations(self) -> np.ndarray:
        """int `[permutations, actions]`: what each action does; the identity is the first."""
        num_actions = self.plain_schema.num_actions
        if not self.permute_actions:
            return np.arange(num_actions)[None]
        return permutations_of(num_actions)

    @property
    def num_tasks(self) -> int:
        """Plain tasks times permutations times slips."""
        return self.plain_num_tasks * len(self.permutations) * len(self.slips)

    @property
    def has_random_steps(self) -> bool:
        """Where moves slip, rewards are noisy, or the plain family's steps are random."""
        return any(self.slips) or self.reward_noise > 0 or len(self.plain_outcomes) > 1

    @property
    def outcomes(self) -> Outcomes | None:
        """Keys for what the plain family, slips and noise can come to."""
        moves = self.plain_outcomes
        if any(self.slips):
            moves = slip_outcomes(self.slips, self.plain_schema.num_actions)
        outcomes = combined_outcomes(moves, self.reward_noise)
        is_uncounted = self.has_random_steps and len(outcomes) == 1  # as a subclass may say
        return None if is_uncounted else outcomes

    @property
    def transition_schema(self) -> TransitionSchema:
        """The plain one; with noise its rewards are signed."""
        plain = self.plain_schema
        if not self.reward_noise:
            return plain
        return dataclasses.replace(plain, reward_dtype=SIGNED[plain.reward_dtype])

    @property
    def task_size(self) -> int:
        """The columns of `task_parameters`."""
        several = len(self.slips) > 1
        moving = 2 if self.goal_moves_every else 0
        return self.plain_task_size + self.permute_actions + several + moving

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The plain ones, then where the goals lie if they move."""
        return (*self.plain_state_sizes, *(self.goal_sizes if self.goal_moves_every else ()))

    @property
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        reset, every = self.plain_reset, self.goal_moves_every
        if not every:
            return reset
        return with_drawn_goals(
            reset, self.drawn_goals, self.plain_task_size, self.task_size - 2, every
        )

    @property
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        step = self.plain_step
        if self.goal_moves_every:
            step = with_goals_in_state(step, len(self.plain_state_sizes))
        if any(self.slips):
            column = self.plain_task_size + self.permute_actions
            slip_of = component(column) if len(self.slips) > 1 else constant(of_65536(*self.slips))
            step = with_slips(step, self.plain_schema.num_actions, slip_of)
        if self.permute_actions:
            step = with_permutation(step, self.plain_task_size)
        if self.reward_noise:
            step = with_noise(step, of_65536(self.reward_noise / 2))
        return step

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> tuple`: what is seen in the plain family."""
        observe = self.plain_observe
        if not self.goal_moves_every:
            return observe
        return without_goals(observe, len(self.plain_state_sizes))

    def parts_of(self, task_ids: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """int64 `[N]` each: plain ids, numbers of the permutations, and of the slips."""
        variants, plain_ids = np.divmod(self.check_task_ids(task_ids), self.plain_num_tasks)
        permutations, slips = np.divmod(variants, len(self.slips))
        return plain_ids, permutations, slips

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]`: the plain parameters, then those of the variants."""
        plain_ids, permutations, slips = self.parts_of(task_ids)
        columns = [self.plain_parameters(plain_ids)]
        if self.permute_actions:
            columns.append(packed(self.permutations)[permutations, None])
        if len(self.slips) > 1:
            columns.append(np.array([of_65536(slip) for slip in self.slips])[slips, None])
        if self.goal_moves_every:
            words = stream_keys(0, TASK_CONTENT, self.check_task_ids(task_ids))
            columns.append(np.stack(words, axis=1).view(np.int32))
        return np.concatenate(columns, axis=1).astype(np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: of the first episode; that of the plain task unless moves slip."""
        plain_ids, _, slips = self.parts_of(task_ids)
        if not any(self.slips):
            return self.plain_optimum(plain_ids)
        # Neither orders of actions nor noise change it.
        slipping = self._without("permute_actions", "reward_noise", "goal_moves_every")
        return planned_returns(slipping, slips * self.plain_num_tasks + plain_ids)

    def halves(self, task_ids: np.ndarray) -> np.ndarray:
        """int8 `[N]`: those of the plain tasks."""
        return self.plain_halves(self.parts_of(task_ids)[0])

    def task_label(self, task_id: int) -> str:
        """The plain task, what the actions do if that varies, and the slip."""
        (plain_id,), (permutation,), (slip,) = self.parts_of(np.array([task_id]))
        label = self.plain_label(int(plain_id))
        if self.permute_actions:
            moves = self.permutations[permutation].tolist()
            label += f", actions {' '.join(self.move_label(move) for move in moves)}"
        if len(self.slips) > 1:
            label += f", slip {self.slips[slip]:g}"
        return label

    def task_map(self, task_id: int) -> TaskMap | None:
        """The plan of the plain task; goals that move lie there in the first episodes."""
        return self.plain_map(int(self.parts_of(np.array([task_id]))[0][0]))

    def action_label(self, action: int) -> str:
        """The move, or the number of the action where each task has its own moves for them."""
        return f"action {action}" if self.permute_actions else self.move_label(action)
