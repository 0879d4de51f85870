"""The settings that choose a task family."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from adfast.config import Config


class FamilyConfig(Config):
    """A task family by name, and its options."""

    name: str = "dark-room"
    """The family, by name or as "package.module:Class"."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the family."""
