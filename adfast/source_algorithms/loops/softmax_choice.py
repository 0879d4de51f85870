"""Softmax choice: an action with a probability in proportion to exp(logit).

The exponential is computed by multiplications and additions alone, so that it is the same number in
every process, machine and version of a library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import uint64
from numba.extending import register_jitable

from adfast.random_draws import uniform


@register_jitable
def exponential(x: Any) -> Any:
    """exp(x) of x <= 0, right to 2e-6 of itself from -5 on, to 5e-4 from -20 on."""
    y = max(x, -256.0) * 0.00390625
    y = 1.0 + y * (1.0 + y * (0.5 + y * 0.16666666666666666))
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    return y * y


def softmax(num_actions: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions `weigh(memory, first)` and `draw(memory, first, key) -> action`.

    From `first` on memory has A logits, A weights in proportion to their actions' probabilities,
    and the sum of these. `weigh` computes weights and sum from the logits, `draw` draws by them.
    """
    sum_of_weights = 2 * num_actions

    @register_jitable(inline="always")  # a call would count references of the memory
    def weigh(memory: Any, first: Any) -> Any:
        greatest = memory[first]
        for a in range(uint64(1), uint64(num_actions)):
            greatest = max(greatest, memory[first + a])
        total = 0.0
        for a in range(uint64(num_actions)):
            weight = exponential(memory[first + a] - greatest)
            memory[first + uint64(num_actions) + a] = weight
            total += weight
        memory[first + uint64(sum_of_weights)] = total

    @register_jitable
    def draw(memory: Any, first: Any, key: Any) -> Any:
        point = uniform(key) * memory[first + uint64(sum_of_weights)]
        below, action = 0.0, uint64(0)
        for a in range(uint64(num_actions - 1)):
            below += memory[first + uint64(num_actions) + a]
            action += uint64(below <= point)
        return action

    return weigh, draw
