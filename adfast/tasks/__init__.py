"""Task families: what varies between tasks, as pure functions."""
