"""The sheet that a picture command writes: what it shows, and where it is kept."""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image

from latentscape.config import CORRUPTIONS, Changes, CorruptionConfig, validate
from latentscape.core.doors import Displayed
from latentscape.core.errors import ConfigError, DataError, MissingData, unknown
from latentscape.core.files import write_bytes
from latentscape.core.findings import Json
from latentscape.core.records import PARTS, Array, Dataset, Split
from latentscape.core.units import shape
from latentscape.evaluation.results import Evaluation, saved_codes
from latentscape.inference.inputs import Source
from latentscape.inference.samples import Batch
from latentscape.model import Network
from latentscape.reporting.animation import (
    ENDINGS,
    check_animation,
    there_and_back,
    write_animation,
)
from latentscape.reporting.grids import GridLabels, draw_grid, grid_image, in_columns
from latentscape.reporting.strips import folded
from latentscape.runs import (
    OpenModel,
    OpenRun,
    Run,
    SavedCodes,
    TrainedOn,
    load_run_split,
    open_model,
)

GAP = 2

_MOVING_SIDE = 112
"""Images that move are enlarged to at most this: there are few of them."""


@dataclass(frozen=True, eq=False)
class Sheet(Displayed):
    """Images that were made from a run, and where they are kept.

    Attributes
    ----------
    images : ndarray of float32
        On the scale 0 to 1; what its axes are, the function that made them says.
    about : str
        What they show, in plain words.
    picture : Path or None
        The PNG, or the moving picture; None for plain vectors, which cannot be drawn.
    array : Path or None
        The .npy file of `images`, where it was asked for.
    png : bytes or None
        The picture itself, unless it moves.
    """

    images: Array
    about: str
    picture: Path | None
    array: Path | None
    png: bytes | None = None

    def __repr__(self) -> str:
        place = self.picture or self.array
        return f"<Sheet of shape {shape(self.images.shape)} in {place}: {self.about}>"

    @property
    def animation(self) -> bytes | None:
        """A moving picture that pages show as they show others; read from its file."""
        if self.picture is None or self.picture.suffix.lower() not in (".webp", ".gif"):
            return None
        return self.picture.read_bytes() if self.picture.exists() else None

    def _repr_png_(self) -> bytes | None:
        return self.png


@dataclass(frozen=True, eq=False)
class Target:
    """A model to make a picture of, and the file that it shall become."""

    opened: OpenModel
    file: Path
    keeps_array: bool
    choice: "Choice"

    @property
    def model(self) -> Network:
        """The model."""
        return self.opened.model

    @property
    def moves(self) -> bool:
        """Whether the picture is a moving one."""
        return self.file.suffix.lower() in ENDINGS

    @property
    def split(self) -> Split:
        """The examples that it was trained on, validated and tested."""
        return self.opened.split

    @property
    def trained_on(self) -> TrainedOn:
        """What it was trained on, and the codes that the run keeps."""
        return replace(self.opened.trained_on, load_codes=self._saved_codes)

    def owned(self) -> AbstractContextManager[None]:
        """Own the run, where the picture stands in its directory."""
        if isinstance(self.opened, OpenRun) and self.file.parent == self.opened.run.path:
            return self.opened.run.owned("written")
        return nullcontext()

    def tested(self) -> Split | None:
        """Return the examples; None where other images are shown and these are missing."""
        try:
            return self.split
        except MissingData:
            if self.choice.others is None:
                raise
            return None

    def saved_example(self) -> Batch | None:
        """Return the first test example that the run keeps, with its label."""
        if not isinstance(self.opened, OpenRun):
            return None
        examples = self.opened.findings.require(Evaluation).examples
        assert self.model.config.input is not None
        low, high = self.model.config.input.range
        label = None if examples.labels[0] < 0 else torch.from_numpy(examples.labels[:1])
        return torch.from_numpy(low + examples.originals[:1] * np.float32(high - low)), label

    def _saved_codes(self) -> SavedCodes | None:
        if not isinstance(self.opened, OpenRun):
            return None
        return saved_codes(self.opened.findings)


@dataclass(frozen=True)
class Choice:
    """Which images are shown.

    Attributes
    ----------
    places : tuple of int or None
        Their numbers in the part, or in `data`; by default some of all classes.
    part : str or None
        ``train``, ``validation`` or ``test`` (by default) of the run's own data.
    data : Source or None
        Other images.
    files : sequence of str or Path
        Image files instead.
    changes : mapping or None
        How `data` and `files` are read.
    label : str or None
        The label of all of them.
    """

    places: tuple[int, ...] | None = None
    part: str | None = None
    data: Source | None = None
    files: Sequence[str | Path] = ()
    changes: Changes | None = None
    label: str | None = None

    @property
    def others(self) -> Source | None:
        """What is shown in place of the run's own images; None where it is nothing."""
        return self.files or self.data

    def check(self) -> None:
        """Refuse what excludes each other.

        Raises
        ------
        ConfigError
            With both.
        """
        if self.part not in (None, *PARTS):
            raise unknown("part", str(self.part), PARTS, ConfigError)
        named = {
            "--files": bool(self.files),
            "--data": self.data is not None,
            "--part": self.part is not None,
        }
        both = [name for name, is_named in named.items() if is_named]
        if len(both) > 1:
            raise ConfigError(f"{' and '.join(both)} were given", expected="one of them")
        if self.files and self.places:
            raise ConfigError("Both examples and files were given", expected="one or the other")
        if self.changes and not self.others:
            raise ConfigError(
                f"{', '.join(self.changes)} say how other images are read",
                expected="--data or --files",
            )


NO_CHOICE = Choice()
"""Some test examples."""


def open_sheet(
    run: str | Path | Run,
    name: str,
    out: str | Path | None,
    array: bool,
    data: object,
    device: str,
    choice: Choice = NO_CHOICE,
    *,
    may_move: bool = False,
) -> Target:
    """Open a model, and refuse what could not be written before anything is computed.

    What `may_move` can be written as a moving picture too.
    """
    opened = open_model(run, data=data, device=device)
    if isinstance(opened, OpenRun) and _is_own(opened, choice.data):
        opened = OpenRun(opened.run, data=choice.data, device=device)
        choice = replace(choice, data=None)
    choice.check()
    file = opened.folder / f"{name}.png" if out is None else Path(out)
    _check_ending(file, may_move)
    model = opened.model
    if not (drawable(model) or array):
        values = math.prod(model.input_shape)
        raise ConfigError(
            f"The examples of {opened.name} are vectors of {values} numbers, which cannot be drawn",
            fix="Have the numbers written instead: --array.",
        )
    return Target(opened, file, array, choice)


def _check_ending(file: Path, may_move: bool) -> None:
    endings = (".png", *ENDINGS) if may_move else (".png",)
    if file.suffix.lower() not in endings:
        expected = f"a name that ends in {' or '.join(endings)}"
        raise ConfigError(f"The picture shall go to {file}", expected=expected)
    if file.suffix.lower() != ".png":
        check_animation(file)


def _is_own(opened: OpenRun, data: object) -> bool:
    """Whether data in memory are those that a run was trained on."""
    facts = opened.run.data
    if isinstance(data, Dataset):
        return data.fingerprint == facts.fingerprint
    if facts.origin or data is None or isinstance(data, str | Path):
        return False
    try:
        load_run_split(opened.run, data)
    except DataError:
        return False
    return True


def drawable(model: Network) -> bool:
    """Whether the examples of a model are images."""
    return len(model.input_shape) == 3


def write_sheet(
    target: Target,
    images: Array,
    about: str,
    columns: int,
    *,
    labels: GridLabels,
    title: str = "",
    gap: int = GAP,
) -> Sheet:
    """Write the picture and the array.

    Parameters
    ----------
    target : Target
        Where.
    images : ndarray of float32
        (n, *shape) or (rows, n, *shape). In a moving picture the images of a row follow each other.
    about : str
        What they show.
    columns : int
        Images side by side at most.
    labels : GridLabels
        What stands beside its rows and above its images.
    title : str
        Which examples they are of, to stand before `about`; empty where nobody named them.
    gap : int
        Pixels between images.
    """
    picture = array = png = None
    with target.owned():
        if target.keeps_array:
            buffer = io.BytesIO()
            np.save(buffer, images, allow_pickle=False)
            array = target.file.with_suffix(".npy")
            write_bytes(array, buffer.getvalue())
        if drawable(target.model):
            picture = target.file
            if target.moves:
                write_animation(picture, there_and_back(_steps(images, gap, labels.rows)))
            else:
                rows = images if images.ndim == 5 else images[np.newaxis]
                texts = labels.in_columns(rows.shape[1], columns)
                png = draw_grid(in_columns(rows, columns), gap, texts)
                write_bytes(picture, png)
    return Sheet(images, f"{title}. {about}" if title else about, picture, array, png)


def _steps(images: Array, gap: int, names: Sequence[str]) -> list[Image]:
    """Draw a picture for each step of several walks (rows, steps, *shape), side by side."""
    count, columns = len(images), folded(len(images))[1]
    texts = GridLabels((), [names] if names else ()).in_columns(count, columns)
    steps = images.swapaxes(0, 1)[:, np.newaxis]
    cells = (in_columns(step, columns) for step in steps)
    return [grid_image(step, gap, texts, _MOVING_SIDE) for step in cells]


def choose_corruption(model: Network, noise: str | None, amount: float | None) -> CorruptionConfig:
    """Return the noise of these settings, or that the model was trained on."""
    own = model.config.corruption
    if noise is None and own is None:
        raise ConfigError(
            "The model was trained without noise, and has none of its own to be shown",
            expected=f"--noise {', '.join(CORRUPTIONS)}",
            fix="Or train one that removes noise: latentscape train denoising.",
        )
    settings: Json = {"kind": noise}
    if own is not None and noise in (None, own.kind):
        settings = own.model_dump()
    if amount is not None:
        settings["amount"] = amount
    corruption = validate(CorruptionConfig, settings, "the noise")
    if corruption.entry.needs_images and not drawable(model):
        raise ConfigError("Vectors have no rows and columns", fix="Choose --noise masking.")
    return corruption
