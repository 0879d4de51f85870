"""The layout of a transition follows the family's numbers."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.transition_schema import TransitionSchema

CELLS = DiscreteObservation((9,))


def test_fields_have_the_smallest_dtypes_that_hold_them():
    fields = TransitionSchema(DiscreteObservation((9, 9)), 5, 20).fields
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
    large = TransitionSchema(DiscreteObservation((9, 257)), 5, 65537, reward_dtype="float32").fields
    assert large["next_observation"].dtype == np.uint16
    assert large["episode_step"].dtype == np.uint32
    assert large["reward"].dtype == np.float32


def test_bytes_per_transition_count_every_field():
    schema = TransitionSchema(DiscreteObservation((9, 9)), 5, 20)
    assert schema.bytes_per_transition == 9
    assert sum(array.nbytes for array in schema.allocate(3, 7).values()) == 9 * 21


def test_description_reads_back():
    schema = TransitionSchema(DiscreteObservation((9, 300, 2)), 4, 50, "float32")
    assert TransitionSchema.from_dict(schema.to_dict()) == schema


def test_labels_are_a_last_field_that_models_do_not_read():
    plain = TransitionSchema(CELLS, 5, 20)
    labelled = TransitionSchema(CELLS, 5, 20, labelled=True)
    assert list(labelled.fields) == [*plain.fields, "label"]
    assert labelled.fields["label"] == labelled.fields["action"]
    assert labelled != plain == labelled.unlabelled
    assert TransitionSchema.from_dict(labelled.to_dict()) == labelled
    assert "labelled" not in plain.to_dict()  # whoever reads older stores and models knows none


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((9, 9), 5, 20), r"observation must be an ObservationSpec such as Disc.*, got tuple"),
        ((CELLS, 0, 20), r"num_actions must be an integer in 1\.\.255, got 0"),
        ((CELLS, 256, 20), r"num_actions must be an integer in 1\.\.255, got 256"),
        ((CELLS, 5, 0), r"episode_length must be an integer in 1\.\.2\*\*31-1, got 0"),
        ((CELLS, 5, 20, "int64"), 'reward_dtype must be one of uint8, .*float32, got "int64"'),
        ((CELLS, 5, 20, "uint8", 1), "labelled must be true or false, got 1"),
    ],
)
def test_bad_schema_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        TransitionSchema(*arguments)


def test_real_observations_keep_their_dtype_and_shape():
    schema = TransitionSchema(RealObservation("float64", (2, 3)), 3, 500, "float32")
    assert schema.fields["next_observation"] == schema.fields["observation"]
    assert schema.fields["observation"].dtype == np.float64
    assert schema.fields["observation"].shape == (2, 3)
    assert TransitionSchema.from_dict(schema.to_dict()) == schema
    assert schema.bytes_per_transition == 2 * 48 + 1 + 4 + 1 + 2


def test_stores_and_model_files_describe_it_as_they_always_did():
    discrete = TransitionSchema(DiscreteObservation((9, 300)), 5, 6)
    assert discrete.to_dict() == {
        "observation_sizes": [9, 300],
        "num_actions": 5,
        "episode_length": 6,
        "reward_dtype": "uint8",
    }
    real = TransitionSchema(RealObservation("float64", (2, 3)), 3, 500, "float32")
    assert real.to_dict() == {
        "observation_sizes": [],
        "real_observation": {"dtype": "float64", "shape": [2, 3]},
        "num_actions": 3,
        "episode_length": 500,
        "reward_dtype": "float32",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation_sizes": None}, "observation_sizes must be a list of integers"),
        ({"observation_sizes": []}, "sizes of a discrete observation must not be empty"),
        (
            {"real_observation": {"dtype": "uint8", "shape": [4]}},
            r"observation_sizes must be empty beside real_observation, got \(9,\)",
        ),
        ({"observation_sizes": [], "real_observation": {"shape": [4]}}, '"dtype" is missing'),
        ({"num_actions": "5"}, "num_actions must be an integer of 64 bits"),
    ],
)
def test_bad_description_is_refused(changes, message):
    description = TransitionSchema(CELLS, 5, 20).to_dict()
    with pytest.raises(InvalidArgument, match=message):
        TransitionSchema.from_dict({**description, **changes})
