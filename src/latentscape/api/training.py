"""Train, resume and evaluate: what a single run goes through."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from latentscape.api.finishing import describe_architecture, evaluate_run, finish_run
from latentscape.api.preparing import (
    default_name,
    own_networks,
    prepare,
    resolve,
    resolve_again,
    start_run,
)
from latentscape.api.together import begin_on_workers
from latentscape.config import Changes, InputConfig, Recipe, join_changes
from latentscape.core.errors import ConfigError
from latentscape.core.launched import was_relaunched
from latentscape.core.names import check_folder_name
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.core.urls import refuse_url
from latentscape.model.own import check_offered, offering
from latentscape.runs import OpenRun, Run, RunFindings, load_run_split, load_split, open_run
from latentscape.runs.architecture import Architecture
from latentscape.runs.starting import EarlierModel
from latentscape.terminal import shown
from latentscape.tracking.trackers import choose_trackers
from latentscape.training.extending import complete_extension, extend
from latentscape.training.hook import Hook, check_hooks
from latentscape.training.memory import network_to_describe
from latentscape.training.workers import joined

RUNS = Path("runs")
"""Where runs are kept unless another folder is given."""


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    start_from: str | Path | Run | None = None,
    data: object = None,
    latent_dim: int | None = None,
    condition: Literal["label"] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
    name: str | None = None,
    folder: str | Path = RUNS,
    device: str = "auto",
    overwrite: bool = False,
    track: str | Sequence[str] = (),
    hooks: Sequence[Hook] = (),
    quiet: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
) -> Run:
    """Train a recipe, evaluate it on the test examples, and keep both in a run directory.

    Where this process is one of several of ``torchrun``, or of a process group of PyTorch, all of
    them train one run: each calls this function with the same arguments, and the recipe has
    ``train.shards``. This function starts no processes itself.

    Parameters
    ----------
    recipe : str, Path or Recipe, optional
        Name of a recipe, a YAML file, or a recipe itself; by default that of `start_from`.
    start_from : str, Path or Run, optional
        A finished run, or a model file: training begins with its weights, as far as their names
        and shapes are those of this model. ``run.start`` says which could not be taken.
    data : str, Path or data in memory, optional
        Name or path of the data, or a dataset in memory; by default what the recipe names.
    latent_dim : int, optional
        Length of the code.
    condition : str, optional
        ``label`` gives each example's label to encoder and decoder.
    epochs : int, optional
        Epochs to train.
    batch_size : int, optional
        Examples per step.
    lr : float, optional
        Learning rate.
    seed : int, optional
        Seed of weights, batches and dropout.
    changes : mapping, optional
        Any other setting, dotted path to value: ``{"train.weight_decay": 0.01}``.
    as_published : bool
        Whether the recipe is trained as its origin did, and not fitted to the number of examples;
        see `latentscape.config.fitting`.
    name : str, optional
        Name of the run; by default ``<recipe>-<data>-<seed>``, with the word ``tuned`` in it if the
        run has the recipe of `start_from`.
    folder : str or Path
        Where runs are kept.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    overwrite : bool
        Whether a run of that name is replaced.
    track : str or sequence of str
        Where the run is shown beside its directory: ``tensorboard``, ``mlflow``.
    hooks : sequence of Hook
        They follow training, and may change it; see `latentscape.Hook`.
    quiet : bool
        Whether progress is left unshown.
    encoder, decoder : nn.Module, optional
        Networks of your own, in place of the recipe's. An encoder takes scaled images (B, *shape)
        and gives features (B, ...); a decoder takes codes (B, latent_dim) and gives what the
        likelihood reads, (B, *shape): logits of pixels, mostly. Training starts from their weights,
        and does not change the objects themselves. Without a decoder, that of the recipe remains.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    if name is not None:
        _check_name(name)
    named = {
        "latent_dim": latent_dim,
        "condition": condition,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "seed": seed,
    }
    changes = join_changes(named, changes)
    check_hooks(hooks)
    refuse_url(folder, "A run that is trained")
    with joined(choose_device(device)) as workers:
        trackers = workers.each(lambda: choose_trackers(track))
        plan = workers.each(
            lambda: _plan(recipe, start_from, data, changes, as_published, encoder, decoder)
        )
        path = Path(folder) / (name or default_name(plan.recipe, plan.split, plan.label))
        # Launchers count on each machine by itself how often they have begun anew.
        begin = plan.go_on if workers.some(was_relaunched) else plan.begin
        run = begin_on_workers(
            workers, plan.recipe, plan.split, path, lambda: begin(path, device, overwrite)
        )
        return finish_run(
            run,
            plan.split,
            device=device,
            quiet=quiet,
            trackers=trackers,
            hooks=hooks,
            workers=workers,
        )


@dataclass(frozen=True, eq=False)
class _Plan:
    """A run that is yet to begin.

    Attributes
    ----------
    recipe : Recipe
        Resolved.
    split : Split
        The examples.
    label : str
        What a name of the run begins with.
    earlier : EarlierModel or None
        The weights that it begins with.
    """

    recipe: Recipe
    split: Split
    label: str
    earlier: EarlierModel | None

    def begin(self, path: Path, device: str, overwrite: bool) -> Run:
        """Make its directory."""
        on = choose_device(device)
        return start_run(
            self.recipe, self.split, path, on, earlier=self.earlier, overwrite=overwrite
        )

    def go_on(self, path: Path, device: str, overwrite: bool) -> Run:
        """Open it where it stands, after a restart of all workers; begin it where there is none."""
        return open_run(path) if self._stands_at(path) else self.begin(path, device, overwrite)

    def _stands_at(self, path: Path) -> bool:
        if not (path / "recipe.yaml").exists():
            return False
        run, recipe = open_run(path), prepare(self.recipe, self.split)
        ours = recipe.fingerprint(self.split.dataset.fingerprint)
        return ours == run.recipe.fingerprint(run.data.fingerprint)


def _plan(
    recipe: str | Path | Recipe | None,
    start_from: str | Path | Run | None,
    data: object,
    changes: Changes,
    as_published: bool,
    encoder: nn.Module | None,
    decoder: nn.Module | None,
) -> _Plan:
    earlier = None if start_from is None else EarlierModel.open(start_from)
    base = _recipe_or_that_of(earlier, recipe, data)
    own = own_networks(base, encoder, decoder)
    changes = {**changes, **own}
    resolved, split = _resolve_with_data(base, changes, data, as_published)
    # So that a recipe with labels does not take the name of the same recipe without.
    conditioned = resolved.model.condition and "model.condition" in changes
    suffix = "-label" * bool(conditioned) + "-own" * bool(own) + "-tuned" * (recipe is None)
    return _Plan(resolved, split, f"{resolved.name}{suffix}", earlier)


def _recipe_or_that_of(
    earlier: EarlierModel | None, recipe: str | Path | Recipe | None, data: object
) -> str | Path | Recipe:
    if recipe is not None:
        return recipe
    if earlier is None:
        raise ConfigError("There is nothing to train", expected="a recipe, or start_from a run")
    return resolve_again(earlier.recipe, data)


def _resolve_with_data(
    recipe: str | Path | Recipe, changes: Changes, data: object, as_published: bool
) -> tuple[Recipe, Split]:
    resolved = resolve(recipe, changes, data)
    split = load_split(resolved, data)
    return resolved if as_published else resolve(recipe, changes, data, split), split


def _check_name(name: str) -> None:
    try:
        check_folder_name(name)
    except ValueError as error:
        raise ConfigError(
            f"A run cannot be called so: {error}", fix="Give another --name."
        ) from error


def resume(
    run: str | Path | Run,
    *,
    epochs: int | None = None,
    data: object = None,
    device: str = "auto",
    track: str | Sequence[str] = (),
    hooks: Sequence[Hook] = (),
    quiet: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
) -> Run:
    """Go on with a run from its last checkpoint: to its end, or to another number of epochs.

    On the CPU of the same machine the weights and losses that come out are, bit for bit, those of
    the same run left alone. With other `epochs` they are those of a run that was asked for as many
    from the start, if its learning rate does not depend on how many there are.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    epochs : int, optional
        How many there are to be in all, instead of the number in the recipe of the run; more than
        a finished run has. See `latentscape.training.extending.extend` for what follows.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device, quiet
        As for `train`.
    track : str or sequence of str
        As for `train`. What a tracker does not know yet of a run, even a finished one, it is told.
    encoder, decoder : nn.Module, optional
        As for `load`.
    hooks : sequence of Hook
        As for `train`. Those that change training have to be given again.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError
        If the data are no longer those the run began with.
    ConfigError, RunError, TrainingError
        As for `train`.
    """
    check_hooks(hooks)
    if not isinstance(run, Run):
        refuse_url(run, "A run that goes on")
    trackers = choose_trackers(track)
    with joined(choose_device(device)) as workers, offering(encoder, decoder):
        begun = workers.each(lambda: run if isinstance(run, Run) else open_run(run))
        recipe, split = workers.each(lambda: (begun.recipe, load_run_split(begun, data)))
        check_offered(recipe.model, encoder, decoder)
        begin_on_workers(workers, recipe, split, begun.path, lambda: _go_on(begun, epochs))
        return finish_run(
            begun,
            split,
            device=device,
            quiet=quiet,
            trackers=trackers,
            hooks=hooks,
            workers=workers,
        )


def _go_on(run: Run, epochs: int | None) -> Run:
    """Ask a run for another number of epochs, if there is one."""
    complete_extension(run)
    if epochs is not None:
        # What stands in the way says so before the model of fewer epochs is removed.
        network_to_describe(run.recipe.model, run.recipe.objective)
        extend(run, epochs)
    return run


def evaluate(
    run: str | Path | Run,
    *,
    data: object = None,
    device: str = "auto",
    quiet: bool = False,
) -> RunFindings:
    """Evaluate a finished run on its test examples, and keep the findings in its directory.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`. Evaluation is in full float32 on every device.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    RunFindings
        All that is known about the run. What was measured on request before is still there.

    Raises
    ------
    RunError
        If the run is not finished or damaged.
    DataError
        If the data are no longer those the run was trained on.
    """
    with shown(quiet):
        opened = OpenRun(run, data=data, device=device)
        return evaluate_run(opened.run, opened.model, opened.split)


def describe_recipe(
    recipe: str | Path | Recipe,
    *,
    data: object = None,
    latent_dim: int | None = None,
    condition: Literal["label"] | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
) -> tuple[Recipe, Architecture]:
    """Return a recipe and the layers it makes.

    Parameters
    ----------
    recipe, data, latent_dim, condition, changes, as_published
        As for `train`. Without data the layers are those for 28 x 28 grey images, and the recipe is
        as published.

    Returns
    -------
    recipe : Recipe
        Resolved.
    architecture : Architecture
        Layers with output shapes and parameters.
    """
    changes = join_changes({"latent_dim": latent_dim, "condition": condition}, changes)
    input_ = InputConfig(shape=(1, 28, 28), labels=10)
    if data is None:
        resolved = resolve(recipe, changes)
    else:
        resolved, split = _resolve_with_data(recipe, changes, data, as_published)
        labels = len(split.dataset.label_names)
        input_ = InputConfig(shape=split.dataset.shape, labels=labels)
    config = resolved.model.model_copy(update={"input": input_})
    network = network_to_describe(config, resolved.objective)
    return resolved, describe_architecture(network, resolved)
