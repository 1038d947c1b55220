"""What a notebook shows of a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

from latentscape.config import Recipe
from latentscape.core.cards import card, with_link
from latentscape.core.errors import LatentscapeError
from latentscape.core.findings import Json
from latentscape.core.units import count, duration, number
from latentscape.runs.facts import DataFacts, History

Rows = Iterator[tuple[str, str]]


def run_card(path: Path, read_rows: Callable[[], Rows]) -> str:
    """Return a small table of a run as HTML, or why there is none."""
    try:
        rows = [*read_rows(), ("directory", str(path))]
    except LatentscapeError as error:
        rows = [("damaged", str(error))]
    return with_link(card(path.name, rows), path / "report.html", "Report")


def settings_rows(recipe: Recipe, data: DataFacts, history: History, finished: bool) -> Rows:
    """Say which recipe was trained, on which data, and how long."""
    sizes, done = data.sizes, len(history.epochs)
    yield "recipe", f"{recipe.name}: {recipe.about}" if recipe.about else recipe.name
    yield "data", f"{data.name}, {count(sizes.train)} to train and {count(sizes.test)} to test"
    took = f" in {duration(history.train_seconds)}" if done else ""
    state = "" if finished else ", not finished"
    yield "epochs", f"{count(done)} of {count(recipe.train.epochs)}{took}{state}"


def error_rows(contents: dict[str, Json]) -> Rows:
    """Put the error of a model beside that of PCA, where that was measured."""
    evaluation = contents.get("evaluation")
    if evaluation is not None:
        error, linear = (part["metrics"]["mse"] for part in (evaluation, evaluation["pca"]))
        components = count(evaluation["pca"]["dim"])
        yield "MSE per pixel", f"{number(error)}; PCA with {components} components {number(linear)}"
