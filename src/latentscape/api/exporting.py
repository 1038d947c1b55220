"""Exported files of a run."""

from pathlib import Path

from latentscape.api.preparing import prepare
from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.records import Dataset, Split
from latentscape.exports.checked import Exported, export_model
from latentscape.exports.target import choose_target
from latentscape.runs import Run, load_run_split, load_split, read_model

PARTS = {"both": ("encoder", "decoder"), "encoder": ("encoder",), "decoder": ("decoder",)}


def export(
    run: str | Path | Run,
    to: str,
    *,
    part: str = "both",
    out: str | Path | None = None,
    data: Dataset | None = None,
) -> list[Exported]:
    """Write a trained model to files that other programs run, and check them on test images.

    Each file takes images as they are stored and scales them itself, or gives images on the scale 0
    to 1, for any number of them at once; encoders give the posterior mean where there is one. The
    recipe, the names of the labels, and errors that only 5 % and 1 % of the validation examples
    exceed stand in the file as JSON. Before it is kept it is run (by ONNX Runtime, Keras or
    PyTorch) on up to 256 test images, and compared with the model.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run, or a model file; where that lies apart from its run, the
        recipe in it names the data.
    to : str
        ``onnx``; ``keras``, a ``.keras`` file of stock layers that takes images (B, H, W, C); or
        ``torch-export``, a ``.pt2`` file.
    part : str
        ``encoder``, ``decoder`` or ``both``.
    out : str or Path, optional
        The folder to write to; by default ``export`` in the directory of the run.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.

    Returns
    -------
    list of Exported
        ``part``, ``file``, the largest ``difference`` from the model, the ``largest`` number that
        the model gives, and how many ``images`` they were found on.

    Raises
    ------
    ConfigError
        If there is no such format or part, a package is missing, or no stock Keras layer does what
        the model needs.
    DataError
        If the data are not those that the model was trained on.
    RunError
        If there is no sound model, the files cannot be written, or one differs from the model by
        more than 1e-4 (times the largest number, where that is above 1). Then none is kept, and
        those that stood there before stay.
    """
    choose_target(to)  # A package that is missing is named before anything is computed.
    if part not in PARTS:
        raise unknown("part of a model", part, PARTS, ConfigError)
    path = run.path if isinstance(run, Run) else Path(run)
    model = read_model(path)
    home = path if path.is_dir() else path.parent
    split = load_run_split(Run(home), data) if _is_run(path) else load_split(model.recipe, data)
    _check_input(model.recipe, split)
    folder = home / "export" if out is None else Path(out)
    return export_model(model.network, split, model.recipe, to, PARTS[part], folder)


def _is_run(path: Path) -> bool:
    """Tell a run, or the model file in it, from a model file that lies anywhere."""
    run = Run(path.parent)
    beside = (run.path / "recipe.yaml", run.path / "data.json")
    return path.is_dir() or (path == run.model_file and all(file.is_file() for file in beside))


def _check_input(recipe: Recipe, split: Split) -> None:
    """Refuse examples other than those that a model of the recipe takes."""
    input_ = prepare(recipe, split).model.input
    if input_ != recipe.model.input:
        raise DataError(
            f"The examples of {split.dataset.name} are {input_}",
            expected=f"{recipe.model.input}, as those that the model was trained on",
        )
