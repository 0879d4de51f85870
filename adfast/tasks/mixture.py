"""Mixture: tasks of several families under one schema, so that one model trains on many kinds.

A task is a member's, which member and which of its tasks: every task of the mixture is another one.
What is observed is one number, as `shared_schema` has it, and episodes keep the length that they
have in the member. A member of weight 0 has no task here; it only widens the schema, so that a
model that is trained on some kinds can act in a mixture of others.

The first column of `task_parameters` is the member, counted from 0, those of the member follow, and
zeros fill up. Twin: `tests/reference/mixture.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numba import int32
from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from adfast.config import Config
from adfast.errors import InvalidArgument
from adfast.random_streams import MEMBER_TASKS
from adfast.tasks.catalogue import make
from adfast.tasks.compiled import padding
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes
from adfast.tasks.compiled.padding import (
    PaddedFunctions,
    dispatched,
    inlined,
    padded_functions,
    slice_of,
)
from adfast.tasks.family import TaskFamily, hash_of_sources
from adfast.tasks.permutation import permuted
from adfast.tasks.shared_schema import number_of_observations, shared_schema
from adfast.tasks.transition_schema import BOUNDARY_TRUNCATED, TransitionSchema

MAX_TASKS = 2**24
MAX_MEMBERS = 64


class Member(Config):
    """A family of a mixture, and its share of the tasks."""

    name: str
    """The family, by name or as "package.module:Class"."""

    options: SerializeAsAny[TaskFamily]
    """Options of the family."""

    weight: float = Field(1.0, ge=0)
    """Its share of the tasks, relative to those of the other members; 0: none."""

    skip: int = Field(0, ge=0)
    """So many of its tasks are passed over, which a mixture that lists it there begins with."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "configuration") -> Self:
        """The member of `values`; raises as every `Config` does."""
        return super().from_mapping(with_family(values), source=source)

    @model_validator(mode="before")
    @classmethod
    def _options_are_of_the_family(cls, values: Any) -> Any:
        return with_family(values) if isinstance(values, Mapping) else values

    @field_validator("options")
    @classmethod
    def _can_be_padded(cls, family: TaskFamily) -> TaskFamily:
        if isinstance(family, Mixture):
            raise InvalidArgument("a member must not be a mixture itself; list its members instead")
        number_of_observations(family)
        return family

    @property
    def family(self) -> TaskFamily:
        """The family of these options."""
        return self.options


def with_family(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a member with the family of their name in place of its options."""
    name, options = values.get("name"), values.get("options", {})
    if not isinstance(name, str) or not isinstance(options, Mapping):
        return dict(values)
    return {**values, "options": make(name, **options)}


def listed(members: Any) -> Any:
    """A tuple, which TOML spells as a list."""
    return tuple(members) if type(members) is list else members


def default_members() -> tuple[Member, ...]:
    """Walks in the dark to a key and a door, and over the ice."""
    return (
        Member(name="key-to-door", options=make("key-to-door")),
        Member(name="frozen-lake", options=make("frozen-lake", is_slippery=False)),
    )


class Mixture(TaskFamily):
    """Tasks of several families under one schema; task ids go member by member."""

    name: ClassVar[str] = "mixture"

    members: Annotated[tuple[Member, ...], BeforeValidator(listed)] = Field(
        default_factory=default_members, max_length=MAX_MEMBERS
    )
    """Tables of `name`, `options`, `weight` (1), a family's share of the tasks, and `skip` (0), how
    many of its own are passed over."""

    tasks: int = Field(1024, ge=1, le=MAX_TASKS)
    """Number of tasks, allotted to the members by weight."""

    observes_kind: bool = False
    """Whether which member a task is of is a second component of what is observed."""

    @model_validator(mode="after")
    def _members_fit(self) -> Self:
        if not self.members:
            raise InvalidArgument(
                'members must not be empty; give tables such as {name = "dark-room", weight = 1}'
            )
        families = [member.family for member in self.members]
        for place, family in enumerate(families):
            if family in families[:place]:
                raise InvalidArgument(
                    f"members[{place}] must differ from members[{families.index(family)}], another "
                    f"{family.name} of the same options; make one of them, of the summed weight"
                )
        if not any(member.weight for member in self.members):
            raise InvalidArgument("weights of members must not all be 0; one must have tasks")
        for place, (member, count) in enumerate(zip(self.members, self.allotted, strict=True)):
            if count and count + member.skip > member.family.num_tasks:
                raise InvalidArgument(self._too_few(place, count))
        return self

    def _too_few(self, place: int, count: int) -> str:
        """Why and how a member with too few tasks is refused."""
        member = self.members[place]
        left = max(member.family.num_tasks - member.skip, 0)
        most = int(left * self.total_weight / member.weight)
        passed = f" behind the {member.skip:,} that are passed over" if member.skip else ""
        return (
            f"members[{place}], {member.family.name}, has {left:,} tasks{passed}, but "
            f"by its weight {member.weight:g} of {self.total_weight:g} it must have {count:,} of "
            f"the {self.tasks:,} tasks; give it less weight, options by which it has more tasks, "
            f"or take some {max(most, 1):,} tasks in all"
        )

    @property
    def total_weight(self) -> float:
        """The weights of all members."""
        return sum(member.weight for member in self.members)

    @cached_property
    def allotted(self) -> tuple[int, ...]:
        """How many tasks each member has: rounded down, then one more for who lost most by it."""
        shares = np.array([member.weight for member in self.members]) / self.total_weight
        counts = np.floor(shares * self.tasks).astype(np.int64)
        missing = self.tasks - int(counts.sum())
        order = np.argsort(-(shares * self.tasks - counts), kind="stable")
        counts[order[:missing]] += 1
        return tuple(counts.tolist())

    @cached_property
    def kinds(self) -> tuple[int, ...]:
        """The members that have tasks."""
        return tuple(kind for kind, count in enumerate(self.allotted) if count)

    @cached_property
    def active(self) -> tuple[TaskFamily, ...]:
        """The families of the members that have tasks."""
        return tuple(self.members[kind].family for kind in self.kinds)

    @property
    def num_tasks(self) -> int:
        """The option."""
        return self.tasks

    @cached_property
    def transition_schema(self) -> TransitionSchema:
        """That of all members, those without tasks too."""
        kinds = len(self.members) if self.observes_kind else None
        return shared_schema([member.family for member in self.members], kinds)

    @property  # type: ignore[misc]  # an option of other families
    def episode_length(self) -> int:
        """Steps of the longest episode of any member."""
        return self.transition_schema.episode_length

    @property
    def task_size(self) -> int:
        """The member, and as many parameters as any has."""
        return 1 + max(family.task_size for family in self.active)

    @cached_property
    def longest_limit(self) -> int:
        """The longest episode that is shorter than those of the schema; 0 where there is none."""
        lengths = (family.episode_length for family in self.active)
        return max((length for length in lengths if length < self.episode_length), default=0)

    @property
    def member_state_size(self) -> int:
        """Components of the largest state of a member."""
        return max(family.state_size for family in self.active)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Of each component the largest of any member; then the steps taken, where limits differ.

        They are counted as far as it matters.
        """
        components = range(self.member_state_size)
        clock = (self.longest_limit + 1,) if self.longest_limit else ()
        largest = (
            max(family.state_sizes[c] for family in self.active if c < family.state_size)
            for c in components
        )
        return (*largest, *clock)

    @property
    def has_random_steps(self) -> bool:
        """Where those of a member are."""
        return any(family.has_random_steps for family in self.active)

    @property
    def outcomes(self) -> Outcomes | None:
        """Those of the members whose steps are random, where they are the same for all."""
        tables = {family.outcomes for family in self.active if family.has_random_steps}
        return tables.pop() if len(tables) == 1 else None if tables else CERTAIN

    @property
    def starts(self) -> Outcomes | None:
        """Those of the members whose starts are random, where they are the same for all."""
        tables = {family.starts for family in self.active} - {CERTAIN}
        return tables.pop() if len(tables) == 1 else None if tables else CERTAIN

    @property
    def truncates(self) -> bool:
        """Where episodes of a member are shorter than the longest."""
        return self.longest_limit > 0 or any(family.truncates for family in self.active)

    @cached_property
    def source_hash(self) -> str:
        """A hash of its own source and of those of its members."""
        members = "".join(family.source_hash for family in self.active)
        return hash_of_sources(__name__, padding.__name__) + members

    @cached_property
    def _functions(self) -> PaddedFunctions:
        """Those of the member that a task is of."""
        sizes = self.member_state_size, self.num_actions
        families = zip(self.active, self.kinds, strict=True)
        padded = [padded_functions(family, kind, *sizes) for family, kind in families]
        return dispatched(padded, self.kinds, self.member_state_size)

    @property
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        reset_member = self._functions.reset
        if not self.longest_limit:
            return reset_member

        @inlined
        def reset(task: Any, episode: Any, key: Any) -> Any:
            return (*reset_member(task, episode, key), int32(0))

        return reset

    @property
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, ended)`."""
        step_member = self._functions.step
        size, longest_limit = self.member_state_size, self.longest_limit
        if not longest_limit:

            @inlined
            def step(task: Any, state: Any, action: Any, key: Any) -> Any:
                after, reward, ended, _ = step_member(task, state, action, key)
                return after, reward, ended

            return step

        state_of_member = slice_of(0, size)

        @inlined
        def step_within_limit(task: Any, state: Any, action: Any, key: Any) -> Any:
            before = state_of_member(state)
            after, reward, ended, limit = step_member(task, before, action, key)
            clock = int32(state[size] + int32(1))
            at_limit = int32(BOUNDARY_TRUNCATED) if clock == limit else int32(0)
            counted = min(clock, int32(longest_limit))
            return (*after, counted), reward, ended if ended != 0 else at_limit

        return step_within_limit

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (number,)`, by option with the member's."""
        observe_member = self._functions.observe
        if self.observes_kind:

            @inlined
            def observe_kind(task: Any, state: Any) -> Any:
                return observe_member(task, state), task[0]

            return observe_kind

        @inlined
        def observe(task: Any, state: Any) -> Any:
            return (observe_member(task, state),)

        return observe

    def members_of(self, task_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[N]` each: the member that a task is of, and which of its tasks it is."""
        ids = self.check_task_ids(task_ids)
        ends = np.cumsum(self.allotted)
        kinds = np.searchsorted(ends, ids, side="right")
        own = ids - (ends - np.array(self.allotted))[kinds]
        for kind in np.unique(kinds).tolist():
            where = kinds == kind
            count = self.members[kind].family.num_tasks
            own[where] = permuted(own[where] + self.members[kind].skip, count, MEMBER_TASKS, kind)
        return kinds, own

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]`: the member, its parameters, zeros."""
        kinds, own = self.members_of(task_ids)
        parameters = np.zeros((len(kinds), self.task_size), np.int32)
        parameters[:, 0] = kinds
        for kind in self.kinds:
            rows = np.flatnonzero(kinds == kind)
            family = self.members[kind].family
            columns = np.arange(1, 1 + family.task_size)
            parameters[rows[:, None], columns] = family.task_parameters(own[rows])
        return parameters

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: what the members say."""
        kinds, own = self.members_of(task_ids)
        optimum = np.zeros(len(kinds))
        for kind in self.kinds:
            rows = np.flatnonzero(kinds == kind)
            optimum[rows] = self.members[kind].family.optimal_return(own[rows])
        return optimum

    def member_task(self, task_id: int) -> tuple[TaskFamily, int]:
        """The family that a task is of, and its id there."""
        kinds, own = self.members_of(np.array([task_id]))
        return self.members[int(kinds[0])].family, int(own[0])

    def task_label(self, task_id: int) -> str:
        """The member's name and label."""
        family, own = self.member_task(task_id)
        return f"{family.name}: {family.task_label(own)}"

    def action_label(self, action: int) -> str:
        """What it is called in the members that have it."""
        labels = [
            family.action_label(action) for family in self.active if action < family.num_actions
        ]
        return " / ".join(dict.fromkeys(labels)) or "spare"
