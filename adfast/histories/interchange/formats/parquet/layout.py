"""What columns and entries of such a file are called."""

from __future__ import annotations

OWN = b"adfast"  # the schema's entry
HISTORY, METADATA = "history", "metadata"
NEEDED = ("observation", "action", "reward")
OTHERS = ("next_observation", "terminated", "truncated", "done", "episode_step", "label")
