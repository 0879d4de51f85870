"""The rows of the table whose subjects make, write and sample learning histories."""

from __future__ import annotations

from functools import partial

from benchmarks.workload import Bar, ContestModule, Count, Workload

frames = ContestModule("frames")
frozen_lake = ContestModule("frozen_lake")
pose_windows = ContestModule("pose_windows")
ring_buffer = ContestModule("ring_buffer")
simulators = ContestModule("simulators")
source_algorithms = ContestModule("source_algorithms")
sparse_store = ContestModule("sparse_store")
store = ContestModule("store")

of_simulators = partial(Workload, layer="simulators", unit="environment steps")
of_frames = partial(Workload, layer="simulators", unit="frames")
of_algorithms = partial(Workload, layer="source_algorithms", unit="transitions")
of_windows = partial(Workload, layer="histories", unit="windows")
of_histories = partial(Workload, layer="histories", unit="transitions")

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
# Some for Python itself; results take more at small size.
NO_ARRAYS: dict[Count, int] = {"allocated_bytes": 6_144}

DATA_WORKLOADS = (
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
    *(
        of_simulators(
            f"{family}-step-8192",
            f"step 8,192 {title} environments",
            factory=simulators.step,
            arguments={
                "family": family,
                "num_environments": 8192,
                "beside_dark_room": True,
            },
            small={"num_environments": 256},
            bars=(Bar("ratio", at_least=1000), Bar("ratio", at_least=share, rival=1)),
            rivals=("Gymnasium SyncVectorEnv", "Dark Room"),
            small_ratio=60,
            counts=NO_ARRAYS,
        )
        for family, title, share in (
            ("key-to-door", "Dark Key-to-Door", 1 / 3),
            ("keys-and-boxes", "Keys and Boxes", 1 / 3),
            ("random-world", "random world", 1 / 3),
            ("cliff-walking", "Cliff Walking", 1 / 3),
            ("mixture", "two-family mixture", 1 / 3),
        )
    ),
    of_simulators(
        "bandit-step-8192",
        "step 8,192 bandits of ten arms",
        factory=simulators.step,
        # One pull an episode would time little but resets.
        arguments={
            "family": "bandit",
            "num_environments": 8192,
            "options": {"means": "odd", "episode_length": 20},
            "beside_dark_room": True,
        },
        small={"num_environments": 256},
        bars=(Bar("ratio", at_least=1000), Bar("ratio", at_least=1 / 3, rival=1)),
        rivals=("Gymnasium SyncVectorEnv", "Dark Room"),
        small_ratio=60,
        counts=NO_ARRAYS,
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
    of_frames(
        "water-maze-frames",
        "frames of 72 x 96 of the water maze",
        factory=frames.frames,
        arguments={"height": 72, "width": 96, "num_frames": 1000},
        small={"num_frames": 100},
        bars=(
            Bar("ratio", at_least=200),
            Bar("ratio", at_least=100, rival=1),
            Bar("rate", at_least=100e3),
        ),
        rivals=("plain Python",),
        optional=("MiniWorld",),
        small_ratio=100,
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
        "sarsa-histories",
        "SARSA histories",
        factory=source_algorithms.against_twin,
        arguments={
            "algorithm": "sarsa",
            "family": "dark-room",
            "num_histories": 256,
            "episodes": 200,
        },
        small={"num_histories": 16, "episodes": 100},
        rivals=("twin in plain Python",),
        small_ratio=30,
    ),
    *(
        of_algorithms(
            f"{algorithm}-histories",
            f"{title} histories of bandits",
            factory=source_algorithms.against_twin,
            arguments={
                "algorithm": algorithm,
                "family": "bandit",
                "num_histories": num_histories,
                "episodes": 100,
            },
            small={"num_histories": 64},
            bars=(Bar("ratio", at_least=50),),
            rivals=("twin in plain Python",),
            small_ratio=20,
        )
        for algorithm, title, num_histories in (
            ("ucb1", "UCB1", 4096),
            ("thompson-sampling", "Thompson sampling", 512),
        )
    ),
    of_algorithms(
        "ideal-learner-histories",
        "histories of Dark Room's ideal learner",
        factory=source_algorithms.against_twin,
        arguments={
            "algorithm": "ideal-learner",
            "family": "dark-room",
            "num_histories": 256,
            "episodes": 200,
        },
        small={"num_histories": 16, "episodes": 100},
        rivals=("twin in plain Python",),
        small_ratio=30,
    ),
    of_algorithms(
        "posterior-sampling-histories",
        "posterior sampling histories",
        factory=source_algorithms.against_twin,
        arguments={
            "algorithm": "posterior-sampling",
            "family": "dark-room",
            "num_histories": 256,
            "episodes": 20,
        },
        small={"num_histories": 16, "episodes": 10},
        bars=(Bar("ratio", at_least=50),),
        rivals=("twin in plain Python",),
        small_ratio=15,
    ),
    of_algorithms(
        "actor-critic-histories",
        "actor-critic histories",
        factory=source_algorithms.against_twin,
        arguments={
            "algorithm": "actor-critic",
            "family": "dark-room",
            "num_histories": 256,
            "episodes": 200,
        },
        small={"num_histories": 16, "episodes": 100},
        rivals=("twin in plain Python",),
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
    of_windows(
        "water-maze-windows",
        "windows of 4,000 water maze histories, sampled and drawn at 72 x 96",
        unit="frames",
        factory=pose_windows.sample,
        arguments={
            "picture": (72, 96),
            "histories_per_task": 4,
            "episodes": 100,
            "batch_size": 32,
            "context_length": 250,
        },
        small={
            "picture": (24, 32),
            "histories_per_task": 1,
            "episodes": 4,
            "batch_size": 8,
            "context_length": 150,
        },
        bars=(Bar("rate", at_least=50e3), Bar("share", at_least=0.8)),
        rivals=("shown_batches", "new arrays"),
        limit="drawing alone",
        counts={"allocated_bytes": 200_000},  # of 2.8 MB that are drawn
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
)
