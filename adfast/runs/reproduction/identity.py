"""What a part is a function of: the settings that count, their hash, and how two of them differ.

All settings of a recipe count, resolved, but those that say on which machine it is computed, and
where it is watched. A setting that adfast has got since a part was made counts as it was where it
has its default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from adfast.config import list_differences, with_paths
from adfast.errors import UnknownName
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import default_of
from adfast.training.tracking.config import TrackingConfig

MACHINE = (
    "collection.threads", "training.threads", "training.device", "evaluation.device",
    "rl2.threads", "rl2.continues", *(f"tracking.{name}" for name in TrackingConfig.model_fields),
)  # fmt: skip


def counting_settings(recipe: Recipe) -> dict[str, Any]:
    """Dotted setting -> value, of all that count."""
    settings = with_paths(recipe.model_dump(mode="json"))
    return {name: value for name, value in settings.items() if name not in MACHINE}


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that tell settings from others."""
    text = json.dumps(dict(settings), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences_since(recorded: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """In what the settings that a part was made by differ from those of `recipe`."""
    return differences_from(recorded, counting_settings(recipe))


def differences_from(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what the settings that something was made by differ from those that count `now`."""
    added = {name for name in now.keys() - recorded.keys() if has_default(name, now[name])}
    return list_differences(recorded, {name: now[name] for name in now.keys() - added})


def has_default(setting: str, value: Any) -> bool:
    """Whether a setting of a recipe has its default; an option of what is chosen has none."""
    section, _, field = setting.rpartition(".")
    try:
        return bool(default_of(section, field) == value)
    except (KeyError, AssertionError, UnknownName):
        return False
