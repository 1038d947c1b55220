"""The figures of a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from latentscape.analyses.maps.result import METHOD_NAMES, PREFERRED, Layout, MapMethod, Maps
from latentscape.core.errors import ConfigError, RunError, unknown
from latentscape.core.extras import require
from latentscape.core.records import Array
from latentscape.core.tables import Table, Value
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Evaluation
from latentscape.plotting.drawings import Axes, Curves, Drawing, ImageGrid, Line, Points
from latentscape.reporting.curves import LOG_FROM
from latentscape.reporting.grids import in_columns
from latentscape.runs import Run, RunFindings

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure
    from plotly.graph_objects import Figure as PlotlyFigure

Backend = Literal["matplotlib", "plotly"]
_BACKENDS = {"matplotlib": "Matplotlib", "plotly": "Plotly"}

_ACROSS = 8
"""Samples side by side."""


class RunPlots:
    """Figures of what a run keeps, as objects of Matplotlib or Plotly.

    No window opens, and nothing needs a display. Notebooks show the figures; ``savefig`` of
    Matplotlib and ``write_html`` of Plotly keep them.

    Parameters
    ----------
    run : Run
        The run.

    Raises
    ------
    ConfigError
        Of every method, if the backend is not installed, or there is none of that name.
    RunError
        If the run does not have what is drawn.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __repr__(self) -> str:
        return f"<Plots of {self._run.name}: curves, reconstructions, samples, traversals, map>"

    @overload
    def curves(self, *, backend: Literal["matplotlib"] = ...) -> "MatplotlibFigure": ...
    @overload
    def curves(self, *, backend: Literal["plotly"]) -> "PlotlyFigure": ...
    def curves(self, *, backend: Backend = "matplotlib") -> Any:
        """Draw losses, the validation error and the terms of the loss over epochs.

        Parameters
        ----------
        backend : str
            ``matplotlib`` or ``plotly``.

        Returns
        -------
        matplotlib.figure.Figure or plotly.graph_objects.Figure
        """
        history = self._run.history.table
        if not len(history):
            raise RunError(f"{self._run.name} has no epoch yet", fix="Train it first.")
        return _draw(Curves(self._run.name, list(_axes(history))), backend)

    @overload
    def reconstructions(
        self, *, count: int = ..., backend: Literal["matplotlib"] = ...
    ) -> "MatplotlibFigure": ...
    @overload
    def reconstructions(
        self, *, count: int = ..., backend: Literal["plotly"]
    ) -> "PlotlyFigure": ...
    def reconstructions(self, *, count: int = 10, backend: Backend = "matplotlib") -> Any:
        """Draw test images, what the model makes of them, and what PCA does.

        Parameters
        ----------
        count : int
            How many images at most; a run keeps 16.
        backend : str
            As for `curves`.

        Returns
        -------
        matplotlib.figure.Figure or plotly.graph_objects.Figure
        """
        evaluation = self._findings.require(Evaluation)
        examples = evaluation.examples
        rows = [examples.originals, examples.reconstructions, examples.pca_reconstructions]
        names = ["original", self._run.recipe.name, f"PCA, {evaluation.pca.dim}"]
        labels = [self._run.data.label_name(int(label)) for label in examples.labels[:count]]
        cells = np.stack([self._images(row)[:count] for row in rows])
        title = f"{self._run.name}: test images"
        return _draw(ImageGrid(title, cells, names, labels if any(labels) else ()), backend)

    @overload
    def samples(
        self, *, count: int = ..., backend: Literal["matplotlib"] = ...
    ) -> "MatplotlibFigure": ...
    @overload
    def samples(self, *, count: int = ..., backend: Literal["plotly"]) -> "PlotlyFigure": ...
    def samples(self, *, count: int = 32, backend: Backend = "matplotlib") -> Any:
        """Draw images decoded from codes that were drawn; `latentscape.sample` draws others.

        Parameters
        ----------
        count : int
            How many at most; a run keeps 64.
        backend : str
            As for `curves`.

        Returns
        -------
        matplotlib.figure.Figure or plotly.graph_objects.Figure
        """
        samples = self._findings.require(Pictures).samples
        if samples is None:
            raise self._lacks("samples", "Draw some: latentscape.sample(run).")
        cells = in_columns(self._images(samples.images)[np.newaxis, :count], _ACROSS)
        return _draw(ImageGrid(f"{self._run.name}: samples", cells), backend)

    @overload
    def traversals(self, *, backend: Literal["matplotlib"] = ...) -> "MatplotlibFigure": ...
    @overload
    def traversals(self, *, backend: Literal["plotly"]) -> "PlotlyFigure": ...
    def traversals(self, *, backend: Backend = "matplotlib") -> Any:
        """Draw what single numbers of a code do to a test image, the most telling ones first.

        Parameters
        ----------
        backend : str
            As for `curves`.

        Returns
        -------
        matplotlib.figure.Figure or plotly.graph_objects.Figure
        """
        walks = self._findings.require(Pictures).traversals
        if walks is None:
            raise self._lacks("traversals", "A code that is made of whole vectors has none.")
        names = [f"dimension {dim}" for dim in walks.dims]
        cells, values = self._images(walks.images), list[str]()
        if len(set(walks.spans)) == 1:
            values = [f"{value:g}" for value in np.linspace(*walks.spans[0], cells.shape[1])]
        return _draw(ImageGrid(f"{self._run.name}: traversals", cells, names, values), backend)

    @overload
    def map(
        self, *, method: MapMethod | None = ..., backend: Literal["matplotlib"] = ...
    ) -> "MatplotlibFigure": ...
    @overload
    def map(
        self, *, method: MapMethod | None = ..., backend: Literal["plotly"]
    ) -> "PlotlyFigure": ...
    def map(self, *, method: MapMethod | None = None, backend: Backend = "matplotlib") -> Any:
        """Draw test images as points in the plane, coloured by label.

        Parameters
        ----------
        method : str, optional
            ``code``, the two numbers of a code as they are; or ``tsne``, ``umap`` or ``pca``, once
            `latentscape.project` has drawn them. By default the first of these that there is.
        backend : str
            As for `curves`.

        Returns
        -------
        matplotlib.figure.Figure or plotly.graph_objects.Figure
        """
        places, labels, method = self._layout(method)
        names = [self._run.data.label_name(int(label)) for label in labels]
        groups = {
            self._run.data.label_name(int(label)): np.flatnonzero(labels == label)
            for label in np.unique(labels[labels >= 0])
        }
        axes = (
            ("first number of the code", "second number of the code")
            if method == "code"
            else ("", "")
        )
        title = f"{self._run.name}: {METHOD_NAMES[method]}"
        return _draw(Points(title, places, names, groups, *axes), backend)

    def _layout(self, method: MapMethod | None) -> tuple[Array, Array, MapMethod]:
        """Return places (n, 2) and labels (n,) of points, and what has laid them out."""
        if method not in (None, *PREFERRED):
            raise unknown("method", str(method), PREFERRED, ConfigError)
        findings = self._findings
        maps, codes = findings.get(Maps), findings.require(Evaluation).test_codes
        if codes.codes.shape[1] == 2 and method in (None, "code"):
            return codes.codes, codes.labels, "code"
        layouts = {} if maps is None else _of_model(maps)
        chosen = method or next((name for name in PREFERRED if name in layouts), None)
        if maps is None or chosen not in layouts:
            what = f"map by {METHOD_NAMES[chosen]}" if chosen else "map of its code"
            raise self._lacks(what, "Draw it: latentscape.project(run).")
        return layouts[chosen].places, maps.labels, chosen

    @property
    def _findings(self) -> RunFindings:
        return RunFindings(self._run)

    def _images(self, images: Array) -> Array:
        """Return images (..., C, H, W).

        Raises
        ------
        RunError
            If examples are plain vectors.
        """
        if not self._run.data.takes_images:
            raise self._lacks("images", "Its examples are plain vectors, which cannot be drawn.")
        return images

    def _lacks(self, what: str, fix: str) -> RunError:
        return RunError(f"{self._run.name} has no {what}", fix=fix)


def _draw(drawing: Drawing, backend: Backend) -> Any:
    """Let one of the packages draw, which is imported now."""
    if backend not in _BACKENDS:
        raise unknown("backend", backend, _BACKENDS, ConfigError)
    require(backend, "plot", f"A figure of {_BACKENDS[backend]}")
    return import_module(f"latentscape.plotting.{backend}_figures").draw(drawing)


def _of_model(maps: Maps) -> dict[MapMethod, Layout]:
    """Return the maps of the model's own code, by method."""
    return {
        of_method.method: layout
        for of_method in maps.methods
        for layout in of_method.layouts
        if layout.kind == "model"
    }


def _axes(history: Table) -> Iterator[Axes]:
    """Yield the axes of learning curves: the loss, the error, and terms where there are several."""
    losses = _lines(history, {"train_loss": "training", "validation_loss": "validation"})
    first = replace(losses[0], dashed=len(losses) > 1)
    yield _over_epochs("Loss", "nats per example", [first, *losses[1:]])
    if errors := _lines(history, {"validation_mse": "validation"}):
        yield _over_epochs("Validation error", "MSE per pixel", errors)
    part = "validation_" if len(losses) > 1 else "train_"
    columns = [c.name for c in history.columns if c.name.startswith(part)]
    names = {name: name.removeprefix(part).replace("_", " ") for name in columns}
    terms = {name: title for name, title in names.items() if title not in ("loss", "mse")}
    if len(terms) > 1:
        lines = _lines(history, terms)
        coloured = [replace(line, colour=place % 8) for place, line in enumerate(lines)]
        yield _over_epochs("Terms of the loss", "nats per example", coloured)


def _lines(history: Table, titles: Mapping[str, str]) -> list[Line]:
    """Return a line for each column that the history has."""
    known = {column.name: column.values for column in history.columns}
    return [_line(title, known, name) for name, title in titles.items() if name in known]


def _line(title: str, columns: Mapping[str, Sequence[Value]], name: str) -> Line:
    pairs = [
        (float(epoch), float(value))
        for epoch, value in zip(columns["epoch"], columns[name], strict=True)
        if epoch is not None and value is not None
    ]
    return Line(title, [epoch for epoch, _ in pairs], [value for _, value in pairs])


def _over_epochs(title: str, unit: str, lines: Sequence[Line]) -> Axes:
    """Put lines over epochs, on a logarithmic scale where they span much."""
    low, high = (end(value for line in lines for value in line.y) for end in (min, max))
    return Axes(title, "epoch", unit, lines, log=0 < LOG_FROM * low < high)
