"""Plain-Python twin of the live ring: all histories in a list, of which a draw sees a slice."""

from __future__ import annotations

from reference.ring_buffer import RingBufferReference


class LiveRingReference:
    """`histories` are dicts name -> `[T, *item]` in the order of collecting."""

    def __init__(self, fields, histories, *, first, fresh, longest, capacity):
        self.num_histories = len(histories)
        self.first = first  # histories that draw 0 sees
        self.fresh = fresh  # transitions that each draw sees more
        self.longest = longest  # transitions that a history counts as
        self.capacity = capacity  # transitions that a draw sees at most
        most = max(len(history["action"]) for history in histories)
        self.ring = RingBufferReference(fields, len(histories), most)
        for lane, history in enumerate(histories):
            self.ring.append_block([lane], {name: array[None] for name, array in history.items()})

    def seen(self, draw):
        """(evicted, committed): the first history that `draw` sees, and the first it does not."""
        committed, unspent = self.first, 0
        for _ in range(draw):
            unspent += self.fresh
            while unspent >= self.longest:
                unspent -= self.longest
                committed += 1
        committed = min(committed, self.num_histories)
        evicted = 0
        while (committed - evicted) * self.longest > self.capacity:
            evicted += 1
        return evicted, committed

    def sample(self, batch_size, length, *, seed, draw, align="step"):
        evicted, committed = self.seen(draw)
        return self.ring.sample(
            batch_size,
            length,
            seed=seed,
            draw=draw,
            align=align,
            evicted=evicted,
            committed=committed,
        )
