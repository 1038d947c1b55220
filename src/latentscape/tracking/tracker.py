"""What all trackers have in common: they watch a run, and neither change it nor end it."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from latentscape.config import Recipe
from latentscape.core.findings import Json
from latentscape.core.records import Split
from latentscape.evaluation.latent_metrics import LATENT_NUMBERS
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.model import Network
from latentscape.runs import Run, RunFindings
from latentscape.runs.facts import Epoch
from latentscape.training.hook import Hook, Training


class Tracker(Hook):
    """Tells another program about one run: the base, whose four steps a tracker fills in.

    Whatever goes wrong in that program, training goes on: a line on standard error says so, and
    nothing more is told. A run that was resumed, or is finished, is told from its history.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    split : Split
        Its examples.

    Attributes
    ----------
    complete : bool
        Whether the other program knows the whole run already; for `begin` to find out.
    failed : bool
        Whether something went wrong; from then on only `close` is called.
    """

    title = ""

    def __init__(self, run: Run, split: Split) -> None:
        self.run, self.split = run, split
        self.complete = self.failed = self._begun = False

    @classmethod
    def check(cls) -> None:
        """Find out before training whether the other program can be told anything.

        Raises
        ------
        ConfigError
            If it is not installed, or does not answer.
        """
        raise NotImplementedError

    def begin(self, epochs_done: int) -> None:
        """Open what is written to, and bring it up to what the history says of those epochs."""
        raise NotImplementedError

    def track_epoch(self, model: Network, epoch: Epoch) -> None:
        """Tell about an epoch; the model is evaluating."""
        raise NotImplementedError

    def track_findings(self, model: Network, findings: RunFindings) -> None:
        """Tell what came out in the end."""
        raise NotImplementedError

    def close(self, error: BaseException | None) -> None:
        """Let go of what was opened; `error` is what ended the run, None if it ended well."""
        raise NotImplementedError

    def describe(self, error: Exception) -> str:
        """Say what went wrong in the other program."""
        return f"{type(error).__name__}: {error}"

    def on_start(self, training: Training) -> None:
        """Begin where training begins."""
        self._carefully(self._begin, training.state.epoch)

    def on_epoch(self, training: Training) -> None:
        """Tell about an epoch."""
        self._carefully(self.track_epoch, training.model, training.last_epoch)

    def on_evaluated(self, model: Network, findings: RunFindings) -> None:
        """Take note that the finished run has been evaluated; `model` is evaluating."""
        if not self._begun:  # Nothing was left to train.
            self._carefully(self._begin, len(self.run.history.epochs))
        if not self.complete:
            self._carefully(self.track_findings, model, findings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._begun:
            self._carefully(self.close, error, last=True)

    def _begin(self, epochs_done: int) -> None:
        self._begun = True
        self.begin(epochs_done)

    def _carefully(self, tell: Callable[..., None], *arguments: Any, last: bool = False) -> None:
        if self.failed and not last:
            return
        try:
            tell(*arguments)
        except Exception as error:  # noqa: BLE001 - no tracker is worth a long training.
            if not self.failed:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.failed = True
        reason = self.describe(error).partition("\n")[0]
        print(
            f"Tracking {self.run.name} with {self.title} has stopped; the run goes on. {reason}",
            file=sys.stderr,
        )


def settings_of(recipe: Recipe) -> dict[str, str | int | float | bool]:
    """Return all that makes a run, with dotted names: ``model.latent.dim``, ``train.lr``."""
    parts = {"model", "objective", "train", "data"}
    settings = recipe.model_dump(mode="json", exclude_none=True, include=parts)
    # So that tables of many runs can be filtered: ELBOs of different kinds do not compare.
    kind = recipe.model.likelihood.kind_on(binary=recipe.data.binarize != "none")
    levels = {} if kind.levels is None else {"likelihood_levels": kind.levels}
    return {"recipe": recipe.name, "likelihood_of": kind.of, **levels, **_flat(settings)}


def final_metrics(findings: RunFindings) -> dict[str, float]:
    """Return what was measured over the test examples, by the keys of the metrics."""
    metrics = dict(findings.require(Evaluation).metrics)
    if latent := findings.get(Latent):
        metrics |= {metric.key: read(latent) for metric, read in LATENT_NUMBERS.items()}
    return {key: float(value) for key, value in metrics.items() if value is not None}


def _flat(settings: Json, prefix: str = "") -> Json:
    flat: Json = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value) if isinstance(value, list) else value
    return flat
