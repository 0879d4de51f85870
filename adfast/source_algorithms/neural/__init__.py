"""Source algorithms that are networks: the only ones that load torch, and only when they learn."""
