"""The replay of the demo's median held-out goal as an animation for README.md."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from PIL import Image

from adfast.evaluation.recorder import Trajectories
from adfast.probes.attended.record import AttentionRecord, exemplary_runs
from adfast.report.axes import grid_axes, plain_axes
from adfast.report.palette import LIGHT
from adfast.report.room import Room, room_of
from adfast.runs.files.run_record import RunRecord, read_run

SIZE = (6.4, 3.5)  # inches
PIXELS_PER_INCH = 100
COLOURS = 32
STEP, PAUSE = 110, 700  # milliseconds a frame is shown: each, and the last of an episode


def write_animation(run_directory: Path, path: Path) -> None:
    """Write the animation of a finished run of a family with a room to `path`, a GIF."""
    run = read_run(run_directory)
    room = room_of(run.tasks)
    assert room is not None, "the demo is played in a room"
    assert run.trajectories is not None
    assert run.attention is not None
    scene = Scene(run, room, run.trajectories, run.attention)
    frames, durations = [], []
    for episode in scene.episodes():
        for step in range(run.evaluation.episode_length + 1):
            frames.append(scene.frame(episode, step))
            durations.append(PAUSE if step == run.evaluation.episode_length else STEP)
    # One palette for all, from frames that together show every colour.
    few = frames[:: len(frames) // 8]
    together = Image.new("RGB", (few[0].width, few[0].height * len(few)))
    for place, frame in enumerate(few):
        together.paste(frame, (0, place * frame.height))
    palette = together.quantize(COLOURS)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


class Scene:
    """The room with the agent on the left, the returns so far on the right."""

    def __init__(
        self, run: RunRecord, room: Room, trajectories: Trajectories, attention: AttentionRecord
    ) -> None:
        shares = np.array([outcome.share_of_optimal for outcome in run.evaluation.per_task])
        _, task, seed = exemplary_runs(shares, run.evaluation.evaluated.array)[0]
        self.outcome = run.evaluation.per_task[task]
        self.room = room
        self.cells = trajectories.observation[task, seed]  # [E, S + 1, 2]
        self.returns = trajectories.returns[task, seed]
        index = list(zip(attention.task, attention.seed, strict=True)).index((task, seed))
        self.age = attention.age[index, :, -1]  # [T, K] of the last layer
        self.share = attention.percent[index, :, -1].mean(axis=1) / 100

    def episodes(self) -> list[int]:
        """The first two, the first with a reward, the first with half of the optimum, the next and
        the last.
        """
        last = len(self.returns) - 1
        rewarded, good = (
            int(np.argmax(self.returns >= least)) for least in (1e-9, self.outcome.optimal / 2)
        )
        return sorted({0, 1, rewarded, good, min(good + 1, last), last})

    def frame(self, episode: int, step: int) -> Image.Image:
        """The scene of an episode after so many steps."""
        figure = Figure(figsize=SIZE, facecolor=LIGHT["card"])
        self.draw_room(
            grid_axes(figure.add_axes((0.02, 0.04, 0.47, 0.85)), self.room.rows, self.room.columns),
            episode,
            step,
        )
        self.draw_returns(plain_axes(figure.add_axes((0.58, 0.17, 0.4, 0.62))), episode, step)
        figure.text(0.03, 0.925, f"episode {episode + 1}, step {step}", fontsize=11, weight="bold")
        figure.text(0.515, 0.925, "weights frozen; goal (frame) unseen", fontsize=9.5)
        figure.text(
            0.515, 0.865, "violet: what it attends to", fontsize=9.5, color=LIGHT["accuracy"]
        )
        FigureCanvasAgg(figure)
        content = BytesIO()
        figure.savefig(content, format="png", dpi=PIXELS_PER_INCH)
        return Image.open(content).convert("RGB")

    def draw_room(self, axes: Axes, episode: int, step: int) -> None:
        """The goal, the path so far, the agent, and the attention as it chooses its next action."""
        path = self.cells[episode, : step + 1].astype(float)
        for row, column in {(row, column) for row, column in path.tolist()}:
            square = (column - 0.46, row - 0.46)
            axes.add_patch(Rectangle(square, 0.92, 0.92, color=LIGHT["model"], alpha=0.2, lw=0))
        goal_row, goal_column = self.room.goals[self.outcome.task_id]
        corner = (goal_column - 0.44, goal_row - 0.44)
        axes.add_patch(
            Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=LIGHT["source"], linewidth=2.5)
        )
        axes.plot(path[:, 1], path[:, 0], color=LIGHT["model"], linewidth=2.5, alpha=0.8)
        query = episode * (self.cells.shape[1] - 1) + step
        if step < self.cells.shape[1] - 1:
            for (row, column), share in self.attended(query).items():
                axes.add_patch(
                    Circle((column, row), 0.46 * share**0.5, color=LIGHT["accuracy"], alpha=0.75)
                )
        axes.plot(
            path[-1, 1], path[-1, 0], "o", color=LIGHT["model"], markersize=12,
            markeredgecolor=LIGHT["card"],
        )  # fmt: skip

    def attended(self, query: int) -> dict[tuple[int, int], float]:
        """The share of the attention before action `query` by cell."""
        shares: dict[tuple[int, int], float] = {}
        steps = self.cells.shape[1] - 1
        for age, share in zip(self.age[query].tolist(), self.share[query].tolist(), strict=True):
            episode, step = divmod(query - age, steps)
            row, column = self.cells[episode, step].tolist()
            shares[row, column] = shares.get((row, column), 0.0) + share
        return shares

    def draw_returns(self, axes: Axes, episode: int, step: int) -> None:
        """The returns of the episodes that are over, against the optimum."""
        done = episode + (step == self.cells.shape[1] - 1)
        axes.bar(np.arange(1, done + 1), self.returns[:done], color=LIGHT["train"], width=0.8)
        axes.set_axisbelow(True)
        axes.axhline(self.outcome.optimal, color=LIGHT["random"], linewidth=1, linestyle="--")
        axes.set_xlim(0.4, len(self.returns) + 0.6)
        axes.set_ylim(0, self.outcome.optimal * 1.05)
        axes.set_xlabel("episode in context", fontsize=9.5, labelpad=2)
        axes.set_title("return per episode", fontsize=9.5, loc="left")
        axes.tick_params(labelsize=8.5)
