"""The table of workloads: one row says what is timed, how large, and which bar it must reach.

A new family is one row here, made of the factories that are there. `small` replaces arguments for
`--quick` and `--small` and for the tests, which check every row's equivalence, ratio and counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from adfast.errors import UnknownName
from benchmarks.card_workloads import CARD_WORKLOADS
from benchmarks.workload import Bar, ContestModule, Count, Workload

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

of_simulators = partial(Workload, layer="simulators", unit="environment steps")
of_algorithms = partial(Workload, layer="source_algorithms", unit="transitions")
of_windows = partial(Workload, layer="histories", unit="windows")
of_histories = partial(Workload, layer="histories", unit="transitions")
of_attention = partial(Workload, layer="attention", unit="tokens")
of_training = partial(Workload, layer="training", unit="transitions")
of_evaluation = partial(Workload, layer="evaluation", unit="environment steps")
of_start_up = partial(Workload, layer="start_up", unit="starts", limit="bare python")

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
SMALL_BILLION = {"num_blocks": 8, "small_blocks": 2}
DEMO = {"family": "dark-room", "context_length": 200, "batch_size": 32, "attention_window": 200}
DEMO_HEADS = {**DEMO, "num_heads": 4}
ACTING = {"family": "dark-room", "num_environments": 256, "window": 256}
SMALL_ACTING = {"num_environments": 8, "window": 64}
# Some for Python itself; results take more at small size.
NO_ARRAYS: dict[Count, int] = {"allocated_bytes": 6_144}

WORKLOADS = (
    *(
        of_simulators(
            f"dark-room-step-{num_environments}",
            f"step {num_environments:,} Dark Room environments",
            factory=simulators.step,
            arguments={"family": "dark-room", "num_environments": num_environments},
            small={"num_environments": small},
            bars=bars,
            rivals=("Gymnasium SyncVectorEnv",),
            optional=("C, one struct per environment", "gymnax, vmap and scan"),
            small_ratio=ratio,
            counts=NO_ARRAYS,
        )
        for num_environments, small, bars, ratio in (
            (64, 64, (), None),
            (8192, 1024, (Bar("ratio", at_least=1000),), 100),
            (65536, 256, (), None),
        )
    ),
    of_simulators(
        "dark-house-step-8192",
        "step 8,192 Dark House environments",
        factory=simulators.step,
        arguments={"family": "dark-house", "num_environments": 8192},
        small={"num_environments": 256},
        rivals=("Gymnasium SyncVectorEnv",),
    ),
    of_simulators(
        "frozen-lake-step-1024",
        "step 1,024 Frozen Lakes",
        factory=frozen_lake.step,
        arguments={"num_environments": 1024},
        small={"num_environments": 64},
        rivals=("Gymnasium SyncVectorEnv",),
        optional=("EnvPool",),
    ),
    of_simulators(
        "dark-room-random-rollout",
        "random policy, fused with the simulator",
        factory=simulators.random_rollout,
        arguments={"family": "dark-room", "num_environments": 8192, "episodes": 20},
        small={"num_environments": 512},
        rivals=("plain Python",),
        small_ratio=60,
    ),
    of_algorithms(
        "dark-room-q-learning",
        "Q-learning histories",
        factory=source_algorithms.q_learning,
        arguments={"family": "dark-room", "num_histories": 256, "episodes": 200},
        small={"num_histories": 16, "episodes": 100},
        bars=(Bar("ratio", at_least=100), Bar("rate", at_least=20e6)),
        rivals=("twin in plain Python", "plain Python, module random"),
        small_ratio=30,
    ),
    of_algorithms(
        "dark-room-annealed-expert",
        "annealed-expert histories",
        factory=source_algorithms.annealed_expert,
        arguments={"family": "dark-room", "num_histories": 256, "per_task": 64, "episodes": 200},
        small={"num_histories": 16, "per_task": 8, "episodes": 50},
        rivals=("twin in plain Python",),
        small_ratio=30,
    ),
    *(
        of_windows(
            f"ring-sample-{length}",
            f"sample 128 windows of {length:,} from a ring of 1 GiB",
            factory=ring_buffer.sample,
            arguments={"length": length, "calls": calls, **RING},
            small=SMALL_RING,
            bars=bars,
            rivals=("NumPy slices", "torch DataLoader"),
            optional=("flashbax", "cpprb, gathered", "torchrl SliceSampler"),
            limit="memcpy",
            small_ratio=ratio,
            counts=NO_ARRAYS,
        )
        for length, calls, bars, ratio in (
            (400, 64, (Bar("share", at_least=0.65), Bar("ratio", at_least=5)), 2),
            (4096, 16, (Bar("share", at_least=0.90),), None),
        )
    ),
    of_histories(
        "ring-append",
        "append one row to 4,096 lanes of a ring",
        factory=ring_buffer.append,
        arguments={"num_lanes": 4096, "capacity": 4096, **COPY},
        small={"num_lanes": 1024, "capacity": 256, **SMALL_COPY},
        rivals=("NumPy columns",),
        limit="memcpy",
        small_ratio=1.2,
        counts=NO_ARRAYS,
    ),
    of_histories(
        "ring-append-block",
        "append 4,096 rows to 256 lanes of a ring",
        factory=ring_buffer.append_block,
        arguments={"num_lanes": 256, "capacity": 32768, "length": 4096, **COPY},
        small={"num_lanes": 16, "capacity": 4096, "length": 512, **SMALL_COPY},
        rivals=("NumPy slices",),
        limit="memcpy",
    ),
    of_windows(
        "store-sample-400",
        "sample 128 windows of 400 from a store on disk",
        factory=store.sample,
        arguments={
            "length": 400,
            "num_histories": 4096,
            "history_length": 8192,
            "calls": 64,
            **COPY,
        },
        small={"num_histories": 64, **SMALL_COPY},
        rivals=("RingBuffer.sample",),
        limit="memcpy",
        counts=NO_ARRAYS,
    ),
    *(
        of_windows(
            f"store-billion-{length}",
            f"sample 128 windows of {length:,} from 10^9 transitions on disk",
            factory=sparse_store.sample,
            arguments={"length": length, "draws": 16, **BILLION},
            small=SMALL_BILLION,
            bars=(Bar("ratio", at_least=0.9),),
            rivals=("smaller store",),
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
        SMALL_BILLION,
        (Bar("seconds", at_most=1.0),),
        rivals=("smaller store",),
    ),
    of_histories(
        "store-write",
        "write a durable block of 64 MiB",
        factory=store.write,
        arguments={"num_histories": 1024, "history_length": 8192},
        small={"num_histories": 64},
        rivals=("np.save and fsync",),
    ),
    *(
        of_attention(
            f"attention-{length}-head-{head_dim}",
            f"attention of {length:,} tokens, {window or 'no'} window, heads of {head_dim}",
            factory=attention.forward_backward,
            arguments={
                "length": length,
                "window": window,
                "head_dim": head_dim,
                "num_tokens": 8192,
            },
            small={"length": min(length, 1024), "num_tokens": 2048},
            bars=(Bar("ratio", at_least=2.5, rival=len(chunks)),),
            rivals=("torch is_causal", *chunks),
            limit="matrix product",
            small_ratio=ratio,
        )
        for length, window, chunks, ratio in (
            (256, None, (), None),
            (4096, 256, ("torch in chunks",), 1.5),
        )
        for head_dim in (16, 32)
    ),
    of_training(
        "training-step-200",
        "training step, 200 transitions",
        factory=training.step,
        arguments=DEMO,
        small={"batch_size": 8},
        bars=(Bar("ratio", at_least=3.5),),
        rivals=("three tokens, is_causal", "research script"),
        small_ratio=1.3,
        counts={"operations": 320},
    ),
    of_training(
        "training-attention-native",
        "training step of the demo, attention native or torch's",
        factory=training.attention_path,
        arguments=DEMO_HEADS,
        small={"batch_size": 8},
        bars=(Bar("ratio", at_least=1.3),),
        rivals=("torch's kernels",),
    ),
    of_training(
        "training-step-overhead",
        "the demo's gradient, beside its products and attention alone",
        factory=training_overhead.step,
        arguments=DEMO_HEADS,
        small={"batch_size": 8},
        bars=(Bar("share", at_least=1 / 1.2),),
        rivals=("torch between products",),
        limit="products and attention",
        counts={"operations": 162},
    ),
    of_training(
        "training-optimizer-share",
        "the demo's update, beside its gradient alone",
        factory=training_overhead.update,
        arguments=DEMO_HEADS,
        small={"batch_size": 8},
        bars=(Bar("ratio", at_least=0.85),),
        rivals=("gradient alone",),
    ),
    of_training(
        "training-step-2048",
        "training step, 2,048 transitions, window 256",
        factory=training.step,
        arguments={**DEMO, "context_length": 2048, "batch_size": 4, "attention_window": 256},
        small={"context_length": 1024, "batch_size": 1},
        bars=(Bar("ratio", at_least=7),),
        rivals=("three tokens, is_causal",),
        small_ratio=1.5,
    ),
    of_training(
        "training-live-ring",
        "the demo's training from a live ring, two threads",
        factory=live_ring.train,
        arguments={
            "recipe": "dark-room",
            "histories_per_task": 100,
            "block_histories": 100,
            "updates": 22,  # about two blocks
            "threads": 2,
        },
        small={"histories_per_task": 2, "updates": 2},
        bars=(Bar("ratio", at_least=0.9),),
        rivals=("store",),
    ),
    of_evaluation(
        "streaming-evaluation-256",
        "act in context in 256 environments, 256 transitions",
        factory=evaluation.streaming,
        arguments=ACTING,
        small=SMALL_ACTING,
        bars=(Bar("ratio", at_least=30),),
        rivals=("recomputed window",),
        small_ratio=1.3,
        counts={"operations": 112},
    ),
    of_evaluation(
        "streaming-evaluation-256-bfloat16",
        "act in context in 256 environments, cache in bfloat16",
        factory=evaluation.cache_precision,
        arguments=ACTING,
        small=SMALL_ACTING,
        bars=(Bar("ratio", at_least=1.5),),
        rivals=("cache in float32",),
    ),
    of_start_up(
        "import-adfast",
        "import adfast",
        factory=start_up.import_package,
        bars=(Bar("seconds", at_most=0.3),),
    ),
    of_start_up(
        "adfast-help",
        "adfast --help",
        factory=start_up.help_text,
        bars=(Bar("seconds", at_most=0.3), Bar("share", at_least=0.18)),
    ),
    *CARD_WORKLOADS,
)


def select(names: Iterable[str]) -> list[Workload]:
    """The workloads with these names or of these layers or devices, in the table's order.

    All without names. Raises `UnknownName` for a name that is none of them.
    """
    wanted = list(names)
    valid = {word for workload in WORKLOADS for word in workload.words}
    for name in wanted:
        if name not in valid:
            raise UnknownName("workload, layer or device", name, valid)
    return [w for w in WORKLOADS if not wanted or not w.words.isdisjoint(wanted)]
