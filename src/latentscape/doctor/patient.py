"""What symptoms look at: a model, its examples and its training, each computed once, when asked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.analyses.clusters.result import Clusters
from latentscape.config import Recipe
from latentscape.core.findings import Part
from latentscape.core.records import Split
from latentscape.data import binarize_split
from latentscape.doctor.diagnosis import Plan, TrainingStage
from latentscape.doctor.examined import Examined
from latentscape.doctor.examples import most_examples
from latentscape.doctor.planning import plan_of
from latentscape.doctor.principal import Principal
from latentscape.doctor.rates import RangeTest, try_rates
from latentscape.doctor.training_batches import gradient_norms
from latentscape.doctor.units import watch_units
from latentscape.evaluation.baselines import pca
from latentscape.inference.batches import evaluating, stored, stored_batches, to_device
from latentscape.model import Network, scaled
from latentscape.model.latents import ACTIVE_VARIANCE, Normal
from latentscape.model.units import Layer
from latentscape.runs import RunFindings
from latentscape.runs.facts import Event, History
from latentscape.training.hooks.validation import DIAGNOSED, comparable

_P = TypeVar("_P", bound=Part)

MAX_VALUES = 1 << 25
"""Pixels that are looked at: fewer examples where these are large."""


ALIKE = 0.05
"""Share of the variance of images below which reconstructions are all the same image."""

TELLING = 0.1
"""Share of the error that codes take away, below which they hold hardly anything."""

LEARNING, WELL_EXPLAINED = 0.1, 0.9
"""Shares of the variance of pixels between which a model has begun to learn, and can learn more."""


class Patient:
    """A model to be examined, before or after it was trained.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the data.
    split : Split
        The examples. Of the test part, copies of training examples and the mean image are looked
        at before training, and nothing else.
    model : Network or None
        Evaluating: trained, or as training begins.
    history : History, optional
        The epochs; None before training.
    events : sequence of Event
        What went wrong in training.
    findings : callable, optional
        Returns a part of the findings by its class, or None where it was not measured.
    finished : bool
        Whether training has ended; the history may be that of a run that goes on, or has failed.
    clusters : int, optional
        Into how many clusters the codes were cut; by default as the findings say, if they do.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        model: Network | None,
        *,
        history: History | None = None,
        events: Sequence[Event] = (),
        findings: Callable[[type[Part]], Part | None] = lambda kind: None,
        finished: bool = True,
        clusters: int | None = None,
    ) -> None:
        if recipe.data.binarize == "dynamic":  # What training draws anew is drawn once.
            split = binarize_split(split, "static")
        self.recipe, self.split, self._model = recipe, split, model
        self.history, self.events, self._findings = history, tuple(events), findings
        self._finished, self._clusters = finished, clusters
        self._pca_errors: dict[int, float] = {}

    @classmethod
    def of_run(cls, findings: RunFindings, model: Network, split: Split) -> "Patient":
        """Return a finished run, its model and its examples as a patient."""
        return cls(
            findings.recipe,
            split,
            model,
            history=findings.history,
            events=findings.events,
            findings=findings.get,
        )

    @property
    def stage(self) -> TrainingStage:
        """Whether it is examined before training, within it, or once it has ended."""
        if self.history is None:
            return "before"
        return "after" if self._finished else "during"

    @property
    def looked_at(self) -> Literal["validation", "train"]:
        """The part that numbers are of: training examples only where none are held out."""
        return "validation" if len(self.split.validation) else "train"

    def has(self, need: str) -> bool:
        """Whether it has what a symptom needs; see `latentscape.doctor.symptom.Need`."""
        return {
            "validation": self.looked_at == "validation",
            "labels": self.split.dataset.labels is not None,
            "history": self.history is not None and bool(self.history.epochs),
            "input": self.recipe.model.input is not None,
            "model": self._model is not None,
        }[need]

    @property
    def model(self) -> Network:
        """The model; only symptoms that need one ask for it."""
        assert self._model is not None, "there is no model"
        return self._model

    def get(self, kind: type[_P]) -> _P | None:
        """Return a part of the findings; None where it has not been measured."""
        part = self._findings(kind)
        return part if isinstance(part, kind) else None

    @property
    def clusters(self) -> int | None:
        """Into how many clusters the codes were cut; None where they were not."""
        measured = self.get(Clusters)
        return self._clusters if measured is None else measured.rows[0].k

    @property
    def device(self) -> torch.device | None:
        """Where the model is."""
        return None if self._model is None else self._model.device

    @property
    def index(self) -> NDArray[np.int64]:
        """(n,) indices of the examples that numbers are of."""
        return self._index(self.looked_at)

    @cached_property
    def held_out(self) -> Examined:
        """Examples that no step has trained on, or training ones where there are none."""
        return self._examined(self.looked_at)

    @cached_property
    def trained(self) -> Examined:
        """Training examples."""
        return self.held_out if self.looked_at == "train" else self._examined("train")

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.recipe.train.steps_per_epoch(len(self.split.train))

    @property
    def steps_trained(self) -> int:
        """Steps that training took in all."""
        return self.steps * (len(self.history.epochs) if self.history else 0)

    @property
    def rollbacks(self) -> list[Event]:
        """The roll-backs of training, from a loss that was infinite or NaN."""
        return [event for event in self.events if event.kind == "rollback"]

    @cached_property
    def error_curve(self) -> list[float]:
        """After each epoch the squared error of validation examples, or else the training loss."""
        epochs = self.history.epochs if self.history else ()
        held_out = [e.validation.mse for e in epochs if e.validation and e.validation.mse]
        return held_out if len(held_out) == len(epochs) else [e.train.loss for e in epochs]

    @property
    def stopped_early(self) -> bool:
        """Whether training ended because the validation loss no longer fell."""
        train = self.recipe.train
        return train.patience is not None and len(self.error_curve) < train.epochs

    @cached_property
    def validation_losses(self) -> list[float]:
        """What epochs compare by, after each of them; empty where nothing is held out."""
        epochs = self.history.epochs if self.history else ()
        held_out = [epoch.validation for epoch in epochs if epoch.validation is not None]
        return [comparable(losses, self.recipe.objective) for losses in held_out]

    @property
    def lost_again(self) -> float:
        """Share of the fall of the validation loss that is lost again at the end of training."""
        losses = self.validation_losses
        if len(losses) < 3:
            return 0.0
        return (losses[-1] - min(losses)) / max(losses[0] - min(losses), 1e-12)

    @property
    def whole_error(self) -> float:
        """What `error_curve` is of a model that knows nothing: of the mean image, or at first."""
        if self.error_name == "validation error":
            return max(self.mean_image_error, 1e-12)
        return abs(self.error_curve[0] - self.error_curve[-1]) or 1.0

    @property
    def error_name(self) -> str:
        """What `error_curve` is of."""
        epochs = self.history.epochs if self.history else ()
        is_held_out = any(e.validation and e.validation.mse for e in epochs)
        return "validation error" if is_held_out else "training loss"

    @cached_property
    def all_trained(self) -> Tensor:
        """(n, *shape) training images on the scale 0 to 1, as many as memory is meant for."""
        values = math.prod(self.split.dataset.shape)
        images, _ = stored(self.split.dataset, self.split.subset("train", MAX_VALUES // values))
        return scaled(images, self.split.dataset.value_range)

    @property
    def most_components(self) -> int:
        """Components that PCA can have."""
        return min(len(self.split.train), math.prod(self.split.dataset.shape))

    @cached_property
    def is_behind_pca(self) -> bool:
        """Whether PCA of the same size has a lower error, though training minimises it alone."""
        is_plain = set(self.recipe.objective.weights) == {"reconstruction"}
        if not is_plain or not LEARNING < self.explained < WELL_EXPLAINED:
            return False
        return self.trained.error > self.pca_error(self.model.latent.numbers)

    def pca_error(self, components: int) -> float:
        """Return the squared error per pixel of PCA, over the examples looked at."""
        if components not in self._pca_errors:
            images = stored(self.split.dataset, self.held_out.index)
            errors = pca(self._fitted_by_pca, components)[0](*images) - self.held_out.images
            self._pca_errors[components] = float(errors.square().mean())
        return self._pca_errors[components]

    @cached_property
    def _fitted_by_pca(self) -> Split:
        """The split with a few thousand training examples: several sizes are tried."""
        most = most_examples(self.split)
        if len(self.split.train) <= most:
            return self.split
        return replace(self.split, train=self.split.subset("train", most))

    @cached_property
    def mean_image(self) -> Tensor:
        """(*shape) the mean of training images, on the scale 0 to 1."""
        return self.trained.images.mean(0)

    @cached_property
    def mean_image_error(self) -> float:
        """Squared error per pixel of the mean image alone, over the examples looked at."""
        return float((self.held_out.images - self.mean_image).square().mean())

    @property
    def explained(self) -> float:
        """Share of the variance of pixels that reconstructions explain; below 0 if none."""
        return 1 - self.held_out.error / max(self.mean_image_error, 1e-12)

    @cached_property
    def varied(self) -> float:
        """Variance by which reconstructions differ, over that by which images do."""
        whole = self.held_out
        ours, theirs = (
            float(images.var(0, unbiased=False).mean())
            for images in (whole.reconstructions, whole.images)
        )
        return ours / max(theirs, 1e-12)

    @cached_property
    def posterior(self) -> Normal:
        """Distributions (n, D) of the codes of the examples looked at, where there are any."""
        with evaluating():
            return self.model.latent.posterior(self.held_out.features.to(self.model.device))

    @cached_property
    def active(self) -> Tensor:
        """(D,) whether each dimension's mean moves with the image (Burda et al. 2016)."""
        codes = self.held_out.codes
        return codes.var(0, unbiased=len(codes) > 1) > ACTIVE_VARIANCE

    @cached_property
    def rate_per_dim(self) -> Tensor:
        """(D,) nats of each dimension's posterior against N(0, 1)."""
        return self.posterior.rate().mean(0)

    @cached_property
    def code_scales(self) -> Tensor:
        """(D,) root mean square of the numbers of codes, drawn as in training."""
        squares = self.held_out.codes.square().mean(0)
        if self.recipe.model.latent.has_posterior:
            squares = squares + self.posterior.log_variance.exp().mean(0).cpu()
        return squares.sqrt()

    @cached_property
    def code_use(self) -> dict[str, float]:
        """What the latent measures of its own use; see `latentscape.model.Network.diagnose`."""
        with evaluating():
            return self.model.latent.diagnose(self.held_out.features.to(self.model.device))

    @cached_property
    def plan(self) -> Plan:
        """What training of this model takes."""
        return plan_of(self.recipe, self.split, self.model)

    @cached_property
    def rate_test(self) -> RangeTest:
        """What a few steps at several learning rates do to the initial weights."""
        return try_rates(self.model, self.recipe, self.split)

    @cached_property
    def layers(self) -> list[Layer]:
        """What the units behind each activation do over training examples, which move them."""
        return watch_units(self.model, *stored(self.split.dataset, self.trained.index))

    @cached_property
    def gradient_norms(self) -> Tensor:
        """(n,) norms of the gradient of some training batches."""
        return gradient_norms(self.model, self.recipe, self.split)

    @cached_property
    def principal(self) -> Principal:
        """The principal components of the codes of training examples, which are more."""
        return Principal.of(self.trained.codes)

    @cached_property
    def codeless_error(self) -> float:
        """Squared error per pixel where every code is replaced by the mean of all codes."""
        whole = self.held_out
        decoded = self.decode(whole.codes.mean(0).expand_as(whole.codes), whole.index)
        return float((decoded - whole.images).square().mean())

    @property
    def code_gain(self) -> float:
        """Share of the error without codes that codes take away."""
        return 1 - self.held_out.error / max(self.codeless_error, 1e-12)

    @property
    def tells_nothing(self) -> bool:
        """Whether codes hold hardly anything of the images."""
        return not bool(self.active.any()) or self.code_gain < TELLING

    def error_with_components(self, count: int) -> float:
        """Return the squared error per pixel with only so many principal components of codes."""
        whole = self.held_out
        decoded = self.decode(self.principal.keep(whole.codes, count), whole.index)
        return float((decoded - whole.images).square().mean())

    def decode(self, codes: Tensor, index: NDArray[np.int64]) -> Tensor:
        """Return the images (n, *shape) of codes (n, D), with the labels of examples in `index`."""
        labels = self.split.dataset.labels
        given = None if labels is None else torch.from_numpy(labels[index])
        with evaluating():
            codes, given = to_device(self.model, (codes, given))
            return self.model.decode(codes, given).cpu()

    def _index(self, part: str) -> NDArray[np.int64]:
        values = math.prod(self.split.dataset.shape)
        return self.split.subset(part, max(2, min(DIAGNOSED, MAX_VALUES // values)))

    def _examined(self, part: str) -> Examined:
        dataset, index, columns = self.split.dataset, self._index(part), []
        with evaluating():
            for batch in stored_batches(dataset, index, 250):
                images, labels = to_device(self.model, batch)
                features = self.model.features(images, labels)
                codes = self.model.latent.mean(features)
                decoded = self.model.decode(codes, labels)
                target = scaled(images, dataset.value_range)
                columns.append([x.cpu() for x in (target, decoded, features, codes)])
        return Examined(index, *(torch.cat(column) for column in zip(*columns, strict=True)))
