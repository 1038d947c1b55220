"""A picture of the training images that are nearest to given ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentscape.core.records import Array, Dataset, Split
from latentscape.core.units import percent

if TYPE_CHECKING:
    from latentscape.analyses.neighbours.method import Nearest
    from latentscape.api.pictures.sheets import Sheet
    from latentscape.config import Changes
    from latentscape.inference.inputs import Source
    from latentscape.reporting.grids import GridLabels
    from latentscape.runs import Run

NEAREST = 8
_QUERIES = 8


def neighbours(
    run: "str | Path | Run",
    *,
    example: int | None = None,
    part: Literal["train", "validation", "test"] | None = None,
    data: "Source | None" = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    k: int = NEAREST,
    out: str | Path | None = None,
    array: bool = False,
    changes: "Changes | None" = None,
    dataset: object = None,
    device: str = "auto",
) -> "Sheet":
    """Picture the training images nearest to given ones, in the latent space and in pixels.

    Parameters
    ----------
    run, out, array, device
        As for `sample`.
    example : int, optional
        An example, counted from 0; by default eight of them, the classes taking turns.
    part, data, files, label, changes, dataset
        As for `reconstruct`.
    k : int
        How many neighbours.

    Returns
    -------
    Sheet
        ``images`` (2 n, 1 + k, *shape): for each image two rows that begin with it, first its
        neighbours by codes, then those by pixels.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if there is no such example or a file does not fit the model.
    """
    import numpy as np

    from latentscape.analyses.neighbours.method import image_neighbours
    from latentscape.api.pictures.sheets import Choice, open_sheet, write_sheet
    from latentscape.api.pictures.shown import examples
    from latentscape.evaluation.codes import model_codes, pixel_codes

    choice = Choice(None if example is None else (example,), part, data, files, changes, label)
    target = open_sheet(run, "neighbours", out, array, dataset, device, choice)
    shown = examples(target, _QUERIES)
    images, labels = shown.batch
    model, split = target.model, target.split
    known = split.dataset
    numbers = None if labels is None else labels.numpy()
    names = () if numbers is None else known.label_names
    other = Dataset("the images", images.numpy(), numbers, names, known.value_range)
    latent = model_codes(model, split, target.opened.name)
    nearest = image_neighbours(model, other, latent, pixel_codes(split), k)
    queries = model.scale(images.to(model.device)).cpu().numpy()
    rows = [
        np.concatenate([query[None], nearest[space].images[i]])
        for i, query in enumerate(queries)
        for space in ("latent", "pixels")
    ]
    about = (
        "Each image twice, and to its right the nearest training images: by its code above, by its "
        f"pixels below. {_agreement(nearest, numbers, known.label_names)}"
    )
    texts = _labels(shown.captions, nearest, split)
    return write_sheet(
        target, np.stack(rows), about.rstrip(), len(rows[0]), labels=texts, title=shown.title
    )


def _labels(queries: Sequence[str], nearest: "dict[str, Nearest]", split: Split) -> "GridLabels":
    """Name images and neighbours: numbers of these count the training examples."""
    import numpy as np

    from latentscape.reporting.grids import GridLabels

    names = split.dataset.label_names
    images = []
    for row, query in enumerate(queries):
        for near in nearest.values():
            numbers = np.searchsorted(split.train, near.index[row])
            labels = (names[label] if label >= 0 else "" for label in near.labels[row])
            pairs = zip(numbers, labels, strict=True)
            images.append([query, *(f"#{number}\n{label}".rstrip() for number, label in pairs)])
    return GridLabels(["by code", "by pixels"] * len(queries), images)


def _agreement(nearest: "dict[str, Nearest]", labels: Array | None, names: tuple[str, ...]) -> str:
    """Say how many of the neighbours have the label of the image."""
    if labels is None or not names:
        return ""
    shares = {space: (near.labels == labels[:, None]).mean() for space, near in nearest.items()}
    return (
        f"Of the neighbours {percent(shares['latent'])} by code and "
        f"{percent(shares['pixels'])} by pixels "
        "have the label of the image."
    )
