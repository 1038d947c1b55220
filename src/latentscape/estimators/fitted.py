"""The use of a fitted autoencoder: encode, decode, sample, score."""

from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import Json
from latentscape.core.records import Array, Dataset, Split
from latentscape.estimators.examples import check_examples, dataset_of, range_in, seed_of
from latentscape.estimators.layout import Layout
from latentscape.estimators.streaming import Moments
from latentscape.inference.batches import evaluating, filled, stored_batches, to_device
from latentscape.inference.codec import encode
from latentscape.inference.samples import (
    MAX_CODES,
    choose_source,
    decode,
    draw_from_mixture,
    draw_from_prior,
)
from latentscape.model import Network, check_values, scaled
from latentscape.runs import Run


class FittedAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The methods of `Autoencoder` that need a trained network."""

    network_: Network
    recipe_: Recipe
    layout_: Layout
    history_: list[Json]
    n_iter_: int
    run_: Run | None
    _unit: float
    """What counts as 1 in a score, in the units of X."""
    _moments: Moments
    """The state of the optimizer, between two calls of ``partial_fit``."""
    _training_codes: Array | None
    """(up to 10,000, latent_dim), if samples come from a mixture fitted to them."""

    def transform(self, X: ArrayLike) -> Any:
        """Encode. Nothing is drawn: two calls return the same codes.

        Parameters
        ----------
        X : array-like
            (n, D) or images, with as many numbers in each as in `fit`.

        Returns
        -------
        ndarray of float32
            (n, latent_dim) codes; a data frame after ``set_output``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has another number of features, values that are not finite, or values far from
            those in `fit`.
        """
        return self._codes(X)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Decode.

        Parameters
        ----------
        X : array-like
            (n, latent_dim) codes.

        Returns
        -------
        ndarray of float32
            The mean images, in the shape and the value range of X in `fit`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            If the codes have another length.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        if codes.shape[1] != self.network_.latent_dim:
            raise DataError(
                f"X holds codes of {codes.shape[1]} numbers",
                expected=f"{self.network_.latent_dim}, as transform returns them",
            )
        return self._decoded(torch.from_numpy(codes))

    def reconstruct(self, X: ArrayLike) -> Array:
        """Encode and decode; see `transform` and `inverse_transform`."""
        return self.inverse_transform(self._codes(X))

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> Array:
        """Draw codes and decode them.

        The codes come from the prior of the network. If it has none, they come from a mixture of
        ten Gaussians, fitted to the codes of up to 10,000 training examples (Ghosh et al. 2020).
        After `partial_fit` these are examples of the last X.

        Parameters
        ----------
        n_samples : int
            Number of samples.
        random_state : int, RandomState or None
            Draws them. None draws new ones at each call.

        Returns
        -------
        ndarray of float32
            As of `inverse_transform`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            If a mixture is needed, and there were too few training examples, or the estimator was
            read from a model file, which has none.
        ConfigError
            If `n_samples` is not a whole number above 0.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ConfigError(f"n_samples is {n_samples!r}", expected="a whole number above 0")
        seed = seed_of(random_state)
        if choose_source(self.network_) != "gmm":
            return self._decoded(draw_from_prior(self.network_, n_samples, seed))
        if self._training_codes is None:
            raise DataError(
                "A model file holds no training codes to fit a mixture to, and this network has "
                "no prior",
                fix="Keep the estimator with joblib, or fit it.",
            )
        return self._decoded(draw_from_mixture(self._training_codes, n_samples, seed))

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus the mean squared error of each reconstruction, (n,). The best score is 0.

        The mean is over the numbers of an example, in the units of X. Where `value_range` was set,
        or X is of 8-bit integers, it is on a scale where that range is 0 to 1. A range that was
        learnt from X never counts: it differs from fold to fold. So scores of two models are
        comparable, whatever their likelihoods and folds.

        Raises
        ------
        NotFittedError, ValueError
            As for `transform`. Values far outside a range that was learnt are no error here: a
            fold may hold an outlier, and its score says so.
        """
        dataset = self._dataset(X) if self._has_learnt_range else self._inputs(X)
        low, high = dataset.value_range
        targets = (
            scaled(images, (low, high))
            for images, _ in stored_batches(dataset, np.arange(len(dataset)))
        )
        errors = [(self._reconstruct_scaled(target) - target).double() for target in targets]
        means = torch.cat([error.square().flatten(1).mean(1) for error in errors]).numpy()
        return -means * ((high - low) / self._unit) ** 2

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the mean of `score_samples`. The labels y are ignored."""
        return float(self.score_samples(X).mean())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.network_.latent_dim

    @property
    def _has_learnt_range(self) -> bool:
        """Whether the range is that of the values in `fit`, and no unit of scores."""
        low, high = range_in(self.recipe_)
        return self._unit != high - low

    def _dataset(self, X: ArrayLike) -> Dataset:
        """Check X, and arrange it for the network."""
        check_is_fitted(self)
        values, recipe = check_examples(self, X, reset=False), self.recipe_
        return dataset_of(self.layout_, values, range_in(recipe), recipe)

    def _codes(self, X: ArrayLike) -> Array:
        """Return codes as an array, even after ``set_output``."""
        dataset = self._inputs(X)
        return encode(self.network_, dataset, np.arange(len(dataset)))

    def _inputs(self, X: ArrayLike) -> Dataset:
        """Check X, its values included, and arrange it for the network."""
        dataset = self._dataset(X)
        fix = "Bring X to the scale of the X in fit, or fit with a value_range that holds both."
        for images, _ in stored_batches(dataset, np.arange(len(dataset))):
            check_values(images, self.network_.config, "X", fix)
        return dataset

    def _reconstruct_scaled(self, target: torch.Tensor) -> torch.Tensor:
        """Reconstruct images on the scale 0 to 1, or around it."""
        with evaluating():
            values, _ = to_device(self.network_, filled((target, None)))
            means = self.network_.decode(self.network_.encode_scaled(values))
        return means.cpu()[: len(target)]

    def _decoded(self, codes: torch.Tensor) -> Array:
        """Decode to the shape and the value range of X."""
        low, high = range_in(self.recipe_)
        images = self.layout_.from_network(decode(self.network_, codes, None))
        return np.float32(low) + images * np.float32(high - low)


def mixture_codes(network: Network, split: Split) -> Array | None:
    """Return codes of training examples, if the network has no prior to draw samples from."""
    if choose_source(network) != "gmm":
        return None
    return encode(network, split.dataset, split.subset("train", MAX_CODES))
