"""Print how sources learn in the water maze: `python docs/show_maze_curves.py`, a minute or two.

Two sources learn from scratch: a table of cells on each of 116 platforms, and a DQN from pictures
on one. How long each takes of the processor is in the table.
"""

from __future__ import annotations

import time

import numpy as np
from show_learning_curves import Curve, measure

EPISODES = (10, 20, 30, 40, 50, 60)
PLATFORM = 530  # 320 units east of the centre
MAZE = {"picture": (24, 32), "cell_side": 12, "turn": 70}
CURVES = (
    Curve(
        "`q-lambda`, 116 platforms",
        "q-lambda",
        {"reads": "cell", "epsilon_start": 0.0, "epsilon_end": 0.0, "trace": 1.0, "kept_steps": 25},
        "water-maze",
        MAZE,
        task_ids=range(0, 1041, 9),
        histories=1160,
        episodes=EPISODES[-1],
    ),
    Curve(
        "`dqn`, one platform 320 units away",
        "dqn",
        {
            "network": "small",
            "learning_rate": 5e-4,
            "discount": 0.95,
            "epsilon_start": 0.1,
            "epsilon_episodes": 60,
            "kept_steps": 25,
            "updates_per_rollout": 4,
        },
        "water-maze",
        MAZE,
        task_ids=(PLATFORM,),
        histories=16,
        episodes=EPISODES[-1],
    ),
)


def row(curve: Curve) -> str:
    """The share of episodes in which the platform is found, as the mean of the ten before."""
    began = time.process_time()
    found = measure(curve)
    seconds = time.process_time() - began
    shares = [f"{np.mean(found[episode - 10 : episode]):.2f}" for episode in EPISODES]
    return f"| {' | '.join([curve.label, *shares, f'{seconds:.0f} s'])} |"


def main() -> None:
    """Measure both, and print the table."""
    head = ["learner", *map(str, EPISODES), "processor"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for curve in CURVES:
        print(row(curve), flush=True)


if __name__ == "__main__":
    main()
