"""Every method runs from recipe to page, and its data differ from AD's as it says."""

import numpy as np
import pytest
import torch

import adfast
from adfast.errors import InvalidArgument, UnknownName
from adfast.probes.attended.reading import read_histories
from adfast.runs.recipe.feasible import check_context, check_feasible
from adfast.runs.recipe.methods import METHODS, RL2
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe
from adfast.runs.run import Run
from adfast.runs.run_place import plan_run
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource
from adfast.training.train import as_read
from reference.random_streams import step_key, stream_key

WHOLE_ROOM = {"family.options.size": 9, "family.options.episode_length": 20}
# What a method asks of the small room beside its own settings.
NEEDED = {
    "ad-of-ideal": WHOLE_ROOM,
    "ad-every-k": {"training.context_length": 10},
    "rl2": {"rl2.steps": 100, "rl2.environments": 4, "rl2.trial_episodes": 2},
}


@pytest.fixture(scope="module")
def run_of(recipe, tmp_path_factory):
    """The finished run of a method, carried out once."""
    finished = {}

    def find(method):
        if method not in finished:
            place = tmp_path_factory.mktemp("methods") / method
            run = Run.create(recipe, place, NEEDED.get(method, {}), method=method, progress=False)
            run.carry_out()
            finished[method] = run
        return finished[method]

    return find


def actions_of(run):
    return np.concatenate([block.fields["action"] for block in run.histories.blocks])


@pytest.mark.parametrize("method", METHODS)
def test_method_runs_from_recipe_to_page(run_of, method):
    run = run_of(method)
    assert run.recipe.method == method
    assert Run.open(run.path).recipe == run.recipe
    assert adfast.write_report(run).is_file()
    again = Run.create(run.path, progress=False)  # goes on, its method's settings below its own
    assert again.recipe == run.recipe


@pytest.mark.parametrize("method", [name for name in METHODS if name != RL2])
def test_method_is_its_settings(recipe, method):
    _, asked = plan_run(recipe, None, NEEDED.get(method, {}), method)
    by_hand = load_recipe(recipe, {**METHODS[method].settings, **NEEDED.get(method, {})})
    assert asked == by_hand.model_copy(update={"method": method})


@pytest.mark.parametrize(
    ("recipe_name", "method"),
    [
        ("dark-room", "ad-of-ideal"),  # whose contexts are longer than its histories
        ("bandit", "ed"),
        ("bandit", "dpt"),
        *(("dark-room-paper", method) for method in METHODS if method != "ad-every-k"),
    ],
)
def test_method_fits_a_recipe_whose_source_has_many_actors_or_long_contexts(recipe_name, method):
    check_feasible(plan_run(recipe_name, None, (), method)[1])


def test_settings_lie_between_recipe_and_command_line(recipe):
    place, given = plan_run(recipe, None, ["collection.keep_every=2"], "ad-every-k")
    assert given.collection.keep_every == 2
    assert place.name == "tiny-room-ad-every-k"
    _, set_ = plan_run(recipe, None, ["method=ad-every-k"])
    assert set_.collection.keep_every == METHODS["ad-every-k"].settings["collection.keep_every"]
    shipped = load_recipe(find_recipe("dark-room"), ["method=ed"])
    assert shipped.collection.options == {}  # those of q-learning
    assert shipped.collection.keep_every == 8


def test_file_that_names_a_method_has_its_settings(recipe, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('method = "ad-every-k"\n' + recipe.read_text())
    assert load_recipe(path).collection.keep_every == 4
    path.write_text(path.read_text().replace("episodes = 10\n", "episodes = 10\nkeep_every = 3\n"))
    assert load_recipe(path).collection.keep_every == 3
    with pytest.raises(InvalidArgument, match=r'method is "ad-every-k" already.*"ed" would not'):
        load_recipe(path, {"method": "ed"})


def test_experts_never_search(run_of):
    run = run_of("ed")
    assert run.recipe.collection.algorithm == "optimal"
    optimum = run.family.optimal_return(run.histories.metadata["task_id"])
    for history, best in zip(range(run.histories.num_histories), optimum, strict=True):
        rewards = run.histories.history(history)["reward"].reshape(-1, 10).sum(1)
        assert (rewards == best).all()


def test_annealed_experts_are_the_planner_with_falling_noise(run_of):
    run = run_of("ad-annealed-expert")
    source = run.source
    assert (source.name, source.noise_start, source.noise_end) == ("annealed-expert", 1.0, 0.0)
    assert run.histories.num_histories == run_of("ad").histories.num_histories


def test_every_kth_episode_of_the_same_histories_is_kept(run_of):
    whole, thinned = run_of("ad").histories, run_of("ad-every-k").histories
    assert whole.num_histories == thinned.num_histories
    for history in range(whole.num_histories):
        for name, rows in thinned.history(history).items():
            episodes = whole.history(history)[name].reshape(10, 10, *rows.shape[1:])
            np.testing.assert_array_equal(rows, episodes[::4].reshape(rows.shape))


def test_single_streams_are_the_first_histories_of_the_same_tasks(run_of):
    whole, single = run_of("ad").histories, run_of("ad-single-stream").histories
    tasks = single.metadata["task_id"]
    assert len(set(tasks)) == len(tasks) == whole.num_histories // 4
    for history in range(single.num_histories):
        np.testing.assert_array_equal(
            single.history(history)["action"], whole.history(history)["action"]
        )


def read_by(run):
    """The histories of a run as its model was trained on them."""
    recipe = run.recipe
    reads_return = recipe.model.reads_return
    return as_read(run.histories, recipe.training, recipe.seed, reads_return=reads_return)


def test_shuffled_histories_are_the_same_episodes_in_an_order_of_their_own(run_of):
    run, plain = run_of("ad-shuffled"), run_of("ad").histories
    assert run.histories.identity == plain.identity  # one store serves both
    shuffled, moved = read_by(run), 0
    for history in range(plain.num_histories):
        before, after = (
            np.stack([rows["action"].reshape(10, 10), rows["reward"].reshape(10, 10)], 1).tolist()
            for rows in (plain.history(history), shuffled.history(history))
        )
        assert sorted(before) == sorted(after)
        moved += before != after
    assert moved > plain.num_histories / 2


def test_foreign_rewards_alone_are_replaced(run_of):
    run, plain = run_of("ad-foreign-reward"), run_of("ad").histories
    assert run.histories.identity == plain.identity
    read = read_by(run)
    for history in range(plain.num_histories):
        before, after = plain.history(history), read.history(history)
        changed = {name for name in before if (before[name] != after[name]).any()}
        assert changed <= {"reward"}
    earned = [block.fields["reward"].sum() for store in (plain, read) for block in store.blocks]
    assert len(set(earned)) > 1


def test_no_reward_is_read(run_of):
    run = run_of("ad-no-reward")
    assert run.histories.identity == run_of("ad").histories.identity
    history = {name: torch.tensor(rows[None]) for name, rows in run.histories.history(0).items()}
    paid = history | {"reward": 1 - history["reward"]}
    assert torch.equal(run.model(history), run.model(paid))
    assert not torch.equal(run_of("ad").model(history), run_of("ad").model(paid))


def test_returns_are_read_in_training_and_asked_for_in_acting(run_of):
    run = run_of("return-conditioned")
    assert run.histories.identity == run_of("ad").histories.identity  # one store serves both
    training = run.recipe.training
    drawn = BatchSource(read_by(run), training, 3, reads_return=True)(7)
    assert drawn.keys() == BatchSource(run.histories, training, 3)(7).keys() | {"return_to_go"}
    rewards = drawn["reward"].numpy().reshape(-1, 10).astype(float)  # windows are of whole episodes
    to_go = np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1]
    np.testing.assert_array_equal(drawn["return_to_go"].numpy().reshape(-1, 10), to_go)
    earned = [block.fields["reward"].reshape(-1, 10).sum(1) for block in run.histories.blocks]
    best = float(np.concatenate(earned).max())
    assert adfast.load(run.path).target_return == best
    assert run.evaluate().target_return == best
    assert f"asked for {best:g} in an episode" in adfast.write_report(run).read_text()
    settings = {"evaluation.target_return": 1, "evaluation.seeds": 1}
    assert run.evaluate(name="less", settings=settings).target_return == 1
    history = {name: rows[None].copy() for name, rows in read_by(run).history(0).items()}
    told = read_histories(run.model, history)
    del history["return_to_go"]  # what reads a history finds out by itself
    assert torch.equal(read_histories(run.model, history), told)


def test_dpt_reads_random_actions_in_no_order_and_predicts_the_optimum(run_of):
    run = run_of("dpt")
    assert (run.source.name, run.source.noise_start, run.source.noise_end) == (
        "annealed-expert", 1.0, 1.0,
    )  # fmt: skip
    actions = np.concatenate([block.fields["action"] for block in run.histories.blocks])
    shares = np.bincount(actions, minlength=5) / len(actions)
    assert np.abs(shares - 0.2).max() < 0.03  # uniform
    drawn = BatchSource(run.histories, run.recipe.training, 3, unordered=True)(7)
    whole = BatchSource(run.histories, run.recipe.training, 3)(7)
    windows = [
        [sorted(zip(*(rows[row].tolist() for rows in batch.values()), strict=True))
         for row in range(4)]
        for batch in (drawn, whole)
    ]  # fmt: skip
    assert windows[0] == windows[1]  # the same transitions with their labels, each of them whole
    key = [step_key(*stream_key(3, 32, 7), place) for place in range(4 * 20)]
    for row in range(4):
        order = sorted(range(20), key=lambda t: key[row * 20 + t])
        assert drawn["label"][row].tolist() == whole["label"][row][order].tolist()


def test_ideal_learner_is_asked_at_each_step(run_of):
    run = run_of("ad-of-ideal")
    assert run.source.name == "ideal-learner"
    assert "label" in run.histories.schema.fields
    assert run.recipe.training.objective == "optimal-action"


def test_posterior_sampling_is_followed(run_of):
    run = run_of("ad-of-posterior-sampling")
    assert run.source.name == "posterior-sampling"
    assert run.histories.lengths.tolist() == [400] * run.histories.num_histories


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("ed", {"family.options.size": 64, "family.options.episode_length": 10_000},
         'method "ed": collection: the expert holds one value per state and step'),
        ("ad-of-ideal", {}, 'method "ad-of-ideal": collection: ideal-learner needs a family whose'),
        ("ad-of-posterior-sampling", {"family.name": "key-to-door", "family.options.size": 12},
         'method "ad-of-posterior-sampling": collection: .*16,?384'),
        ("ad-shuffled", {"collection.live": True}, "change what is read of a store"),
        ("return-conditioned", {"collection.live": True}, "and model.reads_return change what is"),
        ("return-conditioned", {"training.objective": "optimal-action", "collection.labels": True},
         'reads_return needs training.objective "next-action", got "optimal-action".*set one'),
        ("ad", {"evaluation.target_return": 3.0},
         "target_return needs a model that reads returns, got 3 with .* by --method return-cond"),
        ("return-conditioned", {"evaluation.target_return": 3.0, "evaluation.agent": "random"},
         'is asked of the run\'s own model, got 3 for the agent "random"; leave it at "none"'),
        ("return-conditioned", {"evaluation.target_return": 1e31}, "evaluation.target_return"),
        ("ad-foreign-reward", {"collection.held_out": 23, "collection.validation": 1,
         "training.evaluate_every": None, "training.context_length": 20}, "at least two training"),
        ("ad-every-k", {"collection.keep_every": 1}, "keep_every of at least 2, got 1"),
        ("ad-every-k", {}, "context_length must be at most 30"),
    ],
)  # fmt: skip
def test_method_that_does_not_fit_is_refused_before_anything_is_written(
    recipe, tmp_path, method, changes, message
):
    with pytest.raises(InvalidArgument, match=message):
        Run.create(
            recipe, tmp_path / "run", {"training.context_length": 40, **changes}, method=method
        )
    assert not (tmp_path / "run").exists()


def test_context_as_a_set_needs_counted_observations():
    schema = TransitionSchema(RealObservation("float32", (4,)), 2, 9)
    with pytest.raises(InvalidArgument, match='context "set" needs counted observations'):
        check_context(Recipe.from_mapping({"model": {"context": "set"}}), schema)


def test_unknown_method_names_the_nearest(recipe):
    with pytest.raises(UnknownName, match='did you mean "ed"'):
        plan_run(recipe, None, [], "edd")
    with pytest.raises(UnknownName, match="method"):
        load_recipe(recipe, {"method": "nothing"})


def test_method_that_collects_is_refused_for_recorded_histories(tmp_path):
    path = tmp_path / "recorded.toml"
    path.write_text('[histories]\npath = "here"\n[environment]\nid = "CartPole-v1"\n')
    with pytest.raises(InvalidArgument, match='"ed" collects histories of its own'):
        load_recipe(path, {"method": "ed"})
