"""Codes that hold nothing are reported while a model trains."""

from latentscape.runs.facts import CodeUse, CollapseKind, Event
from latentscape.training.hook import Hook, Training

PATIENCE_FOR_CODES = 3
"""Epochs in a row without any use of the code after which it counts as collapsed."""


class Collapse(Hook):
    """Reports once that the code holds nothing.

    A code may need some epochs to wake up. At the end of training there is no more to wait for.
    """

    essential = True

    def on_epoch(self, training: Training) -> None:
        """Look at the use of the code in the last epochs."""
        state = training.state
        recent = [epoch.latent for epoch in state.history[-PATIENCE_FOR_CODES:]]
        kinds = [_collapse(training, use) for use in recent]
        if len(kinds) < PATIENCE_FOR_CODES and not training.is_complete:
            return
        known, kind = [event.collapse for event in state.events], kinds[-1]
        if all(kinds) and kind not in known:
            dim = training.model.latent_dim
            training.add_event(
                Event(epoch=state.epoch, kind="collapse", collapse=kind, latent_dim=dim)
            )


def _collapse(training: Training, use: CodeUse | None) -> CollapseKind | None:
    return None if use is None else training.model.collapse(use.model_dump(exclude_none=True))
