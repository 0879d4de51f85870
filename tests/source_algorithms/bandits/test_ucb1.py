"""UCB1 and what bandit learners share: the twin's histories, regret, and families that fit none."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.bandit import Bandit
from reference.bandit import VARIANTS, BanditReference
from reference.thompson_sampling import thompson_sampling_history
from reference.ucb1 import ucb1_history

CASES = [
    ("ucb1", ucb1_history, {}),
    ("ucb1", ucb1_history, {"confidence": 0.3}),
    ("thompson-sampling", thompson_sampling_history, {}),
    (
        "thompson-sampling",
        thompson_sampling_history,
        {"prior_successes": 1.5, "prior_failures": 3.0},
    ),
]


@pytest.mark.parametrize(
    "variant", ["bandit", "even", pytest.param("two-arms", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize(("name", "twin", "options"), CASES)
def test_histories_match_reference(name, twin, options, variant):
    family = tasks.make("bandit", **VARIANTS[variant])
    task_ids, streams = np.array([3, 24, 12]), np.array([9, 2**40, 0])
    episodes = 210 // family.episode_length
    out = family.transition_schema.allocate(3, episodes * family.episode_length)
    algorithm = source_algorithms.make(name, **options)
    lengths = algorithm.learn(family, task_ids, streams, episodes, 5, out, keep_every=2)
    returns = algorithm.returns(family, task_ids, streams, episodes, 5)
    for h, (task_id, stream) in enumerate(zip(task_ids, streams, strict=True)):
        bandit = BanditReference(
            int(task_id), **VARIANTS[variant], seed=5, random_stream=int(stream)
        )
        expected, expected_returns = twin(
            bandit,
            episodes=episodes,
            seed=5,
            random_stream=int(stream),
            keep_every=2,
            **options,
        )
        assert lengths[h] == len(expected["action"])
        for field, values in expected.items():
            np.testing.assert_array_equal(out[field][h, : lengths[h]], values, err_msg=field)
        np.testing.assert_array_equal(returns[h], expected_returns)


def regret(name, pulls, **options):
    """Of `pulls` pulls, summed: mean over 200 bandits of ten uniform arms."""
    family = tasks.make("bandit")
    ids = np.arange(200)
    algorithm = source_algorithms.make(name, **options)
    returns = algorithm.returns(family, ids, ids, pulls, seed=0)
    return pulls * family.optimal_return(ids).mean() - returns.sum(axis=1).mean()


def test_regret_grows_like_the_logarithm_and_thompson_sampling_has_less():
    ucb1 = [regret("ucb1", pulls) for pulls in (100, 1000, 10_000)]
    thompson = [regret("thompson-sampling", pulls) for pulls in (100, 1000, 10_000)]
    assert ucb1[2] - ucb1[1] < 2.5 * (ucb1[1] - ucb1[0])
    assert thompson[2] - thompson[1] < 2.5 * (thompson[1] - thompson[0])
    assert all(less < more for less, more in zip(thompson, ucb1, strict=True))
    assert thompson[1] < 1000 * (10 / 11 - 1 / 2) / 10  # a tenth of what random pulls lose


def test_untried_arms_come_first_in_random_order():
    family = tasks.make("bandit")
    ids = np.arange(1500)
    out = family.transition_schema.allocate(1500, 10)
    source_algorithms.make("ucb1").learn(family, ids, ids, 10, 0, out)
    np.testing.assert_array_equal(np.sort(out["action"]), np.tile(np.arange(10), (1500, 1)))
    assert np.bincount(out["action"][:, 0], minlength=10).min() > 110


class RealBandit(Bandit):
    """A bandit whose rewards are real numbers."""

    name: ClassVar[str] = "real-bandit"

    @property
    def transition_schema(self):
        return replace(super().transition_schema, reward_dtype="float32")


@pytest.mark.parametrize("name", ["ucb1", "thompson-sampling"])
@pytest.mark.parametrize(
    ("family", "message"),
    [
        (tasks.make("dark-room"), "fits families with one observation, but dark-room has 81; use"),
        (RealBandit(), "so reward_dtype must be uint8, but that of real-bandit is float32; use"),
    ],
)
def test_family_that_does_not_fit_is_refused(name, family, message):
    with pytest.raises(InvalidArgument, match=f"{name} learns .* {message}"):
        source_algorithms.make(name).returns(family, [0], [0], 1, 0)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("ucb1", "confidence", -1.0),
        ("ucb1", "confidence", float("inf")),
        ("thompson-sampling", "prior_successes", 0.5),
        ("thompson-sampling", "prior_failures", 1e7),
    ],
)
def test_bad_option_is_refused(name, option, value):
    with pytest.raises(InvalidArgument, match=f"{name}: {option} must be"):
        source_algorithms.make(name, **{option: value})
