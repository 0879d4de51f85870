"""A run that begins from a recorded store and acts in its environments, from recipe to page."""

import json
import shutil
import tomllib

import gymnasium
import numpy as np
import pytest

import adfast
from adfast import histories
from adfast.errors import AdfastError, InvalidArgument, RunError
from adfast.report import write_report
from adfast.report.page.replay.recording import recording_of
from adfast.runs.files.run_record import read_run
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import load_recipe
from adfast.runs.run import Run
from cli.command_line import adfast as command

ENVIRONMENT = "pole_length:PoleLength-v0"
RECIPE = """
seed = 3
[histories]
path = "poles"
[environment]
id = "pole_length:PoleLength-v0"
train = [{ length = 0.3 }, { length = 1.0 }]
validation = [{ length = 0.7 }]
held_out = [{ length = 0.5 }, { length = 2.0 }, { length = 0.1, sutton_barto_reward = false }]
[model]
num_layers = 1
width = 16
feed_forward_width = 32
attention_window = 20
[training]
updates = 8
batch_size = 4
context_length = 30
align = "step"
warmup_updates = 2
metrics_every = 2
checkpoint_every = 4
evaluate_every = 4
threads = 1
[evaluation]
episodes = 6
seeds = 2
train_tasks = 1
monitor_episodes = 2
"""


def record(folder, environments, transitions, **metadata):
    """Random play of so many transitions in each environment."""
    with adfast.Recorder(folder) as recorder:
        for task_id, environment in enumerate(environments):
            recorded = recorder.wrap(environment, task_id=task_id, **metadata)
            recorded.action_space.seed(task_id)
            recorded.reset(seed=task_id)
            for _ in range(transitions):
                *_, ended, cut, _ = recorded.step(recorded.action_space.sample())
                if ended or cut:
                    recorded.reset()
            recorded.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a store of two pole lengths and a recipe beside it."""
    folder = tmp_path_factory.mktemp("recorded")
    record(folder / "poles", [gymnasium.make(ENVIRONMENT, length=x) for x in (0.3, 1.0)], 300)
    (folder / "poles.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def finished(folder):
    """The directory of the run that the command line carried out."""
    ended = command("run", folder / "poles.toml", "--run", folder / "run")
    assert ended.status == 0, ended.stderr
    assert "recorded learners after" in ended.stdout
    return folder / "run"


@pytest.fixture
def recipe(folder):
    return load_recipe(folder / "poles.toml")


def test_settings_say_where_the_store_is_and_nothing_of_families(folder, finished):
    settings = tomllib.loads((finished / "run.toml").read_text())
    assert settings["histories"]["path"] == str(folder / "poles")
    assert settings["environment"]["held_out"][1] == {"length": 2.0}
    assert not {"family", "collection"} & settings.keys()
    assert not (finished / "histories").exists()


def test_held_out_tasks_are_evaluated_and_have_intervals(finished):
    found = json.loads((finished / "evaluation.json").read_text())
    assert np.shape(found["evaluated"]["returns"]) == (3, 2, 6)
    assert found["evaluated"]["task_ids"] == [3, 4, 5]
    assert found["evaluated"]["optimal"] is None
    assert np.shape(found["summary"]["ci95_by_episode"]) == (6, 2)
    assert found["summary"]["last5_share_of_optimal"] is None
    assert np.shape(found["train"]["returns"]) == (1, 2, 6)
    labels = [task["label"] for task in found["per_task"]]
    assert labels == ["length = 0.5", "length = 2.0", "length = 0.1, sutton_barto_reward = False"]
    assert 9 < found["references"]["random"] < 40
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["validation_return"] is None for row in rows[1::2]] == [False, False]


def test_who_was_recorded_is_a_reference(folder, finished):
    store = histories.open(folder / "poles")
    by_episode = []
    for index in range(2):
        history = store.history(index)
        ends = np.flatnonzero(history["boundary"]) + 1
        by_episode.append([len(part) for part in np.split(history["reward"], ends)][:6])
    found = json.loads((finished / "evaluation.json").read_text())["references"]
    np.testing.assert_allclose(found["recorded"], np.mean(by_episode, axis=0))
    assert found["source"] is found["optimal"] is None


def test_page_has_the_curves_and_a_replay(finished):
    page = (finished / "report.html").read_text()
    for words in (ENVIRONMENT, "recorded learners", "model, held-out tasks", "length = 2.0"):
        assert words in page
    assert 'id="replay-arrays"' in page
    assert "not solved" not in page
    assert (finished / "figures" / "return_per_episode.png").exists()


def test_replay_has_a_lane_for_each_number_as_far_as_it_goes(finished):
    record = read_run(finished)
    replayed = recording_of(record).description
    played = record.trajectories
    assert replayed["steps"] == played.length.max()
    seen = played.observation[:, :, :, : replayed["steps"] + 1].reshape(-1, 4)
    np.testing.assert_array_equal(replayed["ranges"], np.stack([seen.min(0), seen.max(0)], 1))
    assert replayed["rewards"] == [0.0, 1.0]


def test_probes_that_need_no_family_are_put_to_it(finished, tmp_path):
    run = Run.open(shutil.copytree(finished, tmp_path / "copy"), progress=False)
    assert run.probe(["attention"]).keys() == {"attention"}
    others = run.probe(["attention", "history-loss"])
    assert "needs the family of its subject" in others["history-loss"].unanswered
    assert not others["attention"].unanswered
    with pytest.raises(InvalidArgument, match="needs the family of its subject"):
        run.probe(["history-loss"])


def test_python_carries_out_the_same_run(recipe, finished, tmp_path):
    run = Run.create(recipe, tmp_path / "run", progress=False)
    results = run.carry_out()
    assert results.to_json() == (finished / "evaluation.json").read_bytes()
    played = "trajectories.safetensors"
    assert (run.path / played).read_bytes() == (finished / played).read_bytes()
    with pytest.raises(RunError, match="has no task family"):
        _ = run.family
    assert run.tasks.num_tasks == 6
    assert run.split.validation.tolist() == [2]
    assert run.histories.num_histories == 2


def test_nothing_is_collected(finished):
    ended = command("collect", finished)
    assert ended.status == 0
    assert "nothing to collect: histories.path names recorded ones" in ended.stdout


def test_further_evaluations_differ_in_settings(finished, tmp_path):
    run = Run.open(shutil.copytree(finished, tmp_path / "copy"), progress=False)
    cool = run.evaluate("cool", {"evaluation.temperature": 0.5})
    assert cool.temperature == 0.5
    assert np.shape(cool.evaluated.returns) == (3, 2, 6)


def test_other_histories_are_refused(folder, finished, tmp_path):
    copied = shutil.copytree(finished, tmp_path / "run")
    shutil.copytree(folder / "poles", tmp_path / "poles")
    text = (copied / "run.toml").read_text()
    (copied / "run.toml").write_text(text.replace(str(folder), str(tmp_path)))
    run = Run.open(copied, progress=False)
    run.evaluate(fresh=True)  # the same histories elsewhere
    record(tmp_path / "poles", [gymnasium.make(ENVIRONMENT)], 50)
    with pytest.raises(RunError, match="other histories than the model was trained on"):
        run.evaluate(fresh=True)
    longer = text.replace(str(folder), str(tmp_path)).replace("updates = 8", "updates = 12")
    (copied / "run.toml").write_text(longer)
    with pytest.raises(AdfastError, match=r"is of another training \(histories\.digest"):
        Run.open(copied, progress=False).train()


def test_environments_of_numbers_go_the_whole_way(tmp_path):
    lakes = [gymnasium.make("FrozenLake-v1", desc=["SFFFFFFG"], is_slippery=False)]
    record(tmp_path / "lakes", lakes, 200)
    settings = {
        "histories": {"path": str(tmp_path / "lakes")},
        "environment": {
            "id": "FrozenLake-v1",
            "held_out": [{"desc": ["SFFFHFFG"], "is_slippery": False}],
        },
        "model": {"num_layers": 1, "width": 16, "feed_forward_width": 32},
        "training": {"updates": 2, "batch_size": 2, "context_length": 10, "align": "step"},
        "evaluation": {"episodes": 2, "seeds": 2},
    }
    run = Run.create(Recipe.from_mapping(settings), tmp_path / "run", progress=False)
    results = run.carry_out()
    assert np.shape(results.evaluated.returns) == (1, 2, 2)
    assert results.train is None
    assert "SFFFHFFG" in write_report(run).read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("family.name=dark-room", r"\[histories\] and \[family\] exclude each other"),
        ("collection.held_out=3", r"\[histories\] and \[collection\] exclude each other"),
        ("environment=none", r"\[histories\] needs its other section"),
        ("histories.path=nowhere", r"histories\.path: .*give the folder that adfast\.Recorder"),
        ("environment.id=PoleLenght-v0", "environment: PoleLenght-v0 cannot be made"),
        ("environment.id=FrozenLake-v1", "FrozenLake-v1 cannot be made with"),
        (
            'environment={id = "Acrobot-v1", train = [], validation = [], held_out = [{}]}',
            "the histories are of",
        ),
        ("environment.held_out=[]", r"environment\.held_out must have at least 1 item"),
        ("environment.held_out=[{lenght = 1.0}]", "cannot be made with {'lenght': 1.0}"),
        ("environment.held_out=[{length = 0.3}]", "held_out must have no task of train"),
        ("environment.validation=[{length = 0.3}]", "validation must have no task of train"),
        ("environment.held_out=[{length = 0.7}]", "held_out must have no task of validation"),
        ("environment.validation=[]", r"training\.evaluate_every needs validation tasks, and env"),
        ("environment.heldout=[{}]", r'did you mean "environment\.held_out"'),
        ("training.objective=optimal-action", 'needs labelled histories, and those of .* "label"'),
        ("training.context_length=301", "at most 300, the longest history that is recorded in"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_anything_is_written(
    folder, tmp_path, change, message
):
    with pytest.raises(InvalidArgument, match=message):
        Run.create(folder / "poles.toml", tmp_path / "run", [change])
    assert not (tmp_path / "run").exists()


def test_sweep_of_recorded_histories_is_refused(folder, tmp_path):
    ended = command(
        "sweep", folder / "poles.toml", "--vary", "training.updates=2,4", "--out", tmp_path / "out"
    )
    assert ended.status == 2
    assert "adfast run RECIPE --set" in ended.stderr
