"""How images lie in folders: parts, classes, classes with subclasses.

It looks at names only, so it is the same for folders and archives.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from latentscape.core.errors import DataError
from latentscape.core.records import PARTS, LeftOut
from latentscape.data.contents import official_sizes
from latentscape.data.formats.parts import part_of_folder, tests_on_validation
from latentscape.data.labels import NO_LABELS
from latentscape.data.text import readable

ImagePath = tuple[str, ...]
"""Folders and the name of the file, from the outermost to the innermost."""

LEVELS = {"outer": 0, "inner": 1}
"""What ``config.labels`` may be for folders in folders: the level that names the class."""

_BESIDE_PARTS = {"annotations", "ground_truth", "groundtruth", "labels", "mask", "masks"}
"""Folders beside train/ and test/ whose images are no examples."""


@dataclass(frozen=True)
class ImageLayout:
    """The images that are used.

    Attributes
    ----------
    images : tuple of ImagePath
        The training part, then the validation part, then the test part, each sorted.
    labels : tuple of str or None
        The class of each image; None where images lie in no class folders.
    n_official_train, n_official_validation : int or None
        As in `Dataset`.
    left_out : tuple of LeftOut
        Images that are not used, and why.
    tests_on_validation : bool
        As in `Dataset`.
    """

    images: tuple[ImagePath, ...]
    labels: tuple[str, ...] | None
    n_official_train: int | None
    n_official_validation: int
    left_out: tuple[LeftOut, ...]
    tests_on_validation: bool


@dataclass(frozen=True)
class _Part:
    """Images of one part, and the class of each, if they have one."""

    name: str
    images: tuple[ImagePath, ...]
    labels: tuple[str, ...] | None


def arrange_images(
    paths: Iterable[ImagePath], origin: str, labels: str | None = None
) -> ImageLayout:
    """Find the parts and classes of images by the folders they lie in.

    Parameters
    ----------
    paths : iterable of ImagePath
        All images of a folder or an archive.
    origin : str
        The folder or archive, for messages.
    labels : str or None
        ``outer`` or ``inner``, if classes have subclasses; ``none`` for no labels.

    Returns
    -------
    ImageLayout
        A folder that holds all others is passed through. Of ``train``, ``val`` and ``test``
        (under any of their usual names), ``val`` is the test part where there is no ``test``, and
        is said to be.

    Raises
    ------
    DataError
        If there are no images, or folders can be read in more than one way.
    """
    _check_choice(labels, origin)
    images = sorted(paths)
    if not images:
        raise DataError(
            f"{origin} holds no images", expected="images, or one folder of them per class"
        )
    depth, parts = _find_parts(images, origin)
    left_out = _check_beside(images, depth, parts, origin)
    labelled = [
        _label(name, selection, depth + (len(parts) > 1), labels, origin)
        for name, selection in parts.items()
    ]
    used, unused = _with_equal_labels(labelled)
    n_train, n_validation = official_sizes([len(part.images) for part in used])
    return ImageLayout(
        images=tuple(image for part in used for image in part.images),
        labels=_joined_labels(used),
        n_official_train=n_train,
        n_official_validation=n_validation,
        left_out=(*left_out, *unused),
        tests_on_validation=tests_on_validation([part.name for part in used]),
    )


def path_text(path: ImagePath) -> str:
    """Write a path as people read it."""
    return readable("/".join(path))


def path_suffix(path: ImagePath) -> str:
    """Return the ending of the name of a file, in small letters; '' where it has none."""
    return posixpath.splitext(path[-1])[1].lower() if path else ""


def _check_choice(labels: str | None, origin: str) -> None:
    if labels not in (None, NO_LABELS, *LEVELS):
        raise DataError(
            f"data.labels is {labels!r}, but the classes of {origin} are its folders",
            expected="outer or inner for folders in folders, none to use no labels",
            fix="Leave it out.",
        )


def _find_parts(
    images: list[ImagePath], origin: str
) -> tuple[int, dict[str, tuple[ImagePath, ...]]]:
    """Return how many folders lead to the parts, and the images of each; one part if all is one."""
    depth = 0
    while True:
        folders = sorted({path[depth] for path in images if len(path) > depth + 1})
        roles = {folder: part for folder in folders if (part := part_of_folder(folder))}
        if "train" in roles.values() and len(set(roles.values())) > 1:
            _check_roles(roles, origin)
            by_part = {
                part: tuple(path for path in images if path[depth] == folder)
                for folder, part in roles.items()
            }
            return depth, {part: by_part[part] for part in PARTS if part in by_part}
        if not _leads_on(images, depth, folders):
            return depth, {"train": tuple(images)}
        depth += 1


def _check_roles(roles: dict[str, str], origin: str) -> None:
    twice = [part for part, count in Counter(roles.values()).items() if count > 1]
    if twice:
        names = [folder for folder, part in roles.items() if part == twice[0]]
        raise DataError(
            f"{origin} holds the folders {' and '.join(names)}",
            expected=f"one that is the {twice[0]} part",
            fix="Rename or move one of them.",
        )


def _leads_on(images: list[ImagePath], depth: int, folders: list[str]) -> bool:
    """Tell whether all images lie in one folder that is no class: a part, or one of folders."""
    if len(folders) != 1 or any(len(path) == depth + 1 for path in images):
        return False
    is_part = part_of_folder(folders[0]) is not None
    return is_part or all(len(path) > depth + 2 for path in images)


def _check_beside(
    images: list[ImagePath], depth: int, parts: dict[str, tuple[ImagePath, ...]], origin: str
) -> tuple[LeftOut, ...]:
    """Return what lies beside the folders of parts, and refuse folders that may be classes."""
    if len(parts) == 1:
        return ()
    used = {path for part in parts.values() for path in part}
    others = [path for path in images if path not in used]
    groups: dict[str, list[ImagePath]] = {}
    for path in others:
        groups.setdefault(path[depth] if len(path) > depth + 1 else "", []).append(path)
    unknown = [name for name in groups if name and name.lower() not in _BESIDE_PARTS]
    if unknown:
        names = sorted({path[depth] for path in images if len(path) > depth + 1})
        raise DataError(
            f"{origin} holds the folders {', '.join(names)}, which may be parts "
            f"({', '.join(parts)}) with {unknown[0]} beside them, or a class each",
            expected="parts and no other, or one folder per class",
            fix=f"Move {', '.join(unknown)} elsewhere if the others are parts.",
        )
    left_out: list[LeftOut] = []
    for name, group in groups.items():
        reason = "no example, by its folder" if name else "beside the folders of parts"
        left_out += LeftOut.of("file", [path_text(path) for path in group], reason)
    return tuple(left_out)


def _label(
    name: str, images: Sequence[ImagePath], depth: int, labels: str | None, origin: str
) -> _Part:
    """Name the class of each image by the folder below that of the part."""
    lengths = {len(path) - depth - 1 for path in images}
    if labels == NO_LABELS:
        return _Part(name, tuple(images), None)
    if len(lengths) > 1:
        raise _mixed_depths(images, depth, origin)
    (n_levels,) = lengths
    if n_levels == 0:
        return _Part(name, tuple(images), None)
    levels = [tuple(path[depth + level] for path in images) for level in range(n_levels)]
    telling = [level for level in levels if len(set(level)) > 1] or levels[:1]
    if len(telling) > 1:
        telling = [_chosen(telling, images[0][depth:-1], labels, origin)]
    return _Part(name, tuple(images), tuple(map(readable, telling[0])))


def _chosen(
    levels: list[tuple[str, ...]], example: ImagePath, labels: str | None, origin: str
) -> tuple[str, ...]:
    """Return the level that the settings choose; both readings are an error if they do not."""
    if len(levels) == 2 and labels in LEVELS:
        return levels[LEVELS[labels]]
    classes = [sorted(set(level)) for level in levels]
    parts = [name for name in classes[1] if part_of_folder(name)]
    if parts or len(levels) > 2:
        several = _few(classes[0])
        raise DataError(
            f"{origin} holds several folders of folders ({several})",
            expected="train and test, or one folder per class",
            fix="Give the path of one of them.",
        )
    raise DataError(
        f"{origin} holds folders in folders ({'/'.join(example)}), so that the class of an image "
        f"may be the outer folder ({_few(classes[0])}) or the inner one ({_few(classes[1])})",
        expected="to know which",
        fix="Say '--labels outer' or '--labels inner'.",
    )


def _few(names: Sequence[str]) -> str:
    more = f", ... {len(names)} in all" if len(names) > 4 else ""
    return ", ".join(map(readable, names[:4])) + more


def _mixed_depths(images: Sequence[ImagePath], depth: int, origin: str) -> DataError:
    flattest = min(images, key=len)
    deepest = max(images, key=len)
    where = "/".join((origin, *map(readable, flattest[:depth])))
    return DataError(
        f"{where} holds images ({'/'.join(flattest[depth:])}) "
        f"beside folders of images ({'/'.join(deepest[depth:-1])})",
        expected="either images or one folder of them per class",
        fix="Move the ones or the others elsewhere, or give the path of one folder.",
    )


def _with_equal_labels(parts: list[_Part]) -> tuple[list[_Part], list[LeftOut]]:
    """Keep parts whose labels are those of training; drop labels that training does not have."""
    train, *others = parts
    used, left_out = [train], list[LeftOut]()
    for part in others:
        if train.labels is not None and _lacks_labels(part, set(train.labels)):
            reason = f"images of the {part.name} part, without labels as those of train have"
            left_out += LeftOut.of("file", [path_text(path) for path in part.images], reason)
        elif train.labels is None and part.labels is not None:
            reason = f"the images of {train.name} have none"
            left_out += LeftOut.of("label", sorted(set(part.labels)), reason)
            used.append(_Part(part.name, part.images, None))
        else:
            used.append(part)
    return used, left_out


def _lacks_labels(part: _Part, classes: set[str]) -> bool:
    """Tell whether a part is flat, or in one folder that is no class, as Kaggle's test images."""
    if part.labels is None:
        return True
    return len(classes) > 1 and len(set(part.labels)) == 1 and classes.isdisjoint(part.labels)


def _joined_labels(parts: list[_Part]) -> tuple[str, ...] | None:
    if parts[0].labels is None:
        return None
    return tuple(label for part in parts for label in part.labels or ())
