"""A study of seconds; as a program, `adfast` that knows it."""

from __future__ import annotations

from adfast.runs.reproduction.studies.catalogue import STUDIES
from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable

SMALL = {
    "family.options.size": 5,
    "family.options.episode_length": 10,
    "collection.held_out": 5,
    "collection.validation": 3,
    "collection.histories_per_task": 4,
    "collection.episodes": 24,
    "collection.keep_every": 2,
    "collection.block_histories": 20,
    "collection.threads": 1,
    "model.num_layers": 1,
    "model.width": 16,
    "model.feed_forward_width": 32,
    "model.attention_window": 20,
    "training.updates": 12,
    "training.batch_size": 4,
    "training.context_length": 40,
    "training.warmup_updates": 2,
    "training.checkpoint_every": 4,
    "training.evaluate_every": 1,
    "training.threads": 1,
    "evaluation.episodes": 6,
    "evaluation.seeds": 2,
    "evaluation.train_tasks": 3,
    "evaluation.monitor_episodes": 2,
}
AGENT = {"evaluation.agent": "random"}


def tiny(**changes: object) -> StudyTable:
    """Two methods, an agent, a method that there is not, and a setting that varies."""
    settings = SMALL | changes
    published = Published("1 at first, 3 in the end", {1: 1.0, 6: 3.0})
    ad = Row("tiny-ad", "ad", "dark-room", settings=settings, seeds=(1, 2), published=published)
    ed = Row("tiny-ed", "ed", "dark-room", "ed", settings)
    chance = Row("tiny-chance", "chance", "dark-room", settings=settings, evaluation=AGENT)
    never = Row("tiny-never", "never", "dark-room", "no-such-method", settings)
    varied = [
        Row(
            f"tiny-width-{width}",
            f"{width}",
            "dark-room",
            settings=settings | {"model.width": width},
            level=width,
            published=Published(f"{width / 10:g}", value=width / 10),
        )
        for width in (8, 16)
    ]
    panels = (
        Panel("Methods", (ad, ed, chance, never), levels={"RL2, published": 4.0}),
        Panel("Width", tuple(varied), axis="width"),
        Panel("While training", (ad,), levels={"published": 4.0}, while_training=True),
    )
    return StudyTable("tiny", "A tiny study", "Nothing is learned.", panels)


if __name__ == "__main__":
    import sys

    from adfast.cli import main, reproduction

    STUDIES["tiny"] = tiny
    reproduction.PROGRAM = (sys.executable, __file__)
    main()
