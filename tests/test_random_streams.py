"""Random streams: compiled, NumPy and plain-integer forms draw the same, and draw well."""

import numpy as np
import pytest
from numba import njit

from adfast import random_draws as draws
from adfast import random_streams as streams
from adfast.errors import InvalidArgument
from reference import random_streams as twin

STEPS = [0, 1, 2, 1000, 2**31, 2**32 - 1]
IDENTITIES = [(0, 0, 0), (1, 2, 3), (2**64 - 1, 9, 2**64 - 1), (7, 4, 2**40), (2**63, 1, 1)]


@njit
def compiled_draws(seed, purpose, random_stream, step, bound):
    offset, mask = draws.stream_key(seed, purpose, random_stream)
    key = draws.step_key(offset, mask, step)
    pick = draws.subkey(key, 3)
    return offset, mask, key, pick, draws.bounded(key, bound), draws.uniform(key)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_compiled_draws_match_reference(identity):
    seed, purpose, random_stream = identity
    for step in STEPS:
        offset, mask = twin.stream_key(seed, purpose, random_stream)
        key = twin.step_key(offset, mask, step)
        expected = (
            offset,
            mask,
            key,
            twin.subkey(key, 3),
            twin.bounded(key, 81),
            twin.uniform(key),
        )
        drawn = compiled_draws(
            np.uint64(seed), np.uint64(purpose), np.uint64(random_stream), np.uint64(step), 81
        )
        assert drawn == expected


def test_array_forms_match_reference():
    for seed, purpose, first in [(0, 1, 0), (2**64 - 1, 3, 2**63)]:
        ids = np.arange(50, dtype=np.uint64) + np.uint64(first)
        offsets, masks = streams.stream_keys(seed, purpose, ids)
        assert offsets.dtype == masks.dtype == np.uint32
        expected = [twin.stream_key(seed, purpose, int(stream)) for stream in ids]
        assert list(zip(offsets.tolist(), masks.tolist(), strict=True)) == expected
        offset, mask = expected[7]
        keys = streams.step_keys(offset, mask, 100)
        assert keys.tolist() == [twin.step_key(offset, mask, step) for step in range(100)]
        steps = np.array([0, 1, 2**31, 2**32 - 1, *range(46)])
        keys = [twin.step_key(*expected[n], int(step)) for n, step in enumerate(steps)]
        assert streams.keys_at(offsets, masks, steps).tolist() == keys
        for index in (0, 3):
            found = streams.subkeys_at(offsets, masks, steps, index)
            assert found.tolist() == [twin.subkey(key, index) for key in keys]


def test_seed_purpose_and_stream_each_change_the_stream():
    identities = [(s, p, r) for s in range(8) for p in range(8) for r in range(8)]
    keys = {twin.stream_key(*identity) for identity in identities}
    assert len(keys) == len(identities)


def test_draws_are_uniform_along_a_stream_and_across_streams():
    offsets, masks = streams.stream_keys(0, streams.BEHAVIOUR, np.arange(256))
    keys = np.stack([streams.step_keys(o, m, 256) for o, m in zip(offsets, masks, strict=True)])
    count = keys.size
    picks = (keys.astype(np.uint64) * np.uint64(5)) >> np.uint64(32)
    expected = count / 5
    chi_square = ((np.bincount(picks.ravel()) - expected) ** 2 / expected).sum()
    assert chi_square < 18.5  # 99.9th percentile at 4 degrees of freedom
    ones = np.unpackbits(keys.view(np.uint8).reshape(-1, 4), axis=1).mean(axis=0)
    np.testing.assert_allclose(ones, 0.5, atol=4 * 0.5 / count**0.5)
    uniform = (keys >> np.uint32(8)) * 2.0**-24
    for neighbours in (uniform[1:] * uniform[:-1], uniform[:, 1:] * uniform[:, :-1]):
        assert neighbours.mean() == pytest.approx(0.25, abs=5 * 0.22 / count**0.5)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(
        InvalidArgument, match=rf"seed must be an integer in 0\.\.2\*\*64-1, got {seed}"
    ):
        streams.stream_keys(seed, 0, [0])


@pytest.mark.parametrize("ids", [[-1], [0.5]])
def test_stream_that_is_no_natural_number_is_refused(ids):
    with pytest.raises(InvalidArgument, match="random streams must be integers"):
        streams.stream_keys(0, 0, ids)


@njit
def real_draws(keys, shape):
    drawn = np.empty((4, keys.size))
    for n, key in enumerate(keys):
        drawn[0, n] = draws.unit(key)
        drawn[1, n] = draws.normal(key)
        drawn[2, n] = draws.gamma(shape, key)
        drawn[3, n] = draws.beta(shape, 2.5, key)
    return drawn


@pytest.mark.parametrize("shape", [1.0, 3.5, 400.0])
def test_real_draws_match_reference_bit_for_bit(shape):
    keys = np.array([0, 1, 2**31, 2**32 - 1, *streams.step_keys(5, 9, 500)], np.uint32)
    expected = [
        [
            twin.unit(key),
            twin.normal(key),
            twin.gamma(shape, key),
            twin.beta(shape, 2.5, key),
        ]
        for key in keys.tolist()
    ]
    np.testing.assert_array_equal(real_draws(keys, shape).T, expected)


@pytest.mark.parametrize("shape", [1.0, 3.5, 400.0])
def test_real_draws_have_their_moments(shape):
    count = 400_000
    unit, normal, gamma, beta = real_draws(streams.step_keys(3, 4, count), shape)
    total = shape + 2.5
    moments = {
        "unit": (unit, 0.5, 1 / 12),
        "normal": (normal, 0, 1),
        "normal, squared": (normal**2, 1, 2),
        "gamma": (gamma, shape, shape),
        "beta": (beta, shape / total, 2.5 * shape / (total**2 * (total + 1))),
    }
    for name, (drawn, mean, variance) in moments.items():
        error = (variance / count) ** 0.5
        assert drawn.mean() == pytest.approx(mean, abs=5 * error), name
        assert drawn.var() == pytest.approx(variance, rel=0.03), name
    assert (gamma < shape * 0.5).mean() == pytest.approx(LOWER_HALF[shape], abs=0.004)


LOWER_HALF = {1.0: 0.39347, 3.5: 0.16501, 400.0: 0.0}  # of gamma numbers below half of their mean


def test_logarithm_is_the_logarithm():
    values = np.concatenate((np.linspace(1e-3, 3, 10_001), 2.0 ** np.arange(-60, 60)))
    compiled_logarithm = njit(lambda value: draws.logarithm(value))
    found = np.array([compiled_logarithm(value) for value in values])
    np.testing.assert_allclose(found, np.log(values), rtol=4e-16, atol=2e-16)
    assert [twin.logarithm(float(value)) for value in values] == found.tolist()
