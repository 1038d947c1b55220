"""What is asked of clusters, and what comes out."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, field_validator, model_validator

from latentscape.analyses.analysis import Inputs, Protocol, Result, Settings
from latentscape.analyses.codes import CHANCE, CodeResult, Guessing
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.findings import (
    Images,
    Integers,
    Record,
    Share,
    Skip,
    Statistic,
    check_lengths,
)

METHODS = {
    "kmeans": "K-means",
    "gmm": "Gaussian mixture",
    "agglomerative": "Agglomerative",
    "umap": "UMAP + mixture",
}
"""The ways to cluster, by their keys: what people read."""

FITS = ("train", "all")

SHARES = ("majority", "hungarian")
"""The fields of `AgreementScores` that are shares of the scored examples."""


class ClusterSettings(Settings):
    """How codes are clustered.

    Attributes
    ----------
    methods : tuple of str
        Keys of `METHODS`.
    k : int or "auto", optional
        How many clusters, 2 or more. ``auto`` chooses without labels, by the silhouette of K-means,
        and for ``gmm`` by its BIC. By default as many as there are labels, and ``auto`` without
        labels.
    fit : str
        ``train`` fits to the training part and scores on the test part, ``all`` does both with all
        examples.
    seed : int
        Draws restarts.
    """

    methods: tuple[str, ...] = Field(
        tuple(METHODS),
        description="kmeans, gmm, agglomerative or umap; by default all of them.",
        json_schema_extra={"option": "--method"},
    )
    k: int | Literal["auto"] | None = Field(
        None,
        description="How many clusters; by default as many as labels; auto chooses without labels.",
        json_schema_extra={"option": "-k"},
    )
    fit: Literal["train", "all"] = Field(
        "train", description="Fit on training and score on test examples, or both on all."
    )
    seed: int = Field(0, description="Draws what is drawn.")

    @field_validator("methods")
    @classmethod
    def _check_methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for method in methods:
            if method not in METHODS:
                raise unknown("way to cluster", method, METHODS, ConfigError)
        return tuple(dict.fromkeys(methods))

    @field_validator("k", mode="before")
    @classmethod
    def _check_k(cls, k: object) -> object:
        number = int(k) if isinstance(k, str) and k.isdecimal() else k
        if number in (None, "auto") or (isinstance(number, int) and number > 1):
            return number
        raise ConfigError(
            f"The number of clusters is {k!r}",
            expected="2 or more, or 'auto', which chooses it without labels",
        )

    @field_validator("fit", mode="before")
    @classmethod
    def _check_fit(cls, fit: object) -> object:
        if fit not in FITS:
            raise unknown("part to fit clusters to", str(fit), FITS, ConfigError)
        return fit


class ClusterInputs(Inputs):
    """Nothing else can be looked at."""


class NumberChoice(Record):
    """How a number of clusters was chosen without labels.

    Attributes
    ----------
    by : str
        ``silhouette``, the greatest of K-means; or ``BIC``, the least of a mixture.
    tried : tuple of (int, float)
        Each number that was tried, and its score.
    """

    by: Literal["silhouette", "BIC"]
    tried: tuple[tuple[int, float], ...]


class AgreementScores(Record):
    """How well clusters and labels agree, on the scored examples.

    Attributes
    ----------
    majority : float
        Share of examples that have the label by which their cluster is called.
    hungarian : float
        Share of examples that are right under the best one-to-one map of clusters to labels.
    nmi : float
        Mutual information over the mean of the entropies, 0 to 1.
    ari : float
        Rand index adjusted for chance (Hubert and Arabie 1985), 1 at most.
    """

    majority: float = Field(ge=0, le=1)
    hungarian: float = Field(ge=0, le=1)
    nmi: float
    ari: float


class Agreement(AgreementScores):
    """The same, label by label.

    Attributes
    ----------
    majority_labels : tuple of str or None
        The commonest label of each cluster among the examples that it was fitted to; None of an
        empty cluster.
    confusion : tuple of tuple of int
        How many examples of each label (columns) each cluster (rows) holds.
    """

    majority_labels: tuple[str | None, ...]
    confusion: tuple[tuple[NonNegativeInt, ...], ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(confusion=len(self.confusion), majority_labels=len(self.majority_labels))
        return self


class ClusterPictures(Record):
    """What clusters look like.

    Attributes
    ----------
    test_clusters : ndarray of int64
        (m,) the cluster of each test example whose code the evaluation of the run keeps.
    means : ndarray of float32 or None
        (k, C, H, W) mean images, NaN of an empty cluster; None of plain vectors.
    nearest, farthest : ndarray of float32 or None
        (k, n, C, H, W) the examples nearest to each centre and farthest from it, these first; NaN
        where a cluster has fewer; None of plain vectors.
    """

    test_clusters: Integers
    means: Images | None = None
    nearest: Images | None = None
    farthest: Images | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.means is None or self.nearest is None or self.farthest is None:
            if not (self.means is self.nearest is self.farthest is None):
                raise ValueError("means, nearest and farthest images belong together")
            return self
        shape, examples = self.means.shape, self.nearest.shape
        if len(shape) != 4 or len(examples) != 5 or examples != self.farthest.shape:
            raise ValueError(f"images have shapes {shape}, {examples}, {self.farthest.shape}")
        if (examples[0], *examples[2:]) != shape or not examples[1]:
            raise ValueError(f"means have shape {shape}, and examples {examples}")
        return self


class Partition(Record):
    """What one method makes of a code.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    k : int
        How many clusters.
    choice : NumberChoice or None
        How this number was chosen, where it is not that of the other methods.
    sizes : tuple of int
        Scored examples in each cluster.
    silhouette : float or None
        How much nearer points are to their own cluster than to the next (Rousseeuw 1987), -1 to 1.
    n_fitted : int
        Examples that the method was fitted to.
    seconds : float
        How long it took.
    agreement : Agreement or None
        None without labels.
    repeats : tuple of AgreementScores
        Of further runs of the method, which differ in their seed; of a method that hardly depends
        on it, or takes long, none.
    pictures : ClusterPictures or None
        Of K-means of the first code; None of all others.
    """

    method: str
    k: int = Field(ge=1)
    choice: NumberChoice | None = None
    sizes: tuple[NonNegativeInt, ...]
    silhouette: float | None
    n_fitted: int
    seconds: float
    agreement: Agreement | None
    repeats: tuple[AgreementScores, ...] = ()
    pictures: ClusterPictures | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.method not in METHODS:
            raise ValueError(f"{self.method} is no way to cluster")
        check_lengths(k=self.k, sizes=len(self.sizes))
        if self.agreement:
            check_lengths(k=self.k, confusion=len(self.agreement.confusion))
        if self.pictures:
            self._check_pictures(self.pictures)
        return self

    def _check_pictures(self, pictures: ClusterPictures) -> None:
        clusters, means = pictures.test_clusters, pictures.means
        if len(clusters) and not (clusters.min() >= 0 and clusters.max() < self.k):
            raise ValueError(f"test examples are in clusters other than 0 to {self.k - 1}")
        if means is not None:
            check_lengths(k=self.k, means=len(means))

    def statistic(self, name: str) -> Statistic | None:
        """Return ``majority``, ``hungarian``, ``nmi`` or ``ari`` over repeats; None without labels.

        The first two are shares of the scored examples.
        """
        if self.agreement is None:
            return None
        values = [getattr(item, name) for item in (self.agreement, *self.repeats)]
        return Statistic.of(values, sum(self.sizes) if name in SHARES else None)

    @property
    def names(self) -> tuple[str, ...]:
        """What clusters are called: their majority labels, or numbers from 1 without any."""
        labels = self.agreement.majority_labels if self.agreement else (None,) * self.k
        return tuple(label or f"#{place}" for place, label in enumerate(labels, 1))


class CodeClusters(CodeResult):
    """What all methods make of a code.

    Attributes
    ----------
    protocol : Protocol
        How the methods were fitted and scored.
    k : int or None
        How many clusters there are; None where there can be none.
    choice : NumberChoice or None
        How the number was chosen, if it was.
    partitions : tuple of Partition
        One of each method.
    """

    protocol: Protocol
    k: int | None
    choice: NumberChoice | None = None
    partitions: tuple[Partition, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for partition in self.partitions:
            if sum(partition.sizes) != self.protocol.n_scored or not self.protocol.n_scored:
                raise ValueError(f"{self.name}, {partition.method}: sizes do not add up")
        return self

    def partition(self, method: str) -> Partition | None:
        """Return what a method makes of the code; None where it was skipped."""
        return next((item for item in self.partitions if item.method == method), None)


class Clusters(Result):
    """Codes in clusters, which were formed without labels, and scored with them.

    Attributes
    ----------
    label_names : tuple of str
        Columns of every confusion; empty without labels.
    guessing : Guessing or None
        Accuracy that takes no code at all; None without labels.
    matched_chance : float or None
        One-to-one accuracy of random clusters; see `matched_chance` of the partitions.
    rows : tuple of CodeClusters
        Of each code; the run's model first.
    """

    part = "clustering"

    settings: ClusterSettings = ClusterSettings()
    guessing: Guessing | None = None
    matched_chance: Share | None = None
    label_names: tuple[str, ...]
    rows: tuple[CodeClusters, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        partitions = (partition for row in self.rows for partition in row.partitions)
        for agreement in filter(None, (partition.agreement for partition in partitions)):
            if any(len(counts) != len(self.label_names) for counts in agreement.confusion):
                raise ValueError(f"a confusion has no {len(self.label_names)} columns")
            if strange := {*agreement.majority_labels} - {None, *self.label_names}:
                raise ValueError(f"clusters are called {strange}, which are no labels")
        return self

    def skips(self) -> tuple[Skip, ...]:
        """Return all that was not measured."""
        return (*self.skipped, *(skip for row in self.rows for skip in row.skipped))

    @property
    def guesses(self) -> dict[str, dict[str, float]]:
        """Return what each way to guess reaches, by the field of `AgreementScores`."""
        guesses = self.guessing.accuracies if self.guessing else {}
        fields = {name: {"majority": a, "hungarian": a} for name, a in guesses.items()}
        if self.matched_chance is not None and CHANCE in fields:
            fields[CHANCE]["hungarian"] = self.matched_chance
        return fields

    @property
    def kmeans(self) -> Partition | None:
        """K-means of the first code, which pictures show; None where it was skipped."""
        return self.rows[0].partition("kmeans")
