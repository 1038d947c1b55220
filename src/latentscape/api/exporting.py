"""Exported files of a run."""

from pathlib import Path

from latentscape.core.errors import ConfigError, MissingData, unknown
from latentscape.core.progress import stage
from latentscape.core.records import Split
from latentscape.exports.checked import Exported, export_model
from latentscape.exports.target import choose_target
from latentscape.runs import OpenModel, Run, check_input, open_model

PARTS = {"both": ("encoder", "decoder"), "encoder": ("encoder",), "decoder": ("decoder",)}


def export(
    run: str | Path | Run,
    to: str,
    *,
    part: str = "both",
    out: str | Path | None = None,
    data: object = None,
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
    data : str, Path or data in memory, optional
        The data that the model was trained on, where they were in memory or have moved. Without
        them files are checked on images that are made up, and hold no errors of validation
        examples.

    Returns
    -------
    list of Exported
        ``part``, ``file``, the largest ``difference`` from the model, the ``largest`` number that
        the model gives, how many ``images`` they were found on, and whether these were ``made_up``.

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
    opened = open_model(run, data=data, device="cpu")
    recipe = opened.file.recipe
    split = _split_of(opened)
    if split is not None:
        check_input(recipe, split)
    folder = opened.folder / "export" if out is None else Path(out)
    names = opened.file.label_names
    with stage("export", detail=to):
        return export_model(opened.model, split, recipe, to, PARTS[part], folder, names)


def _split_of(opened: OpenModel) -> Split | None:
    """Return the examples of a model; None where they are missing."""
    try:
        return opened.split
    except MissingData:
        return None
