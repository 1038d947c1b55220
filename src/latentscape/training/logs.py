"""The log of training, for whoever listens to the logger ``latentscape``."""

import logging

from latentscape.config import TrainConfig
from latentscape.model import Network
from latentscape.runs.facts import Epoch, Event
from latentscape.runs.wording import describe_event
from latentscape.training.callbacks import Callback, describe_epoch

log = logging.getLogger(__name__)


class Logged(Callback):
    """Logs what happens in training, whatever else shows it."""

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Log what trains."""
        self._name, self._epochs = name, config.epochs
        resumed = f", going on after epoch {epochs_done}" if epochs_done else ""
        log.info("%s: %s examples, %s epochs%s", name, f"{examples:,}", config.epochs, resumed)

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Log the numbers of an epoch."""
        if log.isEnabledFor(logging.INFO):
            numbers = describe_epoch(epoch)
            log.info("%s: epoch %s of %s: %s", self._name, epoch.epoch, self._epochs, numbers)

    def on_event(self, event: Event) -> None:
        """Log what went wrong."""
        log.warning("%s: epoch %s: %s", self._name, event.epoch, describe_event(event))
