"""The layout of a transition follows the family's numbers."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.tasks.transition_schema import RealObservation, TransitionSchema


def test_fields_have_the_smallest_dtypes_that_hold_them():
    fields = TransitionSchema((9, 9), 5, 20).fields
    assert list(fields) == [
        "observation",
        "action",
        "reward",
        "next_observation",
        "boundary",
        "episode_step",
    ]
    assert fields["observation"].dtype == np.uint8
    assert fields["observation"].shape == (2,)
    assert fields["episode_step"].dtype == np.uint16
    large = TransitionSchema((9, 257), 5, 65537, reward_dtype="float32").fields
    assert large["next_observation"].dtype == np.uint16
    assert large["episode_step"].dtype == np.uint32
    assert large["reward"].dtype == np.float32


def test_bytes_per_transition_count_every_field():
    schema = TransitionSchema((9, 9), 5, 20)
    assert schema.bytes_per_transition == 9
    assert sum(array.nbytes for array in schema.allocate(3, 7).values()) == 9 * 21


def test_description_reads_back():
    schema = TransitionSchema((9, 300, 2), 4, 50, "float32")
    assert TransitionSchema.from_dict(schema.to_dict()) == schema


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), 5, 20), "observation_sizes must not be empty"),
        (((9, 0), 5, 20), "observation_sizes must be an integer of at least 1, got 0"),
        (((65537,), 5, 20), "observation_sizes must be at most 65536"),
        (((9,), 0, 20), r"num_actions must be an integer in 1\.\.255, got 0"),
        (((9,), 256, 20), r"num_actions must be an integer in 1\.\.255, got 256"),
        (((9,), 5, 0), r"episode_length must be an integer in 1\.\.2\*\*31-1, got 0"),
        (((9,), 5, 20, "int64"), 'reward_dtype must be one of uint8, .*float32, got "int64"'),
    ],
)
def test_bad_schema_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        TransitionSchema(*arguments)


def test_real_observations_keep_their_dtype_and_shape():
    schema = TransitionSchema((), 3, 500, "float32", RealObservation("float64", (2, 3)))
    assert schema.fields["next_observation"] == schema.fields["observation"]
    assert schema.fields["observation"].dtype == np.float64
    assert schema.fields["observation"].shape == (2, 3)
    assert TransitionSchema.from_dict(schema.to_dict()) == schema
    assert schema.bytes_per_transition == 2 * 48 + 1 + 4 + 1 + 2


def test_bad_real_observations_are_refused():
    with pytest.raises(InvalidArgument, match="must be empty beside real_observation"):
        TransitionSchema((9,), 3, 5, real_observation=RealObservation("uint8", (4,)))
    with pytest.raises(InvalidArgument, match='must be a boolean, integer or float, got "U8"'):
        RealObservation("U8", (4,))
    with pytest.raises(InvalidArgument, match='got "nonsense"'):
        RealObservation("nonsense", (4,))
    with pytest.raises(
        InvalidArgument, match="shape of a real observation must be an integer of at least 1, got 0"
    ):
        RealObservation("uint8", (4, 0))
