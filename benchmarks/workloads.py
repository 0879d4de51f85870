"""The table of workloads: one row says what is timed, how large, and which bar it must reach.

A new family is one row here, made of the factories that are there. `small` replaces arguments for
`--quick` and for the tests, which check every row's equivalence.
"""

from __future__ import annotations

from collections.abc import Iterable

from adfast.errors import UnknownName
from benchmarks.workload import Bar, ContestModule, Workload

attention = ContestModule("attention")
evaluation = ContestModule("evaluation")
frozen_lake = ContestModule("frozen_lake")
live_ring = ContestModule("live_ring")
ring_buffer = ContestModule("ring_buffer")
simulators = ContestModule("simulators")
source_algorithms = ContestModule("source_algorithms")
sparse_store = ContestModule("sparse_store")
start_up = ContestModule("start_up")
store = ContestModule("store")
training = ContestModule("training")
training_overhead = ContestModule("training_overhead")

COPY = {"copy_bytes": 512 << 20}
SMALL_COPY = {"copy_bytes": 64 << 20}
RING = {"num_lanes": 4096, "capacity": 32768, **COPY}  # 1 GiB of eight-byte transitions
SMALL_RING = {"num_lanes": 256, "capacity": 8192, **SMALL_COPY}
BILLION = {  # 10^9 transitions beside as many as in store-sample-400
    "num_blocks": 477,
    "small_blocks": 16,
    "block_histories": 256,
    "history_length": 8192,
}

WORKLOADS = (
    *(
        Workload(
            f"dark-room-step-{num_environments}",
            f"step {num_environments:,} Dark Room environments",
            "simulators",
            "environment steps",
            simulators.step,
            {"family": "dark-room", "num_environments": num_environments},
            {"num_environments": min(num_environments, 256)},
            (Bar("ratio", at_least=1000),) if num_environments == 8192 else (),
        )
        for num_environments in (64, 8192, 65536)
    ),
    Workload(
        "dark-house-step-8192",
        "step 8,192 Dark House environments",
        "simulators",
        "environment steps",
        simulators.step,
        {"family": "dark-house", "num_environments": 8192},
        {"num_environments": 256},
    ),
    Workload(
        "frozen-lake-step-1024",
        "step 1,024 Frozen Lakes",
        "simulators",
        "environment steps",
        frozen_lake.step,
        {"num_environments": 1024},
        {"num_environments": 64},
    ),
    Workload(
        "dark-room-random-rollout",
        "random policy, fused with the simulator",
        "simulators",
        "environment steps",
        simulators.random_rollout,
        {"family": "dark-room", "num_environments": 8192, "episodes": 20},
        {"num_environments": 512},
    ),
    Workload(
        "dark-room-q-learning",
        "Q-learning histories",
        "source_algorithms",
        "transitions",
        source_algorithms.q_learning,
        {"family": "dark-room", "num_histories": 256, "episodes": 200},
        {"num_histories": 16, "episodes": 100},
        (Bar("ratio", at_least=100), Bar("rate", at_least=20e6)),
    ),
    Workload(
        "dark-room-annealed-expert",
        "annealed-expert histories",
        "source_algorithms",
        "transitions",
        source_algorithms.annealed_expert,
        {"family": "dark-room", "num_histories": 256, "per_task": 64, "episodes": 200},
        {"num_histories": 16, "per_task": 8, "episodes": 50},
    ),
    Workload(
        "ring-sample-400",
        "sample 128 windows of 400 from a ring of 1 GiB",
        "histories",
        "windows",
        ring_buffer.sample,
        {"length": 400, "calls": 64, **RING},
        SMALL_RING,
        (Bar("share", at_least=0.65), Bar("ratio", at_least=5)),
    ),
    Workload(
        "ring-sample-4096",
        "sample 128 windows of 4,096 from a ring of 1 GiB",
        "histories",
        "windows",
        ring_buffer.sample,
        {"length": 4096, "calls": 16, **RING},
        SMALL_RING,
        (Bar("share", at_least=0.90),),
    ),
    Workload(
        "ring-append",
        "append one row to 4,096 lanes of a ring",
        "histories",
        "transitions",
        ring_buffer.append,
        {"num_lanes": 4096, "capacity": 4096, **COPY},
        {"num_lanes": 256, "capacity": 256, **SMALL_COPY},
    ),
    Workload(
        "ring-append-block",
        "append 4,096 rows to 256 lanes of a ring",
        "histories",
        "transitions",
        ring_buffer.append_block,
        {"num_lanes": 256, "capacity": 32768, "length": 4096, **COPY},
        {"num_lanes": 16, "capacity": 4096, "length": 512, **SMALL_COPY},
    ),
    Workload(
        "store-sample-400",
        "sample 128 windows of 400 from a store on disk",
        "histories",
        "windows",
        store.sample,
        {"length": 400, "num_histories": 4096, "history_length": 8192, "calls": 64, **COPY},
        {"num_histories": 64, **SMALL_COPY},
    ),
    *(
        Workload(
            f"store-billion-{length}",
            f"sample 128 windows of {length:,} from 10^9 transitions on disk",
            "histories",
            "windows",
            sparse_store.sample,
            {"length": length, "draws": 16, **BILLION},
            {"num_blocks": 8, "small_blocks": 2},
            (Bar("ratio", at_least=0.9),),
        )
        for length in (400, 4096)
    ),
    Workload(
        "store-billion-open",
        "open a store of 10^9 transitions",
        "histories",
        "stores",
        sparse_store.open_store,
        BILLION,
        {"num_blocks": 8, "small_blocks": 2},
        (Bar("seconds", at_most=1.0),),
    ),
    Workload(
        "store-write",
        "write a durable block of 64 MiB",
        "histories",
        "transitions",
        store.write,
        {"num_histories": 1024, "history_length": 8192},
        {"num_histories": 64},
    ),
    *(
        Workload(
            f"attention-{length}-head-{head_dim}",
            f"attention of {length:,} tokens, {window or 'no'} window, heads of {head_dim}",
            "attention",
            "tokens",
            attention.forward_backward,
            {"length": length, "window": window, "head_dim": head_dim, "num_tokens": 8192},
            {"length": min(length, 1024), "num_tokens": 2048},
            (Bar("ratio", at_least=2.5, rival=0 if window is None else 1),),
        )
        for length, window in ((256, None), (4096, 256))
        for head_dim in (16, 32)
    ),
    Workload(
        "training-step-200",
        "training step, 200 transitions",
        "training",
        "transitions",
        training.step,
        {
            "family": "dark-room",
            "context_length": 200,
            "batch_size": 32,
            "attention_window": 200,
        },
        {"batch_size": 8},
        (Bar("ratio", at_least=3.5),),
    ),
    Workload(
        "training-attention-native",
        "training step of the demo, attention native or torch's",
        "training",
        "transitions",
        training.attention_path,
        {
            "family": "dark-room",
            "context_length": 200,
            "batch_size": 32,
            "attention_window": 200,
            "num_heads": 4,
        },
        {"batch_size": 8},
        (Bar("ratio", at_least=1.3),),
    ),
    *(
        Workload(
            name,
            title,
            "training",
            "transitions",
            factory,
            {
                "family": "dark-room",
                "context_length": 200,
                "batch_size": 32,
                "attention_window": 200,
                "num_heads": 4,
            },
            {"batch_size": 8},
            (bar,),
        )
        for name, title, factory, bar in (
            (
                "training-step-overhead",
                "the demo's gradient, beside its products and attention alone",
                training_overhead.step,
                Bar("share", at_least=1 / 1.2),
            ),
            (
                "training-optimizer-share",
                "the demo's update, beside its gradient alone",
                training_overhead.update,
                Bar("ratio", at_least=0.85),
            ),
        )
    ),
    Workload(
        "training-step-2048",
        "training step, 2,048 transitions, window 256",
        "training",
        "transitions",
        training.step,
        {
            "family": "dark-room",
            "context_length": 2048,
            "batch_size": 4,
            "attention_window": 256,
        },
        {"context_length": 1024, "batch_size": 1},
        (Bar("ratio", at_least=7),),
    ),
    Workload(
        "training-live-ring",
        "the demo's training from a live ring, two threads",
        "training",
        "transitions",
        live_ring.train,
        {
            "recipe": "dark-room",
            "histories_per_task": 100,
            "block_histories": 100,
            "updates": 22,  # about two blocks
            "threads": 2,
        },
        {"histories_per_task": 2, "updates": 2},
        (Bar("ratio", at_least=0.9),),
    ),
    Workload(
        "streaming-evaluation-256",
        "act in context in 256 environments, 256 transitions",
        "evaluation",
        "environment steps",
        evaluation.streaming,
        {"family": "dark-room", "num_environments": 256, "window": 256},
        {"num_environments": 8, "window": 64},
        (Bar("ratio", at_least=30),),
    ),
    Workload(
        "streaming-evaluation-256-bfloat16",
        "act in context in 256 environments, cache in bfloat16",
        "evaluation",
        "environment steps",
        evaluation.cache_precision,
        {"family": "dark-room", "num_environments": 256, "window": 256},
        {"num_environments": 8, "window": 64},
        (Bar("ratio", at_least=1.5),),
    ),
    Workload(
        "import-adfast",
        "import adfast",
        "start_up",
        "starts",
        start_up.import_package,
        bars=(Bar("seconds", at_most=0.3),),
    ),
    Workload(
        "adfast-help",
        "adfast --help",
        "start_up",
        "starts",
        start_up.help_text,
        bars=(Bar("seconds", at_most=0.3), Bar("share", at_least=0.18)),
    ),
)


def select(names: Iterable[str]) -> list[Workload]:
    """The workloads with these names or of these layers, in the table's order; all without names.

    Raises `UnknownName` for a name that is neither.
    """
    wanted = list(names)
    valid = {workload.name for workload in WORKLOADS} | {workload.layer for workload in WORKLOADS}
    for name in wanted:
        if name not in valid:
            raise UnknownName("workload or layer", name, valid)
    return [w for w in WORKLOADS if not wanted or w.name in wanted or w.layer in wanted]
