"""LiveSchedule: which histories of a collection each draw from a live ring sees.

It is fixed before anything is collected, so that a batch is a function of (seed, draw) and not of
how fast the collectors are. A history counts as long as it can become: where episodes end early, an
update sees as many fresh histories and fewer transitions.
"""

from __future__ import annotations

from dataclasses import dataclass

from adfast.collection.plan import CollectionPlan
from adfast.errors import InvalidArgument


@dataclass(frozen=True)
class LiveSchedule:
    """Draw d sees the histories numbered from `evicted(d)` to below `committed(d)`."""

    num_histories: int  # that any draw sees
    first_histories: int  # that draw 0 sees
    capacity_histories: int  # that a draw sees at most: the newest
    history_transitions: int  # of the longest history
    fresh_transitions: int  # that every draw sees more than the one before

    def committed(self, draw: int) -> int:
        """Histories that must be in the ring, or have been, for `draw`; never falls."""
        fresh = draw * self.fresh_transitions // self.history_transitions
        return min(self.first_histories + fresh, self.num_histories)

    def evicted(self, draw: int) -> int:
        """Histories, the oldest, that no draw from `draw` on sees."""
        return max(self.committed(draw) - self.capacity_histories, 0)


def plan_live_schedule(
    plan: CollectionPlan, *, num_draws: int, sampled_transitions: int
) -> LiveSchedule:
    """The schedule of `num_draws` draws of `sampled_transitions` each, by the plan's settings.

    It begins with one block, and ends with the plan's last history: from then on every draw sees
    what the one before saw. Raises `InvalidArgument` for a capacity below one history.
    """
    longest = plan.longest_history
    capacity = plan.config.live_capacity
    if capacity is not None and capacity < longest:
        raise InvalidArgument(
            f"collection.live_capacity must be at least {longest}, the transitions of the longest "
            f'history, got {capacity}; raise it, or leave it at "none" to keep the whole collection'
        )
    fresh = plan.config.fresh_transitions_per_update or sampled_transitions
    first = min(plan.block_histories, plan.num_histories)
    num_histories = min(first + (num_draws - 1) * fresh // longest, plan.num_histories)
    return LiveSchedule(
        num_histories=num_histories,
        first_histories=first,
        capacity_histories=num_histories if capacity is None else capacity // longest,
        history_transitions=longest,
        fresh_transitions=fresh,
    )
