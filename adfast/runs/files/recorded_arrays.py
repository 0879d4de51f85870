"""The arrays of a run directory, trajectories and attention, read and checked for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from adfast.errors import RunError
from adfast.evaluation.recorder import Trajectories
from adfast.probes.attended.record import ROLES, AttentionRecord
from adfast.tasks.fields import NUMBER_DTYPES

AGAIN = "evaluate the run again"
DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "int64", "float32")  # but of observations


def read_trajectories(path: Path, shape: tuple[int, int, int], steps: int) -> Trajectories | None:
    """The trajectories of `shape` (tasks, seeds, episodes) x `steps`; None where there is no file.

    Raises `RunError` for a file that does not hold them.
    """
    arrays = _load(path, Trajectories)
    if arrays is None:
        return None
    expected = {
        "observation": (*shape, steps + 1),
        "action": (*shape, steps),
        "reward": (*shape, steps),
        "length": shape,
        "boundary": shape,
    }
    for name, leading in expected.items():
        if arrays[name].shape[: len(leading)] != leading:
            raise RunError(
                f"{path}: {name} must be [tasks, seeds, episodes, ...] = {list(leading)} like "
                f"evaluation.json, got {arrays[name].shape}; {AGAIN}"
            )
    _require(path, "length", arrays["length"], 1, steps)
    return Trajectories(**arrays)


def read_attention(path: Path, trajectories: Trajectories) -> AttentionRecord | None:
    """The attention in some runs of `trajectories`; None where there is no file.

    Raises `RunError` for a file that does not fit them.
    """
    arrays = _load(path, AttentionRecord)
    if arrays is None:
        return None
    num_tasks, num_seeds = trajectories.length.shape[:2]
    runs, queries, layers, kept = arrays["age"].shape if arrays["age"].ndim == 4 else (0,) * 4
    percent = arrays["percent"]
    if (
        arrays["age"].ndim != 4
        or percent.ndim != 5
        or percent.shape != (runs, queries, layers, percent.shape[3], kept)
        or arrays["window"].shape != (layers,)
        or any(arrays[name].shape != (runs,) for name in ("role", "task", "seed"))
    ):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise RunError(f"{path}: the shapes of the record do not agree ({shapes}); {AGAIN}")
    for name, size in (("role", len(ROLES)), ("task", num_tasks), ("seed", num_seeds)):
        _require(path, name, arrays[name], 0, size - 1)
    if runs:
        lengths = trajectories.length[arrays["task"], arrays["seed"]].sum(axis=1)
        _require(path, "number of transitions", lengths, 1, queries)
    # A transition cannot look ahead of the history's beginning.
    _require(path, "age", arrays["age"] - np.arange(queries)[:, None, None], -(2**17), 0)
    return AttentionRecord(**arrays)


def _load(path: Path, record: type) -> dict[str, Any] | None:
    """The arrays in a file, one for each field of `record`; None where there is no file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not path.is_file():
        return None
    try:
        # Not by its name: safetensors opens names in UTF-8 alone.
        arrays: Mapping[str, np.ndarray] = load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path}: not valid safetensors ({error}); {AGAIN}") from None
    names = [field.name for field in fields(record)]
    for name in names:
        if name not in arrays:
            raise RunError(f"{path}: {name} must be there, got nothing; {AGAIN}")
        allowed = NUMBER_DTYPES if name == "observation" else DTYPES
        if arrays[name].dtype.name not in allowed:
            raise RunError(
                f"{path}: {name} must be {', '.join(allowed)}, got {arrays[name].dtype}; {AGAIN}"
            )
    return {name: arrays[name] for name in names}


def _require(path: Path, name: str, values: np.ndarray, least: int, greatest: int) -> None:
    """Raise `RunError` for the first of `values` that is outside its range."""
    wrong = values[(values < least) | (values > greatest)]
    if wrong.size:
        raise RunError(
            f"{path}: {name} must be in {least}..{greatest}, got {wrong.flat[0]}; {AGAIN}"
        )
