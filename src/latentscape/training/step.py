"""One step of training: a batch goes through the model, and the weights move."""

import torch
from torch import Tensor

from latentscape.config import TrainConfig
from latentscape.model import Network, evaluate_terms
from latentscape.training.batches import Batch
from latentscape.training.graphs import Graphs, capture_on
from latentscape.training.optim import set_rate, step


class TrainingStep:
    """Takes optimizer steps; nothing here waits for the device.

    A step that no longer changes is captured, and from then on replayed.

    Parameters
    ----------
    model : Network
        In training mode when steps are taken.
    optimizer : Optimizer
        Of the model's parameters. Its state must not be replaced afterwards.
    config : TrainConfig
        ``clip_norm`` counts.
    precision : str
        As `choose_precision` returns it.
    captured : bool
        Whether steps are captured, which pays from a few dozen steps on.
    """

    def __init__(
        self,
        model: Network,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        precision: str,
        captured: bool = True,
    ) -> None:
        self._model, self._optimizer, self._config = model, optimizer, config
        self._low = precision == "bfloat16"
        steady = captured and isinstance(optimizer.param_groups[0]["lr"], Tensor)
        self._graphs = Graphs(self._settled_step, capture_on(model.device) if steady else None)

    def __call__(self, batch: Batch, rate: float, epoch: float) -> Tensor:
        """Take a step.

        Parameters
        ----------
        batch : Batch
            Examples as stored, on the device of the model.
        rate : float
            The learning rate.
        epoch : float
            Epochs trained so far, for terms that change with them.

        Returns
        -------
        Tensor
            (1 + terms,) the loss and each of its terms, in nats per example, before the step. The
            next step may write over it.
        """
        set_rate(self._optimizer, rate)
        if epoch < self._model.objective.settled_at:
            return self._step(batch, epoch)
        return self._graphs(batch)

    def _settled_step(self, batch: Batch) -> Tensor:
        """Take a step that is the same in every epoch."""
        return self._step(batch, torch.inf)

    def _step(self, batch: Batch, epoch: float) -> Tensor:
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=self._low):
            result = self._model(batch.images, batch.labels, epoch)
        loss = evaluate_terms(result)  # Sums over many numbers, in full precision.
        for parameter in self._model.parameters():
            parameter.grad = None
        torch.autograd.backward(loss.total * self._model.gradient_scale())
        if self._config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
        step(self._optimizer)
        return torch.stack([loss.total, *loss.terms.values()]).detach()
