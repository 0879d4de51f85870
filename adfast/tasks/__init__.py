"""Task families: what varies between tasks, as pure functions."""

from adfast.tasks.catalogue import make, names

__all__ = ["make", "names"]
