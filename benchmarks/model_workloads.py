"""The rows of the table whose subjects compute, train and act with a model on the processor."""

from __future__ import annotations

from functools import partial

from benchmarks.workload import Bar, ContestModule, Workload

agents = ContestModule("agents")
attention = ContestModule("attention")
context_length = ContestModule("context_length")
evaluation = ContestModule("evaluation")
live_ring = ContestModule("live_ring")
packing = ContestModule("packing")
pictures = ContestModule("pictures")
training = ContestModule("training")
training_overhead = ContestModule("training_overhead")

DEMO = {"family": "dark-room", "context_length": 200, "batch_size": 32, "attention_window": 200}

of_attention = partial(Workload, layer="attention", unit="tokens")
of_training = partial(Workload, layer="training", unit="transitions")
of_demo = partial(of_training, arguments={**DEMO, "num_heads": 4}, small={"batch_size": 8})
of_evaluation = partial(Workload, layer="evaluation", unit="environment steps")

ACTING = {"family": "dark-room", "num_environments": 256, "window": 256}
SMALL_ACTING = {"num_environments": 8, "window": 64}

MODEL_WORKLOADS = (
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
    of_demo(
        "training-attention-native",
        "training step of the demo, attention native or torch's",
        factory=training.attention_path,
        bars=(Bar("ratio", at_least=1.3),),
        rivals=("torch's kernels",),
    ),
    of_demo(
        "training-step-overhead",
        "the demo's gradient, beside its products and attention alone",
        factory=training_overhead.step,
        bars=(Bar("share", at_least=1 / 1.2),),
        rivals=("torch between products",),
        limit="products and attention",
        counts={"operations": 162},
    ),
    of_demo(
        "training-optimizer-share",
        "the demo's update, beside its gradient alone",
        factory=training_overhead.update,
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
        "training-step-16384",
        "training step on 16,384 transitions in one context, or in eight of 2,048",
        factory=context_length.step,
        arguments={
            "family": "dark-room",
            "context_length": 16_384,
            "short_length": 2_048,
            "attention_window": 256,
        },
        small={"context_length": 2_048, "short_length": 256, "attention_window": 32},
        bars=(Bar("ratio", at_least=0.9),),
        rivals=("short contexts",),
        small_ratio=0.6,
        counts={"operations": 320},
    ),
    of_training(
        "training-step-packed",
        "training step on histories of 20 to 200 transitions, packed or padded",
        factory=packing.step,
        arguments=DEMO,
        small={"batch_size": 8},
        bars=(Bar("ratio", at_least=1.5),),
        rivals=("padded rows",),
        small_ratio=1.1,
    ),
    of_training(
        "training-step-pictures",
        "training step on drawn pictures of 24 x 32, beside one on cells",
        factory=pictures.step,
        arguments={
            "picture": (24, 32),
            "context_length": 500,
            "batch_size": 8,
            "attention_window": 256,
        },
        small={"context_length": 100, "batch_size": 4},
        bars=(Bar("ratio", at_least=0.5),),
        rivals=("cells", "pictures drawn already"),
        small_ratio=0.3,
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
    *(
        of_evaluation(
            f"agent-{agent}-256",
            f"act as {agent} in 256 environments, beside a random agent",
            factory=agents.beside_random,
            arguments={
                "agent": agent,
                "options": options,
                "family": "dark-room",
                "num_environments": 256,
            },
            small={"num_environments": 8},
            bars=(Bar("ratio", at_least=at_least),),
            rivals=("random agent",),
        )
        for agent, options, at_least in (
            ("source-algorithm", {"algorithm": "q-learning"}, 0.5),
            ("posterior-sampling", {}, 0.1),
            ("heuristic", {}, 0.2),
            ("corrected-heuristic", {}, 0.05),
        )
    ),
)
