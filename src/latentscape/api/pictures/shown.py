"""Which images a sheet shows, and what they are called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from latentscape.api.pictures.sheets import Choice, Target
from latentscape.core.errors import ConfigError, MissingData
from latentscape.core.records import Dataset
from latentscape.core.subsets import draw_subset
from latentscape.inference.batches import stored
from latentscape.inference.inputs import Source, conversions, read_inputs
from latentscape.inference.samples import Batch, find_label


@dataclass(frozen=True, eq=False)
class Shown:
    """Images with their labels, and what they are called.

    Attributes
    ----------
    batch : Batch
        The images as they are stored, and their labels.
    title : str
        What to call them all, where somebody chose them.
    captions : tuple of str
        What to call each: its number as commands count it, or its file, and its label below.
    """

    batch: Batch
    title: str
    captions: tuple[str, ...]

    @classmethod
    def of(
        cls, data: Dataset, index: NDArray[np.int64], numbers: Iterable[object], title: str
    ) -> Self:
        """Take examples of a dataset."""
        images, labels = stored(data, index)
        places = [-1] * len(images) if labels is None else labels.tolist()
        names = [data.label_names[place] if place >= 0 else "" for place in places]
        captions = (
            "\n".join(filter(None, (str(number), name)))
            for number, name in zip(numbers, names, strict=True)
        )
        return cls((images, labels), title, tuple(captions))


def examples(target: Target, count: int) -> Shown:
    """Return images with their labels, and what to call them."""
    choice = target.choice
    if choice.others is not None:
        return _other_examples(target, choice, choice.others, count)
    if choice.label is not None:
        raise ConfigError(
            "Examples of the run have a label of their own",
            expected="--label with --files or --data alone",
        )
    split, part = target.split, choice.part or "test"
    index = getattr(split, part)
    if choice.places is not None:
        _check_places(choice.places, len(index), f"{part} example")
        many = "s" if len(choice.places) > 1 else ""
        title = f"{part.title()} example{many} {' and '.join(map(str, choice.places))}"
        numbers = map(_number, choice.places)
        return Shown.of(split.dataset, index[list(choice.places)], numbers, title)
    if not len(index):
        raise ConfigError(f"The run has no {part} examples", expected="another --part")
    title = "" if choice.part is None else PART_NAMES[part]
    chosen = split.examples(count, part)
    numbers = map(_number, np.searchsorted(index, chosen))
    return Shown.of(split.dataset, chosen, numbers, title)


def _number(place: object) -> str:
    return f"#{place}"


def traversed_example(target: Target, place: int | None) -> Shown:
    """Return a test example, by default the first one shown in the report."""
    try:
        split = target.split
    except MissingData:
        example = target.saved_example() if place is None else None
        if example is None:
            raise
        return Shown(example, "A test example that the run keeps", ("",))
    if place is None:
        place = int(np.searchsorted(split.test, split.examples(1)[0]))
    return examples(replace(target, choice=Choice((place,))), 1)


PART_NAMES = {
    "train": "Training images",
    "validation": "Validation images",
    "test": "Test images",
}


def _other_examples(target: Target, choice: Choice, source: Source, count: int) -> Shown:
    """Read images of another source, and choose some of them; all of single files."""
    model, trained_on = target.model, target.opened.trained_on
    changes = conversions(target.opened.recipe, choice.changes)
    data = read_inputs(model, source, trained_on.label_names, changes)
    if choice.label is not None:
        place = find_label(model, trained_on, choice.label)
        labels = np.full(len(data), place)
        data = replace(data, labels=labels, label_names=trained_on.label_names)
    if model.config.condition and data.label_names != trained_on.label_names:
        what = "image files carry none" if choice.files else f"{data.name} names none of its own"
        raise ConfigError(
            f"The model is conditioned on labels, and {what}",
            fix="Say which label they have: --label NAME.",
        )
    index = np.arange(len(data))
    if choice.files:
        names = [Path(file).stem for file in choice.files]
        return Shown.of(
            data, index, names if len(names) == len(data) else map(_number, index), data.name
        )
    if choice.places is None:
        drawn = draw_subset(index, data.labels, count)
        return Shown.of(data, drawn, map(_number, drawn), f"Images of {data.name}")
    _check_places(choice.places, len(data), f"example of {data.name},")
    title = f"{data.name}, {' and '.join(map(str, choice.places))}"
    return Shown.of(data, index[list(choice.places)], map(_number, choice.places), title)


def _check_places(places: Sequence[int], count: int, what: str) -> None:
    for place in places:
        if not 0 <= place < count:
            raise ConfigError(
                f"There is no {what} {place}", expected=f"a number from 0 to {count - 1}"
            )
