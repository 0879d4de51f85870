"""Source algorithms: the learners whose histories are distilled."""

from adfast.source_algorithms.catalogue import make, names

__all__ = ["make", "names"]
