"""A learner's compiled histories beside its twin's, on variants of Dark Room."""

import numpy as np

from adfast import source_algorithms, tasks
from reference.dark_room import VARIANTS, DarkRoomReference

TASK_IDS, STREAMS = np.array([3, 24, 12]), np.array([9, 2**40, 0])


def require_twin(name, twin, variant, options, *, episodes=60, keep_every=1, seed=5):
    """Asserts that every field and return is the twin's, bit for bit."""
    family = tasks.make("dark-room", **VARIANTS[variant])
    capacity = -(-episodes // keep_every) * family.episode_length
    out = family.transition_schema.allocate(len(TASK_IDS), capacity)
    algorithm = source_algorithms.make(name, **options)
    arguments = (family, TASK_IDS, STREAMS, episodes, seed)
    lengths = algorithm.learn(*arguments, out, keep_every=keep_every)
    returns = algorithm.returns(*arguments)
    for h, (task_id, stream) in enumerate(zip(TASK_IDS, STREAMS, strict=True)):
        keyed = {"seed": seed, "random_stream": int(stream)}
        room = DarkRoomReference(int(task_id), **VARIANTS[variant], **keyed)
        expected, expected_returns = twin(
            room, episodes=episodes, keep_every=keep_every, **keyed, **options
        )
        assert lengths[h] == len(expected["action"])
        for field, values in expected.items():
            np.testing.assert_array_equal(out[field][h, : lengths[h]], values, err_msg=field)
        np.testing.assert_array_equal(returns[h], expected_returns)
