"""A policy computes the same step by step and over whole trials."""

import numpy as np
import pytest
import torch

from adfast.baselines.rl2.policy import make_policy
from adfast.baselines.rl2.trials import play_trials
from adfast.models.config import ModelConfig
from adfast.models.embedding.step_input import StepInput, step_inputs
from baselines.rl2.tiny_rl2 import BODIES, FAMILY, TASKS, config, random_policy

STEPS = 12


def played(policy):
    return play_trials(policy, FAMILY, np.array(TASKS), 0, np.arange(5), STEPS)


def at(inputs: StepInput, t: int, cache) -> StepInput:
    """Step `t` of inputs `[E, T]`, for who remembers `cache`."""
    names = inputs.__dataclass_fields__.keys() - {"is_checked", "is_first"}
    known = {name: getattr(inputs, name) for name in names}
    values = {name: steps[:, t] for name, steps in known.items() if steps is not None}
    return StepInput(**values, is_first=cache.is_first.clone())


@pytest.mark.parametrize("body", BODIES)
def test_trials_are_judged_as_they_were_played(body):
    policy = random_policy(**BODIES[body])
    trials = played(policy)
    with torch.no_grad():
        outputs = policy(trials.fields)
    assert outputs.abs().max() > 0.3
    torch.testing.assert_close(outputs, trials.outputs, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("body", BODIES)
def test_who_is_not_active_stays_where_it_was(body):
    policy = random_policy(**BODIES[body])
    inputs = step_inputs(played(policy).fields)
    expected = policy.new_cache(5)
    cache = policy.new_cache(5)
    for t in range(STEPS):
        right = policy.step(at(inputs, t, expected), expected)
        for active in (torch.tensor([1, 0, 1, 0, 0]).bool(), torch.tensor([0, 1, 0, 1, 1]).bool()):
            found = policy.step(at(inputs, t, cache), cache, active)
            torch.testing.assert_close(found[active], right[active])


@pytest.mark.parametrize("body", BODIES)
def test_reset_empties_the_memory_of_some(body):
    policy = random_policy(**BODIES[body])
    inputs = step_inputs(played(policy).fields)
    cache = policy.new_cache(5)
    first = policy.step(at(inputs, 0, cache), cache)
    policy.step(at(inputs, 1, cache), cache)
    mask = torch.tensor([0, 1, 0, 0, 1]).bool()
    cache.reset(mask)
    assert cache.is_first.equal(mask)
    found = policy.step(at(inputs, 0, cache), cache)
    torch.testing.assert_close(found[mask], first[mask])
    assert not torch.allclose(found[~mask], first[~mask])


@pytest.mark.parametrize("body", BODIES)
def test_weights_are_a_function_of_the_arguments(body):
    def made(seed):
        return make_policy(config(**BODIES[body]), ModelConfig(), FAMILY.transition_schema, seed)

    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = made(1)
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(6)
    for name, weight in made(1).state_dict().items():
        assert torch.equal(weight, one.state_dict()[name]), name
    assert not torch.equal(made(2).embedding.table, one.embedding.table)
    assert all(weight.isfinite().all() for weight in one.state_dict().values())


def test_a_fresh_policy_acts_at_random_and_expects_nothing():
    policy = make_policy(config(), ModelConfig(), FAMILY.transition_schema, 0)
    assert played(policy).outputs.abs().max() == 0
