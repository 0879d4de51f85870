"""The panel of the replay in a page, as tests press its keys and read what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.numpy import load_file

from report.synthetic_run import EPISODES

if TYPE_CHECKING:
    from playwright.sync_api import Page

GUTTER, RIGHT, FIELDS_TOP, FIELD_HEIGHT = 34, 8, 74, 12  # of the context's picture, in pixels


class Replay:
    """The panel of a page, and what its page was made of."""

    def __init__(self, page: Page, run: Path) -> None:
        self.page = page
        self.panel = page.locator("#replay-panel")
        self.panel.and_(page.locator("[data-run]")).wait_for()
        self.played = load_file(run / "trajectories.safetensors")
        self.attention = load_file(run / "attention.safetensors")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.panel.press(key)

    def part(self, name: str):
        return self.page.locator(f"#replay-{name}")

    @property
    def at(self) -> tuple[int, int]:
        """Episode, counted from 1, and step."""
        return tuple(int(self.panel.get_attribute(f"data-{name}")) for name in ("episode", "step"))

    @property
    def run(self) -> tuple[int, int]:
        """Task and seed, as positions."""
        return int(self.part("task").input_value()), int(self.part("seed").input_value())

    @property
    def agent(self) -> tuple[int, int]:
        agent = self.page.locator("#replay-view .agent")
        return tuple(int(agent.get_attribute(f"data-{name}")) for name in ("row", "column"))

    @property
    def recorded(self) -> tuple[int, int]:
        """Where the recording says that the agent is."""
        episode, step = self.at
        return tuple(self.played["observation"][(*self.run, episode - 1, step)].tolist())

    def choose(self, role: str) -> None:
        self.panel.get_by_role("button", name=f"{role} goal").click()

    def field(self, episode: int, step: int) -> dict[str, float]:
        """Where in the picture of the context a field lies, in pixels."""
        column = (self.part("context").bounding_box()["width"] - GUTTER - RIGHT) / EPISODES
        return {
            "x": GUTTER + (episode - 0.5) * column,
            "y": FIELDS_TOP + (step + 0.5) * FIELD_HEIGHT,
        }

    def point_at(self, episode: int, step: int) -> str:
        """Move the pointer over a field of the context; returns what is then said."""
        self.part("context").hover(position=self.field(episode, step))
        return self.part("readout").text_content()
