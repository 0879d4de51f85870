"""The scaling plan: rates are the record's, arithmetic is plain, the page is as written."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import histories
from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.runs.recipe.recipe_changes import load_recipe
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from benchmarks.record import Quartiles
from benchmarks.scale_plan import own_machine
from benchmarks.scale_plan.assumptions import FILE, Assumptions
from benchmarks.scale_plan.limits import limits, record_bytes
from benchmarks.scale_plan.measured_rates import (
    LONG_STEP,
    ROWS,
    SHORT_STEP,
    CoreRates,
    block_parameters,
    mean_keys,
    operations,
    operations_of_row,
)
from benchmarks.scale_plan.page import newest_trial, page, simulated_table
from benchmarks.scale_plan.plan import newest_plan
from benchmarks.scale_plan.stages import Data, Job, Stage, collection, drive_rate, training
from benchmarks.scale_plan.trial import Compared, Trial
from docs.show_scale_plan import PAGE

ASSUMED = Assumptions.read()


@pytest.fixture(scope="module")
def plan():
    return newest_plan(ASSUMED)


def with_rates(record, rates):
    """`record` with other rates of some rows, or without those that are None."""
    changed = []
    for row in record.measurements:
        if row.name not in rates:
            changed.append(row)
        elif rates[row.name] is not None:
            rate = Quartiles(0.0, rates[row.name], 0.0)
            subject = replace(row.contenders[0], rate=rate)
            changed.append(replace(row, contenders=[subject, *row.contenders[1:]]))
    return replace(record, measurements=changed)


def test_page_is_as_it_is_written(plan):
    is_new = PAGE.read_text(encoding="utf-8") == page(plan, newest_trial())
    assert is_new, "records or assumptions have changed: python docs/show_scale_plan.py"


def test_rates_of_products_and_attention_are_told_apart(plan):
    rows = {row.name: row for row in plan.record.measurements}
    rates = {}
    for name in (SHORT_STEP, LONG_STEP):
        products, attention = operations_of_row(rows[name])
        rates[name] = 1 / (products / 5e10 + attention / 1e11)
    core = CoreRates.of(with_rates(plan.record, rates))
    assert core.product_operations == pytest.approx(5e10)
    assert core.attention_operations == pytest.approx(1e11)
    for name, rate in rates.items():
        arguments = rows[name].arguments
        model = ModelConfig(attention_window=arguments["attention_window"])
        seconds = core.training_seconds(model, arguments["context_length"])
        assert seconds == pytest.approx(1 / rate)


def test_record_that_lacks_or_contradicts_is_refused(plan):
    with pytest.raises(InvalidArgument, match=r"lacks store-write; make one: adfast bench .*"):
        CoreRates.of(with_rates(plan.record, {"store-write": None}))
    with pytest.raises(InvalidArgument, match="contradict each other"):
        CoreRates.of(with_rates(plan.record, {SHORT_STEP: 1e4, LONG_STEP: 1e5}))
    assert len(ROWS) == 5


@pytest.mark.parametrize(("length", "window"), [(1, 1), (7, None), (7, 3), (20, 20), (5, 50)])
def test_mean_keys_are_counted(length, window):
    counted = [min(t + 1, window or length) for t in range(length)]
    assert mean_keys(length, window) == pytest.approx(np.mean(counted))


@pytest.mark.parametrize(
    "settings", [{}, {"num_layers": 3, "width": 48, "num_heads": 6, "num_kv_heads": 2}]
)
def test_weights_are_those_of_the_model(settings):
    config = ModelConfig(**settings)
    model = Transformer(config, TransitionSchema(DiscreteObservation((4,)), 3, 5), 0)
    matrices = [p.numel() for p in model.blocks.parameters() if p.ndim > 1 and min(p.shape) > 1]
    assert block_parameters(config) == sum(matrices)
    three = config.model_copy(update={"layout": "three-token"})
    assert operations(three, 100)[0] == 3 * operations(config, 100)[0]


def test_slowest_stage_sets_hours_and_dollars():
    stages = (
        Stage("fast", "core", 10, 100.0, is_measured=True),
        Stage("slow", "node", 2, 50.0, is_measured=False),
    )
    job = Job("job", 360_000.0, stages, 3.0)
    assert (job.slowest.name, job.hours, job.dollars) == ("slow", 1.0, 3.0)


def test_core_that_writes_has_less_time_to_make(plan):
    core = replace(plan.core, generated=1000.0, written_bytes=8000.0)
    made = collection(Data("data", 1000.0, (4, 4)), 1e6, core, ASSUMED).stages[0]
    assert made.rate == pytest.approx(500.0)
    assert made.servers == ASSUMED.fleet.nodes * ASSUMED.fleet.cores_per_node


def test_windows_come_from_drives_where_memory_does_not_hold_the_store(plan):
    data = Data("data", 1.0, (1, 1))
    memory = ASSUMED.fleet.nodes * ASSUMED.sizes.memory_bytes
    given = {"transitions": 1e6, "core": plan.core, "assumed": ASSUMED}
    for stored, expected in ((memory / 2, "sampler"), (memory / 2 + 1, "drive")):
        job = training("model", data, (1.0, True), 4096, stored=stored, **given)
        assert job.stages[0].name == expected
    # A run of 4,096 bytes lies in two pages but for one of its 4,096 places.
    pages = 2 * (2 - 1 / 4096)
    assert drive_rate(data, 4096, ASSUMED) == pytest.approx(
        4096 * ASSUMED.rates.drive_reads / pages
    )


def test_simulated_stages_are_as_fast_as_the_slowest(plan):
    for data in plan.data:
        words = simulated_table(plan, data).splitlines()[0].split()
        numbers = [float(word) for word in words if word.replace(".", "", 1).isdigit()]
        simulated, expected = numbers[-2:]
        assert 0.9 * expected <= simulated <= 1.001 * expected


def test_larger_blocks_move_the_limits_that_they_are_said_to(plan):
    data = plan.data[0]
    larger = ASSUMED.sizes.model_copy(update={"block_histories": 2560.0})
    before, after = (
        {one.what: one.transitions for one in limits(data, assumed)}
        for assumed in (ASSUMED, ASSUMED.model_copy(update={"sizes": larger}))
    )
    moved = [what for what in before if after[what] == pytest.approx(10 * before[what])]
    assert len(moved) == 3
    assert [*before.values()] == sorted(before.values())


def test_line_of_a_manifest_is_as_long_as_said(tmp_path):
    schema = TransitionSchema(DiscreteObservation((4,)), 3, 5)
    block = schema.allocate(2, 5)
    for values in block.values():
        values[...] = 0
    with histories.create(tmp_path, schema, num_blocks=1) as writer:
        metadata = {"task_id": np.arange(2), "random_stream": np.arange(2)}
        writer.append_block(0, block, np.full(2, 5), metadata)
    text = (tmp_path / "manifest.json").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith('  {"block"'))
    assert abs(record_bytes() - len(line)) < 50


def test_assumptions_of_ones_own_are_read_and_wrong_ones_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(FILE.read_text().replace("nodes = 8", "nodes = 3"))
    assert Assumptions.read(path).fleet.nodes == 3
    for was, now in (("nodes = 8", "nodes = 0"), ("nodes = 8", "knots = 8")):
        path.write_text(FILE.read_text().replace(was, now))
        with pytest.raises(InvalidArgument, match=r"own\.toml: .*nodes"):
            Assumptions.read(path)


def test_prediction_counts_as_near_within_its_bar():
    assert [Compared("", 1.0, one).is_near for one in (1.0, 0.84, 1.24, 0.8, 1.3)] == [
        *(True, True, True),
        *(False, False),
    ]


def test_trial_of_a_small_recipe_compares_both_stages(plan, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(own_machine, "SLICES", 2)
    small = load_recipe(recipe, ["training.context_length=50"])
    compared = own_machine.compare(small, plan.record)
    assert [one.work for one in compared] == ["collection", "update"]
    assert all(one.predicted > 0 < one.measured for one in compared)
    trial = Trial("tiny-room", plan.record, tuple(compared))
    trial.write(tmp_path / "trial.json")
    assert Trial.read(tmp_path / "trial.json") == trial
