"""The stages' own choices; what they leave behind is tested with whole runs."""

import numpy as np

from adfast.cli.evaluation_stage import spread


def test_evaluated_training_tasks_are_spread_over_all():
    task_ids = np.arange(100, 165)
    np.testing.assert_array_equal(spread(task_ids, 5), [100, 113, 126, 139, 152])
    np.testing.assert_array_equal(spread(task_ids, 65), task_ids)
    np.testing.assert_array_equal(spread(task_ids, 99), task_ids)
    assert len(spread(task_ids, 0)) == 0
