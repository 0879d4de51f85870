"""CompiledAlgorithm: a learner given by three pure scalar functions, run by `history_loop`."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from numba.core.errors import NumbaError

from adfast.config import WithoutOption
from adfast.errors import InvalidArgument, byte_size
from adfast.random_streams import BEHAVIOUR, ENVIRONMENT_RESET, ENVIRONMENT_STEP, stream_keys
from adfast.simulators.step_loops import BROKEN_BY_RESET, BROKEN_BY_STEP, KEPT_SCHEMA
from adfast.source_algorithms.loops.history_loop import (
    BROKEN_BY_CELL,
    BROKEN_BY_LABEL,
    BROKEN_BY_OBSERVE,
    HistoryLoop,
    LearningRules,
    Reads,
    compile_history_loop,
)
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.checked_calls import (
    checked_cell,
    checked_observe,
    checked_reset,
    checked_step,
    refuse_unexplained,
    uncompilable,
)
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import LABEL

MAX_MEMORY = 2**27  # float64 values of a learner: 1 GiB for each thread
FLOAT64 = 8  # bytes


class CompiledAlgorithm(SourceAlgorithm):
    """A learner whose histories are written by one compiled loop; it holds no GIL.

    One that has an option `reads: Reads` is told states, or cells of them, where that says so.
    """

    if TYPE_CHECKING:
        reads: Reads
    else:
        reads: ClassVar[Reads] = WithoutOption("observation")

    @staticmethod
    @abstractmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """The algorithm's pure functions for `family`; raises `InvalidArgument` if it cannot.

        `num_inputs` is how many values `seen` has: the family's observations, states or cells.
        An edit of the module that defines it compiles the loop anew, one of what that imports not.
        """

    @abstractmethod
    def parameters(self) -> tuple[float, ...]:
        """The numbers that `rules` reads; changing them needs no compilation."""

    @abstractmethod
    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: the probability of a uniformly random action in each episode."""

    def check(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` where `rules` refuses the family, or its memory is too large."""
        memory_size = self._loop(family).memory_size
        if memory_size > MAX_MEMORY:
            raise InvalidArgument(
                f"{self.name} would hold {memory_size:,} values of {family.name}, "
                f"{byte_size(FLOAT64 * memory_size)} for each thread, and the most is 1 GiB; make "
                f"the family smaller{', or lower actors' if self.actors > 1 else ''}"
            )

    def check_labels(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` where the rules for `family` have no label."""
        if not self._loop(family).has_labels:
            super().check_labels(family)

    def memory_bytes(self, family: TaskFamily) -> int:
        """The learner's memory, one for each thread."""
        return FLOAT64 * self._loop(family).memory_size

    def histories(
        self,
        family: TaskFamily,
        task_ids: np.ndarray,
        random_streams: np.ndarray,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        keep_every: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lengths and the returns of the histories; see `SourceAlgorithm`."""
        purposes = (ENVIRONMENT_RESET, ENVIRONMENT_STEP, BEHAVIOUR)
        keys = np.stack([word for p in purposes for word in stream_keys(seed, p, random_streams)])
        names = (*family.transition_schema.fields, *((LABEL,) if LABEL in out else ()))
        task = np.ascontiguousarray(family.task_parameters(task_ids).T)
        lengths = np.empty(len(task_ids), np.int64)
        returns = np.empty((len(task_ids), episodes), np.float64)
        loop = self._loop(family, labelled=LABEL in out)
        last_call = np.zeros(3 + family.state_size, np.int64)
        try:
            broken_by = loop.run(
                task,
                keys,
                self.exploration(episodes),
                self.parameters(),
                np.empty(loop.memory_size),
                keep_every,
                tuple(out[name].reshape(-1) for name in names),
                lengths,
                returns,
                last_call,
            )
        except NumbaError as error:
            raise uncompilable(family, error) from error
        if broken_by != KEPT_SCHEMA:
            self._explain(family, task_ids, broken_by, last_call)
        return lengths, returns

    def _loop(self, family: TaskFamily, *, labelled: bool = False) -> HistoryLoop:
        return compile_history_loop(family, type(self).rules, self.reads, labelled=labelled)

    def _explain(
        self, family: TaskFamily, task_ids: Any, broken_by: int, last_call: np.ndarray
    ) -> NoReturn:
        """Raise the `InvalidArgument` for the call that left the schema."""
        history, key, action, *state = last_call.tolist()
        task_id = int(np.asarray(task_ids)[history])
        if broken_by == BROKEN_BY_RESET:
            checked_reset(family, task_id, action, key)  # the place of an action has the episode
        elif broken_by == BROKEN_BY_STEP:
            checked_step(family, task_id, state, action, key)
        elif broken_by == BROKEN_BY_OBSERVE:
            checked_observe(family, task_id, state)
        elif broken_by == BROKEN_BY_CELL:
            checked_cell(family, task_id, state)
        else:
            rule = "label" if broken_by == BROKEN_BY_LABEL else "choose"
            raise InvalidArgument(
                f"{rule} of {self.name} in task {task_id} of {family.name}, state {tuple(state)}, "
                f"must return an action in 0..{family.num_actions - 1}, got {action}"
            )
        refuse_unexplained(family, task_id)
