"""What is asked of maps, and what comes out."""

from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from latentscape.analyses.analysis import Inputs, Result, Settings
from latentscape.analyses.codes import Guessing
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.findings import (
    Images,
    Integers,
    Matrix,
    Pictures,
    Record,
    Share,
    Statistic,
    check_lengths,
)
from latentscape.core.metrics import Metric

METHODS: tuple[Literal["pca", "tsne", "umap"], ...] = ("pca", "tsne", "umap")
"""Those that can be asked for."""

MapMethod = Literal["code", "pca", "tsne", "umap"]
"""``code`` shows the two numbers of a code as they are."""

METHOD_NAMES: dict[MapMethod, str] = {
    "code": "The code itself",
    "pca": "PCA",
    "tsne": "t-SNE",
    "umap": "UMAP",
}

PREFERRED: tuple[MapMethod, ...] = ("code", "tsne", "umap", "pca")
"""The methods in the order in which images are put on their maps."""

ACCURACY = Metric("map_accuracy", "k-NN accuracy", "in the plane", True, is_share=True)

SETTING_NAMES: dict[MapMethod, set[str]] = {
    "code": set(),
    "pca": set(),
    "tsne": {"perplexity"},
    "umap": {"n_neighbors", "min_dist"},
}
"""What is set for each method, by the names that its package gives them."""

MIN_POINTS = 5
"""Points of which a map can be made."""


class MapSettings(Settings):
    """Which maps are drawn.

    Attributes
    ----------
    methods : tuple of str
        Of ``pca``, ``tsne`` and ``umap``. Those whose package is not installed are left out.
    points : int
        How many test examples, drawn of each label its share; all of them where they are fewer.
        Where more than 2,000 are asked for, and more than it has, training examples follow.
    seed : int
        Draws the noise at the start, and what UMAP draws.
    """

    methods: tuple[Literal["pca", "tsne", "umap"], ...] = Field(
        METHODS,
        description="pca, tsne or umap; by default all of them. Repeatable.",
        json_schema_extra={"option": "--method"},
    )
    points: int = Field(2000, description="How many points.")
    seed: int = Field(0, description="Draws what is drawn.")

    @field_validator("methods", mode="before")
    @classmethod
    def _check_methods(cls, methods: object) -> object:
        for method in methods if isinstance(methods, list | tuple) else ():
            if isinstance(method, str) and method not in METHODS:
                raise unknown("method", method, METHODS, ConfigError)
        return methods

    @field_validator("points")
    @classmethod
    def _check_points(cls, points: int) -> int:
        if points < MIN_POINTS:
            raise ConfigError(
                f"A map of {points} points was asked for", expected=f"{MIN_POINTS} or more"
            )
        return points


class MapInputs(Inputs):
    """Nothing else can be looked at."""


class MapProtocol(Record):
    """Which points are on the maps, and what of them is compared.

    Attributes
    ----------
    n_test, n_train : int
        Test and training examples on the maps.
    start : str
        Where t-SNE and UMAP begin: at the principal components of the raw ``pixels``, or of each
        row's own ``codes``.
    neighbours : int
        Nearest points that scores compare.
    n_compared : int
        Points whose neighbours are compared.
    """

    n_test: int = Field(ge=0)
    n_train: int = Field(ge=0)
    start: Literal["pixels", "codes"]
    neighbours: int = Field(ge=0)
    n_compared: int = Field(ge=0)


class Fidelity(Record):
    """How far neighbours in the plane are neighbours in the code, and the other way round.

    Attributes
    ----------
    trustworthiness, continuity : float
        At most 1; see `latentscape.analyses.maps.fidelity.map_fidelity`.
    accuracy : float or None
        Share of points with the label of most of their neighbours in the plane; None without
        labels.
    """

    trustworthiness: float
    continuity: float
    accuracy: Share | None = None


class Layout(Record):
    """A code laid out in the plane.

    Attributes
    ----------
    code, kind : str
        Name and kind of the code; see `latentscape.core.records.Codes`.
    places : ndarray of float32
        (n, 2) of the points.
    fidelity : Fidelity
        How much of the code's neighbourhoods is left.
    seconds : float
        Time that it took.
    """

    code: str
    kind: str
    places: Matrix
    fidelity: Fidelity
    seconds: float

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.places.shape[1] != 2 or not np.isfinite(self.places).all():
            raise ValueError(f"places of shape {self.places.shape} are not finite (n, 2)")
        return self


class MethodMaps(Record):
    """The maps that one method has drawn.

    Attributes
    ----------
    method : str
        ``pca``, ``tsne``, ``umap``, or ``code`` for the two numbers of a code as they are.
    settings : dict of str to float
        Those of the method.
    layouts : tuple of Layout
        One of each code that has a map: the model's first, then the baselines, then others.
    """

    method: MapMethod
    settings: dict[str, float] = {}
    layouts: tuple[Layout, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.settings.keys() != SETTING_NAMES[self.method]:
            raise ValueError(f"the settings {self.settings} are not those of {self.method}")
        return self


class Thumbnails(Record):
    """Images (m, *shape) to be put on maps, and the numbers (m,) of the points they are."""

    images: Images
    points: Integers

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(images=len(self.images), points=len(self.points))
        if self.images.ndim != 4:
            raise ValueError(f"thumbnails of shape {self.images.shape} are no images")
        return self


class Maps(Result):
    """The same points laid out in the plane from different codes, by several methods.

    Attributes
    ----------
    protocol : MapProtocol
        Which points.
    points : ndarray of int64
        (n,) indices into the dataset.
    labels : ndarray of int64
        (n,) of the points; -1 without.
    methods : tuple of MethodMaps
        The maps; none where there are too few points, or all codes are the same.
    guessing : Guessing or None
        What accuracy takes no map to reach; None without labels.
    thumbnails : Thumbnails or None
        Of examples that are images.
    pictures : ndarray of uint8 or None
        (n, C, h, w) small pictures of all points, where they are images and not too many; None of
        older findings.
    """

    part = "projection"

    settings: MapSettings = MapSettings()
    protocol: MapProtocol
    points: Integers
    labels: Integers
    methods: tuple[MethodMaps, ...]
    guessing: Guessing | None = None
    thumbnails: Thumbnails | None = None
    pictures: Pictures | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        n = len(self.points)
        check_lengths(points=n, labels=len(self.labels))
        layouts = [layout for maps in self.methods for layout in maps.layouts]
        if layouts and (n == 0 or any(len(layout.places) != n for layout in layouts)):
            raise ValueError(f"maps do not show {n} points")
        if self.pictures is not None:
            check_lengths(points=n, pictures=len(self.pictures))
        places = self.thumbnails.points if self.thumbnails else self.points[:0]
        if places.size and not (0 <= places.min() and places.max() < n):
            raise ValueError(f"thumbnails stand at points that are not among {n}")
        return self

    def accuracy(self, layout: Layout) -> Statistic | None:
        """Return the accuracy in the plane of a map, as a share of the points compared."""
        accuracy = layout.fidelity.accuracy
        if accuracy is None:
            return None
        return Statistic(mean=accuracy, trials=self.protocol.n_compared or None)

    def layouts(self, code: str, kind: str) -> dict[MapMethod, Layout]:
        """Return the maps of a code, by method."""
        return {
            maps.method: layout
            for maps in self.methods
            for layout in maps.layouts
            if (layout.code, layout.kind) == (code, kind)
        }
