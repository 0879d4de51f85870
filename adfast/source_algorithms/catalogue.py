"""The source algorithms by name. A new one is one file here and one line below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from adfast.errors import UnknownName
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.source_algorithms.source_algorithm import SourceAlgorithm

# Name -> module and class, imported when asked for: each brings Numba, 1.3 s to import.
SOURCE_ALGORITHMS = {
    "q-learning": ("adfast.source_algorithms.q_learning", "QLearning"),
    "optimal": ("adfast.source_algorithms.expert", "Optimal"),
    "annealed-expert": ("adfast.source_algorithms.expert", "AnnealedExpert"),
}


def names() -> list[str]:
    """The names that `make` knows, sorted."""
    return sorted(SOURCE_ALGORITHMS)


def make(name: str, /, **options: Any) -> SourceAlgorithm:
    """The source algorithm `name` with `options`.

    Raises `UnknownName` for an unknown algorithm or option, `InvalidArgument` for a bad value.
    """
    require_kind("source algorithm", name, str, "a name")
    if name not in SOURCE_ALGORITHMS:
        raise UnknownName("source algorithm", name, SOURCE_ALGORITHMS)
    module, class_name = SOURCE_ALGORITHMS[name]
    algorithm_class = getattr(import_module(module), class_name)
    return cast("SourceAlgorithm", algorithm_class.from_mapping(options, source=name))
