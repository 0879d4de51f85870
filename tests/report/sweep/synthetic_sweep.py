"""A sweep's record with plausible contents, made up without a run."""

from __future__ import annotations

from typing import Any

import numpy as np

EPISODES = 40
WINDOWS = ("20", "200", "none")
LENGTHS = ("80", "320")
FIELDS = {"20": 39, "200": 399, "none": None}


def point(window: int, length: int) -> dict[str, Any]:
    """The point at these levels: more context ends higher."""
    top = 1.5 + 3.0 * window + length
    mean = top * (1 - np.exp(-np.arange(1, EPISODES + 1) / 12))
    last = float(mean[-5:].mean())
    edges = [0, 10, 20, 40, 80, 160, 320]
    field = FIELDS[WINDOWS[window]]
    return {
        "levels": [window, length],
        "settings": {
            "model.attention_window": 20 if window == 0 else WINDOWS[window],
            "training.context_length": int(LENGTHS[length]),
            "training.batch_size": 64 // (length + 1),
        },
        "runs": [f"attention_window={WINDOWS[window]},context_length={LENGTHS[length]}"],
        "receptive_field_transitions": field,
        "trained_context_transitions": int(LENGTHS[length]),
        "episode_length": 10,
        "mean_by_episode": mean.tolist(),
        "ci95_by_episode": [[value - 0.4, value + 0.3] for value in mean.tolist()],
        "last5_mean": last,
        "last5_ci95": [last - 0.4, last + 0.3],
        "optimal": 8.6,
        "random": 0.4,
        "history_loss": {
            "edges": edges,
            "loss": [1.5 - 0.1 * window - 0.1 * bin_ for bin_ in range(len(edges) - 1)],
        },
        "seconds": {"collect": 0.1, "train": 60.0, "evaluate": 4.0, "history_loss": 1.0},
    }


def sweep_record() -> dict[str, Any]:
    """`sweep.json` of a finished sweep of six points."""
    points = [point(window, length) for window in range(3) for length in range(2)]
    return {
        "name": "long-context-sweep",
        "family": "dark-house",
        "seeds": 1,
        "num_tasks": 16,
        "evaluation_seeds": 8,
        "axes": [
            {
                "settings": ["model.attention_window"],
                "names": ["attention_window"],
                "levels": [[window] for window in WINDOWS],
            },
            {
                "settings": ["training.context_length", "training.batch_size"],
                "names": ["context_length"],
                "levels": [[length] for length in LENGTHS],
            },
        ],
        "num_points": 6,
        "points": points,
        "base": {"seed": 0, "family": {"name": "dark-house", "options": {"rooms": 8}}},
        "provenance": {"commit": "10aab33f", "versions": {"torch": "2.13.0"}},
    }
