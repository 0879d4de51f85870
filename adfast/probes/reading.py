"""What a subject expects of histories that it is given to read.

Axes: N histories, T transitions, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.models.inspection import Watch
from adfast.models.transformer import Transformer


@torch.no_grad()
def read_histories(
    model: Transformer,
    histories: Mapping[str, np.ndarray],
    begins: np.ndarray | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Logits `[N, T, A]` of whole histories: fields `[N, T, ...]` of the model's schema.

    At each transition nothing before the one numbered `begins` int `[N, T]` is seen; None: all is.
    """
    batch = {
        name: torch.from_numpy(np.ascontiguousarray(values)).to(model.head.device)
        for name, values in histories.items()
    }
    if begins is not None:
        start = np.ascontiguousarray(begins, np.int32)
        batch["document_start"] = torch.from_numpy(start).to(model.head.device)
    was_training = model.training
    model.eval()
    logits: Tensor = model(batch, watch=watch)
    model.train(was_training)
    return logits


def action_losses(
    model: Transformer, histories: Mapping[str, np.ndarray], begins: np.ndarray | None = None
) -> np.ndarray:
    """float32 `[N, T]`: the negative log-likelihood of each action; see `read_histories`."""
    logits = read_histories(model, histories, begins).float()
    actions = torch.from_numpy(histories["action"].astype(np.int64)).to(logits.device)
    log_likelihood = logits.log_softmax(dim=-1).gather(-1, actions[..., None])[..., 0]
    return np.asarray(-log_likelihood.cpu().numpy())
