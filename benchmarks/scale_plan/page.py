"""docs/scaling-plan.md: every figure computed from records, assumptions and the format's limits."""

from __future__ import annotations

from benchmarks.figures import commit_of, table
from benchmarks.scale_plan.assumptions import Assumptions
from benchmarks.scale_plan.limits import limits
from benchmarks.scale_plan.measured_rates import CoreRates, block_parameters, operations
from benchmarks.scale_plan.pipeline import Station, simulate
from benchmarks.scale_plan.plan import COLLECTED, CONTEXT_LENGTH, MODELS, TRAINED, WINDOW, Plan
from benchmarks.scale_plan.stages import HOUR, Data, Job, Stage, collection, storage_dollars
from benchmarks.scale_plan.trial import TRIALS, WITHIN, Trial
from benchmarks.wording import scaled, three_digits

SIMULATED_SHARDS = 3000
ROOM = 2  # shards that wait for each server of a stage


def newest_trial() -> Trial | None:
    """What was last compared, if anything was."""
    paths = sorted(TRIALS.glob("*.json"))
    return Trial.read(paths[-1]) if paths else None


def page(plan: Plan, trial: Trial | None) -> str:
    """The whole page."""
    compiled = plan.data[0]
    parts = [
        INTRODUCTION,
        "## In short",
        short(plan, compiled),
        "## What is measured, and what is assumed",
        sources(plan),
        rates_table(plan.core),
        assumed_table(plan.assumed),
        f"## Collecting {COLLECTED:.0e} transitions",
        COLLECTING,
        *(
            f"**{data.name}**\n\n{stage_table(job)}\n\n{kept(plan, data, job)}"
            for data, job in zip(plan.data, plan.collections(), strict=True)
        ),
        f"## Training on {TRAINED:.0e} of them",
        TRAINING.format(context=CONTEXT_LENGTH, window=WINDOW),
        *(f"**{data.name}**\n\n{training_table(plan, data)}" for data in plan.data),
        "## The stages beside one another, simulated",
        SIMULATING,
        *(simulated_table(plan, data) for data in plan.data),
        "## What gives way first",
        limits_table(compiled, plan.assumed),
        CHANGES,
        "## How near it is",
        NEARNESS,
        *([trial_table(trial)] if trial else ["No trial has been recorded yet."]),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def short(plan: Plan, compiled: Data) -> str:
    """The findings in sentences."""
    made, *_ = plan.collections()
    small, *_, large = plan.trainings(compiled)
    month, _ = storage_dollars(compiled, COLLECTED, plan.assumed)
    size = COLLECTED * compiled.row_bytes / 1e12
    first = limits(compiled, plan.assumed)[0]
    core_hours = COLLECTED / made.stages[0].rate / HOUR
    return "\n".join(
        [
            f"- **Collecting** with a compiled learner takes {three_digits(core_hours)} hours of "
            f"one core; the fleet is held up by its {made.slowest.name} and is done in "
            f"{three_digits(made.hours)} hours for ${three_digits(made.dollars)}. What costs is "
            f"keeping: {three_digits(size)} TB, ${three_digits(month)} a month.",
            f"- **Training** the small model is bound by the {small.slowest.name}, "
            f"{three_digits(small.hours)} hours and ${three_digits(small.dollars)}; the largest by "
            f"the {large.slowest.name}, {three_digits(large.hours)} hours and "
            f"${three_digits(large.dollars)}.",
            f"- **First to give way**, at {first.transitions:.1e} stored transitions: "
            f"{first.what}.",
            "- A live ring (`collection.live`) stores nothing: where histories are cheaper to make "
            "than to keep, that is the change to make first.",
        ]
    )


def sources(plan: Plan) -> str:
    """Where the figures come from."""
    record, card = plan.record, plan.card
    return (
        f"Measured on {record.processor}, {record.date[:10]}, commit {commit_of(record)}, and on "
        f"{card.provenance['card']}, {card.date[:10]} ([GPU page](gpu.md#measured)). Assumed on "
        f"{plan.assumed.date}, in `benchmarks/scale_plan/assumptions.toml`: round figures, no "
        "quotes. Put your own there or in a copy."
    )


def rates_table(core: CoreRates) -> str:
    """What a core does in a second."""
    rows = [
        ["transitions by a compiled learner", scaled(core.generated)],
        ["bytes written into a store, with checksum and fsync", f"{scaled(core.written_bytes)}B"],
        ["bytes of windows drawn, from memory", f"{scaled(core.drawn_bytes)}B"],
        ["operations of products with weights, in training", scaled(core.product_operations)],
        ["operations of attention, in training", scaled(core.attention_operations)],
    ]
    return "\n".join(table(["a core, in a second", "measured"], rows))


def assumed_table(assumed: Assumptions) -> str:
    """All assumptions, by their names in the file."""
    rows = [
        [f"`{section}.{name}`", f"{value:,g}"]
        for section, values in assumed.model_dump(exclude={"date"}).items()
        for name, value in values.items()
    ]
    return "\n".join(table(["assumed", "value"], rows))


def stage_table(job: Job) -> str:
    """The stages of a job, the slowest in bold."""
    rows = [stage_row(job, stage) for stage in job.stages]
    heads = ["stage", "servers", "transitions/s of one", "of all", "busy for", "rate is"]
    return "\n".join(table(heads, rows))


def kept(plan: Plan, data: Data, job: Job) -> str:
    """What all of a collection takes, and keeping it."""
    shared, drives = storage_dollars(data, COLLECTED, plan.assumed)
    return (
        f"In all {three_digits(job.hours)} hours, ${three_digits(job.dollars)}. The histories are "
        f"{three_digits(COLLECTED * data.row_bytes / 1e12)} TB: ${three_digits(shared)} a month in "
        f"shared storage, ${three_digits(drives)} on drives in the nodes."
    )


def stage_row(job: Job, stage: Stage) -> list[str]:
    """One stage."""
    name = f"**{stage.name}**" if stage is job.slowest else stage.name
    return [
        name,
        f"{stage.servers} x {stage.server}",
        scaled(stage.rate),
        scaled(stage.together),
        f"{three_digits(job.transitions / stage.together / HOUR)} h",
        "measured" if stage.is_measured else "assumed",
    ]


def training_table(plan: Plan, data: Data) -> str:
    """A row for each model."""
    rows = []
    for job, model in zip(plan.trainings(data), MODELS.values(), strict=True):
        card = next(stage for stage in job.stages if stage.name == "card")
        core = plan.core.training_seconds(model, CONTEXT_LENGTH)
        rows.append(
            [
                job.name,
                scaled(block_parameters(model)),
                scaled(sum(operations(model, CONTEXT_LENGTH))),
                f"{scaled(card.rate)} ({'measured' if card.is_measured else 'assumed'})",
                job.slowest.name,
                three_digits(job.hours),
                three_digits(job.dollars),
                f"{TRAINED * core / HOUR:,.0f}",
            ]
        )
    heads = ["model", "weights", "operations", "transitions/s of a card", "slowest stage", "hours"]
    return "\n".join(table([*heads, "dollars", "or core hours"], rows))


def simulated_table(plan: Plan, data: Data) -> str:
    """Collectors, network, store, sampler and card beside one another, for the small model."""
    collecting = collection(data, COLLECTED, plan.core, plan.assumed)
    small = plan.trainings(data)[0]
    stages = [*collecting.stages, *small.stages]
    shard = plan.assumed.sizes.history * plan.assumed.sizes.block_histories
    stations = [station_of(stage, shard, is_first=n == 0) for n, stage in enumerate(stages)]
    last_made = len(collecting.stages) - 1
    trained = TRAINED / COLLECTED
    stations[last_made] = station_of(stages[last_made], shard, gives=trained)
    seconds, flows = simulate(stations, SIMULATED_SHARDS)
    simulated = SIMULATED_SHARDS * shard / seconds
    expected = min(
        stage.together / (1.0 if n <= last_made else trained) for n, stage in enumerate(stages)
    )
    rows = [
        [stage.name, f"{flow.taken:,}", f"{flow.busy:.1%}", f"{flow.blocked:.1%}"]
        for stage, flow in zip(stages, flows, strict=True)
    ]
    return "\n".join(
        [
            f"**{data.name}**: {scaled(simulated)} transitions/s are collected; the slowest stage "
            f"alone would pass {scaled(expected)}.",
            "",
            *table(["stage", "shards in", "busy", "held up"], rows),
        ]
    )


def station_of(
    stage: Stage, shard: float, *, is_first: bool = False, gives: float = 1.0
) -> Station:
    """A stage that works on whole shards."""
    room = None if is_first else ROOM * stage.servers
    return Station(stage.name, stage.servers, shard / stage.rate, room, gives)


def limits_table(data: Data, assumed: Assumptions) -> str:
    """What gives way, in order, for one store."""
    rows = [[f"{one.transitions:.1e}", one.what, one.change] for one in limits(data, assumed)]
    return "\n".join(table(["stored transitions", "what gives way", "what goes on beyond"], rows))


def trial_table(trial: Trial) -> str:
    """What was predicted and measured."""
    rows = [
        [one.work, f"{one.predicted:.4g}", f"{one.measured:.4g}", f"{one.ratio:.2f}"]
        for one in trial.compared
    ]
    load = ", ".join(f"{value:.0f}" for value in trial.record.load_average)
    where = (
        f"Recipe `{trial.recipe}` on {trial.record.processor}, {trial.record.date[:10]}, commit "
        f"{commit_of(trial.record)}, load before and after {load}; the bar is {WITHIN:.0%}."
    )
    heads = ["processor seconds of", "predicted", "measured", "ratio"]
    return "\n".join([*table(heads, rows), "", where])


COMMAND = "python docs/show_scale_plan.py"
INTRODUCTION = f"""\
<!-- Written by `{COMMAND}`, from records, assumptions and the format's limits. -->

# Plan to the internet scale

What it would take to collect 10^12 transitions and to train on 10^11 of them: bytes, hours and
dollars, which stage holds up the others, what gives way first. **Nobody has done it**: this page is
arithmetic on what one core and one card were measured to do, and on what is assumed of fleets.

`{COMMAND}` writes it; `--record FILE` takes the rates from another record of
[`adfast bench`](benchmarks.md), `--assumptions FILE` prices and fleet from a copy of the file."""
COLLECTING = """\
Every core simulates, learns and writes shards of its own, as tasks of a cluster do; all go over
the network into one storage. The slowest stage is in bold. Of others' environments the rate is
assumed; their frames are kept once."""
TRAINING = """\
Rows of {context:,} transitions, window {window}; of ten stored transitions one is trained on, once.
A window is a run of each field, so it is read from a drive in as many places, where memory does not
hold the store. Of the models only the first was measured on a card; the others are assumed to reach
the share of the card's peak that the table above says. The last column is the same on cores like
the one measured."""
SIMULATING = """\
All stages at once, shard by shard, with room for two shards before each server: what is trained on
is a tenth of what is collected. A stage is held up where the next has no room. Simulated by
`benchmarks/scale_plan/pipeline.py`, which is held to conservation and to queues whose rate is
known."""
CHANGES = """\
What would be changed, in this order. **Larger blocks** (`collection.block_histories`) cost nothing
and move three of these limits a hundredfold. **Nodes that draw from parts of their own** keep
windows in memory or on the node's own drives; parts change hands after each pass. **No store**:
with `collection.live` only a ring lies in memory, for what is cheaper to make again than to keep.
**Poses instead of frames** (rendered observations) where a simulator can draw them, because the
price of recorded frames is that of keeping them. **Longer histories, or a shared table**, come
last. None of this has been built for the plan, and nothing here counts what people cost, or
what fails."""
NEARNESS = """\
`python -m benchmarks.scale_plan dark-room` measures the rows, predicts the whole collection of the
recipe and an update of its training from them, and measures both, by the processor's time in one
thread. It ends with status 1 where a prediction is more than 20% off."""
