"""The pages of the gallery, written from what its results file holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from latentscape.config import load_recipe, recipe_names
from latentscape.core.units import count, duration, joined, number
from tools.evidence.records import Evidence, Picture, ResultRow

TITLES = {"mnist-5k": "MNIST", "fashion-mnist": "Fashion-MNIST"}

PAGES = {
    "plain": ("fully connected", "convolutional", "denoising"),
    "regularised": ("regularised",),
    "generative": ("variational", "vector-quantised"),
}
"""Page of the gallery to the families of recipes on it."""

KINDS = {
    "samples": "Samples",
    "walk": "Walk",
    "plane": "Plane",
    "map": "Map",
}
"""Kind of a picture to what stands before its caption."""


def overview(evidence: Evidence) -> str:
    """Show the same test images as every recipe reconstructs them, a column for each data set."""
    return _columns(
        [
            f"**{title}**",
            _image(_picture(_rows(evidence, data)[0], "originals"), f"{title}, test images"),
            *(line for row in _rows(evidence, data) for line in _strip(row, title)),
        ]
        for data, title in TITLES.items()
    )


def page(evidence: Evidence, name: str) -> str:
    """Show all pictures of the recipes on a page, a section for each."""
    sections = [
        section
        for family in PAGES[name]
        for recipe in _recipes(evidence)
        if load_recipe(recipe).family == family
        for section in _section(evidence, recipe)
    ]
    return "\n\n".join(sections)


def circumstances(evidence: Evidence) -> str:
    """Say what was trained, on what, and how long it took."""
    facts = [run for row in evidence.rows for run in row.runs]
    first, seeds = facts[0], sorted({run.seed for run in facts})
    machines = sorted({f"{e.processor}, {e.device}" for e in (run.environment for run in facts)})
    threads = sorted({str(run.environment.threads) for run in facts})
    longest = max(run.train_seconds for run in facts)
    return (
        f"{count(len(facts))} models: each recipe as it is by default, on "
        f"{' and on '.join(TITLES.values())}, trained once (seed {', '.join(map(str, seeds))}) on "
        f"{' with '.join(machines)} and {' or '.join(threads)} thread"
        f"{'' if threads == ['1'] else 's'}, with PyTorch {first.environment.torch}. No training "
        f"took longer than {duration(longest)}. Pictures of {evidence.date}.{missing(evidence)}"
    )


def missing(evidence: Evidence) -> str:
    """Say which recipes a results file does not have yet; nothing where it has all."""
    measured = {row.recipe for row in evidence.rows}
    names = [f"`{name}`" for name in recipe_names() if name not in measured]
    verb = "is" if len(names) == 1 else "are"
    return f" {joined(names)} {verb} not measured yet." if names else ""


def sizes(evidence: Evidence) -> str:
    """Say how many images of each data set were used, and for what."""
    return " ".join(
        f"{title}: {_sizes(_rows(evidence, data)[0])}." for data, title in TITLES.items()
    )


WRITERS: Mapping[str, Callable[[Evidence], str]] = {
    "gallery": overview,
    **{f"gallery-{name}": partial(page, name=name) for name in PAGES},
    "gallery-sizes": sizes,
    "gallery-circumstances": circumstances,
}
"""Name of a region to what writes it."""


def _sizes(row: ResultRow) -> str:
    sizes = row.runs[0].sizes
    return (
        f"{count(sizes.train)} images to train on, {count(sizes.validation)} of validation and "
        f"{count(sizes.test)} to test"
    )


def _section(evidence: Evidence, recipe: str) -> Iterator[str]:
    yield f"## {recipe}"
    yield load_recipe(recipe).about
    yield _columns(
        [f"**{title}**: {_errors(row)}", *_pictures(row, title)]
        for data, title in TITLES.items()
        for row in _rows(evidence, data)
        if row.recipe == recipe
    )


def _pictures(row: ResultRow, title: str) -> Iterator[str]:
    name = f"{row.recipe} on {title}"
    yield "*Reconstructions.* Test images above, what the model makes of them below."
    yield _image(_picture(row, "originals"), f"{title}, test images")
    yield _image(_picture(row, "row"), f"Reconstructions by {name}")
    for picture in row.pictures:
        if picture.kind in KINDS:
            yield f"*{KINDS[picture.kind]}.* {picture.about}"
            yield _image(picture, f"{KINDS[picture.kind]} of {name}")


def _strip(row: ResultRow, title: str) -> Iterator[str]:
    """Name a recipe, with its error and a link to its section, and show its reconstructions."""
    family = load_recipe(row.recipe).family
    place = next(name for name, families in PAGES.items() if family in families)
    yield f"[`{row.recipe}`]({place}.md#{row.recipe}) {number(row.statistic('mse').mean, 3)}"
    yield _image(_picture(row, "row"), f"Reconstructions by {row.recipe} on {title}")


def _errors(row: ResultRow) -> str:
    mse, pca, mean_image = (
        number(row.statistic(key).mean, 3) for key in ("mse", "pca_mse", "mean_image_mse")
    )
    components = count(int(row.statistic("pca_dim").mean))
    return f"MSE {mse} per pixel; PCA of {components}: {pca}; mean image: {mean_image}"


def _columns(columns: Iterator[Sequence[str]]) -> str:
    """Set columns side by side where there is room, and below each other on a phone."""
    boxes = ["\n\n".join(['<div markdown="1">', *column, "</div>"]) for column in columns]
    return "\n\n".join(['<div class="gallery" markdown="1">', *boxes, "</div>"])


def _image(picture: Picture, alt: str) -> str:
    width, height = picture.size
    return f'![{alt}]({picture.file}){{ loading=lazy width="{width}" height="{height}" }}'


def _picture(row: ResultRow, kind: str) -> Picture:
    return next(picture for picture in row.pictures if picture.kind == kind)


def _rows(evidence: Evidence, data: str) -> list[ResultRow]:
    return [row for row in evidence.rows if row.data == data and row.pictures]


def _recipes(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys(row.recipe for row in evidence.rows))
