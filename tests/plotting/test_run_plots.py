"""Figures of Matplotlib and Plotly: what they show, and what they need."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from latentscape.analyses.maps.result import (
    Fidelity,
    Layout,
    MapProtocol,
    Maps,
    MethodMaps,
)
from latentscape.core.errors import ConfigError, RunError
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.grids import compose
from synthetic import LABELS, N_TEST, add, make_run

NAMES = ("curves", "reconstructions", "samples", "traversals", "map")
BACKENDS = ("matplotlib", "plotly")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A variational run whose code has been projected by PCA."""
    places = np.random.default_rng(0).normal(size=(N_TEST, 2)).astype(np.float32)
    layouts = tuple(
        Layout(
            code=name,
            kind=kind,
            places=places + shift,
            fidelity=Fidelity(trustworthiness=0.9, continuity=0.9),
            seconds=0.1,
        )
        for name, kind, shift in (("vae", "model", 0), ("raw pixels", "pixels", 9))
    )
    maps = Maps(
        protocol=MapProtocol(n_test=N_TEST, n_train=0, start="codes", neighbours=5, n_compared=9),
        points=np.arange(N_TEST),
        labels=np.arange(N_TEST) % 3,
        methods=(MethodMaps(method="pca", layouts=layouts),),
    )
    return add(make_run(tmp_path_factory.mktemp("plots"), "vae", "vae"), maps).run


def lines_of(figure) -> dict[str, tuple]:
    """Lines of either kind of figure by their names."""
    if hasattr(figure, "data"):
        return {trace.name.rpartition(": ")[2]: tuple(trace.y) for trace in figure.data}
    return {line.get_label(): tuple(line.get_ydata()) for a in figure.axes for line in a.lines}


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_needs_no_display_and_leaves_nothing_behind(run, name, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    figure = getattr(run.plot, name)()
    assert figure.canvas.manager is None  # As only figures outside of pyplot have it.
    width, height = Image.open(io.BytesIO(figure._repr_png_())).size
    assert (width, height) == tuple(map(int, figure.get_size_inches() * figure.dpi))
    assert run.name in figure.get_suptitle()


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_of_plotly(run, name):
    figure = getattr(run.plot, name)(backend="plotly")
    assert run.name in figure.layout.title.text
    assert figure.to_json()


@pytest.mark.parametrize("backend", BACKENDS)
def test_curves_hold_the_history(run, backend):
    figure = run.plot.curves(backend=backend)
    lines, history = lines_of(figure), run.history.table
    assert lines["training"] == history["train_loss"]
    assert lines["total correlation"] == history["validation_total_correlation"]
    assert history["validation_mse"] in lines.values()
    if backend == "matplotlib":
        assert [axes.get_title(loc="left") for axes in figure.axes] == [
            "Loss",
            "Validation error",
            "Terms of the loss",
        ]
        # Terms below zero have no logarithm.
        assert [axes.get_yscale() for axes in figure.axes] == ["linear", "linear", "linear"]


def test_curves_that_span_much_are_logarithmic(tmp_path):
    figure = make_run(tmp_path, epochs=12, validated=False).run.plot.curves()
    assert [axes.get_yscale() for axes in figure.axes] == ["log"]
    assert lines_of(figure).keys() == {"training"}


def test_a_run_that_trains_has_curves_and_nothing_else(tmp_path):
    run = make_run(tmp_path).run
    run.model_file.unlink()
    assert lines_of(run.plot.curves())["training"] == run.history.table["train_loss"]
    with pytest.raises(RunError, match="not finished"):
        run.plot.reconstructions()
    empty = make_run(tmp_path, "none", epochs=0).run
    with pytest.raises(RunError, match="has no epoch yet"):
        empty.plot.curves()


def test_reconstructions_stand_below_images_and_their_labels(run, tmp_path):
    examples = add(make_run(tmp_path, "vae", "vae")).require(Evaluation).examples
    figure = run.plot.reconstructions(count=5)
    (axes,) = figure.axes
    rows = np.stack([examples.originals, examples.reconstructions, examples.pca_reconstructions])
    assert np.array_equal(axes.images[0].get_array(), compose(rows[:, :5], 2))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["original", "vae", "PCA, 6"]
    assert [text.get_text() for text in axes.get_xticklabels()] == [*LABELS, *LABELS][:5]
    interactive = run.plot.reconstructions(count=5, backend="plotly")
    assert list(interactive.layout.xaxis.ticktext) == [*LABELS, *LABELS][:5]


def test_traversals_name_dimensions_and_values(run):
    (axes,) = run.plot.traversals().axes
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == [
        "dimension 2",
        "dimension 0",
    ]
    assert axes.get_xticklabels()[0].get_text() == "-3"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_map_has_a_colour_for_each_label(run, backend):
    figure = run.plot.map(backend=backend)
    if backend == "plotly":
        groups = {trace.name: len(trace.x) for trace in figure.data}
        assert set(figure.data[0].text) == {"ring"}
    else:
        drawn = {dots.get_label(): len(dots.get_offsets()) for dots in figure.axes[0].collections}
        groups = {name: n for name, n in drawn.items() if not name.startswith("_")}
    assert groups == dict.fromkeys(LABELS, N_TEST // 3)


def test_a_code_of_two_numbers_is_its_own_map(tmp_path):
    findings = make_run(tmp_path)
    (axes,) = findings.run.plot.map().axes
    codes = findings.require(Evaluation).test_codes.codes
    drawn = np.concatenate([dots.get_offsets() for dots in axes.collections])
    assert np.allclose(np.sort(drawn[:, 0]), np.sort(codes[:, 0]))
    assert axes.get_xlabel() == "first number of the code"
    unlabelled = make_run(tmp_path, "bare", labelled=False).run.plot.map(backend="plotly")
    assert len(unlabelled.data) == 1


def test_what_a_run_does_not_have_is_said(run, tmp_path):
    with pytest.raises(RunError, match=r"map by t-SNE.*latentscape\.project"):
        run.plot.map(method="tsne")
    with pytest.raises(RunError, match=r"no map of its code.*latentscape\.project"):
        make_run(tmp_path, "other", "vae").run.plot.map()
    with pytest.raises(ConfigError, match="isomap"):
        run.plot.map(method="isomap")
    with pytest.raises(RunError, match="no traversals"):
        make_run(tmp_path, "vq", "vq").run.plot.traversals()
    with pytest.raises(RunError, match="plain vectors"):
        make_run(tmp_path, "flat", shape=(9,)).run.plot.reconstructions()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_that_is_missing(run, backend, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == backend]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, backend, None)
    with pytest.raises(ConfigError, match=r"pip install 'latentscape\[plot\]'"):
        run.plot.curves(backend=backend)


def test_a_backend_that_does_not_exist(run):
    with pytest.raises(ConfigError, match="bokeh"):
        run.plot.curves(backend="bokeh")


def test_plots_say_what_there_is(run):
    assert repr(run.plot) == (
        f"<Plots of {run.name}: curves, reconstructions, samples, traversals, map>"
    )
