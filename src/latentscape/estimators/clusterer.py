"""Assignment of codes."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClusterMixin

from latentscape.analyses.clusters.clusterers import CLUSTERERS, NEIGHBOURS
from latentscape.analyses.clusters.partitions import Assignment
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.extras import require
from latentscape.core.subsets import draw_subset
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.codes import CodeEstimator
from latentscape.estimators.examples import check_examples, seed_of


class AutoencoderClusterer(ClusterMixin, CodeEstimator):  # type: ignore[misc]
    """Train an autoencoder, and cluster its codes.

    Parameters
    ----------
    autoencoder : Autoencoder, optional
        Makes the codes. ``FrozenEstimator(fitted)`` uses a trained one as it is. By default
        ``Autoencoder()``.
    n_clusters : int
        Number of clusters.
    method : str
        ``kmeans`` (the best of 10 restarts), ``gmm`` (a mixture of Gaussians), ``agglomerative``
        (Ward's linkage) or ``umap`` (a mixture on a UMAP map; needs the extra ``maps``).
    random_state : int, RandomState or None
        Draws the start of the method.

    Attributes
    ----------
    labels_ : ndarray of int64
        (n,) the cluster of each example.
    cluster_centers_ : ndarray of float32 or None
        (n_clusters, latent_dim) mean code of each cluster, for K-means;
        ``autoencoder_.inverse_transform`` turns them into images.
    autoencoder_ : Autoencoder
        Fitted.
    n_features_in_ : int
        Numbers in an example.

    Examples
    --------
    >>> from latentscape import Autoencoder, AutoencoderClusterer, load_data
    >>> digits = load_data("mnist-5k").images
    >>> clusterer = AutoencoderClusterer(Autoencoder("simple-20", max_epochs=2), n_clusters=10)
    >>> clusterer.fit_predict(digits).shape
    (5000,)
    """

    def __init__(
        self,
        autoencoder: Autoencoder | None = None,
        *,
        n_clusters: int = 8,
        method: str = "kmeans",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.autoencoder = autoencoder
        self.n_clusters = n_clusters
        self.method = method
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the autoencoder, and cluster the codes of X.

        Parameters
        ----------
        X : array-like
            As for `Autoencoder.fit`.
        y : array-like, optional
            Labels, for a recipe that trains with them. Other recipes ignore them.

        Returns
        -------
        AutoencoderClusterer
            Itself.

        Raises
        ------
        ConfigError
            If there is no such method, or its package is missing.
        DataError
            If there are fewer examples than clusters, or than the method needs.
        """
        self._check_parameters(len(check_examples(self, X, reset=True)))
        codes = self._fit_autoencoder(X, y)
        method, seed = CLUSTERERS[self.method], seed_of(self.random_state)
        sample = draw_subset(np.arange(len(codes)), None, method.max_points, seed)
        result = method.fit(codes[sample], self.n_clusters, seed)
        self.labels_ = result.clusters if len(sample) == len(codes) else result.assign(codes)
        self.cluster_centers_ = result.centres
        self._assign = result.assign
        return self

    def predict(self, X: ArrayLike) -> Assignment:
        """Return the cluster of each example, (n,).

        X, and what is raised, is as for `Autoencoder.transform`.
        """
        codes = self._codes(X)  # Checks that it is fitted.
        return self._assign(codes)

    def _check_parameters(self, count: int) -> None:
        """Refuse parameters that do not fit so many examples, before training."""
        if self.method not in CLUSTERERS:
            raise unknown("clustering method", self.method, CLUSTERERS, ConfigError)
        if not isinstance(self.n_clusters, Integral) or not 1 <= self.n_clusters <= count:
            raise DataError(
                f"n_clusters is {self.n_clusters!r}, and X holds {count} examples",
                expected="a whole number, 1 or more, and no more than examples",
            )
        if self.method == "umap":
            require("umap", "maps", "Clustering on a UMAP map")
            if count <= NEIGHBOURS:
                raise DataError(
                    f"X holds {count} examples", expected=f"more than {NEIGHBOURS} for UMAP"
                )
