"""Settings are strict, unknown ones are answered with the likely one, and TOML gives them back."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast.config import apply_overrides, read_toml, write_toml
from adfast.errors import InvalidArgument, UnknownName
from adfast.models.config import ModelConfig
from adfast.runs.recipe.feasible import check_feasible
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import find_recipe, load_recipe
from adfast.training.config import TrainingConfig


def configure(*overrides: str) -> Recipe:
    return Recipe.from_mapping(apply_overrides({}, overrides))


def has_setting(path: str) -> bool:
    section = Recipe()
    for name in path.split("."):
        if not hasattr(section, name):
            return False
        section = getattr(section, name)
    return True


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("training.updats=3", "training.updates"),
        ("training.contextlength=3", "training.context_length"),
        ("trainin.updates=3", "training"),
        ("model.learning_rate=3", "training.learning_rate"),  # of another section
        ("held_out=3", "collection.held_out"),  # without its section
        ("collection.zzzzzz=3", None),
    ],
)
def test_unknown_setting_is_answered_with_the_likely_one(override, nearest):
    with pytest.raises(UnknownName) as caught:
        configure(override)
    name = override.partition("=")[0]
    assert caught.value.nearest == nearest
    assert nearest is None or (nearest != name and has_setting(nearest))
    assert f'"{nearest}"' in str(caught.value) or nearest is None


@pytest.mark.parametrize("literal", ["70.0", "true", "'70'", "seventy", "1979-05-27"])
def test_integers_are_not_made_of_other_types(literal):
    assert configure("training.updates=1_000").training.updates == 1000
    with pytest.raises(InvalidArgument, match=r"training\.updates"):
        configure(f"training.updates={literal}")


def test_overrides_read_toml_literals_and_bare_strings():
    config = configure(
        "family.name=another-family",
        'collection.algorithm="optimal"',
        "family.options.size=5",
        "family.options.start=[1, 2]",
        "training.betas=[0.8, 0.9]",
        "training.learning_rate=1",
        " model.attention_window = [3, 'none'] ",
        "training.updates=20",
        "training.updates=30",
    )
    assert config.family.name == "another-family"
    assert config.collection.algorithm == "optimal"
    assert config.family.options == {"size": 5, "start": [1, 2]}
    assert config.training.betas == (0.8, 0.9)
    assert config.training.learning_rate == 1.0
    assert config.model.attention_window == [3, None]
    assert config.training.updates == 30  # the last one counts


@pytest.mark.parametrize("override", ["training", "=3", ".updates=3", "training.=3", ""])
def test_malformed_override_is_refused_with_an_example(override):
    with pytest.raises(InvalidArgument, match=r"section\.field=value.*training\.batch_size=64"):
        configure(override)


@pytest.mark.parametrize(
    ("override", "field", "value"),
    [
        ("training.batch_size=0", "training.batch_size", "0"),
        ("training.learning_rate=nan", "training.learning_rate", "nan"),
        ("training.optimizer=sgd", "training.optimizer", "'sgd'"),
        ("training.warmup_updates=900", "training", "900"),
        ("training=5", "training", "5"),
        ("evaluation.temperature=-1", "evaluation.temperature", "-1"),
        ("evaluation.temperature=nan", "evaluation.temperature", "nan"),
        ("model.attention_window=0", "model.attention_window", "0"),
        ("model.width=true", "model.width", "True"),
        ("seed=-1", "seed", "-1"),
        ("collection.threads=many", "collection.threads", "'many'"),
    ],
)
def test_bad_value_is_refused_with_field_and_value(override, field, value):
    with pytest.raises(InvalidArgument) as caught:
        configure(override)
    assert field in str(caught.value)
    assert value in str(caught.value)


def test_rule_about_several_settings_is_named_with_their_section():
    with pytest.raises(InvalidArgument) as caught:
        configure("training.updates=5", "training.warmup_updates=10")
    assert str(caught.value) == (
        "configuration: training: warmup_updates must be at most updates (5), got 10; "
        "lower it or train longer"
    )


def test_default_warmup_gives_way_to_few_updates():
    training = configure("training.updates=2").training
    assert training.warmup_updates == 2
    assert training.model_copy(update={"updates": 600}).warmup_updates == 10


def test_settings_cannot_be_changed():
    with pytest.raises(InvalidArgument, match=r"frozen, so updates cannot be set.*model_copy"):
        configure().training.updates = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainingConfig(udpates=3), 'unknown setting "udpates"; did you mean "updates"?'),
        (lambda: TrainingConfig(3), "TrainingConfig takes settings by name, got (3,)"),
        (
            lambda: ModelConfig(width=0),
            "ModelConfig: width must be greater than or equal to 1, got 0",
        ),
        (
            lambda: ModelConfig(attention_window="long"),
            "ModelConfig: attention_window must be a whole number or a list, got 'long'",
        ),
        (
            lambda: ModelConfig(attention_window=[8, 1.5]),
            "ModelConfig: attention_window[1] must be a whole number, got 1.5",
        ),
        (
            lambda: TrainingConfig(compile="yes"),
            "TrainingConfig: compile must be true or false or 'auto', got 'yes'",
        ),
        (lambda: TrainingConfig().model_copy(update={"updates": 0}), "updates must be greater"),
    ],
)
def test_settings_made_in_python_are_refused_in_the_words_of_recipes(make, message):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert message in str(caught.value)
    for word in ("pydantic", "http", "Input should", "constrained", "validation error"):
        assert word not in str(caught.value)


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory):
    return tmp_path_factory.mktemp("settings") / "run.toml"


@settings(max_examples=40)
@given(
    window=st.one_of(
        st.none(),
        st.integers(1, 9),
        st.lists(st.none() | st.integers(1, 9), min_size=2, max_size=2),
    ),
    threads=st.none() | st.integers(1, 99),
    split_seed=st.none() | st.integers(0, 2**40),
    rate=st.floats(1e-9, 1e3),
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])).filter(
        lambda t: t != "none"
    ),
)
def test_written_settings_are_read_back_equal(
    settings_file, window, threads, split_seed, rate, name
):
    config = Recipe.from_mapping(
        {
            "family": {"name": name},
            "model": {"attention_window": window},
            "training": {"threads": threads, "learning_rate": rate},
            "collection": {"split_seed": split_seed, "options": {"a": 1, "b": [True, "c"]}},
        }
    )
    settings_file.write_bytes(write_toml(config).encode())
    assert load_recipe(settings_file) == config


def test_none_is_spelt_out_in_toml():
    text = write_toml(configure("training.threads=none", "model.attention_window=none"))
    assert 'threads = "none"' in text
    assert 'attention_window = "none"' in text


@pytest.mark.parametrize("content", [b"[training\nupdates=3", b"a = 1\na = 2", b"\xff\xfe = 1"])
def test_file_that_is_no_toml_is_refused_by_name(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=rf"{re.escape(str(path))}.*not valid TOML"):
        read_toml(path)


def test_shipped_recipe_is_feasible():
    check_feasible(load_recipe(find_recipe("dark-room")))


def test_packed_rows_may_be_longer_than_any_history():
    """And positions are those of a history, so they need no more rows than without."""
    overrides = ["training.context_length=2000", "model.position_encoding=learned"]
    overrides.append("model.num_learned_positions=800")  # what evaluation acts for
    with pytest.raises(InvalidArgument, match=r"at most 800, .*got 2000; .*training\.packed"):
        check_feasible(load_recipe(find_recipe("dark-room"), overrides))
    packed = load_recipe(find_recipe("dark-room"), [*overrides, "training.packed=true"])
    check_feasible(packed)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["collection.held_out=81"], r"collection\.held_out must be in 1\.\.79 .*got 81"),
        (
            ["collection.held_out=73"],
            r"collection\.validation must be at most 7 .* beside 73 held-out, got 8; lower it, or",
        ),
        (
            ["training.context_length=501", "collection.episodes=200", "collection.keep_every=8"],
            r"training\.context_length must be at most 500, .*got 501; shorten it",
        ),
        (
            [
                "model.position_encoding=learned",
                "model.num_learned_positions=700",
                "evaluation.episodes=40",
            ],
            r"model\.num_learned_positions must be at least 800, .*got 700; raise it",
        ),
        (["family.name=dark-rooms"], 'unknown task family "dark-rooms"; did you mean "dark-room"'),
        (["family.options.siz=3"], 'dark-room: unknown setting "siz"; did you mean "size"'),
        (["family.options.name=x"], 'dark-room: unknown setting "name"'),
        (["family.options.size=0"], "dark-room: size must be greater than or equal to 1, got 0"),
        (["collection.algorithm=qlearning"], 'did you mean "q-learning"'),
        (["collection.options.epsilon=1"], 'unknown setting "epsilon"; did you mean "epsilon_'),
        (["collection.options.discount=2"], "q-learning: discount must be .*got 2"),
    ],
)
def test_settings_that_no_run_could_carry_out_are_refused(overrides, message):
    config = load_recipe(find_recipe("dark-room"), overrides)
    with pytest.raises(InvalidArgument, match=message):
        check_feasible(config)


def test_unknown_recipe_is_answered_with_the_likely_one_and_the_other_way():
    with pytest.raises(UnknownName, match=r"or the path of a \.toml file") as caught:
        find_recipe("dark_room")
    assert caught.value.nearest == "dark-room"
    with pytest.raises(InvalidArgument, match=r"a file\.toml: no such file; .*dark-room"):
        find_recipe("the path of a file.toml")


def test_another_algorithm_family_or_agent_begins_with_its_own_options(tmp_path):
    """Those of the recipe are of the one that is replaced; those given beside it count."""
    recipe = find_recipe("dark-room")
    assert load_recipe(recipe).collection.options["learning_rate"] == 0.9
    optimal = load_recipe(recipe, ["collection.algorithm=optimal"])
    assert optimal.collection.options == {}
    check_feasible(optimal)
    given = ["collection.options.noise_end=0.1", "collection.algorithm=annealed-expert"]
    for overrides in (given, given[::-1]):
        assert load_recipe(recipe, overrides).collection.options == {"noise_end": 0.1}
    same = load_recipe(recipe, ["collection.algorithm=q-learning"])
    assert same == load_recipe(recipe)
    house = ["family.name=dark-house", "family.options.rooms=2"]
    assert load_recipe(recipe, house).family.options == {"rooms": 2}
    mine = tmp_path / "mine.toml"
    mine.write_text('[evaluation]\nagent = "own:Agent"\nagent_options = { strength = 2 }\n')
    assert load_recipe(mine).evaluation.agent_options == {"strength": 2}
    assert load_recipe(mine, ["evaluation.agent=random"]).evaluation.agent_options == {}


def test_what_is_unknown_is_named_with_its_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nupdats = 3\n")
    with pytest.raises(UnknownName, match=r'mine\.toml: unknown setting "training\.updats"'):
        load_recipe(path)
    path.write_text("[training]\nupdates = 0\n")
    with pytest.raises(InvalidArgument, match=r"mine\.toml: training\.updates must be greater"):
        load_recipe(path)
    path.write_text("")
    with pytest.raises(UnknownName, match=r'--set: unknown setting "training\.updats"'):
        load_recipe(path, ["training.updats=3"])
    path.write_text("seed = " + "9" * 5000)
    with pytest.raises(InvalidArgument, match="not valid TOML"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("collection.histories_per_task=2000000000", r"makes .* blocks, of which there may be"),
        ("collection.live=true", r"the live ring takes at least .* GiB of memory"),
        ("evaluation.seeds=100000000", r"evaluating takes at least .* lower evaluation\.seeds or"),
        ("model.attention_window=2000000000", r"a layer's cache .* lower model\.attention_window"),
        ("model.width=1000000", r"the model with its optimiser takes at least .* model\.width"),
        ("training.batch_size=2000000000", r"a batch .* takes at least .* training\.batch_size"),
    ],
)
def test_what_no_memory_holds_is_refused_with_what_decides_it(monkeypatch, setting, message):
    monkeypatch.setattr("adfast.runs.recipe.memory_needs.memory_bytes", lambda: 2**34)
    live = ["training.updates=90000000", "collection.histories_per_task=1000000"]
    overrides = [setting, *(live if "live" in setting else [])]
    with pytest.raises(InvalidArgument, match=message):
        check_feasible(load_recipe(find_recipe("dark-room"), overrides))
