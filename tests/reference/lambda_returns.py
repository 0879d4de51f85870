"""Plain-Python twin of the lambda-returns of a stretch of steps."""

from __future__ import annotations


def lambda_returns(rewards, terminated, is_end, future, discount, trace):
    """What each step is to be worth; `future[t]` is the value of what is seen after step t."""
    returns = [0.0] * len(rewards)
    for t in reversed(range(len(rewards))):
        if terminated[t]:
            after = 0.0
        elif is_end[t] or t == len(rewards) - 1:
            after = future[t]
        else:
            after = (1 - trace) * future[t] + trace * returns[t + 1]
        returns[t] = rewards[t] + discount * after
    return returns
