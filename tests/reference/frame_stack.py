"""Plain-Python twin of stacks of pictures: one after the other."""

from __future__ import annotations


def stacks_of(pictures, begins, size):
    """The stack of each picture of a history, as a list, the newest last.

    `begins` says where an episode, or what is shown of it, begins.
    """
    stacks, first = [], 0
    for t in range(len(pictures)):
        first = t if begins[t] or t == 0 else first
        stacks.append([pictures[max(t - back, first)] for back in reversed(range(size))])
    return stacks
