"""What is measured after every epoch, on examples that no step has trained on."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.config import ObjectiveConfig
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.model import Network, Pass
from latentscape.runs.facts import CodeUse, Losses
from latentscape.training.hook import Hook, Training
from latentscape.training.loader import Batch, Examples, in_order
from latentscape.training.state import Diverged

DIAGNOSED = 1000
"""Examples over which the use of a code is measured."""


class Validation(Hook):
    """Measures the losses of the validation examples, and the use of the code, after each epoch."""

    essential = True

    def __init__(self, split: Split) -> None:
        self._index, self._diagnosed = split.validation, diagnosed(split)

    def on_epoch(self, training: Training) -> None:
        """Measure; losses that are not finite make training go back."""
        model, examples = training.model, training.loader.data
        validation = validate(model, examples, self._index, training.config.seed)
        latent = diagnose(model, examples, self._diagnosed)
        if validation and not math.isfinite(validation.loss):
            raise Diverged("The validation loss became infinite or NaN", fix="Lower train.lr.")
        training.record(validation, latent)


def validate(
    model: Network, examples: Examples, index: NDArray[np.int64], seed: int
) -> Losses | None:
    """Return the mean loss, its terms and the MSE per pixel over the validation examples.

    Codes and corruption are drawn from the same seed after every epoch, so that chance does not
    decide which epoch is the best. The model is evaluating. What is returned may not be finite, and
    is None where there are no validation examples.
    """
    if not len(index):
        return None
    with torch.no_grad(), forked_random(derive_seed(seed, "validation"), model.device):
        # Python's sum begins with 0 + tensor, which is exact.
        sums = sum(
            (_values(model, batch) * len(batch) for batch in in_order(examples, index)),
            start=torch.tensor(0.0, device=model.device),
        )
    # On the CPU, because not every device has double precision.
    loss, *terms, mse = sums.cpu().double().div(len(index)).tolist()
    named = dict(zip(model.objective.names, terms, strict=True))
    return Losses.model_construct(loss=loss, terms=named, mse=mse)


def diagnosed(split: Split) -> NDArray[np.int64]:
    """Draw the examples of `diagnose`: validation ones, or training ones where there are none."""
    return split.subset("validation" if len(split.validation) else "train", DIAGNOSED)


def diagnose(model: Network, examples: Examples, index: NDArray[np.int64]) -> CodeUse | None:
    """Measure whether the code is used, over some examples."""
    with torch.no_grad():
        batch = next(in_order(examples, index))
        use = model.diagnose(batch.images, batch.labels)
    return CodeUse(**use) if use else None


def comparable(losses: Losses, objective: ObjectiveConfig) -> float:
    """Return what one epoch is compared with another by, measured on validation examples.

    It is the loss; and the squared error per pixel, where an adversary makes losses of different
    epochs incomparable.
    """
    if objective.is_adversarial and losses.mse is not None:
        return losses.mse
    return losses.loss


def _values(model: Network, batch: Batch) -> Tensor:
    """Return the mean loss, its terms and the MSE per pixel of a batch."""
    result = model(batch.images, batch.labels)
    loss = model.objective.losses(result)
    mse = (_mean_images(model, result, batch) - result.target).square().mean()
    return torch.stack([loss.total, *loss.terms.values(), mse])


def _mean_images(model: Network, result: Pass, batch: Batch) -> Tensor:
    """Return reconstructions without any drawn code or corruption in them."""
    if model.draws:
        return model.reconstruct(batch.images, batch.labels)
    return model.likelihood.mean(result.output)
