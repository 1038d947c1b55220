"""Early stopping."""

from collections.abc import Mapping

from torch import Tensor

from latentscape.training.hook import Hook, Training
from latentscape.training.hooks.validation import comparable


class EarlyStopping(Hook):
    """Ends training after `patience` epochs without a lower validation loss, at the best weights.

    The loss is what `comparable` says. Without a patience, or without validation examples, it does
    nothing.
    """

    essential = True
    group = "best"

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] = {}

    def on_start(self, training: Training) -> None:
        """End a training that goes on from its end."""
        self._end_if_waited(training)

    def on_epoch(self, training: Training) -> None:
        """Keep the weights if they are the best so far."""
        state, validation = training.state, training.last_epoch.validation
        if training.config.patience is None:
            return
        if validation:
            loss = comparable(validation, training.objective.config)
            if state.best_loss is None or loss < state.best_loss:
                state.best_loss, state.best_epoch = loss, state.epoch
                weights = training.model.state_dict()
                self._weights = {name: value.clone() for name, value in weights.items()}
        self._end_if_waited(training)

    def on_end(self, training: Training) -> None:
        """Put the best weights back."""
        if self._weights:
            training.model.load_state_dict(self._weights)

    def on_save(self, training: Training) -> Mapping[str, Tensor]:
        """Return the best weights."""
        return self._weights

    def on_restore(self, training: Training, tensors: Mapping[str, Tensor]) -> None:
        """Take back the best weights."""
        device = training.model.device
        self._weights = {name: value.to(device) for name, value in tensors.items()}

    def _end_if_waited(self, training: Training) -> None:
        patience, state = training.config.patience, training.state
        if patience is not None and state.epoch - state.best_epoch >= patience:
            training.end()
