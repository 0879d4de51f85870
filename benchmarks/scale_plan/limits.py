"""What gives way first as a store grows: limits of format and machine, and what to change."""

from __future__ import annotations

import json
from dataclasses import dataclass

from adfast.collection.plan import MAX_BLOCK_BYTES, MAX_BLOCKS
from adfast.histories.manifest import MAX_BYTES as MANIFEST_BYTES
from adfast.histories.manifest import BlockRecord
from benchmarks.scale_plan.assumptions import Assumptions
from benchmarks.scale_plan.stages import Data

# Bytes of a history in the table from which windows are drawn (csrc/window_plan.hpp): its entry and
# its rows, and one or two numbers of the guide.
PLAN_BYTES = 4 * 8 + 3 * 8 + 8


@dataclass(frozen=True)
class Limit:
    """`what` gives way at so many stored transitions, and `change` goes on beyond."""

    what: str
    transitions: float
    change: str


def limits(data: Data, assumed: Assumptions) -> list[Limit]:
    """Of one store of `data`, the first to give way first."""
    sizes, fleet = assumed.sizes, assumed.fleet
    shard = sizes.history * sizes.block_histories
    largest = MAX_BLOCK_BYTES / data.row_bytes
    planned = sizes.memory_bytes / sizes.processes_per_node / PLAN_BYTES
    found = [
        Limit(
            "memory of a node: windows come from drives",
            sizes.memory_bytes / data.row_bytes,
            "drives in the node, not storage over the network: a window is a page for each field",
        ),
        Limit(
            "memory of all nodes: windows come from drives wherever they lie",
            fleet.nodes * sizes.memory_bytes / data.row_bytes,
            "a node draws from its own part of the histories, which is another part each epoch",
        ),
        Limit(
            "maps of a process (vm.max_map_count): a shard is one",
            sizes.memory_maps * shard,
            f"larger blocks: {largest:.2g} transitions fit into one of {MAX_BLOCK_BYTES >> 30} GiB",
        ),
        Limit(
            "the manifest's greatest size",
            MANIFEST_BYTES / record_bytes() * shard,
            "larger blocks, or several stores",
        ),
        Limit("blocks of a store", MAX_BLOCKS * shard, "larger blocks, or several stores"),
        Limit(
            "memory for the tables from which windows are drawn, one in each process",
            planned * sizes.history,
            "longer histories, or one table that the processes of a node share",
        ),
    ]
    return sorted(found, key=lambda limit: limit.transitions)


def record_bytes() -> int:
    """Bytes of a shard's line in a manifest."""
    record = BlockRecord(
        block=123_456,
        histories=256,
        transitions=2**21,
        episodes=104_858,
        num_bytes=18_874_368 + 12_288,
        xxh3="0123456789abcdef",
        columns={"task_id": "int64", "random_stream": "int64"},
        metadata={},
    )
    return len(json.dumps(record.model_dump(mode="json"))) + len(",\n  ")
