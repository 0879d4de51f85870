"""ReadHistory: transitions that others made, checked, as an agent takes them in step by step.

Axes: N environments, T transitions, C observation components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Outcome
from adfast.histories.field_limits import FieldLimits
from adfast.histories.schema import check_array, check_names
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    LABEL,
    TransitionSchema,
)
from adfast.values import INTEGERS, fitted, require_kind


class ReadStep(NamedTuple):
    """Transition t of every history that has one, in the environments `rows` (bool `[N]`).

    `observation` is as agents read it, and `action` int64 `[N]` what was done; elsewhere both are
    zero. `outcome` continues in `rows`. `episode_step` is int64 `[N]`.
    """

    rows: np.ndarray
    observation: np.ndarray
    action: np.ndarray
    outcome: Outcome
    episode_step: np.ndarray


class ReadHistory:
    """The first `length[n]` (None: all) of the transitions `history` `[N, T, *item]`.

    Where a row begins an episode, the one before it ended one, whatever its boundary says: rows may
    have been left out or put in another order. Labels are passed over. Raises `InvalidArgument`
    for fields that are not those of `schema` and for values that these may not have.
    """

    def __init__(
        self,
        schema: TransitionSchema,
        history: Mapping[str, np.ndarray],
        num_environments: int,
        length: np.ndarray | None,
    ) -> None:
        fields = schema.fields
        require_kind("fields", history, Mapping, "a mapping of names to arrays")
        history = {name: values for name, values in history.items() if name != LABEL}
        check_names(history, fields)
        action = history["action"]
        shape = action.shape if isinstance(action, np.ndarray) else ()
        check_array("action", action, fields["action"], shape)
        if len(shape) != 2 or shape[0] != num_environments:
            raise InvalidArgument(
                f'field "action" must have shape ({num_environments}, T), a row of transitions for '
                f"each environment, got {shape}; a single history is array[None]"
            )
        self._fields = {
            name: check_array(name, history[name], field, shape) for name, field in fields.items()
        }
        self.length = np.full(num_environments, shape[1])
        if length is not None:
            self.length = fitted(
                *("length", length, np.int64, (num_environments,)),
                sizes=(shape[1] + 1,),
                kinds=INTEGERS,
                row="environment",
            )
        FieldLimits(fields, in_float32=True).require(
            list(self._fields.values()),
            *shape,
            lambda row, item: f"transition {item} of environment {row}",
            lengths=self.length.astype(np.uint64),
        )
        self._observation = schema.observation

    def observation(self, t: int, rows: np.ndarray) -> np.ndarray:
        """What was acted on at `t`, as agents read it; zero outside `rows` (bool `[N]`)."""
        observation = self._observation.as_shown(self._fields["observation"][:, t])
        observation[~rows] = 0
        return observation

    def __iter__(self) -> Iterator[ReadStep]:
        """The steps from the first on."""
        for t in range(int(self.length.max(initial=0))):
            rows = t < self.length
            at = {name: values[:, t] for name, values in self._fields.items()}
            ends = at["boundary"] != BOUNDARY_INSIDE
            if t + 1 < self._fields["action"].shape[1]:
                ends |= (self._fields["episode_step"][:, t + 1] == 0) & (t + 1 < self.length)
            outcome = Outcome(
                rows,
                at["reward"],
                at["boundary"] == BOUNDARY_TERMINATED,
                ends & rows,
                self._observation.as_shown(at["next_observation"]),
            )
            yield ReadStep(
                rows,
                self.observation(t, rows),
                np.where(rows, at["action"], 0).astype(np.int64),
                outcome,
                np.where(rows, at["episode_step"], 0).astype(np.int64),
            )
