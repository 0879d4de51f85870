"""A whole run on a family of one's own, named by module and class, whose rewards are fractions."""

import pytest

from adfast import load
from cli.command_line import adfast


@pytest.mark.parametrize("live", ["false", "true"])
def test_real_rewards_are_normalised_in_a_run(recipe, tmp_path, live):
    run = tmp_path / "run"
    settings = (
        "family.name=own_family:Sound",
        'family.options={ reward_dtype = "float32", unit = 0.25 }',
        "collection.held_out=1",
        "collection.validation=1",
        "evaluation.train_tasks=2",
        f"collection.live={live}",
    )
    options = [word for setting in settings for word in ("--set", setting)]
    ended = adfast("run", recipe, "--run", run, *options)
    assert ended.status == 0, ended.stderr
    scale = float(load(run).model.embedding.reward_scale)
    assert 4 <= scale < 40  # rewards are .25, or 0
