"""What vector environments say and return is read from all their environments, without boxing."""

import tracemalloc

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector.utils import batch_differing_spaces, batch_space

from adfast.errors import InvalidArgument
from adfast.simulators.gymnasium_env import FamilyVectorEnv
from adfast.simulators.vector_environments import common_observation_space, final_observations


class Spaces:
    """What a vector environment says of its observations."""

    def __init__(self, *spaces):
        self.single_observation_space = spaces[0]
        self.observation_space = batch_differing_spaces(spaces)
        self.num_envs = len(spaces)


@pytest.mark.parametrize(
    ("spaces", "common"),
    [
        ((Discrete(3), Discrete(7)), Discrete(7)),
        ((Discrete(3, start=2), Discrete(2, start=-1)), Discrete(6, start=-1)),
        ((MultiDiscrete([3, 9]), MultiDiscrete([5, 2])), MultiDiscrete([5, 9])),
        (
            (MultiDiscrete([2, 2], start=[0, 4]), MultiDiscrete([2, 2], start=[-1, 8])),
            MultiDiscrete([3, 6], start=[-1, 4]),
        ),
        (
            (Box(0, 5, (2,), np.float32), Box(-3, 1, (2,), np.float32)),
            Box(-3, 5, (2,), np.float32),
        ),
        ((MultiBinary(3), MultiBinary(3)), MultiBinary(3)),
    ],
)
def test_space_of_unlike_environments_has_all_their_observations(spaces, common):
    for order in (spaces, spaces[::-1]):
        found = common_observation_space(Spaces(*order))
        assert found == common
        for space in spaces:
            assert all(found.contains(space.sample()) for _ in range(10))


@pytest.mark.parametrize("space", [Discrete(3), MultiDiscrete([[2, 3], [4, 5]]), Box(0, 1, ())])
def test_space_of_like_environments_is_theirs(space):
    vector = Spaces(space)
    vector.observation_space, vector.num_envs = batch_space(space, 4), 4
    assert common_observation_space(vector) is space
    vector.observation_space = space  # EnvPool says the same of one and of all
    assert common_observation_space(vector) is space


FINAL = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3)
DONE = np.array([True, False, True, False])


def as_objects(rows, done):
    objects = np.full(len(rows), None, object)
    for index in np.flatnonzero(done):
        objects[index] = rows[index]
    return objects


@pytest.mark.parametrize("done", [DONE, ~DONE, DONE | ~DONE, np.array([0, 0, 0, 1], bool)])
@pytest.mark.parametrize("layout", [as_objects, lambda rows, _: rows, lambda rows, _: [*rows]])
def test_final_observations_of_every_layout(layout, done):
    final = final_observations({"final_obs": layout(FINAL, done)}, done)
    np.testing.assert_array_equal(final, FINAL[done])
    assert np.asarray(final).dtype == FINAL.dtype


@pytest.mark.parametrize("info", [{}, {"final_obs": as_objects(FINAL, ~DONE)}, {"final_obs": [1]}])
def test_lacking_final_observations_are_refused(info):
    with pytest.raises(InvalidArgument, match=r'must return info\["final_obs"\] where episodes'):
        final_observations(info, DONE)


@pytest.mark.parametrize("layout", [as_objects, lambda rows, _: rows])
def test_pixels_are_not_boxed(layout):
    done = np.ones(8, bool)
    pixels = np.zeros((8, 64, 64, 3), np.uint8)
    info = {"final_obs": layout(pixels, done)}
    tracemalloc.start()
    try:
        final_observations(info, done)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * pixels.nbytes


def test_final_observations_of_a_family_are_rows_of_one_array():
    vector = FamilyVectorEnv(50, size=3, episode_length=2)
    vector.reset(seed=0)
    vector.step(np.zeros(50, int))
    *_, info = vector.step(np.zeros(50, int))
    rows = info["final_obs"]
    assert rows.shape == (50,)
    assert len({id(row.base) for row in rows}) == 1
    np.testing.assert_array_equal(final_observations(info, np.ones(50, bool)), np.stack(rows))
