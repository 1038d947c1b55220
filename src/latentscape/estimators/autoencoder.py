"""An autoencoder as a scikit-learn transformer."""

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from latentscape.analysis.generation import (
    MAX_CODES,
    choose_source,
    decode,
    draw_from_mixture,
    draw_from_prior,
)
from latentscape.analysis.inference import encode, reconstruct_with, spread
from latentscape.analysis.reconstruction import measure
from latentscape.config import ConvConfig, Recipe, load_recipe, override
from latentscape.data import binarize_split, hold_out
from latentscape.errors import ConfigError, DataError, Interrupted, TrainingError
from latentscape.estimators.examples import (
    check_examples,
    check_range,
    dataset_of,
    learn_range,
    seed_of,
)
from latentscape.estimators.layout import Layout, learn_layout, remembered_layout
from latentscape.experiment import describe_split, prepare
from latentscape.files import slug
from latentscape.model import Network, uses_labels
from latentscape.records import Array, Dataset, Split
from latentscape.runs import Run, create_run, open_run, read_model, save_model
from latentscape.runtime import choose_device, derive_seed, forked_random
from latentscape.training.batches import Batches, Examples
from latentscape.training.callbacks import choose_progress
from latentscape.training.checkpoint import pack_optimizer, unpack_optimizer
from latentscape.training.loop import Trainer
from latentscape.training.optim import build_optimizer
from latentscape.training.step import train_step

_PATHS = {
    "latent_dim": "model.latent.dim",
    "max_epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
}
"""The settings of a recipe that are parameters of their own."""


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An autoencoder: images or vectors to codes, and back.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name of a recipe (``latentscape recipes``), a YAML file, or a recipe itself. Convolutional
        recipes, such as the default, take images; fully connected ones, such as ``"simple-20"``,
        take anything.
    latent_dim, max_epochs, batch_size, lr : int, int, int, float, optional
        Length of a code, epochs, examples per step and learning rate; by default as the recipe has
        them (``conv-bn``: 32, 25, 256 and 0.001).
    changes : dict, optional
        Any other settings of the recipe, by their dotted paths:
        ``{"train.optimizer": "sgd", "model.likelihood": "gaussian"}``.
    image_shape : tuple of int, optional
        (H, W), (C, H, W) or (H, W, C) of images that X holds as flat vectors.
    value_range : tuple of float, optional
        The values in X that stand for 0 and for 1. By default (0, 255) for 8-bit integers, (0, 1)
        for other numbers that lie between, and otherwise the least and the greatest number that
        ``fit`` sees, over all features: scale features that differ in their units before.
    validation_fraction : float
        Share of X that ``fit`` holds out to watch training, and to stop it early where
        ``changes`` sets ``train.patience``.
    folder : str or Path, optional
        Where ``fit`` keeps a run directory, named after recipe, settings and data; the same fit
        replaces it. By default nothing is kept on disk.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    verbose : bool
        Whether progress is shown.
    random_state : int, RandomState or None
        Draws initial weights, batches and the validation part. The same number makes the same
        codes on the same machine.

    Attributes
    ----------
    network_ : Network
        The trained network.
    recipe_ : Recipe
        The whole resolved recipe.
    history_ : list of dict
        A record per epoch: each loss term in nats per example, and seconds.
    n_iter_ : int
        Epochs trained; with early stopping the last ones are not kept.
    run_ : Run or None
        The run directory, where `folder` was given.
    layout_ : Layout
        The shape of an example, as given and as the network sees it.
    n_features_in_ : int
        Numbers in an example.
    feature_names_in_ : ndarray of str
        Where X was a data frame.

    Notes
    -----
    ``X`` is (n, D), or images (n, H, W), (n, C, H, W) or (n, H, W, C), with 1, 3 or 4 channels
    where they come last. What ``fit`` saw as images may be given flat later, and the other way
    round. Codes are means: nothing is drawn in ``transform``.

    Examples
    --------
    >>> from latentscape import Autoencoder, load_data
    >>> digits = load_data("mnist-5k").images
    >>> codes = Autoencoder("simple-20", max_epochs=2).fit_transform(digits)
    >>> codes.shape
    (5000, 20)
    """

    network_: Network
    recipe_: Recipe
    layout_: Layout
    history_: list[dict[str, Any]]
    n_iter_: int
    run_: Run | None
    _moments: dict[str, torch.Tensor]
    """What the optimizer remembers, between two calls of ``partial_fit``."""

    def __init__(
        self,
        recipe: str | Path | Recipe = "conv-bn",
        *,
        latent_dim: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        changes: Mapping[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        validation_fraction: float = 0.1,
        folder: str | Path | None = None,
        device: str = "auto",
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.recipe = recipe
        self.latent_dim = latent_dim
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.changes = changes
        self.image_shape = image_shape
        self.value_range = value_range
        self.validation_fraction = validation_fraction
        self.folder = folder
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train anew.

        Parameters
        ----------
        X : array-like
            (n, D), or images; see the notes of the class. Two examples at least.
        y : array-like, optional
            (n,) labels, for a recipe that trains with them; no other looks at them.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        DataError
            If X and the settings do not fit each other, or the recipe needs labels.
        ConfigError
            If there is no such recipe or setting, or it is conditioned on labels.
        TrainingError
            If the loss is still not finite after several roll-backs.
        """
        split = self._begin(X, y)
        device = choose_device(self.device)
        with self._run_directory(split) as run:
            trainer = Trainer(run, split, device, choose_progress(not self.verbose))
            try:
                self.network_ = trainer.fit()
            except Interrupted as stop:
                # What runs many fits goes on after an error, but not after this.
                raise KeyboardInterrupt from stop
            self.history_ = run.history
        self.run_ = run if self.folder is not None else None
        self.n_iter_ = len(self.history_)
        self._moments = {}
        self._keep_codes(split)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train one more epoch, on X, with the recipe's full learning rate.

        What the optimizer remembers is kept between calls, and forgotten by ``fit``.

        Parameters
        ----------
        X : array-like
            As for `fit`. The first call settles shape and `value_range`; give the range where
            later ones may exceed it.
        y : array-like, optional
            Is not looked at: not all labels need be in the first X.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        DataError, ConfigError
            As for `fit`; also if X has values beyond the range that the likelihood needs, or the
            recipe trains with labels.
        TrainingError
            If the loss or a weight is no longer finite; the weights are as before.
        """
        if hasattr(self, "network_"):
            split = hold_out(self._dataset(X), 0.0, 0)
            check_range(self.recipe_, split.dataset)
        else:
            split = self._begin(X, None, validation_fraction=0.0)
            self._build_network()
        before = {name: value.clone() for name, value in self.network_.state_dict().items()}
        means = self._train_epoch(split)
        self.network_.eval()
        if not np.isfinite(means).all():
            self.network_.load_state_dict(before)
            self._moments = {}
            raise TrainingError(
                "The loss became infinite or NaN; the weights are as they were before",
                fix="Lower lr, or look at the values of X.",
            )
        self.n_iter_ += 1
        names = ["loss", *self.recipe_.objective.weights]
        train = dict(zip(names, means.tolist(), strict=True))
        self.history_.append({"epoch": self.n_iter_, "train": train, "validation": None})
        self._keep_codes(split)
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Encode, without drawing anything.

        Parameters
        ----------
        X : array-like
            (n, D) or images, as many numbers in each as `fit` saw.

        Returns
        -------
        ndarray of float32
            (n, latent_dim) codes; a data frame after ``set_output``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            For another number of features, or values that are not finite.
        """
        dataset = self._dataset(X)
        return encode(self.network_, dataset, np.arange(len(dataset)))

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Decode.

        Parameters
        ----------
        X : array-like
            (n, latent_dim) codes.

        Returns
        -------
        ndarray of float32
            The mean images, in the shape and the range of values that `fit` saw.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        if codes.shape[1] != self.network_.latent_dim:
            raise DataError(
                f"X holds codes of {codes.shape[1]} numbers",
                expected=f"{self.network_.latent_dim}, as transform returns them",
            )
        return self._as_given(decode(self.network_, torch.from_numpy(codes), None))

    def reconstruct(self, X: ArrayLike) -> Array:
        """Encode and decode: what the network makes of X, in its shape and range of values."""
        return self.inverse_transform(np.asarray(self._codes(X)))

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> Array:
        """Draw codes, and decode them.

        They come from the prior of the network, or where it has none from a mixture of ten
        Gaussians fitted to the codes of up to 10,000 training examples (Ghosh et al. 2020).

        Parameters
        ----------
        n_samples : int
            How many.
        random_state : int, RandomState or None
            Draws them; None draws others at each call.

        Returns
        -------
        ndarray of float32
            The mean images, in the shape and the range of values that `fit` saw.

        Raises
        ------
        DataError
            If there were too few training examples to fit a mixture to, or it was read from a
            model file.
        """
        check_is_fitted(self)
        seed = seed_of(random_state)
        if choose_source(self.network_) == "gmm":
            if not hasattr(self, "_some_codes"):
                raise DataError(
                    "A model file holds no training codes to fit a mixture to, and this network "
                    "has no prior",
                    fix="Keep the estimator with joblib, or fit it.",
                )
            codes = draw_from_mixture(self._some_codes, n_samples, seed)
        else:
            codes = draw_from_prior(self.network_, n_samples, seed)
        return self._as_given(decode(self.network_, codes, None))

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus the mean squared error of each reconstruction, (n,).

        The mean is over the numbers of an example, on the scale on which `value_range` is 0 to 1:
        whatever the recipe was trained on, two models are measured alike. The best score is 0.
        """
        dataset = self._dataset(X)
        nothing = np.empty(0, np.int64)
        every = Split(dataset, nothing, nothing, np.arange(len(dataset)))
        errors = measure(reconstruct_with(self.network_), every)
        return -errors.squared_error / errors.pixels

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the mean of `score_samples`; higher is better, 0 is best. Labels do not count."""
        return float(self.score_samples(X).mean())

    def save(self, path: str | Path) -> None:
        """Write the model file: what `load`, `latentscape.load` and every command take.

        Training codes, which `sample` needs where there is no prior, are not in it; pickle or
        joblib keep them too.

        Parameters
        ----------
        path : str or Path
            Conventionally ``model.safetensors``. A file of that name is replaced.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        known = {
            "given": self.layout_.given,
            "image": self.layout_.image,
            "feature_names": None if names is None else names.tolist(),
            "history": self.history_,
        }
        save_model(Path(path), self.network_.state_dict(), self.recipe_, (), known)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Read a model file, or the model of a run, as a fitted estimator.

        Parameters
        ----------
        path : str or Path
            What `save` wrote, a ``model.safetensors`` of a run, or its directory.
        device : str
            ``auto``, ``cpu``, ``cuda`` or ``mps``.

        Returns
        -------
        Autoencoder
            Its recipe is that of the file, whole.

        Raises
        ------
        RunError
            If there is no sound model.
        ConfigError
            If the model is conditioned on labels.
        """
        file = read_model(path)
        _refuse_condition(file.recipe)
        layout = remembered_layout(file.network.input_shape, file.estimator)
        estimator = cls(
            file.recipe,
            image_shape=None if layout.given == layout.image else layout.image,
            value_range=_range(file.recipe),
            validation_fraction=file.recipe.data.validation,
            device=device,
            random_state=file.recipe.train.seed,
        )
        estimator.network_ = file.network.to(choose_device(device))
        estimator.recipe_, estimator.layout_, estimator._moments = file.recipe, layout, {}
        estimator.run_ = open_run(path) if Path(path).is_dir() else None
        history = estimator.run_.history if estimator.run_ else file.estimator.get("history", [])
        estimator.history_, estimator.n_iter_ = list(history), len(history)
        estimator.n_features_in_ = math.prod(layout.seen)
        if names := file.estimator.get("feature_names"):
            estimator.feature_names_in_ = np.array(names, dtype=object)
        return estimator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: weights and settings rather than objects of our classes."""
        state = dict(super().__getstate__())
        if "network_" in state:
            weights = self.network_.state_dict().items()
            state["network_"] = {name: value.cpu().numpy() for name, value in weights}
            state["recipe_"] = self.recipe_.model_dump(mode="json", exclude_none=True)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.recipe_ = Recipe.model_validate(state["recipe_"])
            network = Network(self.recipe_.model, self.recipe_.objective)
            weights = state["network_"].items()
            network.load_state_dict({name: torch.tensor(value) for name, value in weights})
            self.network_ = network.to(choose_device(self.device)).eval()

    @property
    def _n_features_out(self) -> int:
        return self.network_.latent_dim

    def _begin(
        self, X: ArrayLike, y: ArrayLike | None, validation_fraction: float | None = None
    ) -> Split:
        """Learn shape, range and recipe from X, and split it."""
        values = check_examples(self, X, reset=True)
        given = np.shape(values)[1:]
        self.layout_ = learn_layout(given, self.image_shape)
        if validation_fraction is None:
            validation_fraction = self.validation_fraction
        recipe = self._resolve(validation_fraction)
        labels = y if uses_labels(recipe.model, recipe.objective) else None
        value_range = self.value_range or learn_range(values)
        dataset = dataset_of(self.layout_.to_network(values), value_range, labels)
        check_range(recipe, dataset)
        split = hold_out(dataset, validation_fraction, recipe.data.seed)
        split = binarize_split(split, recipe.data.binarize)
        self.recipe_ = prepare(recipe, split)
        return split

    def _resolve(self, validation_fraction: float) -> Recipe:
        recipe = self.recipe if isinstance(self.recipe, Recipe) else load_recipe(self.recipe)
        seed = seed_of(self.random_state)
        given = {path: getattr(self, name) for name, path in _PATHS.items()}
        changes = {
            **{path: value for path, value in given.items() if value is not None},
            **(self.changes or {}),
            "data.source": "X",
            "data.validation": validation_fraction,
            "data.seed": seed,
            "train.seed": seed,
            "train.snapshots": (),
        }
        recipe = override(recipe, changes)
        _refuse_condition(recipe)
        if isinstance(recipe.model.encoder, ConvConfig) and len(self.layout_.seen) == 1:
            raise DataError(
                f"X holds vectors of {self.layout_.seen[0]} numbers, and the recipe {recipe.name} "
                "is convolutional",
                expected="images",
                fix="Give their image_shape=(height, width), or choose a fully connected recipe, "
                "such as simple-20.",
            )
        return recipe

    @contextmanager
    def _run_directory(self, split: Split) -> Iterator[Run]:
        """Make a run directory in `folder`, or one that is gone afterwards."""
        about = describe_split(split)
        fingerprint = self.recipe_.fingerprint(about["fingerprint"])
        name = slug(f"{self.recipe_.name}-{fingerprint[:12]}")
        with tempfile.TemporaryDirectory() as gone:
            folder = Path(gone if self.folder is None else self.folder)
            yield create_run(folder / name, self.recipe_, about, {}, overwrite=True)

    def _build_network(self) -> None:
        device = choose_device(self.device)
        seed = derive_seed(self.recipe_.train.seed, "model")
        with forked_random(seed, device):
            self.network_ = Network(self.recipe_.model, self.recipe_.objective).to(device)
        self.history_, self.n_iter_, self.run_, self._moments = [], 0, None, {}

    def _train_epoch(self, split: Split) -> NDArray[np.float64]:
        """Train once on all examples; return the mean loss and the mean of each of its terms."""
        network, config, epoch = self.network_.train(), self.recipe_.train, self.n_iter_
        optimizer = build_optimizer(network, config)
        unpack_optimizer(optimizer, self._moments)
        examples = Examples(split.dataset, network.device)
        batches = Batches(
            examples,
            split.train,
            config.batch_size,
            config.seed,
            binarize=self.recipe_.data.binarize == "dynamic",
        )
        seed = derive_seed(config.seed, "partial", epoch)
        with forked_random(seed, network.device):
            losses = [
                train_step(network, optimizer, config, batch, epoch + place / len(batches))
                * (len(batch) / batches.examples)
                for place, batch in enumerate(batches.epoch(epoch))
            ]
        self._moments = pack_optimizer(optimizer)
        return torch.stack(losses).sum(0).double().cpu().numpy()

    def _keep_codes(self, split: Split) -> None:
        """Keep some training codes, which a mixture can be fitted to where there is no prior."""
        if choose_source(self.network_) == "gmm":
            some = spread(split.train, MAX_CODES)
            self._some_codes = encode(self.network_, split.dataset, some)

    def _dataset(self, X: ArrayLike) -> Dataset:
        """Check X, and bring it to what the network takes."""
        check_is_fitted(self)
        values = self.layout_.to_network(check_examples(self, X, reset=False))
        return dataset_of(values, _range(self.recipe_))

    def _codes(self, X: ArrayLike) -> Array:
        """Return codes as an array, whatever `transform` is to put out."""
        dataset = self._dataset(X)
        return encode(self.network_, dataset, np.arange(len(dataset)))

    def _as_given(self, images: Array) -> Array:
        """Bring what the network puts out to the shape and the range of X."""
        low, high = _range(self.recipe_)
        return np.float32(low) + self.layout_.from_network(images) * np.float32(high - low)


def _refuse_condition(recipe: Recipe) -> None:
    if recipe.model.condition:
        raise ConfigError(
            f"The recipe {recipe.name} is conditioned on labels, which transform does not get",
            fix="Choose another recipe, or use latentscape.train and latentscape.load.",
        )


def _range(recipe: Recipe) -> tuple[float, float]:
    """Return the values in X that stand for 0 and for 1."""
    assert recipe.model.input is not None
    return recipe.model.input.range
