"""The log of training, for whoever listens to the logger ``latentscape``."""

import logging

from latentscape.runs.facts import Event
from latentscape.runs.wording import describe_event
from latentscape.training.hook import Hook, Training
from latentscape.training.hooks.progress import describe_epoch, describe_start

log = logging.getLogger(__name__)


class Logged(Hook):
    """Logs what happens in training, whatever else shows it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def on_start(self, training: Training) -> None:
        """Log what trains."""
        log.info("%s: %s", self._name, describe_start(training))

    def on_epoch(self, training: Training) -> None:
        """Log the numbers of an epoch."""
        if log.isEnabledFor(logging.INFO):
            epoch = training.last_epoch
            place, numbers = f"{epoch.epoch} of {training.config.epochs}", describe_epoch(epoch)
            log.info("%s: epoch %s: %s", self._name, place, numbers)

    def on_event(self, training: Training, event: Event) -> None:
        """Log what went wrong."""
        log.warning("%s: epoch %s: %s", self._name, event.epoch, describe_event(event))
