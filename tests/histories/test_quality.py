"""How well histories learn is measured as its definition says, and what does not learn can go."""

import numpy as np
import pytest
from made_histories import SCHEMA, make_block

from adfast import histories
from adfast.errors import InvalidArgument, StoreError
from adfast.tasks.fields import Field


def plain_ranks(values):
    """Ranks from 0; equal values share the mean of theirs."""
    return np.array([np.mean(np.flatnonzero(np.sort(values) == value)) for value in values])


def plain_quality(history):
    """First, last and steadiness of one history, straight from the definition."""
    starts = sorted({0, *np.flatnonzero(history["episode_step"] == 0).tolist()})
    returns = [part.sum() for part in np.split(history["reward"].astype(float), starts[1:])]
    share = -(-len(returns) // 10)
    ranks, episodes = plain_ranks(returns), np.arange(len(returns))
    is_trend = len(set(returns)) > 1
    steadiness = np.corrcoef(ranks, episodes)[0, 1] if is_trend else 0.0
    return np.mean(returns[:share]), np.mean(returns[-share:]), steadiness


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Blocks of histories of random lengths and rewards, few of them, so that there are ties."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("store")
    with histories.create(path, SCHEMA, num_blocks=3, description={"of": "chance"}) as writer:
        for number in range(3):
            arrays, lengths = make_block(rng, 5, 150)
            arrays["reward"] = arrays["reward"] % 2
            lengths[0] = 1  # a history of one row
            columns = {"task_id": np.arange(5) + 5 * number, "learner": "none"}
            writer.append_block(number, arrays, lengths, columns)
    return histories.open(path)


def test_quality_is_its_plain_definition(store):
    judged = histories.quality(store)
    plain = [plain_quality(store.history(index)) for index in range(store.num_histories)]
    for column, values in zip(
        zip(*plain, strict=True), (judged.first, judged.last, judged.steadiness), strict=True
    ):
        np.testing.assert_allclose(values, column, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(judged.improvement, judged.last - judged.first)


def test_learner_improves_steadily_and_the_random_policy_does_not():
    from adfast import source_algorithms, tasks

    family = tasks.make("dark-room", size=5, episode_length=10)
    ids = np.arange(25)
    found = {}
    for name, options in (("q-learning", {}), ("annealed-expert", {"noise_end": 1.0})):
        arrays = family.transition_schema.allocate(25, 2000)
        source = source_algorithms.make(name, **options)
        lengths = source.learn(family, ids, ids, 200, 0, arrays)
        made = histories.from_arrays(family.transition_schema, arrays, lengths)
        found[name] = histories.quality(made).summary()
    assert found["q-learning"]["improving_share"] == 1
    assert found["q-learning"]["steadiness"] > 0.4
    assert found["q-learning"]["last_return"] > 6
    assert abs(found["annealed-expert"]["steadiness"]) < 0.1
    assert abs(found["annealed-expert"]["last_return"]) < 2


def test_selected_histories_are_those_asked_for_with_their_metadata(store, tmp_path):
    keep = histories.quality(store).improvement > 0
    keep[5:10] = False  # nothing of a block
    selected = histories.select(store, tmp_path / "selected", keep)
    kept = np.flatnonzero(keep)
    assert selected.num_histories == len(kept)
    assert selected.is_complete
    assert selected.description.pop("selected")["histories"] == store.num_histories
    assert selected.description == store.description
    np.testing.assert_array_equal(selected.metadata["task_id"], store.metadata["task_id"][kept])
    assert set(selected.metadata["learner"]) == {"none"}
    for place, index in enumerate(kept):
        np.testing.assert_equal(selected.history(place), store.history(index))


def test_other_histories_are_not_taken_for_those_that_were_selected(store, tmp_path):
    keep = np.arange(store.num_histories) % 2 == 0
    selected = histories.select(store, tmp_path / "selected", keep)
    assert histories.select(store, tmp_path / "selected", keep).identity == selected.identity
    with pytest.raises(StoreError, match=r"selected\.kept"):
        histories.select(store, tmp_path / "selected", ~keep)
    with pytest.raises(StoreError, match=r"selected\.digest"):
        histories.select(selected, tmp_path / "selected", np.ones(selected.num_histories, bool))
    with pytest.raises(StoreError, match="selected"):
        histories.select(store, store.path, keep)
    thinned = histories.thin(store, tmp_path / "thinned", keep_every=2)
    assert histories.thin(store, tmp_path / "thinned", keep_every=2).identity == thinned.identity
    with pytest.raises(StoreError, match=r"thinned\.digest"):
        histories.thin(selected, tmp_path / "thinned", keep_every=2)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (np.zeros(15, bool), "keep must be true for at least one of 15 histories, got none"),
        (np.ones(14, bool), r"keep must be bool of shape \(15,\), got bool of shape \(14,\)"),
        (np.ones(15), r"keep must be bool of shape \(15,\), got float64"),
    ],
)
def test_what_selects_nothing_is_refused(store, tmp_path, keep, message):
    with pytest.raises(InvalidArgument, match=message):
        histories.select(store, tmp_path / "refused", keep)
    assert not (tmp_path / "refused").exists()


def test_what_cannot_be_judged_is_refused():
    schema = histories.FieldSchema({"token": Field(np.dtype(np.uint8))})
    store = histories.from_arrays(schema, {"token": np.zeros(9, np.uint8)}, np.array([9]))
    with pytest.raises(InvalidArgument, match=r'need .* "episode_step" and one number "reward"'):
        histories.quality(store)
