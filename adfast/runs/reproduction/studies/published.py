"""What was published, as mean returns by episode in context or as one value.

Source: Laskin et al. 2022 (arXiv 2210.14215), read off the vector figures of its LaTeX source,
which are smoothed; Lee et al. 2023 (arXiv 2306.14892) for DPT.
"""

from __future__ import annotations

from adfast.runs.reproduction.study_table import Published

EPISODES = (1, 20, 60, 100, 200, 500, 1000)


def curve(*values: float, spread: str = "") -> Published:
    """The returns at `EPISODES`; `spread` is the standard deviation over seeds at the last."""
    by_episode = dict(zip(EPISODES, values, strict=True))
    first, last = values[0], values[-1]
    return Published(f"{first:g} at first, {last:g}{spread} at episode 1,000", by_episode)


DARK_ROOM_AD = curve(1.35, 1.8, 3.1, 4.5, 9.6, 13.4, 14.1, spread=" ± 0.75")
DARK_ROOM_ED = curve(2.1, 1.5, 1.1, 1.0, 0.75, 0.71, 0.73)
DARK_ROOM_RL2 = Published("14.7", value=14.7)
DARK_ROOM_SOURCE = Published("16.9 in the end", value=16.9)

HARD_AD = curve(0.04, 0.10, 0.18, 0.24, 0.40, 0.58, 0.68, spread=" ± 0.045")
HARD_ED = curve(0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.07)
HARD_RL2 = Published("0.70", value=0.70)
HARD_SOURCE = Published("0.96 in the end", value=0.96)

KEY_TO_DOOR_AD = curve(0.46, 0.76, 1.09, 1.26, 1.66, 1.80, 1.81, spread=" ± 0.04")
KEY_TO_DOOR_ED = curve(0.18, 0.25, 0.34, 0.38, 0.50, 0.56, 0.58)
KEY_TO_DOOR_RL2 = Published("1.87", value=1.87)
KEY_TO_DOOR_SOURCE = Published("1.98 in the end", value=1.98)

# To episode 160; AD reaches .97 and 1 at episodes 500 and 1,000.
WATER_MAZE_AD = Published(
    "0.16 at first, 0.84 at episode 160", {1: 0.16, 20: 0.38, 60: 0.68, 100: 0.77, 160: 0.84}
)
WATER_MAZE_ED = Published(
    "0.12 at first, 0.18 at episode 160", {1: 0.12, 20: 0.21, 60: 0.18, 100: 0.18, 160: 0.18}
)

# Of a room of 10 x 10, 100 steps: another task, so that only the shape compares.
DPT = Published(
    "DPT's own room, 10 x 10 and 100 steps: 19 / 61 / 65 / 75 at episode 2 / 5 / 10 / 40"
)
