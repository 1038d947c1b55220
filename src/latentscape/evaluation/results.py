"""What the evaluation of a model gives: typed results, a part of the findings each."""

from typing import Self

from pydantic import Field, model_validator

from latentscape.config import LikelihoodKind
from latentscape.core.doors import Displayed
from latentscape.core.findings import (
    Floats,
    Images,
    Integers,
    Matrix,
    Part,
    Record,
    check_lengths,
)
from latentscape.core.metrics import Metric
from latentscape.core.tables import Table, Tabular
from latentscape.core.units import number
from latentscape.evaluation.against_pca import BaselineComparison, Difference
from latentscape.runs import RunFindings, SavedCodes
from latentscape.runs.facts import CollapseKind

Metrics = dict[str, float | None]
"""Key of a quantity to its mean over examples; None where it has no meaning for the data."""


class ClassMetrics(Record):
    """Metrics over the test examples of one label; `n` says how many there are."""

    n: int = Field(ge=1)
    metrics: Metrics


class LinearBaseline(Record):
    """PCA with as many components as a code has numbers, fitted to the training examples."""

    dim: int = Field(ge=1)
    metrics: Metrics
    per_class: dict[str, ClassMetrics] = {}


class Examples(Record):
    """Fixed test examples, the same ones in every run of a split.

    Attributes
    ----------
    originals, reconstructions, pca_reconstructions : ndarray of float32
        (n, *shape).
    codes : ndarray of float32
        (n, D).
    labels : ndarray of int64
        (n,) indices of labels; -1 without.
    numbers : ndarray of int64 or None
        (n,) their places among the test examples, from 0; None in findings of earlier versions.
    """

    originals: Images
    reconstructions: Images
    pca_reconstructions: Images
    codes: Matrix
    labels: Integers
    numbers: Integers | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_shapes(self.originals, self.reconstructions, self.pca_reconstructions)
        check_lengths(images=len(self.originals), codes=len(self.codes), labels=len(self.labels))
        check_numbers(len(self.originals), self.labels, self.numbers)
        return self


class Pairs(Record):
    """Examples and their reconstructions.

    Attributes
    ----------
    originals, reconstructions : ndarray of float32
        (n, *shape).
    mse : ndarray of float
        (n,) per pixel.
    labels, numbers : ndarray of int64 or None
        (n,) indices of labels, -1 without, and places in the part of the split, from 0; None in
        findings of earlier versions.
    """

    originals: Images
    reconstructions: Images
    mse: Floats
    labels: Integers | None = None
    numbers: Integers | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_shapes(self.originals, self.reconstructions)
        check_lengths(images=len(self.originals), mse=len(self.mse))
        check_numbers(len(self.originals), self.labels, self.numbers)
        return self


class CodeSample(Record):
    """Codes of test examples.

    Attributes
    ----------
    codes : ndarray of float
        (n, D).
    labels : ndarray of int
        (n,); -1 without.
    points : ndarray of int64 or None
        (n,) indices into the dataset; None of older findings.
    """

    codes: Matrix
    labels: Integers
    points: Integers | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(codes=len(self.codes), labels=len(self.labels))
        if self.points is not None:
            check_lengths(codes=len(self.codes), points=len(self.points))
        return self


class Evaluation(Displayed, Tabular, Part):
    """How well test examples are reconstructed, beside the baselines.

    Attributes
    ----------
    n : int
        Test examples.
    metrics : dict
        Means over them; see `latentscape.evaluation.quantities`.
    per_class : dict of str to ClassMetrics
        By label; empty without labels.
    pca : LinearBaseline
        The linear baseline.
    difference : Difference or None
        The model's squared error less that of PCA, image by image; None of older findings.
    mean_image : dict
        Metrics of the mean training image alone.
    entropy_floor : float or None
        Nats per pixel below which no cross-entropy can fall; None where images leave [0, 1].
    examples : Examples
        The same test examples in every run of a split.
    training : Pairs or None
        Fixed training examples; None in findings of earlier versions.
    random, best, median, worst : Pairs
        Test examples drawn at random, and those in order of their error.
    test_codes : CodeSample
        At most 2,000.
    """

    part = "evaluation"

    n: int = Field(ge=1)
    metrics: Metrics
    per_class: dict[str, ClassMetrics]
    pca: LinearBaseline
    difference: Difference | None = None
    mean_image: Metrics
    entropy_floor: float | None
    examples: Examples
    training: Pairs | None = None
    random: Pairs
    best: Pairs
    median: Pairs
    worst: Pairs
    test_codes: CodeSample

    @model_validator(mode="after")
    def _check(self) -> Self:
        for metrics in (self.metrics, self.pca.metrics, self.mean_image):
            if metrics.get("mse") is None:
                raise ValueError("metrics have no mse")
        training = () if self.training is None else (self.training,)
        pairs = (self.random, self.best, self.median, self.worst, *training)
        shapes = {images.originals.shape[1:] for images in (self.examples, *pairs)}
        if len(shapes) > 1:
            raise ValueError(f"images have different shapes: {sorted(shapes)}")
        dims = {self.examples.codes.shape[1], self.test_codes.codes.shape[1]}
        if len(dims) > 1:
            raise ValueError(f"codes have different lengths: {sorted(dims)}")
        return self

    def __repr__(self) -> str:
        errors = f"MSE {number(self.metrics['mse'])}, of PCA {number(self.pca.metrics['mse'])}"
        return f"<Evaluation on {self.n:,} test examples: {errors}>"

    @property
    def table(self) -> Table:
        """The metrics of the model, of PCA and of the mean training image."""
        from latentscape.evaluation.quantities import QUANTITIES  # Needs PyTorch.

        rows = {
            "model": self.metrics,
            f"PCA, {self.pca.dim} components": self.pca.metrics,
            "mean image": self.mean_image,
        }
        units = {quantity.metric.key: quantity.metric.unit for quantity in QUANTITIES}
        return Table.of_rows(
            f"errors on {self.n:,} test examples",
            [{"of": of, **{key: values.get(key) for key in units}} for of, values in rows.items()],
            units,
        )

    def metric(self, metric: Metric) -> float | None:
        """Return a metric of the model; None where it was not measured."""
        return self.metrics.get(metric.key)

    @property
    def takes_images(self) -> bool:
        """Whether the examples are images, and no plain vectors."""
        return self.examples.originals.ndim == 4

    @property
    def comparison(self) -> BaselineComparison:
        """The model's squared error beside those of its baselines."""
        return BaselineComparison(
            mse=self.metrics["mse"],
            pca_mse=self.pca.metrics["mse"],
            mean_image_mse=self.mean_image["mse"],
            components=self.pca.dim,
            difference=self.difference,
        )


class Latent(Part):
    """What the code of a model costs, and how it is used; how far codes are from their prior.

    Attributes
    ----------
    kind : str
        ``gaussian`` or ``vq``; ``point`` of plain codes that a term of the objective draws to
        N(0, I), which have no rate.
    n, samples : int
        Test examples, and codes drawn for each.
    n_codes : int or None
        Test examples whose codes the numbers on dimensions, prior and codebook are of, where these
        were drawn and are not all.
    likelihood : LikelihoodKind or None
        What rate, distortion and ELBO are made of: only those of one kind compare.
    rate, distortion, elbo : float or None
        Nats per example; ``elbo`` is minus the sum of the others. None, as the kind of the
        likelihood is, of codes that have no rate.
    elbo_se : float or None
        Monte Carlo standard error of the ELBO in nats, from the draws of codes alone; None where
        nothing is drawn, or of earlier versions.
    bits_per_dim : float or None
        A bound of the bits that a value of an example costs; None where they are not bits of
        discrete data. That of a density is the bound of dequantised 8-bit data (Theis et al. 2016).
    levels : int or None
        Grey levels of the data that `bits_per_dim` is of.
    collapse : str or None
        ``posterior`` or ``codebook`` where the code is not used.
    kl_per_dim : tuple of float or None
        Nats of each dimension; None under a VampPrior.
    active : tuple of bool or None
        Whether each dimension is active (Burda et al. 2016, section 5).
    mismatch : float or None
        Divergence of the aggregate posterior's moments from N(0, I), in nats.
    mmd : float or None
        Squared discrepancy of codes from the prior.
    perplexity : float or None
        Of a codebook.
    codes_used, codes : int or None
        Codes of a codebook that test examples choose, and all of them.
    """

    part = "latent"

    kind: str
    n: int = Field(ge=1)
    samples: int = Field(ge=1)
    n_codes: int | None = Field(None, ge=1)
    likelihood: LikelihoodKind | None = None
    rate: float | None = None
    distortion: float | None = None
    elbo: float | None = None
    elbo_se: float | None = Field(None, ge=0)
    bits_per_dim: float | None = None
    levels: int | None = Field(None, ge=2)
    collapse: CollapseKind | None = None
    kl_per_dim: tuple[float, ...] | None = None
    active: tuple[bool, ...] | None = None
    mismatch: float | None = None
    mmd: float | None = None
    perplexity: float | None = None
    codes_used: int | None = None
    codes: int | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kl_per_dim is not None and self.active is not None:
            check_lengths(kl_per_dim=len(self.kl_per_dim), active=len(self.active))
        bound = (self.likelihood, self.rate, self.distortion, self.elbo)
        if any(value is None for value in bound) and bound != (None,) * len(bound):
            raise ValueError("likelihood, rate, distortion and elbo belong together")
        if (self.perplexity is None) != (self.codes is None):
            raise ValueError("perplexity and codes belong together")
        if (self.bits_per_dim is None) != (self.levels is None):
            raise ValueError("bits_per_dim and levels belong together")
        return self

    @property
    def is_dequantised(self) -> bool:
        """Whether the bits are those of a density, evaluated on dequantised data."""
        is_density = self.likelihood is not None and self.likelihood.of == "density"
        return is_density and self.bits_per_dim is not None

    @property
    def active_units(self) -> int | None:
        """How many dimensions are active; None of a codebook."""
        return None if self.active is None else sum(self.active)

    @property
    def inactive(self) -> tuple[int, ...]:
        """Which dimensions are not active, counted from 0."""
        return tuple(dim for dim, active in enumerate(self.active or ()) if not active)


def check_numbers(count: int, *arrays: Integers | None) -> None:
    """Refuse labels and numbers of another count than that of the images they belong to.

    Raises
    ------
    ValueError
        Which names the counts.
    """
    for array in arrays:
        if array is not None:
            check_lengths(images=count, numbers=len(array))


def check_shapes(*images: Images) -> None:
    """Refuse arrays of images that belong together and differ in shape.

    Raises
    ------
    ValueError
        Which names the shapes.
    """
    shapes = {array.shape for array in images}
    if len(shapes) > 1:
        raise ValueError(f"images that belong together have shapes {sorted(shapes)}")


def saved_codes(findings: RunFindings) -> SavedCodes:
    """Return the codes of test examples that a run keeps, which stand in for missing ones.

    Raises
    ------
    RunError
        If the run has not been evaluated.
    """
    codes, latent = findings.require(Evaluation).test_codes, findings.get(Latent)
    return SavedCodes(codes.codes, codes.labels, latent.kl_per_dim if latent else None)
