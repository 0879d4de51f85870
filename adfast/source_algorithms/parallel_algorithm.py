"""ParallelAlgorithm: a compiled learner with many actors, run by `parallel_loop`."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from adfast.config import Count
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import HistoryLoop
from adfast.source_algorithms.loops.parallel_loop import compile_parallel_loop
from adfast.tasks.family import TaskFamily


class ParallelAlgorithm(CompiledAlgorithm):
    """A learner whose actors act in environments of their own and share all that it learns.

    Of `rules`, `choose` and `update` are told behind `parameters` where in memory the actor's own
    values begin, of which there are `own_memory()`; `update` is told the boundary behind the step
    (0, 1 where the task ended the episode, 2 where a limit did) in place of `terminated`.
    """

    actors: Count = 1
    """Environments in which the learner acts at once; a history is what one of them saw."""

    @abstractmethod
    def own_memory(self) -> int:
        """How many float64 values each actor has in memory for itself."""

    def _loop(self, family: TaskFamily, *, labelled: bool = False) -> HistoryLoop:
        loop = compile_parallel_loop(family, type(self).rules, self.reads)
        memory_size = loop.memory_size + self.actors * self.own_memory()
        return HistoryLoop(partial(loop.run, self.actors), memory_size, loop.has_labels)
