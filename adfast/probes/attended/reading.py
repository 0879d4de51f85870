"""What a subject expects of histories that it is given to read.

Axes: N histories, T transitions, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import InContextAgent
from adfast.histories.returns_to_go import RETURN_TO_GO, returns_to_go
from adfast.models.embedding.step_input import as_batch
from adfast.models.inspection import Watch
from adfast.models.transformer import Transformer
from adfast.probes.subject import Subject
from adfast.tasks.transition_schema import LABEL

LEAST_PROBABILITY = 1e-12  # that a loss is taken of: 27.6 nats, where an action was ruled out


@torch.no_grad()
def read_histories(
    model: Transformer,
    histories: Mapping[str, np.ndarray],
    begins: np.ndarray | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Logits `[N, T, A]` of whole histories: fields `[N, T, ...]` of the model's schema.

    At each transition nothing before the one numbered `begins` int `[N, T]` is seen; None: all is.
    A model that reads returns is told those of the histories, unless these say what was asked for.
    """
    if model.config.reads_return and RETURN_TO_GO not in histories:
        histories = {**histories, RETURN_TO_GO: returns_in(histories)}
    batch = as_batch(histories, model.head.device)
    if begins is not None:
        start = np.ascontiguousarray(begins, np.int32)
        batch["document_start"] = torch.from_numpy(start).to(model.head.device)
    was_training = model.training
    model.eval()
    logits: Tensor = model(batch, watch=watch)
    model.train(was_training)
    return logits


def returns_in(histories: Mapping[str, np.ndarray]) -> np.ndarray:
    """float32 `[N, T]`: what is earned from each transition to the end of its episode."""
    begins = histories["episode_step"] == 0
    begins[:, :1] = True
    reward = histories["reward"]
    return returns_to_go(reward.reshape(-1), begins.reshape(-1)).reshape(reward.shape)


def action_losses(
    subject: Subject,
    histories: Mapping[str, np.ndarray],
    lengths: np.ndarray,
    begins: np.ndarray | None = None,
) -> np.ndarray:
    """float64 `[N, T]`: the negative log-likelihood of each action; see `read_histories`.

    Of labelled histories it is that of the labels. Behind the `lengths` `[N]` of the histories it
    means nothing.
    """
    if subject.model is not None:
        return model_losses(subject.model, histories, begins)
    if subject.agent is not None:
        family, *_ = subject.collected
        agent = subject.agent.make_agent(family.transition_schema, len(lengths), family=family)
        return agent_losses(agent, histories, lengths, begins)
    raise InvalidArgument(
        f'the probe needs a model or an agent of its subject "{subject.name}", which has neither'
    )


def model_losses(
    model: Transformer, histories: Mapping[str, np.ndarray], begins: np.ndarray | None
) -> np.ndarray:
    """Those of a model, in one pass."""
    logits = read_histories(model, histories, begins).float()
    actions = torch.from_numpy(asked_action(histories).astype(np.int64)).to(logits.device)
    log_likelihood = logits.log_softmax(dim=-1).gather(-1, actions[..., None])[..., 0]
    return -log_likelihood.cpu().numpy().astype(np.float64)


def agent_losses(
    agent: InContextAgent,
    histories: Mapping[str, np.ndarray],
    lengths: np.ndarray,
    begins: np.ndarray | None,
) -> np.ndarray:
    """Those of an agent, which is told after each choice what was done in its place."""
    num_histories, length = histories["action"].shape
    losses = np.empty((num_histories, length))
    for t in range(length):
        forgets = t >= lengths if begins is None else (t >= lengths) | (begins[:, t] == t)
        if t > 0 and forgets.any():
            agent.reset(forgets)
        agent.act(histories["observation"][:, t])
        asked = asked_action(histories)[:, t].astype(np.int64)
        probability = agent.action_probabilities()[np.arange(num_histories), asked]
        losses[:, t] = -np.log(np.maximum(probability, LEAST_PROBABILITY))
        agent.read({name: values[:, t : t + 1] for name, values in histories.items()})
    return losses


def asked_action(histories: Mapping[str, np.ndarray]) -> np.ndarray:
    """What is asked of who reads histories `[N, T]`: their labels where they have some."""
    return histories[LABEL] if LABEL in histories else histories["action"]
