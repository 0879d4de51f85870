"""A recipe with a study of scaling that takes seconds; as a program, `adfast` itself."""

from __future__ import annotations

from pathlib import Path

RECIPE = """
[family]
name = "dark-house"

[family.options]
size = 3
episode_length = 5
rooms = 2
houses = 24

[collection]
algorithm = "q-learning"
histories_per_task = 2
episodes = 24
held_out = 4
validation = 2
threads = 1

[model]
num_layers = 1
width = 16
feed_forward_width = 16
attention_window = 20

[training]
updates = 4
batch_size = 4
context_length = 40
threads = 1

[evaluation]
episodes = 6
seeds = 2
train_tasks = 0

[scale]
seeds = 2

[[scale.axis]]
name = "window"
against = "window"
vary.model.attention_window = [5, 10, 20]

[[scale.axis]]
name = "tasks"
against = "tasks"
vary.collection.validation = [14, 2, 10]
vary.collection.histories_per_task = [6, 2, 3]
"""


def write_recipe(folder: Path, *replaced: tuple[str, str]) -> Path:
    """The recipe as a file, with texts replaced by others."""
    text = RECIPE
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = folder / "tiny_house.toml"
    path.write_text(text)
    return path
