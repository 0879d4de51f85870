"""A comparison pools what differs in seeds alone, counts the data, and refuses what is unlike."""

import csv
import json
import shutil

import numpy as np
import pytest

import adfast
from adfast.errors import InvalidArgument, RunError
from adfast.evaluation.statistics import bootstrap_interval, seeds_and_tasks_interval
from adfast.report.comparison import write_comparison_report
from adfast.runs.comparison.found_runs import with_labels
from adfast.runs.comparison.record import read_comparison
from runs.comparison.synthetic_runs import ED, write_run, write_seeds


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Runs of three seeds of AD and of one of ED, which no test changes."""
    root = tmp_path_factory.mktemp("compared")
    write_seeds(root / "room", 1, 2, 10)
    write_run(root / "expert", 1, ED, level=2.0)
    return root


def returns_of(path):
    return np.array(json.loads((path / "evaluation.json").read_text())["evaluated"]["returns"])


def compare(*arguments):
    return adfast.compare(*arguments, progress=False)


def test_runs_that_differ_in_seeds_alone_are_one_method(folders):
    results = compare([folders / "room", folders / "expert"])
    room, expert = results.methods
    assert [room.label, expert.label] == ["room", "expert"]
    assert room.seeds == (1, 2, 10)
    assert results.episodes == len(room.in_context.mean) == 12
    by_task = [returns_of(folders / "room" / f"seed-{n}").mean(axis=1) for n in room.seeds]
    np.testing.assert_allclose(room.in_context.mean, np.mean([r.mean(0) for r in by_task], axis=0))
    low, high = seeds_and_tasks_interval(by_task)
    np.testing.assert_array_equal(room.in_context.low, low)
    np.testing.assert_array_equal(room.in_context.high, high)
    of_one = bootstrap_interval(returns_of(folders / "expert").mean(axis=1))
    np.testing.assert_array_equal(expert.in_context.low, of_one[0])
    assert room.in_context.environment_steps == tuple(range(10, 121, 10))


def test_difference_of_two_methods_is_paired_by_split_and_task(folders):
    results = compare([folders / "room", folders / "expert"])
    rising, expert_rising, difference = results.verdicts
    assert [rising.claim, rising.verdict] == ["room rises in context", "yes"]
    assert expert_rising.seeds == 1
    assert difference == results.difference_of("room", "expert")
    assert difference.claim == "expert at or above room"
    assert (difference.verdict, difference.seeds) == ("no", 1)  # the one that they share
    assert difference.pairing == "seeds and tasks"
    paths = folders / "room" / "seed-1", folders / "expert"
    room, expert = (returns_of(path).mean(axis=1)[:, -5:].mean(axis=1) for path in paths)
    low, high = bootstrap_interval(expert - room)
    np.testing.assert_allclose((difference.low, difference.high), (low, high), atol=1e-12)
    np.testing.assert_allclose(difference.value, (expert - room).mean())


def test_runs_of_one_split_are_paired_by_their_seeds(tmp_path):
    fixed = {"collection.split_seed": 7}
    write_seeds(tmp_path / "room", 1, 2, settings=fixed)
    write_seeds(tmp_path / "expert", 1, 2, settings=ED | fixed, level=2.0)
    (difference,) = (
        found for found in compare([*tmp_path.iterdir()]).verdicts if found.against is not None
    )
    assert (difference.seeds, difference.pairing) == (2, "seeds and tasks")


def test_table_holds_all_against_the_first(folders, tmp_path):
    third = write_run(tmp_path / "third", 1, {"training.updates": 41}, level=3.0)
    results = compare([folders / "room", folders / "expert", third])
    assert len(results.verdicts) == 6
    assert [found.claim for found in results.shown_verdicts[3:]] == [
        "expert at or above room", "third at or above room",
    ]  # fmt: skip
    assert results.difference_of("expert", "third").claim == "third at or above expert"


def test_single_runs_of_one_recipe_are_pooled_too(folders):
    runs = [folders / "room" / f"seed-{seed}" for seed in (1, 2)]
    (method,) = compare(runs).methods
    assert method.seeds == (1, 2)


def test_training_is_told_by_update_with_an_interval_over_seeds(folders):
    room, expert = compare([folders / "room", folders / "expert"]).methods
    assert room.training.updates == (8, 16, 24, 32, 40)
    assert room.training.seconds == (12, 24, 36, 48, 60)
    np.testing.assert_allclose(room.training.mean[-1], 4 + 0.1 * 13 / 3)
    assert room.training.low[-1] < room.training.mean[-1] < room.training.high[-1]
    assert expert.training.low is None


def test_every_step_of_the_source_counts_kept_or_not(folders):
    room = compare(folders / "room").methods[0]
    assert room.data.tasks == 17
    assert room.data.transitions == 17 * 4 * 10 * 10
    assert room.data.source_steps == 17 * 4 * 80 * 10
    assert not room.data.is_bound


def evaluated_by(run, agent, name):
    """The evaluation of a run by another agent than its model, with the same numbers."""
    folder = run / "evaluations" / name
    folder.mkdir(parents=True)
    content = json.loads((run / "evaluation.json").read_text()) | {"agent": agent}
    (folder / "evaluation.json").write_text(json.dumps(content))
    settings = (run / "run.toml").read_text()
    assert 'agent = "model"' in settings
    settings = settings.replace('agent = "model"', f'agent = "{agent}"')
    (folder / "settings.toml").write_text(settings)
    shutil.copy(run / "trajectories.safetensors", folder)
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["stages"][f"evaluate {name}"] = {"seconds": 2.0}
    (run / "provenance.json").write_text(json.dumps(provenance))
    return folder


def test_evaluation_of_a_run_is_compared_by_its_agent_which_saw_no_data(tmp_path):
    run = write_run(tmp_path / "room", 1)
    model, chance = compare([run, evaluated_by(run, "random", "by-chance")]).methods
    assert [model.label, chance.label] == ["ad", "random"]
    assert chance.data is None
    assert chance.training is None
    assert chance.seconds == {"evaluate": 2.0}


@pytest.mark.parametrize(("agent", "methods"), [("random", 1), ("source-algorithm", 2)])
def test_agents_are_one_method_by_what_they_take_over_of_the_run(tmp_path, agent, methods):
    hasty = {"collection.options.learning_rate": 1.0}
    runs = [write_run(tmp_path / "room", 1), write_run(tmp_path / "hasty", 2, hasty)]
    results = compare([evaluated_by(run, agent, "other") for run in runs])
    assert len(results.methods) == methods


def test_references_are_those_of_all_runs_and_the_source_is_named(folders):
    references = compare([folders / "expert", folders / "room"]).references
    assert references.source_name == "optimal"
    assert references.source_of == "expert"
    assert references.keep_every == 8
    assert len(references.source_kept) == 12
    assert references.random == pytest.approx(0.4)


def test_source_whose_steps_nobody_counted_has_no_place_by_environment_steps(tmp_path):
    run = write_run(tmp_path / "room", 1)
    assert compare([run]).references.episode_length == 10
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["stages"]["collect"]["transitions"] -= 7  # its episodes ended early
    (run / "provenance.json").write_text(json.dumps(provenance))
    results = compare([run])
    assert results.methods[0].data.is_bound
    assert results.references.episode_length is None


def test_longer_evaluations_are_cut_and_it_is_said(folders, tmp_path):
    short = write_run(tmp_path / "short", 1, {"evaluation.episodes": 8})
    results = compare([folders / "room", short])
    assert results.episodes == 8
    assert all(len(method.in_context.mean) == 8 for method in results.methods)
    assert "from 8 to 12 episodes; all are cut to the first 8" in results.notes[0]


def test_what_is_written_is_what_is_read(folders, tmp_path):
    results = compare([folders / "room", folders / "expert"], tmp_path)
    assert read_comparison(tmp_path) == results
    rows = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    room = [row for row in rows if row["method"] == "room"]
    curves = [*12 * ["in context"], *5 * ["while training"], "room rises in context"]
    assert [row["curve"] for row in room] == curves
    assert room[-1]["verdict"] == results.verdicts[0].verdict == "yes"
    assert float(room[11]["return"]) == results.methods[0].in_context.mean[-1]
    assert {row["source_steps"] for row in room[:-1]} == {"54400"}
    assert {row["method"] for row in rows} == {
        "room", "expert", "random", "optimum", "source", "source, kept",
    }  # fmt: skip


def test_no_page_of_an_earlier_comparison_is_left_beside_another_one(folders, tmp_path):
    compare([folders / "room"], tmp_path)
    page = write_comparison_report(tmp_path)
    compare([folders / "expert"], tmp_path)
    assert not page.exists()
    assert not page.with_suffix(".png").exists()


def test_labels_are_those_that_were_given(folders):
    words = [f"AD={folders / 'room'}", f"expert's={folders / 'expert'}"]
    results = compare(with_labels(words))
    assert [method.label for method in results.methods] == ["AD", "expert's"]


def test_folders_with_an_equals_sign_are_paths(tmp_path):
    path = write_run(tmp_path / "window=5")
    assert with_labels([str(path)]) == [path]


def test_some_labels_are_refused(folders):
    with pytest.raises(InvalidArgument, match="give every run a label, or none"):
        with_labels([f"AD={folders / 'room'}", str(folders / "expert")])
    with pytest.raises(InvalidArgument, match="must differ in its seeds alone"):
        compare({"all": [folders / "room", folders / "expert"]})


def test_runs_of_different_families_are_refused(folders, tmp_path):
    other = write_run(tmp_path / "larger", 1, {"family.options.size": 6})
    with pytest.raises(InvalidArgument, match=r"different families .*size = 5.*size = 6"):
        compare([folders / "room", other])


def test_a_run_that_is_there_twice_is_refused(folders, tmp_path):
    with pytest.raises(InvalidArgument, match="named twice"):
        compare([folders / "room", folders / "room" / "seed-2"])
    copy = write_run(tmp_path / "copy", 2)
    with pytest.raises(InvalidArgument, match="the same settings and seed"):
        compare([folders / "room", copy])


def test_an_unfinished_run_is_refused_with_the_way_on(tmp_path):
    folder = write_seeds(tmp_path / "room", 1, 2)
    (folder / "seed-2" / "evaluation.json").unlink()
    with pytest.raises(RunError, match=r"seed-2 is not finished.*adfast run .*seed-2"):
        compare(folder)


def test_what_holds_no_run_and_what_must_not_be_written_to_are_refused(folders, tmp_path):
    with pytest.raises(InvalidArgument, match="no run, and no folder of runs"):
        compare(tmp_path)
    with pytest.raises(InvalidArgument, match="got none"):
        compare([])
    with pytest.raises(InvalidArgument, match="paths of runs, or a table of labels"):
        compare(7)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(RunError, match="no folder of runs, of a comparison, or empty"):
        compare(folders / "room", tmp_path)
