"""Task families: what varies between tasks, as pure functions."""

from adfast.tasks.catalogue import make, names
from adfast.tasks.shared_schema import shared_schema

__all__ = ["make", "names", "shared_schema"]
