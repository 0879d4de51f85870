"""Stores as bytes: the corpus that inputs are mutated from, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adfast.histories import FieldSchema, create
from adfast.histories.manifest import FILE_NAME
from adfast.tasks.fields import Field
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.transition_schema import TransitionSchema

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class StoreBytes:
    """The files of a store's folder."""

    manifest: bytes
    shards: dict[str, bytes]  # file name -> content


def read_corpus() -> list[StoreBytes]:
    """Every committed store."""
    return [read_folder(folder) for folder in sorted(CORPUS.iterdir())]


def read_folder(folder: Path) -> StoreBytes:
    """The store in a folder."""
    shards = {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}
    return StoreBytes((folder / FILE_NAME).read_bytes(), shards)


def write_folder(folder: Path, store: StoreBytes) -> None:
    """Make the folder hold exactly this store."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / FILE_NAME).write_bytes(store.manifest)
    for name, content in store.shards.items():
        (folder / name).write_bytes(content)


def write_corpus() -> None:
    """Make the corpus anew, for another version of the format: `python -m fuzzing.seed_stores`."""
    rng = np.random.default_rng(0)
    discrete = TransitionSchema(DiscreteObservation((9, 300)), num_actions=5, episode_length=6)
    description = {"of": [1, "x"]}
    with create(CORPUS / "discrete", discrete, num_blocks=2, description=description) as writer:
        for number in range(2):
            rows = {
                name: rng.integers(0, min(field.sizes or (5,)), (12, *field.shape)).astype(
                    field.dtype
                )
                for name, field in discrete.fields.items()
            }
            rows["episode_step"] = np.array([0, 1, 2, 0, 1, 0, 0, 1, 0, 1, 2, 3], np.uint16)
            metadata = {"task_id": np.arange(3), "rate": np.ones(3), "note": {"a": [None, 0.5]}}
            writer.append_block(number, rows, np.array([5, 1, 6]), metadata)
    plain = FieldSchema(
        {"pixels": Field(np.dtype(np.float32), (2, 3)), "flag": Field(np.dtype(np.bool_))}
    )
    with create(CORPUS / "plain", plain, num_blocks=1) as writer:
        rows = {"pixels": rng.random((9, 2, 3), np.float32), "flag": rng.random(9) < 0.5}
        writer.append_block(0, rows, np.array([9]), {"kept": np.array([True])})
    pictures = TransitionSchema(RealObservation("uint8", (32, 16)), num_actions=5, episode_length=6)
    with create(CORPUS / "pictures", pictures, num_blocks=1) as writer:
        rows = pictures.allocate(5)
        for name, values in rows.items():
            size = 256 if name == "observation" else 2
            values[:] = np.arange(values.size).reshape(values.shape) % size
        rows["next_observation"][:-1] = rows["observation"][1:]
        rows["next_observation"][2] = 7  # an end
        writer.append_block(0, rows, np.array([4, 1]), {"task_id": np.arange(2)})
    create(CORPUS / "empty", discrete).close()
    for lock in CORPUS.glob("*/.lock"):
        lock.unlink()


if __name__ == "__main__":
    write_corpus()
