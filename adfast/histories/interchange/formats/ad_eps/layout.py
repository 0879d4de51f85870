"""What files, entries and arrays of such a folder are called."""

from __future__ import annotations

METADATA_SUFFIX = ".metadata"
TRAJECTORIES = "ordered_trajectories"
OWN = "adfast"  # the entry of what adfast says of a history
KEPT_ROWS, KEPT_NEXT = "kept_rows", "kept_next_states"
