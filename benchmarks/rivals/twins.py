"""The plain-Python twins, found by the stem that names a family or a learner everywhere."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def twin_room(family: str) -> Any:
    """The class of one environment, without Gymnasium: `dark-room` has `DarkRoomReference`."""
    stem = family.replace("-", "_")
    words = "".join(word.capitalize() for word in family.split("-"))
    return getattr(import_module(f"reference.{stem}"), f"{words}Reference")


def twin_environment(family: str) -> Any:
    """The class of one Gymnasium environment: `dark-room` has `DarkRoomReferenceEnv`."""
    room = twin_room(family)
    return getattr(import_module(room.__module__), f"{room.__name__}Env")


def twin_learner(algorithm: str) -> Any:
    """The function that writes one history: `sarsa` has `sarsa_history`."""
    stem = algorithm.replace("-", "_")
    return getattr(import_module(f"reference.{stem}"), f"{stem}_history")
