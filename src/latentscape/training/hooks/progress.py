"""How far training is, for whoever listens."""

from contextlib import ExitStack

from latentscape.core.progress import stage
from latentscape.runs.facts import Epoch, Event
from latentscape.runs.wording import describe_event
from latentscape.training.hook import Hook, Training


class Progress(Hook):
    """Says how far training is; see `latentscape.core.progress`."""

    def __init__(self, name: str) -> None:
        self._name, self._last, self._open = name, "", ExitStack()

    def on_start(self, training: Training) -> None:
        """Say what trains."""
        self._epochs, self._examples = training.config.epochs, training.loader.examples
        self._stage = self._open.enter_context(stage(self._name, self._epochs * self._examples))
        self._stage.begin_at(training.state.epoch * self._examples)
        self._note(describe_start(training))

    def on_step(self, training: Training) -> None:
        """Say how far the epoch is."""
        self._stage.advance_to(int(training.epochs_before(training.state.step) * self._examples))

    def on_epoch(self, training: Training) -> None:
        """Say the epoch's numbers."""
        epoch = training.last_epoch
        self._last = f"epoch {epoch.epoch} of {self._epochs}, {describe_epoch(epoch)}"
        self._stage.describe(self._last)
        self._stage.advance_to(epoch.epoch * self._examples)

    def on_event(self, training: Training, event: Event) -> None:
        """Say what went wrong."""
        self._note(f"epoch {event.epoch}: {describe_event(event)}")

    def on_stop(self, training: Training) -> None:
        """Keep the last epoch's numbers in sight."""
        self._open.close()
        if self._last:
            self._note(self._last)

    def _note(self, text: str) -> None:
        self._stage.note(f"{self._name}: {text}")


def describe_start(training: Training) -> str:
    """Write how much is trained, in a few words."""
    epochs, done = training.config.epochs, training.state.epoch
    resumed = f", going on after epoch {done}" if done else ""
    return f"{training.loader.examples:,} examples, {epochs} epoch{'s' * (epochs > 1)}{resumed}"


def describe_epoch(epoch: Epoch) -> str:
    """Write an epoch in a few words."""
    parts = [f"loss {epoch.train.loss:.4g}"]
    if len(epoch.train.terms) > 1:  # A single term is the loss.
        parts += [f"{name} {value:.4g}" for name, value in epoch.train.terms.items()]
    if epoch.validation is not None:
        parts.append(f"validation {epoch.validation.loss:.4g}")
        if epoch.validation.mse is not None:
            parts.append(f"MSE {epoch.validation.mse:.4g}")
    return ", ".join([*parts, f"{epoch.images_per_second:,.0f} images/s"])
