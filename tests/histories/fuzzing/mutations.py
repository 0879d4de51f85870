"""Stores that are almost stores: what a damaged disk, a bug or a hostile hand might leave.

An input is a function of the corpus, a seed and its number alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from fuzzing.seed_stores import CORPUS, StoreBytes

from adfast.histories.manifest import checksum, parse_manifest
from adfast.histories.schema import check_schema
from adfast.histories.shard import make_header, place_tensors
from adfast.histories.store import schema_of

INTEGERS = [
    *(0, 1, -1, 2, 7, 255, 256, 4096, 65535, 65536),
    *(2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30),
]
OTHERS: list[Any] = [
    *(None, True, False, 0.5, -0.0, 1e308, math.nan, math.inf, -math.inf),
    *("", "none", "a", "../x", "/etc/passwd", "\ud800", "\0", "é", "9" * 5000, "x" * 70_000),
    *("block", "offsets", "episode_step", "episode_starts", "metadata.task_id", "__metadata__"),
    *("object", "float128", "complex64", ">f8", "f8,f8", "(2,3)f4", "V10", "S8", "datetime64[s]"),
    *("bool", "int64", "float64", "uint16", "uint8", "f4", "?", "longdouble", "{'a': 1}"),
    *([], {}, [[]], {"a": 1}, [2**62, 4], [2**70], [0], [-1], [1] * 70, [2] * 70, ["3"], [1.5]),
    *({"dtype": "uint8", "shape": []}, {"dtype": "uint8", "shape": [1 << 40]}),
]
MAX_SHARD_BYTES = 1 << 16  # of one that is made to fit a mutated manifest


def mutate(store: StoreBytes, random: Random) -> StoreBytes:
    """A store that differs from `store` in one way or several."""
    choice = random.random()
    if choice < 0.1:
        return StoreBytes(mutate_bytes(store.manifest, random), store.shards)
    if choice < 0.3:
        return mutate_shard(store, random)
    manifest = mutate_json(store.manifest, random)
    shards = store.shards
    if random.random() < 0.5:
        shards = fitting_shards(manifest, shards, random)
    changed = StoreBytes(manifest, shards)
    return mutate_shard(changed, random) if random.random() < 0.2 else changed


def mutate_bytes(content: bytes, random: Random) -> bytes:
    """`content` with bytes flipped, cut, inserted, repeated or moved."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        at = random.randrange(len(changed) + 1)
        length = random.choice([1, 1, 2, 8, 100])
        kind = random.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del changed[at : at + length]
        elif kind == 2:
            changed[at:at] = random.randbytes(length)
        elif kind == 3:
            changed[at:at] = changed[at : at + length]
        elif kind == 4:
            changed[at : at + length] = random.randbytes(length)
        elif kind == 5:
            changed[at:at] = b"[" * random.choice([1, 900, 5000])
        else:
            del changed[at:]
    return bytes(changed)


def mutate_json(content: bytes, random: Random) -> bytes:
    """A manifest with some of its values changed, most often under a checksum that is right."""
    document = json.loads(content)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        mutate_value(document, random)
    if random.random() < 0.02:
        container, key = random.choice(list(walk(document)))
        container[key] = nested(random.choice([50, 250, 300, 800]))
    if random.random() < 0.9:
        document.pop("xxh3", None)
        document["xxh3"] = checksum(document)
    return json.dumps(document).encode()


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def mutate_value(document: Any, random: Random) -> None:
    """Change, delete, rename or copy one value of a document in place."""
    places = list(walk(document))
    container, key = random.choice(places)
    kind = random.randrange(7)
    if kind == 0:
        del container[key]
    elif kind == 1:
        other, other_key = random.choice(places)
        container[key] = deepcopy(other[other_key])
    elif kind == 2 and isinstance(container, dict):
        name = random.choice([value for value in OTHERS if isinstance(value, str)])
        container[name] = container.pop(key)
    elif kind == 3 and isinstance(container, list):
        container.insert(key, deepcopy(container[key]))
    elif kind == 4 and isinstance(container[key], int):
        container[key] += random.choice([-1, 1, -8, 8])
    else:
        container[key] = deepcopy(random.choice(INTEGERS if random.random() < 0.5 else OTHERS))


def walk(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield document, key
        if isinstance(value, dict | list):
            yield from walk(value)


def mutate_shard(store: StoreBytes, random: Random) -> StoreBytes:
    """The store with one shard damaged, gone, or with hostile numbers where its offsets lie."""
    if not store.shards:
        return store
    name = random.choice(sorted(store.shards))
    shards = dict(store.shards)
    content = bytearray(shards.pop(name))
    kind = random.randrange(4)
    if kind == 1:
        shards[name] = mutate_bytes(bytes(content), random)
    elif kind > 1:
        header_bytes = min(len(content), 8 + int.from_bytes(content[:8], "little"))
        for _ in range(random.choice([1, 2, 3])):
            at = header_bytes + 8 * random.randrange(12)
            number = random.choice(INTEGERS) + random.choice([0, 0, 1, -1, -(2**63)])
            content[at : at + 8] = (number % 2**64).to_bytes(8, "little")
        shards[name] = bytes(content)
    return StoreBytes(store.manifest, shards)


def fitting_shards(manifest: bytes, shards: dict[str, bytes], random: Random) -> dict[str, bytes]:
    """Shards of the size and with the header that a manifest asks for, where they are small.

    Without them every changed manifest would end at the first comparison of sizes.
    """
    fitting = dict(shards)
    try:
        parsed = parse_manifest(manifest, CORPUS)
        fields = check_schema(schema_of(CORPUS, parsed))
        for record in parsed.blocks:
            tensors = place_tensors(fields, record)
            header = make_header(tensors, record)
            size = len(header) + max(tensor.end for tensor in tensors.values())
            if size <= MAX_SHARD_BYTES:
                old = shards.get(record.file_name, b"")[len(header) : size]
                fitting[record.file_name] = header + old.ljust(size - len(header), b"\1")
    except Exception:  # whatever it is, the attempt that follows meets it too
        return shards
    return fitting
