"""What is asked of the likelihood, and what comes out."""

from typing import Literal

from pydantic import Field

from latentscape.analyses.analysis import Inputs, Result, Settings
from latentscape.config import LikelihoodKind
from latentscape.core.findings import Record
from latentscape.core.metrics import Metric
from latentscape.core.records import Subsets

CUSTOMARY_SAMPLES = 5000
"""Importance samples with which publications measure, at least (Burda et al. 2016)."""

NLL = Metric(
    "nll",
    "NLL",
    "nats per image",
    rank=3,
    about="The negative log-likelihood of an image, estimated. Lower is better, among models of "
    "one kind of likelihood.",
)
STANDARD_ERROR = Metric("nll_se", "Standard error", "over images", digits=2)
BITS_PER_DIM = Metric(
    "nll_bits_per_dim",
    "Bits per dimension",
    about="The same for one value of an image, in bits, where the likelihood is a probability of "
    "the data. Lower is better.",
)

Binarize = Literal["none", "static", "dynamic"]


class LikelihoodSettings(Settings):
    """How the likelihood is estimated.

    Attributes
    ----------
    samples : int
        Importance samples per example.
    binarize : str or None
        ``none``, ``static`` or ``dynamic``; by default what the run was trained on.
    examples : int or None
        Only so many test examples, drawn at random, of each label its share.
    seed : int
        Draws the samples, and the pixels where `binarize` is ``dynamic``.
    """

    samples: int = Field(
        CUSTOMARY_SAMPLES, ge=1, description="Importance samples per example; 5,000 by default."
    )
    binarize: Binarize | None = Field(
        None, description="Pixels; by default those that the run was trained on."
    )
    examples: int | None = Field(
        None, ge=1, description="Only so many test examples, drawn; by default all of them."
    )
    seed: int = Field(0, description="Draws samples and pixels.")


class LikelihoodInputs(Inputs):
    """Nothing else can be looked at."""


class LikelihoodProtocol(Record):
    """What the number depends on, beside the settings.

    Attributes
    ----------
    n : int
        Test examples.
    subset : str
        How they were chosen where they are not all: ``drawn``, or the ``front`` of the test part,
        as before version 0.2.0.
    binarize, trained_on : str
        Pixels that the likelihood was measured on, and those that the model was trained on:
        ``none`` for grey ones, ``static`` or ``dynamic`` for black and white ones.
    is_conditional : bool
        Whether the model was told the true labels.
    likelihood : LikelihoodKind
        What the likelihood is, on these pixels: only numbers of one kind compare.
    """

    n: int = Field(ge=1)
    subset: Subsets = "front"
    binarize: Binarize
    trained_on: Binarize
    is_conditional: bool
    likelihood: LikelihoodKind


class Likelihood(Result):
    """The log-likelihood of test examples, estimated by importance sampling.

    Attributes
    ----------
    protocol : LikelihoodProtocol
        What was measured.
    nll : float
        Negative log-likelihood in nats per example, the mean over the examples.
    se : float or None
        Its standard error over the examples; None of a single one.
    bits_per_dim : float or None
        The same in bits per value of an example; None where the likelihood is no probability.
    """

    part = "likelihood"

    settings: LikelihoodSettings = LikelihoodSettings()
    protocol: LikelihoodProtocol
    nll: float
    se: float | None
    bits_per_dim: float | None = None
