"""What the best possible learner earns in a Bernoulli bandit with uniform means, by recursion."""

from __future__ import annotations

from functools import cache


def optimal_total(arms: int, pulls: int) -> float:
    """The expected total reward of `pulls` pulls, for who knows nothing of the arms beforehand."""

    @cache
    def value(counts: tuple[tuple[int, int], ...], left: int) -> float:
        if left == 0:
            return 0.0
        best = 0.0
        for arm, (paid, failed) in enumerate(counts):
            chance = (paid + 1) / (paid + failed + 2)
            others = counts[:arm] + counts[arm + 1 :]
            after_pay = tuple(sorted((*others, (paid + 1, failed))))
            after_failure = tuple(sorted((*others, (paid, failed + 1))))
            best = max(
                best,
                chance * (1 + value(after_pay, left - 1))
                + (1 - chance) * value(after_failure, left - 1),
            )
        return best

    return value(((0, 0),) * arms, pulls)
