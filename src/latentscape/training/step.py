"""One step of training: a batch goes through the model, and the weights move."""

import torch
from torch import Tensor

from latentscape.config import TrainConfig
from latentscape.model import Network, evaluate_terms
from latentscape.training.batches import Batch


def train_step(
    model: Network,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    batch: Batch,
    epoch: float,
) -> Tensor:
    """Take one optimizer step; nothing here waits for the device.

    Parameters
    ----------
    model : Network
        In training mode, on the device of the batch.
    optimizer : Optimizer
        Of the model's parameters, its learning rate set.
    config : TrainConfig
        ``precision`` and ``clip_norm`` count.
    batch : Batch
        Examples as stored.
    epoch : float
        Epochs trained so far, for terms that change with them.

    Returns
    -------
    Tensor
        (1 + terms,) the loss and each of its terms, in nats per example, before the step.
    """
    low = config.precision == "bfloat16"
    with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=low):
        result = model(batch.images, batch.labels, epoch)
    loss = evaluate_terms(result)  # Sums over many numbers, in full precision.
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss.total * model.gradient_scale())
    if config.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimizer.step()
    return torch.stack([loss.total, *loss.terms.values()]).detach()
