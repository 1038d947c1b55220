"""One step of training: a batch goes through the model, and the weights move."""

import torch
from torch import Tensor

from latentscape.config import TrainConfig
from latentscape.model import Network, evaluate_terms
from latentscape.training.engine import Step, choose_engine
from latentscape.training.loader import Batch
from latentscape.training.optim import has_steady_rate, set_rate


class TrainingStep:
    """Takes optimizer steps; nothing here waits for the device.

    Parameters
    ----------
    model : Network
        In training mode when steps are taken.
    optimizer : Optimizer
        Of the model's parameters. Its state must not be replaced afterwards: replayed steps would
        go on with the tensors of the old one.
    config : TrainConfig
        ``clip_norm`` and ``engine`` count.
    precision : str
        As `choose_precision` returns it.
    captured : bool
        Whether the engine may capture steps, which pays from a few dozen steps on.
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
        self._autocast = precision == "bfloat16"
        self._engine = choose_engine(config.engine)
        self._repeated_step: Step = self._settled_step
        if captured and has_steady_rate(optimizer):
            self._repeated_step = self._engine.repeated(self._settled_step, model.device)

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
        return self._repeated_step(batch)

    def _settled_step(self, batch: Batch) -> Tensor:
        """Take a step that is the same in every epoch."""
        return self._step(batch, torch.inf)

    def _step(self, batch: Batch, epoch: float) -> Tensor:
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=self._autocast):
            result = self._model(batch.images, batch.labels, epoch)
        # Outside autocast: sums over many numbers lose too much in bfloat16.
        loss = evaluate_terms(result)
        self._model.zero_grad()
        torch.autograd.backward(loss.total * self._model.gradient_scale())
        if self._config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
        self._engine.update(self._optimizer)
        return torch.stack([loss.total, *loss.terms.values()]).detach()
