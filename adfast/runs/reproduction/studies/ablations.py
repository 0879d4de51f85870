"""The paper's ablations on Dark Key-to-Door, in one reduced setting; the context on Dark House too.

Levels differ in what is varied alone. What was published are values at other settings: what they
are to be compared in is where they rise and where they no longer do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable
from adfast.runs.scaling.recall import known_share, met_share

RECIPE = "key-to-door"
# A training of 3.8 M transitions: minutes on two cores.
REDUCED: dict[str, Any] = {
    "training.updates": 400,
    "training.context_length": 300,
    "evaluation.episodes": 60,
    "evaluation.train_tasks": 0,
}
NUM_TASKS, EVALUATED, HISTORIES = 6_561, 16, 4_848
Levels = Mapping[float, float | None]  # level -> what was published of it

CONTEXT: Levels = {20: 0.54, 30: 0.64, 40: 0.88, 50: 1.12, 100: 1.76, 200: 1.83}
TASKS: Levels = {1: 0.44, 18: 0.52, 75: 0.84, 303: 1.31, 606: 1.64, 1_212: 1.87, 2_424: 1.89}
WIDTH: Levels = {16: 1.00, 32: 1.81, 64: 1.90, 128: 1.89}
LAYERS: Levels = {1: None, 2: 1.61, 4: 1.89, 6: 1.93}
HEADS: Levels = {1: 1.70, 2: 1.85, 4: 1.91, 8: 1.92}
MASK: Levels = {0.1: 1.80, 0.3: 1.87, 0.5: 1.86, 0.7: 1.43, 0.9: 0.20}
THINNING: Levels = {1: None, 2: None, 4: None, 8: None}
SMOOTHING: Levels = {0.0: None, 0.1: None, 0.2: None, 0.3: None}

# Dark House: eight rooms, of which one is drawn for each episode of ten steps. A random policy
# finds a room's goal in `FOUND` of its episodes.
ROOMS, STEPS, RANDOM, OPTIMUM, FOUND = 8, 10, 0.4, 8.6, 0.214
WINDOWS = (20, 40, 80, 160, 320)

# Method -> share of optimal actions in the context that it begins from, %, and what it came to.
SHOWN = {
    "ad": {5: 13.6, 25: 15.9, 50: 16.2, 75: 16.5, 95: 16.5},
    "ed": {5: 1.7, 25: 6.6, 50: 11.4, 75: 13.9, 95: 16.6},
}
DEMONSTRATIONS = 10  # episodes, as many as the attention window has


def ablations() -> StudyTable:
    """The study; a part takes at most three minutes of two cores."""
    return StudyTable(
        "ablations",
        "The paper's ablations",
        "One reduced setting for all levels, a single training seed: Key-to-Door with 400 updates "
        "of 32 windows of 300 transitions, the mean of episodes 56 to 60.",
        (
            varied("Context", "attention window of each of four layers, transitions", CONTEXT,
                   "context", lambda n: {"model.attention_window": n},
                   "a window in each layer, which together see almost four times as far"),
            dark_house(),
            varied("Training tasks", "training tasks", TASKS, "tasks", tasks_settings,
                   "as many histories in all, at episode 60 for 300"),
            varied("Width", "width", WIDTH, "width", lambda n: {"model.width": n}),
            varied("Layers", "layers", LAYERS, "layers", lambda n: {"model.num_layers": n}),
            varied("Heads", "heads", HEADS, "heads", lambda n: {"model.num_heads": n}),
            varied("Sequence mask", "probability that a token is blanked in training", MASK,
                   "mask", lambda n: {"model.sequence_mask": n}),
            varied("Thinning", "every k-th episode is kept, k", THINNING, "every",
                   lambda n: {"collection.keep_every": n},
                   "the paper says that it learns faster, and not by how much"),
            varied("Label smoothing", "share of a target spread over all actions", SMOOTHING,
                   "smoothing", lambda n: {"training.label_smoothing": n},
                   "published on Hard: 0.25 / 0.36 / 0.68 / 0.58 at 0 / 0.1 / 0.2 / 0.3"),
            demonstrations(),
        ),
    )  # fmt: skip


def varied(
    title: str,
    axis: str,
    levels: Levels,
    name: str,
    settings_at: Callable[[Any], Mapping[str, Any]],
    differs: str = "",
) -> Panel:
    """A panel with a row for each level."""
    rows = (
        Row(
            f"{RECIPE}-{name}-{level:g}",
            f"{level:g}",
            RECIPE,
            settings=REDUCED | dict(settings_at(level)),
            level=float(level),
            published=None if value is None else Published(f"{value:g}", value=value),
            differs=differs if number == 0 else "",
        )
        for number, (level, value) in enumerate(levels.items())
    )
    return Panel(title, tuple(rows), axis=axis)


def tasks_settings(tasks: int) -> dict[str, Any]:
    """So many training tasks, the others set aside for nobody, and as many histories for each."""
    return {
        "collection.held_out": EVALUATED,
        "collection.validation": NUM_TASKS - EVALUATED - tasks,
        "collection.histories_per_task": HISTORIES // tasks,
    }


def dark_house(windows: Iterable[int] = WINDOWS) -> Panel:
    """The context in a house of eight rooms, where it is known how much it can help."""
    rows = tuple(
        Row(
            f"dark-house-context-{window}",
            f"{window}",
            "long-context-small",
            settings={"model.attention_window": window},
            level=float(window),
            published=Published(
                f"theory: {recalling_return(window):.2f}, the room is known in "
                f"{rooms_known(window):.0%} of the episodes",
                value=recalling_return(window),
            ),
            differs="no published value: the dashed line is the theory of docs/long-context.md"
            if number == 0
            else "",
        )
        for number, window in enumerate(windows)
    )
    return Panel(
        "Context, Dark House of eight rooms",
        rows,
        dashed="theory",
        axis="attention window of each of two layers, transitions",
    )


def demonstrations() -> Panel:
    """AD and ED on Dark Room, after what a policy between random and optimal has done there."""
    rows = tuple(
        Row(
            f"dark-room-{method}-shown-{share}",
            f"{method}, {share}% optimal",
            "dark-room",
            method,
            evaluation={
                "evaluation.demonstrations": DEMONSTRATIONS,
                "evaluation.demonstration_noise": (100 - share) / 100,
            },
            level=float(share),
            series=method,
            published=Published(f"{value:g}", value=value),
            differs="Dark Room's own recipe; ten episodes are shown" if number == 0 else "",
        )
        for method, values in SHOWN.items()
        for number, (share, value) in enumerate(values.items())
    )
    return Panel("Demonstrations, Dark Room", rows, axis="optimal actions in what is shown, %")


def rooms_known(window: int) -> float:
    """The probability that a window shows where the goal of an episode's room is."""
    return float(known_share(met_share(ROOMS, window // STEPS), FOUND))


def recalling_return(window: int) -> float:
    """What is earned by going to the goal where the window shows it, and at random elsewhere."""
    return RANDOM + (OPTIMUM - RANDOM) * rooms_known(window)
