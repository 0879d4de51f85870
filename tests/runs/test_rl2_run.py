"""A run of method rl2: from a family's recipe to a page, in parts, and beside runs of AD."""

import shutil

import pytest

import adfast
from adfast.errors import Interrupted, InvalidArgument, RunError
from adfast.runs.comparison.record import read_comparison
from adfast.runs.files.run_files import read_settings, require_whole
from adfast.runs.files.run_record import read_run
from adfast.runs.files.stage_records import forget_stages
from adfast.runs.hooks import RunHooks
from adfast.runs.probing.subjects import subject_of_agent
from adfast.runs.recipe.recipe_changes import load_recipe
from adfast.runs.run import Run
from adfast.runs.run_place import plan_run
from adfast.runs.study import Study
from adfast.runs.sweep.axes import parse_axis
from adfast.runs.sweep.sweep import Sweep
from adfast.training.metrics import read_metrics

STEPS_PER_UPDATE = 4 * 2 * 10
TINY = {
    "rl2.steps": 6 * STEPS_PER_UPDATE,
    "rl2.environments": 4,
    "rl2.trial_episodes": 2,
    "rl2.width": 8,
    "rl2.minibatches": 2,
    "rl2.checkpoint_every": 4,
    "rl2.evaluate_every": 3,
}


def create(recipe, path, **settings):
    changes = TINY | {f"rl2.{name}": value for name, value in settings.items()}
    return Run.create(recipe, path, changes, method="rl2", progress=False)


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory):
    """A finished run, which no test changes."""
    run = create(recipe, tmp_path_factory.mktemp("rl2") / "run")
    run.carry_out()
    return run


def rows_of(run):
    rows = read_metrics(run.directory.metrics)
    for row in rows:
        del row["seconds"]
    return rows


def test_it_has_no_histories_and_no_model(run):
    assert run.collect() is None
    assert not run.directory.histories.exists()
    with pytest.raises(RunError, match=r'no history store: method "rl2" learns by acting'):
        _ = run.histories
    with pytest.raises(RunError, match=r"Run\.policy has it"):
        _ = run.model
    assert run.train() is run.policy
    assert list(run.directory.stages()) == ["train", "evaluate"]


def test_it_is_evaluated_as_its_policy_acts_as_an_agent(run):
    results = run.evaluate()
    by_agent = run.evaluate(
        "agent",
        {"evaluation.agent": "rl2", "evaluation.agent_options.run": str(run.path)},
    )
    assert results.agent is None
    assert by_agent.agent == "rl2"
    assert results.evaluated == by_agent.evaluated
    assert results.trained_context_transitions == 20
    assert results.receptive_field_transitions is None
    assert results.references.source is not None


def test_it_is_asked_by_probes_as_an_agent(run):
    with pytest.raises(RunError, match=r"adfast probe --agent rl2 --set agent\.run="):
        run.probe(["equal-data"])
    subject = subject_of_agent("rl2", {"run": str(run.path)}, str(run.path / "run.toml"))
    assert subject.agent is not None


def test_its_settings_are_its_own_sections(recipe, run):
    written = (run.path / "run.toml").read_text()
    assert "[rl2]" in written
    assert "[training]" not in written
    assert "[model]" not in written
    assert read_settings(run.path / "run.toml") == run.recipe
    _, other = plan_run(recipe, None, ["rl2.body=transformer"], "rl2")
    assert other.model == load_recipe(recipe).model
    assert other.training != load_recipe(recipe).training
    cut = run.path.parent / "cut.toml"
    cut.write_text(written.split("[evaluation]")[0])
    with pytest.raises(InvalidArgument, match="cut: evaluation is missing"):
        require_whole(cut)


def test_page_and_figures_show_its_training(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "run")
    page = adfast.write_report(Run.open(copy, progress=False)).read_text()
    assert "whole trials of 2 episodes on training tasks: 6 updates" in page
    assert "validation tasks" in page
    assert (copy / "figures" / "training_curve.png").is_file()
    record = read_run(copy)
    assert record.metrics is None
    assert [row.update for row in record.trials] == [1, 2, 3, 4, 5, 6]
    assert record.trials[-1].validation_return is not None


def test_interrupted_training_goes_on_to_the_same_end(recipe, run, tmp_path):
    stopped = create(recipe, tmp_path / "run")

    class StopOnce:
        asked = 0

        def __call__(self):
            self.asked += 1
            return self.asked == 3

        def postpone(self):
            pass

        def stop_at_once(self):
            pass

    with pytest.raises(Interrupted, match="after update 3; saved"):
        stopped.train(hooks=RunHooks(should_stop=StopOnce()))
    again = Run.open(stopped.path, progress=False)
    again.train()
    assert rows_of(again) == rows_of(run)
    for name, weights in again.policy.state_dict().items():
        assert weights.equal(run.policy.state_dict()[name]), name


def test_a_chain_of_runs_ends_as_one(recipe, run, tmp_path):
    first = create(recipe, tmp_path / "1", stop_at=2 * STEPS_PER_UPDATE)
    first.carry_out()
    last = create(recipe, tmp_path / "2", continues=str(first.path))
    last.carry_out()
    assert len(rows_of(first)) == 2
    assert last.evaluate().evaluated == run.evaluate().evaluated
    assert [row["update"] for row in rows_of(last)] == [1, 2, 3, 4, 5, 6]
    assert [row["loss"] for row in rows_of(last)] == [row["loss"] for row in rows_of(run)]


def test_training_again_begins_anew(recipe, run, tmp_path):
    copy = Run.open(shutil.copytree(run.path, tmp_path / "run"), progress=False)
    copy.train(fresh=True)
    assert rows_of(copy) == rows_of(run)
    assert not copy.directory.is_finished("evaluate")
    forget_stages(copy.path, ["train"])
    copy.directory.metrics.write_bytes(copy.directory.metrics.read_bytes()[:-1])
    with pytest.raises(RunError, match="train is not finished"):
        _ = Run.open(copy.path, progress=False).policy


def test_it_is_compared_with_ad(run, finished_run, tmp_path):
    found = adfast.compare([finished_run, run.path], tmp_path / "both", progress=False)
    ad, rl2 = found.methods
    assert (ad.label, rl2.label) == ("ad", "rl2")
    assert rl2.data.transitions == rl2.data.source_steps == 6 * STEPS_PER_UPDATE
    assert rl2.data.source == "itself"
    assert rl2.training.transitions == (240.0, 480.0)
    assert rl2.seconds.keys() == {"train", "evaluate"}
    assert found.references.source_of == "ad"
    assert read_comparison(tmp_path / "both") == found


def test_seeds_of_it_are_a_study(recipe, tmp_path):
    study = Study.of_seeds(recipe, [1, 2], tmp_path / "seeds", TINY, method="rl2", progress=False)
    assert set(study.carry_out()) == {"seed-1", "seed-2"}
    found = adfast.compare(tmp_path / "seeds", progress=False)
    assert found.methods[0].seeds == (1, 2)


@pytest.mark.parametrize("body", ["lstm", "transformer"])
def test_every_body_runs(recipe, tmp_path, body):
    other = create(recipe, tmp_path / body, body=body, steps=1, evaluate_every=1)
    results = other.carry_out()
    field = {"lstm": None, "transformer": other.recipe.model.receptive_field}[body]
    assert results.receptive_field_transitions == field
    assert adfast.write_report(other).is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["training.updates=9"], r"\[training\] means nothing to method \"rl2\""),
        (["model.width=16"], r"\[model\] describes the transformer .*rl2\.width"),
        (["collection.episodes=9"], r"collection\.episodes means nothing to method \"rl2\""),
        (["evaluation.device=cuda"], r'evaluation\.device must be "cpu"'),
        (["evaluation.cache=bfloat16"], r'evaluation\.cache must be "float32"'),
        (["rl2.environments=1000000000"], r"an update's trials takes at least"),
        (["rl2.body=transformer", "model.context=set", "model.layout=one-token",
          "model.position_encoding=none", "model.attention_window=none"],
         r'model\.context must be "sequence"'),
        (["rl2.body=transformer", "model.reads_return=true"],
         r"model\.reads_return must be false for RL2"),
        (["rl2.body=transformer", "model.position_encoding=learned",
          "model.num_learned_positions=99", "rl2.trial_episodes=10"], r"must be at least 100"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_written(
    recipe, tmp_path, changes, message
):
    with pytest.raises(InvalidArgument, match=message):
        Run.create(recipe, tmp_path / "run", changes, method="rl2")
    assert not (tmp_path / "run").exists()


def test_recorded_histories_are_refused(tmp_path):
    path = tmp_path / "recorded.toml"
    path.write_text(
        '[histories]\npath = "here"\n[environment]\nid = "CartPole-v1"\nheld_out = [{}]\n'
    )
    with pytest.raises(InvalidArgument, match=r"\[histories\] means nothing to method"):
        load_recipe(path, {"method": "rl2"})


def test_its_settings_need_its_method(recipe):
    with pytest.raises(InvalidArgument, match=r"\[rl2\] is of method \"rl2\", got method = \"ed\""):
        load_recipe(recipe, {"method": "ed", "rl2.steps": 9})


def test_a_sweep_of_it_is_refused(recipe, tmp_path):
    with (
        pytest.raises(InvalidArgument, match=r"adfast compare RUN"),
        Sweep.prepared(recipe, tmp_path / "sweep", [], vary=[parse_axis("method=ad,rl2")]),
    ):
        pass


def test_settings_that_were_changed_are_not_those_of_its_policy(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "run")
    settings = copy / "run.toml"
    settings.write_text(settings.read_text().replace("width = 8", "width = 16"))
    with pytest.raises(RunError, match=r"trained by other settings \(rl2.width: 8, asked 16\)"):
        _ = Run.open(copy, progress=False).policy
