"""A trained policy acts wherever an agent may."""

import numpy as np
import pytest
import torch

import adfast
from adfast.baselines.rl2.agent import RL2, RL2Agent, load_rl2
from adfast.baselines.rl2.checkpoints import changed_settings, load_policy
from adfast.baselines.rl2.trials import play_trials
from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.models.checkpoint import read_tensors, write_tensors
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from baselines.rl2.tiny_rl2 import (
    BODIES,
    ENDING_FAMILY,
    FAMILY,
    MODEL,
    TASKS,
    config,
    make_trainer,
    random_policy,
)

SCHEMA = ENDING_FAMILY.transition_schema


@pytest.mark.parametrize("body", BODIES)
def test_it_reads_what_another_did_as_if_it_had_done_it(body):
    policy = random_policy(SCHEMA, **BODIES[body])
    trials = play_trials(policy, ENDING_FAMILY, np.array(TASKS), 7, np.arange(4), 25)
    history = {name: values.numpy() for name, values in trials.fields.items()}
    agent = RL2Agent(policy, 4, seed=2)
    agent.read({name: values[:, :24] for name, values in history.items()})
    agent.act(history["observation"][:, 24])
    logits = trials.outputs[:, 24, :-1].double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(agent.action_probabilities(), expected, atol=1e-4)


@pytest.mark.parametrize("body", BODIES)
def test_what_it_does_depends_on_its_own_history_alone(body):
    def acted(streams):
        policy = random_policy(**BODIES[body])
        agent = RL2Agent(policy, len(streams), seed=2, random_streams=np.array(streams))
        simulator = adfast.BatchSimulator(
            FAMILY, [TASKS[s] for s in streams], random_streams=streams
        )
        actions = [agent.act(simulator.reset())]
        for _ in range(14):
            actions.append(agent.act(*simulator.step(actions[-1])))
        return np.array(actions)

    whole = acted([0, 1, 2, 3])
    assert (acted([2, 3]) == whole[:, 2:]).all()
    assert len(np.unique(whole)) > 2


def test_a_training_is_evaluated_by_name(tmp_path):
    make_trainer(tmp_path, checkpoint_every=1).run()
    made = AGENTS.make("rl2", run=str(tmp_path))
    found = adfast.evaluate(made, FAMILY, TASKS, episodes=3, seeds=2, progress=False)
    assert found.returns.shape == (4, 2, 3)
    agent = RL2Agent(load_rl2(tmp_path), 8, random_streams=np.arange(8))
    assert agent.schema == FAMILY.transition_schema


def test_policy_from_before_pictures_had_settings_is_the_same(tmp_path):
    make_trainer(tmp_path, body="transformer", checkpoint_every=3).run()
    path = newest_checkpoint(tmp_path / "checkpoints")
    now = load_policy(path)
    tensors, description = read_tensors(path)
    for part in ("policy", "continuation"):
        for name in ("picture_encoder", "picture_dropout", "frame_stack"):
            del description[part]["model"][name]
    write_tensors(path, tensors, description)
    then = load_policy(path)
    assert then.body.config == now.body.config
    assert all(map(torch.equal, then.parameters(), now.parameters()))
    rl2 = config(body="transformer", checkpoint_every=3)
    assert changed_settings(path, rl2, MODEL) == []
    stacked = MODEL.model_copy(update={"frame_stack": 2})
    assert changed_settings(path, rl2, stacked) == ["model.frame_stack: 1, asked 2"]
    make_trainer(tmp_path, body="transformer", checkpoint_every=3).run(resume=True)


def test_what_is_no_policy_is_refused_in_words(tmp_path):
    with pytest.raises(InvalidArgument, match="needs run: a run directory"):
        RL2().make_agent(SCHEMA, 2)
    with pytest.raises(CheckpointError, match="no checkpoint in checkpoints/; train the run first"):
        load_rl2(tmp_path)
    with pytest.raises(InvalidArgument, match="policy must be a policy of RL2"):
        RL2Agent("policy")
    make_trainer(tmp_path).run()
    with pytest.raises(CheckpointError, match='agent "rl2"'):
        adfast.load(tmp_path)
