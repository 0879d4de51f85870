"""Where values enter histories: ring, store, windows, recorder, schemas."""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.histories import FieldSchema, RingBuffer
from adfast.tasks.fields import Field
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from attacks.face import Face
from attacks.hostile import same_numbers

DISCRETE = TransitionSchema(DiscreteObservation((4, 300)), 3, 6)
REAL = TransitionSchema(RealObservation("float32", (2,)), 3, 6, "float32")
LABELLED = TransitionSchema(DiscreteObservation((4, 300)), 3, 6, labelled=True)
LANES, ROWS = 3, 5
ROOT = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
atexit.register(ROOT.cleanup)


def rows_of(schema: TransitionSchema, rng: np.random.Generator, *leading: int) -> dict[str, Any]:
    """Rows that `schema` has a meaning for."""
    return {
        name: rng.integers(0, field.sizes or 99, (*leading, *field.shape)).astype(field.dtype)
        for name, field in schema.fields.items()
    }


def block_of(schema: TransitionSchema, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "arrays": rows_of(schema, rng, LANES, ROWS),
        "lengths": rng.integers(1, ROWS + 1, LANES),
        "metadata": {"task_id": rng.integers(0, 9, LANES), "note": "x"},
        "description": {"of": [1, "x"]},
    }


def holds_block(store: histories.HistoryStore, arguments: dict[str, Any]) -> bool:
    """Whether the histories of `store` are those of a block that was accepted."""
    lengths = np.asarray(arguments["lengths"])
    for name, rows in arguments["arrays"].items():
        first = 0
        for history, length in enumerate(lengths.tolist()):
            is_flat = rows.shape[0] == lengths.sum() and rows.ndim == store.history(0)[name].ndim
            given = rows[first : first + length] if is_flat else rows[history, :length]
            first += length
            if not same_numbers(store.history(history)[name], given):
                return False
    return True


def store_face(schema: TransitionSchema, name: str) -> Face:
    return Face(
        f"histories.from_arrays, {name}",
        arguments=lambda _, rng: block_of(schema, rng),
        call=lambda _, a: histories.from_arrays(schema, *a.values()),
        check=lambda _, a, store: holds_block(store, a),
    )


def new_folder() -> Path:
    """One that is deleted when the process ends."""
    return Path(tempfile.mkdtemp(dir=ROOT.name))


def new_writer() -> histories.HistoryWriter:
    return histories.create(new_folder(), REAL, is_open_ended=True)


def files_of(writer: histories.HistoryWriter) -> Any:
    return {path.name: path.read_bytes() for path in writer.path.iterdir()}


def written(writer: histories.HistoryWriter, arguments: dict[str, Any]) -> bool:
    store = histories.open(writer.path, allow_incomplete=True)
    block = store.blocks[int(np.searchsorted(store._block_numbers, arguments["block_index"]))]
    part = histories.HistoryStore(REAL, [block], block_numbers=[0], description={})
    return holds_block(part, arguments)


WRITER = Face(
    "HistoryWriter.append_block",
    subject=new_writer,
    arguments=lambda writer, rng: (
        {"block_index": writer.next_block}
        | {name: value for name, value in block_of(REAL, rng).items() if name != "description"}
    ),
    call=lambda writer, a: writer.append_block(*a.values()),
    check=lambda writer, a, _: written(writer, a),
    state=files_of,
    fresh_every=25,
    weight=2,
)


def ring_of(schema: TransitionSchema) -> RingBuffer:
    ring = RingBuffer(schema, 4, 8)
    ring.append_block(range(4), rows_of(schema, np.random.default_rng(0), 4, 2))
    return ring


def ring_state(ring: RingBuffer) -> Any:
    everything = ring.sample(40, 1, seed=0, draw=0, return_positions=True)
    return ring.num_histories, ring.num_transitions, ring._ring.num_staged, everything


def appended(ring: RingBuffer, a: dict[str, Any]) -> bool:
    """Whether each lane holds its new row: where a history begins as its first, or as its third."""
    ring.flush()
    starts = np.zeros(4, bool) if a["starts"] is None else np.asarray(a["starts"])
    begun = np.cumsum(starts) + 3
    lane_of = {(begun[n], 0) if starts[n] else (n, 2): n for n in range(4)}
    batch = ring.sample(64, 1, seed=0, draw=0, return_positions=True)
    places = zip(batch["history_index"].tolist(), batch["history_offset"].tolist(), strict=True)
    for row, place in enumerate(places):
        if place in lane_of:
            given = {name: values[lane_of[place]] for name, values in a["fields"].items()}
            if not all(same_numbers(batch[name][row, 0], given[name]) for name in given):
                return False
        elif place[0] >= 4 or place[1] >= 2:
            return False
    return ring.num_transitions == 12


def append_face(schema: TransitionSchema, name: str) -> Face:
    return Face(
        f"RingBuffer.append, {name}",
        subject=lambda: ring_of(schema),
        arguments=lambda _, rng: {
            "fields": rows_of(schema, rng, 4),
            "starts": rng.random(4) < 0.5,
        },
        call=lambda ring, a: ring.append(a["fields"], a["starts"]),
        check=lambda ring, a, _: appended(ring, a),
        state=ring_state,
    )


def block_appended(ring: RingBuffer, a: dict[str, Any]) -> bool:
    batch = ring.sample(64, 1, seed=0, draw=0, return_positions=True)
    lanes = np.asarray(a["lanes"]).tolist()
    lengths = [5] * len(lanes) if a["lengths"] is None else np.asarray(a["lengths"]).tolist()
    rows = zip(batch["history_index"].tolist(), batch["history_offset"].tolist(), strict=True)
    for place, (history, offset) in enumerate(rows):
        if history < 4:  # those from before
            continue
        row = history - 4
        if row >= len(lanes) or offset >= lengths[row]:
            return False
        for name, values in a["fields"].items():
            if not same_numbers(batch[name][place, 0], values[row, offset]):
                return False
    return True


BLOCK = Face(
    "RingBuffer.append_block",
    subject=lambda: ring_of(REAL),
    arguments=lambda _, rng: {
        "lanes": rng.permutation(4)[:3],
        "fields": rows_of(REAL, rng, 3, 5),
        "lengths": rng.integers(1, 6, 3),
        "starts": np.ones(3, bool),
    },
    call=lambda ring, a: ring.append_block(
        a["lanes"], a["fields"], lengths=a["lengths"], starts=a["starts"]
    ),
    check=lambda ring, a, _: not np.all(a["starts"]) or block_appended(ring, a),
    state=ring_state,
)


def made_store() -> histories.HistoryStore:
    block = block_of(DISCRETE, np.random.default_rng(1))
    return histories.from_arrays(DISCRETE, block["arrays"], np.array([5, 3, 4]))


def is_drawn(store: histories.HistoryStore, a: dict[str, Any], batch: dict[str, Any]) -> bool:
    """Whether every window is what its position says."""
    names = list(DISCRETE.fields) if a["fields"] is None else list(a["fields"])
    for row, (history, offset) in enumerate(
        zip(batch["history_index"], batch["history_offset"], strict=True)
    ):
        whole = store.history(int(history))
        window = slice(int(offset), int(offset) + int(a["length"]))
        if not all(np.array_equal(batch[name][row], whole[name][window]) for name in names):
            return False
    return len(batch["history_index"]) == a["batch_size"]


DRAW = {
    "batch_size": 3,
    "length": 2,
    "seed": 4,
    "draw": 5,
    "first_row": 0,
    "align": "step",
    "fields": None,
    "evicted": 0,
    "committed": None,
    "threads": 1,
}
SAMPLE = Face(
    "HistoryStore.sample",
    subject=made_store,
    arguments=lambda _, rng: dict(DRAW),
    call=lambda store, a: store.sample(**a, return_positions=True),
    check=is_drawn,
    attacked=tuple(name for name in DRAW if name != "threads"),
    fresh_every=1000,
)
PACKED = Face(
    "HistoryStore.sample_packed",
    subject=made_store,
    arguments=lambda _, rng: dict(DRAW),
    call=lambda store, a: store.sample_packed(**a),
    check=lambda store, a, batch: len(batch["document_start"]) == a["batch_size"],
    attacked=tuple(name for name in DRAW if name != "threads"),
    fresh_every=1000,
)
HISTORY = Face(
    "HistoryStore.history",
    subject=made_store,
    arguments=lambda _, rng: {"index": int(rng.integers(3))},
    call=lambda store, a: store.history(a["index"]),
    check=lambda store, a, found: len(found["action"]) == [5, 3, 4][int(a["index"])],
    fresh_every=1000,
    weight=1,
)


class Scripted(gymnasium.Env):
    """Returns what it is told to."""

    observation_space = Box(0, 255, (2,), np.uint8)
    action_space = Discrete(3)

    def reset(self, **_: Any) -> Any:
        return np.zeros(2, np.uint8), {}

    def step(self, action: Any) -> Any:
        return (*self.next, {})


def new_recording() -> dict[str, Any]:
    recorder = Recorder(new_folder(), episode_length=1000)
    scripted = Scripted()
    return {
        "recorder": recorder,
        "scripted": scripted,
        "wrapped": recorder.wrap(scripted),
        "rows": [],
    }


def step_recorded(subject: dict[str, Any], a: dict[str, Any]) -> Any:
    subject["wrapped"].reset()
    subject["scripted"].next = [a[name] for name in ("observation", "reward", "terminated")]
    subject["scripted"].next.append(a["truncated"])
    return subject["wrapped"].step(a["action"])


def num_rows(subject: dict[str, Any]) -> int:
    return int(subject["wrapped"]._log.recording._newest.num_rows)


def is_recorded(subject: dict[str, Any], a: dict[str, Any], _: Any) -> bool:
    subject["rows"].append(a)
    if num_rows(subject) != len(subject["rows"]):
        return False
    if len(subject["rows"]) % 40:
        return True
    subject["recorder"].close()
    history = histories.open(subject["recorder"].path).history(0)
    rows = subject["rows"]
    subject.update(new_recording())
    return all(
        same_numbers(history["next_observation"][n], np.asarray(row["observation"]).reshape(2))
        and same_numbers(history["reward"][n], np.asarray(row["reward"]).reshape(()))
        and int(history["action"][n]) == np.asarray(row["action"]).item()
        for n, row in enumerate(rows)
    )


RECORDER = Face(
    "Recorder: step of a wrapped environment",
    subject=new_recording,
    arguments=lambda _, rng: {
        "action": int(rng.integers(3)),
        "observation": rng.integers(0, 256, 2).astype(np.uint8),
        "reward": float(rng.normal()),
        "terminated": bool(rng.random() < 0.1),
        "truncated": False,
    },
    call=step_recorded,
    check=is_recorded,
    state=lambda subject: (
        len(subject["rows"]),
        subject["wrapped"]._log.recording._newest.num_rows,
    ),
    fresh_every=1000,
)

SCHEMA = Face(
    "TransitionSchema",
    arguments=lambda _, rng: {
        "sizes": (4, 3),
        "num_actions": 3,
        "episode_length": 20,
        "reward_dtype": "uint8",
        "labelled": bool(rng.random() < 0.5),
    },
    call=lambda _, a: TransitionSchema(DiscreteObservation(a["sizes"]), *list(a.values())[1:]),
    check=lambda _, a, schema: TransitionSchema.from_dict(schema.to_dict()) == schema,
)
RING = Face(
    "RingBuffer and FieldSchema",
    arguments=lambda _, rng: {
        "name": "x",
        "dtype": np.dtype(np.uint8),
        "shape": (2,),
        "sizes": (3, 4),
        "num_lanes": 2,
        "capacity": 7,
    },
    call=lambda _, a: RingBuffer(
        FieldSchema({a["name"]: Field(a["dtype"], a["shape"], a["sizes"])}),
        a["num_lanes"],
        a["capacity"],
    ),
    check=lambda _, a, ring: (ring.num_lanes, ring.capacity) == (a["num_lanes"], a["capacity"]),
    attacked=("dtype", "shape", "sizes", "num_lanes"),
)
OPEN = Face(
    "histories.open",
    arguments=lambda _, rng: {"path": "/nowhere", "allow_incomplete": False},
    call=lambda _, a: histories.open(a["path"], allow_incomplete=a["allow_incomplete"]),
    check=lambda *_: False,
    weight=1,
)
FACES = [
    *(store_face(DISCRETE, "discrete"), store_face(REAL, "real"), WRITER),
    *(append_face(DISCRETE, "discrete"), append_face(REAL, "real"), BLOCK),
    *(store_face(LABELLED, "labelled"), append_face(LABELLED, "labelled")),
    *(SAMPLE, PACKED, HISTORY, RECORDER, SCHEMA, RING, OPEN),
]
