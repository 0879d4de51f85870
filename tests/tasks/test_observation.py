"""One value says what rows keep, loops write, agents read and Gymnasium is told of observations."""

import gymnasium
import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.tasks.observation import DiscreteObservation, RealObservation, read_observation

SPECS = [
    DiscreteObservation((9, 7)),
    DiscreteObservation((300,)),
    RealObservation("float64", (2, 3)),
    RealObservation("float32", ()),
    RealObservation("uint8", (4, 4)),
    RealObservation("bool", (2,)),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_reads_back_from_its_description_and_from_its_space(spec):
    assert read_observation(spec.to_dict()) == spec
    encoding = SpaceEncoding(spec.space(), gymnasium.spaces.Discrete(3))
    assert encoding.observation == spec


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_what_its_space_holds_is_kept_and_read_without_change(spec):
    space = spec.space()
    space.seed(0)
    samples = np.stack([space.sample() for _ in range(5)])
    encoding = SpaceEncoding(space, gymnasium.spaces.Discrete(3))
    stored = encoding.encode_observations(samples, 5)
    assert (stored.dtype, stored.shape) == (spec.stored.dtype, (5, *spec.stored.shape))
    read = spec.as_read("observation", stored, 5)
    assert (read.dtype, read.shape) == (spec.read.dtype, (5, *spec.read.shape))
    np.testing.assert_array_equal(read, samples.astype(spec.read.dtype))


def test_discrete_ones_are_kept_in_the_least_dtype():
    assert DiscreteObservation((256, 2)).stored.dtype == np.uint8
    assert DiscreteObservation((257, 2)).stored.dtype == np.uint16
    assert DiscreteObservation((257, 2)).stored.sizes == (257, 2)


def test_compiled_loops_are_told_sizes_or_why_there_are_none():
    assert DiscreteObservation((9, 7)).compiled_sizes("walk") == (9, 7)
    message = (
        r"observations of walk must be counted \(DiscreteObservation\) for compiled loops, got "
        r"real numbers, float32 of shape \(4,\); count them in cells, or .* adfast\.Recorder"
    )
    with pytest.raises(InvalidArgument, match=message):
        RealObservation("float32", (4,)).compiled_sizes("walk")


@pytest.mark.parametrize(
    ("spec", "values", "message"),
    [
        (SPECS[0], [[1, 7]], r"seen\[1\] must be in 0\.\.6, got 7 in environment 3"),
        (SPECS[0], [[1.0, 2.0]], "seen must be integers, got float64; cast them first"),
        (SPECS[0], [[1]], r"seen must have shape \(1, 2\), got \(1, 1\)"),
        (SPECS[2], [[[1.0] * 3] * 3], r"seen must have shape \(1, 2, 3\), got \(1, 3, 3\)"),
        (SPECS[2], [[[np.nan] * 3] * 2], r"seen\[0\] must be finite, got nan in environment 3"),
        (SPECS[2], [[[1e300] * 3] * 2], r"seen\[0\] must be finite in float32, got 1e\+300"),
        (SPECS[4], [[[256] * 4] * 4], r"seen\[0\] must be integers in 0\.\.255, got 256"),
    ],
)
def test_what_an_agent_cannot_read_is_refused(spec, values, message):
    with pytest.raises(InvalidArgument, match=message):
        spec.as_read("seen", values, 1, np.array([3]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiscreteObservation(()), "sizes of a discrete observation must not be empty"),
        (lambda: DiscreteObservation(9), "must be integers of at least 1, got 9"),
        (lambda: DiscreteObservation((9, 0)), "must be an integer of at least 1, got 0"),
        (lambda: DiscreteObservation((65537,)), "must be at most 65536, got .*; split a larger"),
        (lambda: RealObservation("U8", (4,)), 'must be a boolean, integer or float, got "U8"'),
        (lambda: RealObservation("nonsense", (4,)), 'got "nonsense"'),
        (
            lambda: RealObservation("uint8", (4, 0)),
            "shape of a real observation must be an integer of at least 1, got 0",
        ),
    ],
)
def test_bad_specs_are_refused(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()


@pytest.mark.parametrize(
    ("dtype", "shape", "picture"),
    [
        ("uint8", (84, 84), (84, 84, 1)),
        ("uint8", (16, 17, 1), (16, 17, 1)),
        ("uint8", (210, 160, 3), (210, 160, 3)),
        ("uint8", (16, 16, 4), (16, 16, 4)),
        ("uint8", (15, 16, 3), None),  # a small room whose cells are numbers
        ("uint8", (4, 84, 84), None),
        ("uint8", (84, 84, 5), None),
        ("uint8", (128,), None),
        ("float32", (84, 84, 3), None),
    ],
)
def test_pixels_are_pictures_by_dtype_and_shape(dtype, shape, picture):
    assert RealObservation(dtype, shape).picture == picture
    assert DiscreteObservation((9, 9)).picture is None
