"""The facts of a run that stand in files of their own: its data, its machine, its training."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_serializer, model_validator

from latentscape.config import TERMS, Recipe
from latentscape.core.doors import Displayed
from latentscape.core.findings import Json, Record, to_json
from latentscape.core.ranges import RangeReason
from latentscape.core.records import LeftOut, Split, Subsets
from latentscape.core.stores import Kept
from latentscape.core.tables import Table, Tabular, flattened
from latentscape.runs.event_sentences import read_sentence

Shape = Annotated[tuple[Annotated[int, Field(ge=1, le=1 << 40)], ...], Field(min_length=1)]
"""Of one example, or of what a layer makes of it."""


class Sizes(Record):
    """Numbers of examples in the parts of a split."""

    train: int = Field(ge=0)
    validation: int = Field(ge=0)
    test: int = Field(ge=0)


class DataFacts(Record):
    """What data.json holds: which data a run was trained on, and how they were divided.

    Attributes
    ----------
    name : str
        Short name of the data.
    origin : str
        A path, or the package that carries them; empty for data in memory.
    fingerprint : str
        SHA-256 over values, labels, range and official split.
    shape : tuple of int
        Of one example: (C, H, W) or (D,).
    range, range_reason : tuple of float, str or None
        The stored values that stand for 0 and for 1, and why; runs of earlier versions do not say.
    label_names : tuple of str
        What each label is called; empty without labels.
    train_labels : dict of str to int or None
        Label name to number of training examples.
    sizes : Sizes
        Numbers of examples in each part.
    seed, subsets : int, str
        As of `latentscape.core.records.Split`.
    left_out, tests_on_validation : tuple of LeftOut, bool
        As in `latentscape.core.records.Dataset`.
    kept : Kept or None
        Where images were kept in training; runs of earlier versions do not say.
    """

    name: str
    origin: str
    fingerprint: str
    shape: Shape
    range: tuple[float, float]
    range_reason: RangeReason | None = None
    label_names: tuple[str, ...]
    train_labels: dict[str, int] | None = None
    sizes: Sizes
    seed: int = 0
    subsets: Subsets = "front"
    left_out: tuple[LeftOut, ...] = ()
    tests_on_validation: bool = False
    kept: Kept | None = None

    @classmethod
    def of(cls, split: Split) -> Self:
        """Describe the data of a split."""
        dataset = split.dataset
        return cls(
            name=dataset.name,
            origin=dataset.origin,
            fingerprint=dataset.fingerprint,
            shape=dataset.shape,
            range=dataset.value_range,
            range_reason=dataset.range_reason,
            label_names=dataset.label_names,
            train_labels=split.train_labels,
            sizes=Sizes(**split.sizes),
            seed=split.seed,
            subsets=split.subsets,
            left_out=dataset.left_out,
            tests_on_validation=dataset.tests_on_validation,
            kept=dataset.kept,
        )

    @property
    def takes_images(self) -> bool:
        """Whether the examples are images, and no plain vectors."""
        return len(self.shape) == 3

    def label_name(self, label: int) -> str:
        """Return what a label is called: its number where it has no name, nothing of -1."""
        if label < 0:
            return ""
        return self.label_names[label] if label < len(self.label_names) else str(label)

    @property
    def split_name(self) -> str:
        """The data and how they were split: what differs in it has baselines of its own."""
        sizes = ", ".join(f"{part}: {size}" for part, size in self.sizes)
        return f"{self.name}, {sizes}, split {self.seed}"


class Environment(Record):
    """What environment.json holds: versions, machine, git commit and command.

    Attributes
    ----------
    latentscape, python, torch, numpy : str
        Versions.
    git : str or None
        Commit of the checkout of Latentscape, where it runs from one.
    command : str
        The command line.
    started : str
        Date and time, ISO 8601.
    platform, processor, device : str
        The machine; of a GPU its name stands for the processor.
    cores, threads : int or None
        Of the machine; and those that training goes on with when it is resumed.
    precision : str or None
        What layers were computed in.
    together : int
        How many runs of one shape, this one included, were to be trained as one.
    """

    # A newer version may tell more of a machine; nothing is computed from it.
    model_config = ConfigDict(extra="ignore")

    latentscape: str = ""
    python: str = ""
    torch: str = ""
    numpy: str = ""
    git: str | None = None
    command: str = ""
    started: str = ""
    platform: str = ""
    processor: str = ""
    cores: int | None = None
    threads: int | None = Field(None, ge=1, le=4096)
    device: str = ""
    precision: str | None = None
    together: int = Field(1, ge=1)


class Losses(Record):
    """Means over the examples of one part, in nats per example.

    Attributes
    ----------
    loss : float
        The weighted sum of the terms: what training minimises.
    terms : dict of str to float
        Each term, unweighted.
    mse : float or None
        Squared error per pixel of the mean reconstruction; of validation examples alone.
    """

    loss: float
    terms: dict[str, float]
    mse: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        """Take terms that stand beside the loss, as they do in history.jsonl."""
        if not isinstance(value, Mapping) or "terms" in value:
            return value
        rest = {name: number for name, number in value.items() if name not in ("loss", "mse")}
        return {**{k: v for k, v in value.items() if k not in rest}, "terms": rest}

    @model_serializer
    def _write(self) -> dict[str, float]:
        mse = {} if self.mse is None else {"mse": self.mse}
        return {"loss": self.loss, **self.terms, **mse}


class CodeUse(Record):
    """How a code is used, measured on held-out examples after an epoch.

    Attributes
    ----------
    active_units : float or None
        Dimensions that move with the image (Burda et al. 2016, section 5).
    perplexity, codes_used : float or None
        Of a codebook.

    A latent of another package may measure numbers of its own.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    active_units: float | None = None
    perplexity: float | None = None
    codes_used: float | None = None


class Epoch(Record):
    """One line of history.jsonl.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    lr : float
        Learning rate of the last step.
    seconds : float
        Time spent on steps.
    images_per_second : float
        Training speed.
    train, validation : Losses
        Means over the epoch, and over the validation examples where there are any.
    latent : CodeUse or None
        How the code is used, of latents that can say it.
    """

    epoch: int = Field(ge=1)
    lr: float
    seconds: float = Field(ge=0)
    images_per_second: float = Field(ge=0)
    train: Losses
    validation: Losses | None
    latent: CodeUse | None = None

    def numbers(self) -> dict[str, dict[str, float]]:
        """Return what was measured, by ``train``, ``validation`` and ``latent``, and its name."""
        groups = {"train": self.train, "validation": self.validation, "latent": self.latent}
        return {
            name: group.model_dump(exclude_none=True)
            for name, group in groups.items()
            if group is not None
        }


_EPOCH_UNITS = {"seconds": "s", "images_per_second": "images/s", "validation_mse": "per pixel"}


class History(Displayed, Tabular, Record):
    """The epochs of a run."""

    epochs: tuple[Epoch, ...]

    def __repr__(self) -> str:
        return repr(self.table)

    @property
    def table(self) -> Table:
        """A row for each epoch: rate, time, and each loss term of training and validation."""
        rows = [flattened(record) for record in self.records()]
        losses = {
            name for row in rows for name in row if name.startswith(("train_", "validation_"))
        }
        units = dict.fromkeys(losses, "nats per example")
        return Table.of_rows("history", rows, {**units, **_EPOCH_UNITS})

    def records(self) -> list[Json]:
        """Return the lines of history.jsonl, as JSON."""
        return [to_json(epoch) for epoch in self.epochs]

    @property
    def train_seconds(self) -> float:
        """Time spent training, in seconds."""
        return float(sum(epoch.seconds for epoch in self.epochs))

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of an epoch, in seconds; None where there is no epoch."""
        seconds = [epoch.seconds for epoch in self.epochs]
        return float(np.median(seconds)) if seconds else None

    @property
    def images_per_second(self) -> float | None:
        """Median training speed; None where there is no epoch."""
        speeds = [epoch.images_per_second for epoch in self.epochs]
        return float(np.median(speeds)) if speeds else None

    def validation_mse(self, recipe: Recipe) -> float | None:
        """Return the validation MSE per pixel of the weights that early stopping kept."""
        validations = [epoch.validation for epoch in self.epochs if epoch.validation]
        if not validations:
            return None
        if recipe.train.patience is None:
            return validations[-1].mse
        return min(validations, key=lambda losses: losses.loss).mse


CollapseKind = str
"""``posterior`` or ``codebook``; a latent of another package may have its own."""


class Event(Record):
    """One line of events.jsonl: what went wrong in training, and whether it was mended.

    Attributes
    ----------
    epoch, kind : int, str
        When, and what. ``rollback``: the loss was infinite or NaN, and training went back to the
        end of epoch `back_to`, at `rate_factor` times the rate. ``collapse``: the code is not used.
        ``symptom``: it begins. ``note``: another sentence, `text`, of an earlier version.
    rollback, max_rollbacks : int or None
        Which roll-back it was, out of how many.
    collapse, latent_dim : str and int, or None
        ``posterior`` or ``codebook``; and the length of the code that collapsed.
    symptom, value, since : str, float and int, or None
        Its key; what was measured; the epoch it began with, where that was earlier.
    """

    epoch: int = Field(ge=0)
    kind: Literal["rollback", "collapse", "symptom", "note"]
    back_to: int | None = None
    rate_factor: float | None = None
    rollback: int | None = None
    max_rollbacks: int | None = None
    collapse: CollapseKind | None = None
    latent_dim: int | None = None
    symptom: str | None = None
    value: float | None = None
    since: int | None = None
    text: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        """Take the sentences that version 0.1.0 wrote."""
        if isinstance(value, Mapping) and value.keys() == {"epoch", "what"}:
            return {"epoch": value["epoch"], **read_sentence(str(value["what"]))}
        return value


class Supervision(Record):
    """Which labels training has used.

    Attributes
    ----------
    kind : str
        ``none``; ``condition``, the model is given the label of every image; ``center``, a term of
        the objective needs them; ``selection``, labels chose the training images and nothing else.
    labels : tuple of str
        Those that training images have, of ``selection``.
    """

    kind: Literal["none", "condition", "center", "selection"]
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Read the use of labels off a recipe."""
        if recipe.model.condition:
            return cls(kind="condition")
        if any(TERMS[name].needs_labels for name in recipe.objective.weights):
            return cls(kind="center")
        if recipe.data.train_labels:
            return cls(kind="selection", labels=tuple(recipe.data.train_labels))
        return cls(kind="none")

    @property
    def supervised(self) -> bool:
        """Whether the model was trained with the label of every training image."""
        return self.kind in ("condition", "center")
