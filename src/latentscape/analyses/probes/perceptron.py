"""The seeds' probe: a perceptron with one hidden layer, several of them trained side by side.

Networks as small as these spend their time on starting operations, not on computing: five that
share each operation take hardly longer than one.
"""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentscape.analyses.probes.result import Fit, LearningPoint
from latentscape.core.progress import stage, steps
from latentscape.core.randomness import generator
from latentscape.core.runtime import full_precision, one_thread

HIDDEN = 64
BATCH_SIZE = 256


class Setting(NamedTuple):
    """How fast a perceptron learns: the first rate of Adam, and its weight decay."""

    rate: float
    decay: float


FIXED = Setting(3e-3, 0.5)
"""The setting where there are no validation examples to choose one by."""

RATES, DECAYS = (3e-3, 1e-3, 1e-2), (0.5, 0.0)
GRID = tuple(Setting(rate, decay) for rate in RATES for decay in DECAYS)
"""What is chosen from."""

MAX_TO_TUNE = 20_000
"""Training examples that the grid is tried on, at most."""

CURVE_POINTS, TRIAL_POINTS = 30, 10
"""Points of the curves, of which a trial of a setting has a third; an epoch lies between them where
there are many examples."""

PATIENCE = 10
"""Points without a better validation accuracy after which a training stops."""

MIN_STEPS = 500
"""Steps of a training: several epochs between two points of the curves where these are short."""

MAX_CURVE_EXAMPLES = 5000
"""Training examples that the curves look at, at most."""

CHUNK = 1000
"""Examples that are predicted at once."""

Labelled = tuple[Tensor, Tensor]
"""Codes (n, D) of float32, and their labels (n,) of int64."""


class Perceptrons(nn.Module):
    """Perceptrons of one size, each with weights of its own: 64 ReLU units, then softmax.

    Parameters
    ----------
    count : int
        How many.
    inputs, labels : int
        Length of a code, and how many labels there are.
    source : Generator
        Draws the initial weights, uniformly as in Glorot and Bengio 2010.
    """

    def __init__(self, count: int, inputs: int, labels: int, source: torch.Generator) -> None:
        super().__init__()
        self.hidden_weight = _glorot(count, inputs, HIDDEN, source)
        self.hidden_bias = nn.Parameter(torch.zeros(count, 1, HIDDEN))
        self.weight = _glorot(count, HIDDEN, labels, source)
        self.bias = nn.Parameter(torch.zeros(count, 1, labels))
        # Weights of an early epoch may win. Their outputs for labels without an example are still
        # random, so these labels are never chosen.
        self.seen = torch.ones(count, 1, labels, dtype=torch.bool)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits (count, B, labels) of codes (count, B, D), or (B, D) for all alike."""
        codes = codes.expand(len(self.bias), -1, -1)
        hidden = torch.baddbmm(self.hidden_bias, codes, self.hidden_weight).relu()
        return torch.baddbmm(self.bias, hidden, self.weight)

    @torch.no_grad()
    def logits(self, codes: Tensor) -> Tensor:
        """Return the same for any number of codes, without gradients."""
        return torch.cat([self(part) for part in torch.split(codes, CHUNK, dim=-2)], dim=1)

    def choose(self, logits: Tensor) -> Tensor:
        """Return the most probable label (count, n) of those that each network was trained on."""
        return logits.masked_fill(~self.seen, -math.inf).argmax(2)


@dataclass(frozen=True, eq=False)
class Training:
    """Perceptrons and how they came about.

    Attributes
    ----------
    networks : Perceptrons
        Trained.
    epochs : int
        How long.
    best_epochs : tuple of int
        The epoch, counted from 1, whose weights each network has.
    curves : tuple of LearningPoint
        After up to 30 epochs evenly spaced, averaged over the networks. The training curves look at
        5,000 examples at most.
    """

    networks: Perceptrons
    epochs: int
    best_epochs: tuple[int, ...]
    curves: tuple[LearningPoint, ...]

    @property
    def best_accuracy(self) -> float:
        """The best validation accuracy of the curves; there are validation examples."""
        return max(point.validation.accuracy for point in self.curves if point.validation)


def train_perceptrons(
    train: Labelled,
    draws: Tensor,
    validation: Labelled,
    labels: int,
    seed: int,
    setting: Setting = FIXED,
    points: int = CURVE_POINTS,
) -> Training:
    """Train one perceptron on each of several sets of examples.

    Cross-entropy is minimised by Adam with decoupled weight decay (Loshchilov and Hutter 2019) on
    batches of 256, at a rate that falls linearly to 0, for 30 epochs or, where there are few
    examples, as many as make 500 steps. It stops where validation accuracy has not risen for a
    third of that. Computed on one thread, in full float32: the same seed gives the same bits.

    Parameters
    ----------
    train : tuple of Tensor
        Standardised codes (n, D) and their labels (n,).
    draws : Tensor of int64
        (count, m) places in `train` that each network is trained on.
    validation : tuple of Tensor
        Codes and labels by whose accuracy the epoch is chosen whose weights each network keeps, out
        of those of the curves; where there are none, it is the last.
    labels : int
        How many labels there are.
    seed : int
        Draws initial weights and batches.
    setting : Setting
        How fast they learn; see `choose_setting`.
    points : int
        Points of the curves.

    Returns
    -------
    Training
        The networks and their curves.
    """
    source = generator(seed, "perceptrons")
    networks = Perceptrons(len(draws), train[0].shape[1], labels, source)
    networks.seen = functional.one_hot(train[1][draws], labels).any(1, keepdim=True)
    best, curves = _Best(networks), list[LearningPoint]()
    sample = draws[:, :: math.ceil(draws.shape[1] / MAX_CURVE_EXAMPLES)]
    between = math.ceil(MIN_STEPS / CURVE_POINTS / math.ceil(draws.shape[1] / BATCH_SIZE))
    optimizer = torch.optim.AdamW(
        networks.parameters(), setting.rate, weight_decay=setting.decay, fused=True
    )
    with one_thread(), full_precision(), stage("perceptrons", points) as work:
        for point in range(1, points + 1):
            work.advance_to(point - 1)
            optimizer.param_groups[0]["lr"] = setting.rate * (1 - (point - 1) / points)
            for _ in range(between):
                _train_epoch(networks, optimizer, train, _batches(draws, source))
            fitted = _scores(networks, (train[0][sample], train[1][sample]))
            held_out = _scores(networks, validation)
            best.update(point * between, networks, held_out.accuracies)
            curves.append(_learning_point(point * between, fitted, held_out))
            if point * between - best.epochs.max() >= PATIENCE * between:
                break
    return Training(best.networks, curves[-1].epoch, tuple(best.epochs.tolist()), tuple(curves))


def choose_setting(
    train: Labelled, draw: Tensor, validation: Labelled, labels: int, seed: int
) -> Setting:
    """Choose rate and decay by the best validation accuracy of a third of a training.

    Parameters
    ----------
    train, validation, labels, seed
        As of `train_perceptrons`; there are validation examples.
    draw : Tensor of int64
        (m,) places in `train`, in random order; 20,000 are trained on at most.
    """
    trials = {
        setting: train_perceptrons(
            train, draw[None, :MAX_TO_TUNE], validation, labels, seed, setting, TRIAL_POINTS
        )
        for setting in steps("settings", GRID, lambda it: f"rate {it.rate:g}, decay {it.decay:g}")
    }
    return max(trials, key=lambda setting: trials[setting].best_accuracy)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Loss (count,) in nats and accuracy (count,) of each network; NaN over no examples."""

    losses: Tensor
    accuracies: Tensor


class _Best:
    """The weights with which each network did best so far."""

    def __init__(self, networks: Perceptrons) -> None:
        self.networks = copy.deepcopy(networks)
        self.epochs = torch.zeros(len(networks.bias), dtype=torch.int64)
        self.accuracies = torch.full((len(networks.bias),), -math.inf, dtype=torch.float64)

    def update(self, epoch: int, networks: Perceptrons, accuracies: Tensor) -> None:
        """Take over the weights of the networks that are better now; of all if none can tell."""
        better = ~(accuracies <= self.accuracies)
        self.accuracies = torch.where(better, accuracies, self.accuracies)
        for best, weights in zip(self.networks.parameters(), networks.parameters(), strict=True):
            best.data[better] = weights.data[better]
        self.epochs[better] = epoch


def _glorot(count: int, inputs: int, outputs: int, source: torch.Generator) -> nn.Parameter:
    bound = math.sqrt(6 / (inputs + outputs))
    return nn.Parameter(bound * (2 * torch.rand(count, inputs, outputs, generator=source) - 1))


def _batches(draws: Tensor, source: torch.Generator) -> tuple[Tensor, ...]:
    """Return the places (count, B) of each batch of an epoch, in an order of each network's own."""
    order = torch.rand(draws.shape, generator=source).argsort(1)
    return torch.split(draws.gather(1, order), BATCH_SIZE, dim=1)


def _train_epoch(
    networks: Perceptrons, optimizer: torch.optim.Adam, train: Labelled, batches: Iterable[Tensor]
) -> None:
    codes, labels = train
    for places in batches:
        optimizer.zero_grad()
        # The sum over networks lets each have the gradient that it would have alone.
        _losses(networks(_rows(codes, places)), labels[places]).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _rows(codes: Tensor, places: Tensor) -> Tensor:
    """Return ``codes[places]``, four times as fast."""
    return codes.index_select(0, places.flatten()).view(*places.shape, -1)


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy (count,) of logits (count, B, labels), in nats."""
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(1)


def _scores(networks: Perceptrons, examples: Labelled) -> _Scores:
    logits = networks.logits(examples[0])
    labels = examples[1].expand(logits.shape[:2])
    hits = (networks.choose(logits) == labels).double()
    return _Scores(_losses(logits, labels), hits.mean(1))


def _learning_point(epoch: int, fitted: _Scores, held_out: _Scores) -> LearningPoint:
    train = _average(fitted)
    assert train is not None
    return LearningPoint(epoch=epoch, train=train, validation=_average(held_out))


def _average(scores: _Scores) -> Fit | None:
    """Average over the networks; None over no examples."""
    loss, accuracy = float(scores.losses.mean()), float(scores.accuracies.mean())
    return None if math.isnan(loss) else Fit(loss=loss, accuracy=accuracy)
