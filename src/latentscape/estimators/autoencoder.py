"""An autoencoder as a scikit-learn transformer."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_array, check_is_fitted

from latentscape.api.experiment import describe_environment, describe_split, prepare
from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, DataError, Interrupted, RunError
from latentscape.core.files import slug, write_folder
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Dataset, Split
from latentscape.core.runtime import choose_device
from latentscape.data import binarize_split, hold_out
from latentscape.estimators.examples import (
    check_examples,
    check_range,
    dataset_of,
    range_of,
    seed_of,
)
from latentscape.estimators.layout import Layout, learn_layout, remembered_layout
from latentscape.estimators.settings import (
    PATHS,
    check_layout,
    for_streaming,
    labels_for,
    refuse_condition,
    resolve_recipe,
)
from latentscape.estimators.streaming import Moments, train_epoch
from latentscape.inference.batches import encode, reconstruct_with, spread, stored_batches
from latentscape.inference.samples import (
    MAX_CODES,
    choose_source,
    decode,
    draw_from_mixture,
    draw_from_prior,
)
from latentscape.model import Network, scaled
from latentscape.runs import ModelFile, Run, create_run, open_run, read_model, save_model
from latentscape.training.callbacks import choose_progress
from latentscape.training.loop import Trainer
from latentscape.training.storage import MemoryStorage, RunStorage, Storage


@dataclass(frozen=True, eq=False)
class _Task:
    """What X and the parameters come to, before anything is trained."""

    checked: BaseEstimator
    """Has ``n_features_in_`` and ``feature_names_in_`` of X."""
    layout: Layout
    recipe: Recipe
    split: Split


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An autoencoder: images or vectors to codes, and back.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name of a recipe (``latentscape recipes``), a YAML file, or a recipe itself. Convolutional
        recipes, such as the default, take images; fully connected ones, such as ``"simple-20"``,
        take anything.
    latent_dim, max_epochs, batch_size, lr : int, int, int, float, optional
        Length of a code (of each of its vectors, where it is vector-quantised), epochs, examples
        per step and learning rate; by default as the recipe has them (``conv-bn``: 32, 25, 256 and
        0.001).
    changes : dict, optional
        Other settings of the recipe's ``model``, ``objective`` and ``train``, and
        ``data.binarize``, by their dotted paths:
        ``{"train.optimizer": "sgd", "model.likelihood": "gaussian"}``.
    image_shape : tuple of int, optional
        (H, W), (C, H, W) or (H, W, C) of images that X holds as flat vectors. Where both the first
        and the last axis could be that of the channels (1, 3 or 4 long), it is the first.
    value_range : tuple of float, optional
        The values in X that stand for 0 and for 1. By default (0, 255) for unsigned 8-bit integers,
        (0, 1) for other numbers that lie between, and otherwise the least and the greatest number
        that ``fit`` sees, over all features: scale features that differ in their units before.
        Scores count on this scale, so give it where the scores of several fits are compared.
    validation_fraction : float
        Share of X that ``fit`` holds out to watch training, and to stop it early where
        ``changes`` sets ``train.patience``.
    folder : str or Path, optional
        Where ``fit`` keeps a run directory, named after recipe, settings and data, once it has
        ended well; the same fit replaces it. It has no test part: `score` is for that. By default
        nothing is kept on disk.
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
        The run directory that ``fit`` kept, where `folder` was given.
    layout_ : Layout
        The shape of an example, as given and as the network sees it.
    n_features_in_ : int
        Numbers in an example.
    feature_names_in_ : ndarray of str
        Where X was a data frame.

    Notes
    -----
    ``X`` is (n, D), or images (n, H, W), (n, C, H, W) or (n, H, W, C), with 1, 3 or 4 channels
    where they come last. What ``fit`` saw as images may be given flat later. Codes are means:
    nothing is drawn in ``transform``, and the code of an example does not depend on what else is
    encoded with it.

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
    _moments: Moments
    """What the optimizer remembers, between two calls of ``partial_fit``."""
    _some_codes: Array
    """Of training examples, (up to 10,000, latent_dim), where a mixture may be fitted to them."""

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
        RunError
            If `folder` cannot be written to.

        Notes
        -----
        Whatever goes wrong, the estimator is as it was before.
        """
        task = self._task(X, y)
        device = choose_device(self.device)
        with self._storage(task) as storage:
            trainer = Trainer(storage, task.split, device, choose_progress(not self.verbose))
            try:
                network = trainer.fit()
            except Interrupted:
                # What runs many fits goes on after an error, but not after this.
                raise KeyboardInterrupt from None
            history = storage.history
        kept = None if self.folder is None else Run(Path(self.folder) / self._run_name(task))
        return self._settle(task, network, history, run=kept)

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train one more epoch, on X, with the full learning rate.

        What the optimizer remembers is kept between calls, and forgotten by ``fit``. The parameters
        `lr` and `batch_size` may be set anew between them.

        Parameters
        ----------
        X : array-like
            As for `fit`. The first call settles shape and `value_range`; give the range where
            later ones may exceed it.
        y : array-like, optional
            Is not looked at.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        DataError
            As for `fit`; also if X has values beyond the range that the likelihood needs.
        ConfigError
            As for `fit`; also if the recipe trains with labels, not all of which need be in X.
        TrainingError
            If the loss or a weight is no longer finite.

        Notes
        -----
        Whatever goes wrong, the estimator is as it was before.
        """
        fitted = hasattr(self, "network_")
        task = self._further_task(X) if fitted else self._task(X, None, streaming=True)
        network = self.network_ if fitted else self._new_network(task.recipe)
        history, moments = (self.history_, self._moments) if fitted else ([], {})
        epoch = train_epoch(network, task.recipe, task.split, moments, len(history))
        record = {"epoch": len(history) + 1, "train": epoch.losses, "validation": None}
        return self._settle(task, network, [*history, record], moments=epoch.moments)

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
            The mean images, in the shape and the range of values that `fit` saw.

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
        return self._as_given(decode(self.network_, torch.from_numpy(codes), None))

    def reconstruct(self, X: ArrayLike) -> Array:
        """Encode and decode: what the network makes of X, in its shape and range of values.

        Raises
        ------
        NotFittedError, ValueError
            As for `transform`.
        """
        return self.inverse_transform(self._codes(X))

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> Array:
        """Draw codes, and decode them.

        They come from the prior of the network, or where it has none from a mixture of ten
        Gaussians fitted to the codes of up to 10,000 training examples (Ghosh et al. 2020): of the
        last X that `partial_fit` got.

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
        NotFittedError
            Before `fit`.
        DataError
            If there were too few training examples to fit a mixture to, or it was read from a
            model file.
        ConfigError
            If `n_samples` is no such number.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ConfigError(f"n_samples is {n_samples!r}", expected="a whole number above 0")
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

        Raises
        ------
        NotFittedError, ValueError
            As for `transform`.
        """
        dataset, reconstruct = self._dataset(X), reconstruct_with(self.network_)
        errors = [
            (reconstruct(images, None) - scaled(images, dataset.value_range)).double().square()
            for images, _ in stored_batches(dataset, np.arange(len(dataset)))
        ]
        return -torch.cat([error.flatten(1).mean(1) for error in errors]).numpy()

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the mean of `score_samples`; higher is better, 0 is best. Labels do not count."""
        return float(self.score_samples(X).mean())

    def save(self, path: str | Path) -> None:
        """Write the model file: what `load`, `latentscape.load`, ``embed`` and ``export`` take.

        Training codes, which `sample` needs where there is no prior, are not in it; pickle or
        joblib keep them too.

        Parameters
        ----------
        path : str or Path
            Conventionally ``model.safetensors``. A file of that name is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
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
        refuse_condition(file.recipe)
        layout, history, names = _remembered(Path(path), file)
        value_range = _range(file.recipe)
        estimator = cls(
            file.recipe,
            image_shape=None if layout.given == layout.image else layout.image,
            value_range=value_range,
            validation_fraction=file.recipe.data.validation,
            device=device,
            random_state=file.recipe.train.seed,
        )
        estimator.network_ = file.network.to(choose_device(device))
        estimator.recipe_, estimator.layout_, estimator._moments = file.recipe, layout, {}
        estimator.run_ = open_run(path) if Path(path).is_dir() else None
        estimator.history_ = estimator.run_.history if estimator.run_ else history
        estimator.n_iter_ = len(estimator.history_)
        estimator.n_features_in_ = math.prod(layout.seen)
        if names:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        return estimator

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: arrays and settings rather than objects of ours and of torch."""
        state = dict(super().__getstate__())
        if "network_" in state:
            weights = self.network_.state_dict().items()
            state["network_"] = {name: value.cpu().numpy() for name, value in weights}
            state["recipe_"] = self.recipe_.model_dump(mode="json", exclude_none=True)
            state["layout_"] = asdict(self.layout_)
            state["run_"] = self.run_ and self.run_.path
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.recipe_ = Recipe.model_validate(state["recipe_"])
            self.layout_ = Layout(**state["layout_"])
            self.run_ = state["run_"] and Run(state["run_"])
            network = Network(self.recipe_.model, self.recipe_.objective)
            weights = state["network_"].items()
            network.load_state_dict({name: torch.tensor(value) for name, value in weights})
            self.network_ = network.to(self._device_or_cpu()).eval()

    @property
    def _n_features_out(self) -> int:
        return self.network_.latent_dim

    def _task(self, X: ArrayLike, y: ArrayLike | None, *, streaming: bool = False) -> _Task:
        """Learn shape, range and recipe from X, and split it; settle nothing."""
        checked = clone(self)
        values = check_examples(checked, X, reset=True)
        layout = learn_layout(np.shape(values)[1:], self.image_shape)
        share = 0.0 if streaming else self.validation_fraction
        seed = seed_of(self.random_state)
        recipe = resolve_recipe(self.recipe, self._given(), self.changes, share, seed)
        check_layout(recipe, layout)
        if streaming:
            recipe = for_streaming(recipe, self._given())
        value_range = range_of(values, self.value_range)
        dataset = dataset_of(layout.to_network(values), value_range, labels_for(recipe, y))
        return _Task(checked, layout, *_split(recipe, dataset, share))

    def _further_task(self, X: ArrayLike) -> _Task:
        """Bring X to what the network takes, for another epoch."""
        recipe = for_streaming(self.recipe_, self._given())
        return _Task(self, self.layout_, *_split(recipe, self._dataset(X), 0.0))

    def _given(self) -> dict[str, Any]:
        """Return the parameters that stand for settings of the recipe."""
        return {name: getattr(self, name) for name in PATHS}

    def _run_name(self, task: _Task) -> str:
        fingerprint = task.recipe.fingerprint(task.split.dataset.fingerprint)
        return slug(f"{task.recipe.name}-{fingerprint[:12]}")

    @contextmanager
    def _storage(self, task: _Task) -> Iterator[Storage]:
        """Keep a run directory in `folder`, once it is whole; without `folder` keep nothing."""
        if self.folder is None:
            yield MemoryStorage(task.recipe.name, task.recipe)
            return
        environment = describe_environment(task.recipe, choose_device(self.device))
        with write_folder(Path(self.folder) / self._run_name(task)) as path:
            run = create_run(path, task.recipe, describe_split(task.split), environment)
            yield RunStorage(run)

    def _new_network(self, recipe: Recipe) -> Network:
        device = choose_device(self.device)
        with forked_random(derive_seed(recipe.train.seed, "model"), device):
            return Network(recipe.model, recipe.objective).to(device).eval()

    def _settle(
        self,
        task: _Task,
        network: Network,
        history: list[dict[str, Any]],
        *,
        run: Run | None = None,
        moments: Moments | None = None,
    ) -> Self:
        """Take over what training has left, all at once."""
        some_codes = None
        if choose_source(network) == "gmm":  # Such a network has no prior to draw samples from.
            some = spread(task.split.train, MAX_CODES)
            some_codes = encode(network, task.split.dataset, some)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(task.checked, name):
                setattr(self, name, getattr(task.checked, name))
            elif hasattr(self, name):
                delattr(self, name)
        self.network_, self.recipe_, self.layout_ = network, task.recipe, task.layout
        self.history_, self.n_iter_, self.run_ = history, len(history), run
        self._moments = moments or {}
        if some_codes is not None:
            self._some_codes = some_codes
        return self

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

    def _device_or_cpu(self) -> torch.device:
        """Return the device, or the CPU on a machine that has no such device."""
        try:
            return choose_device(self.device)
        except ConfigError as error:
            warnings.warn(f"{error} Going on with the CPU.", stacklevel=3)
            return torch.device("cpu")


def _split(recipe: Recipe, dataset: Dataset, share: float) -> tuple[Recipe, Split]:
    """Return the recipe, prepared for a dataset, and the dataset, split."""
    check_range(recipe, dataset)
    split = hold_out(dataset, share, recipe.data.seed)
    return prepare(recipe, split), binarize_split(split, recipe.data.binarize)


def _range(recipe: Recipe) -> tuple[float, float]:
    """Return the values in X that stand for 0 and for 1."""
    assert recipe.model.input is not None
    return recipe.model.input.range


def _remembered(
    path: Path, file: ModelFile
) -> tuple[Layout, list[dict[str, Any]], list[str] | None]:
    """Return layout, history and names of features that `Autoencoder.save` wrote."""
    known, seen = file.estimator, file.network.input_shape
    history, names = known.get("history", []), known.get("feature_names")
    try:
        layout = remembered_layout(seen, known)
        if not isinstance(history, list) or (names and len(names) != math.prod(seen)):
            raise ValueError("its history is no list, or features lack names")
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: what it says of its estimator makes no sense ({error})",
            fix="Copy it again from where it came from.",
        ) from error
    return layout, history, names
