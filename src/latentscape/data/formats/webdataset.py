"""Labels beside images in an archive, as WebDataset writes them: key.png, key.cls, key.json.

https://github.com/webdataset/webdataset describes it.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from latentscape.core.errors import DataError
from latentscape.data.formats.columns import LABEL_NAMES
from latentscape.data.formats.image_layout import ImagePath
from latentscape.data.text import readable

Members = Mapping[ImagePath, Callable[[], bytes]]
"""The files of an archive by their places, and how each is read."""


def find_sidecars(images: Sequence[ImagePath], members: Members) -> dict[ImagePath, ImagePath]:
    """Find the file that may hold the label of each image.

    Parameters
    ----------
    images : sequence of ImagePath
        The images.
    members : Members
        All files.

    Returns
    -------
    dict of ImagePath to ImagePath
        The ``.cls`` file of each image that has one; if none has, the ``.json`` file.
    """
    for ending in ("cls", "json"):
        by_key = {_key(place): place for place in members if place[-1].lower().endswith(ending)}
        sidecars = {image: by_key[_key(image)] for image in images if _key(image) in by_key}
        if sidecars:
            return sidecars
    return {}


def sidecar_labels(
    images: Sequence[ImagePath],
    sidecars: Mapping[ImagePath, ImagePath],
    members: Members,
    field: str | None,
    origin: str,
) -> tuple[str, ...] | None:
    """Read the label of each image from the file beside it.

    Parameters
    ----------
    images : sequence of ImagePath
        The images.
    sidecars : mapping of ImagePath to ImagePath
        As `find_sidecars` returns them.
    members : Members
        All files.
    field : str or None
        The field of JSON that is the label; by default one that is called as labels are.
    origin : str
        The archive, for messages.

    Returns
    -------
    tuple of str or None
        None if JSON holds no such field and none was asked for.

    Raises
    ------
    DataError
        If an image has no label, or a file is not what its name says.
    """
    missing = [image for image in images if image not in sidecars]
    if missing:
        raise _unlabelled(missing, images, origin)
    texts = [_text(members[sidecars[image]]()) for image in images]
    if sidecars[images[0]][-1].lower().endswith("cls"):
        return tuple(texts)
    trees = [
        _parse(text, sidecars[image], origin) for text, image in zip(texts, images, strict=True)
    ]
    name = field or next((name for name in LABEL_NAMES if name in trees[0]), None)
    if name is None:
        return None
    missing = [image for image, tree in zip(images, trees, strict=True) if name not in tree]
    if missing:
        raise _unlabelled(missing, images, origin, f" in a field {name!r} of its JSON")
    return tuple(str(tree[name]) for tree in trees)


def _key(place: ImagePath) -> ImagePath:
    """Return what the files of one example share: all up to the first full stop of the name."""
    return (*place[:-1], place[-1].partition(".")[0])


def _text(content: bytes) -> str:
    return readable(content.strip())


def _parse(text: str, place: ImagePath, origin: str) -> dict[str, object]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{origin}/{'/'.join(place)} is not JSON: {error}", expected="an object of JSON"
        ) from error
    return tree if isinstance(tree, dict) else {}


def _unlabelled(
    missing: Sequence[ImagePath], images: Sequence[ImagePath], origin: str, where: str = ""
) -> DataError:
    return DataError(
        f"{len(missing)} of {len(images)} images in {origin} have no label{where}, "
        f"the first of them {'/'.join(missing[0])}",
        expected="a label for each image or for none",
        fix="Use no labels: --labels none.",
    )
