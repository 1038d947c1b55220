"""The parts of an exploration. Each looks at a bench of codes, or at a run."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal

from latentscape.analyses.anomalies.method import anomaly_findings, score_table
from latentscape.analyses.clusters import clusterers
from latentscape.analyses.clusters import method as clustering
from latentscape.analyses.legibility.method import SHOWN, judge_legibility
from latentscape.analyses.maps import method as projection
from latentscape.analyses.maps.projections import INSTALL
from latentscape.analyses.neighbours import method as neighbours
from latentscape.analyses.probes import method as probing
from latentscape.api.experiment import describe_labels, keep_findings, run_findings
from latentscape.api.exploration.bench import Bench, as_array, as_dataset, gather_codes
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.files import write_csv
from latentscape.core.records import Array, Codes, Dataset, Findings
from latentscape.inference.codec import reconstruct_with
from latentscape.model import Network
from latentscape.runs import Run

Watch = Callable[[Sequence[Any]], Iterable[Any]]
"""Is given the parts of a work, and hands them out while it shows progress."""


def cluster(
    bench: str | Path | Run | Bench,
    *,
    methods: Sequence[str] = clustering.METHODS,
    k: int | Literal["auto"] | None = None,
    fit: Literal["train", "all"] = "train",
    seed: int = 0,
) -> Findings:
    """Cluster codes, and score the clusters against labels that they were found without.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        A finished run, whose findings what is found is kept with; or codes of `gather_codes`.
    methods : sequence of str
        Of ``kmeans``, ``gmm``, ``agglomerative`` and ``umap``.
    k : int or str, optional
        How many clusters; by default as many as there are labels; ``auto`` chooses without labels.
    fit : str
        ``train``: fitted on training examples and scored on test examples; ``all``: both on all.
    seed : int
        Draws restarts.

    Returns
    -------
    Findings
        ``values``: ``protocol`` and ``rows``, one for each kind of code: the run's, raw pixels, PCA
        with as many dimensions, and those made elsewhere; see
        `latentscape.analyses.clusters.method.find_clusters`.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """
    bench = _opened(bench)
    settings = {"methods": list(methods), "k": k, "fit": fit, "seed": seed}
    found = bench.each(
        ("clustering", str(settings)),
        lambda codes: clustering.find_clusters(codes, methods=methods, k=k, fit=fit, seed=seed),
    )
    return _keep(bench, "clustering", settings, list(found), clusterers.PROTOCOL)


def probe(
    bench: str | Path | Run | Bench,
    *,
    probes: Sequence[str] = probing.PROBES,
    counts: Sequence[int] = probing.COUNTS,
    draws: int = 5,
    seed: int = 0,
) -> Findings:
    """Train small classifiers on frozen codes, to see how much these say of the labels.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        As for `cluster`.
    probes : sequence of str
        Of ``knn``, ``logistic`` and ``mlp``.
    counts : sequence of int
        Numbers of labels to train on, beside all of them.
    draws : int
        How often so few labels are drawn.
    seed : int
        Draws labels and initial weights.

    Returns
    -------
    Findings
        ``values``: ``protocol`` and ``rows``; see `latentscape.analyses.probes.method.probe_codes`.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`.
    """
    bench = _opened(bench)
    settings = {"probes": list(probes), "counts": list(counts), "draws": draws, "seed": seed}

    def measure(codes: Codes) -> Findings:
        return Findings(
            probing.probe_codes(codes, probes=probes, counts=counts, draws=draws, seed=seed)
        )

    found = bench.each(("probing", str(settings)), measure)
    return _keep(bench, "probing", settings, list(found))


def project(
    bench: str | Path | Run | Bench,
    *,
    methods: Sequence[str] = projection.METHODS,
    points: int = projection.POINTS,
    seed: int = 0,
    watch: Watch = iter,
) -> Findings:
    """Draw maps of codes: the same test images side by side, from the same start.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        As for `cluster`.
    methods : sequence of str
        Of ``pca``, ``tsne`` and ``umap``.
    points : int
        Test images on the map.
    seed : int
        Draws what the methods draw.
    watch : callable
        Is given the maps that are drawn, and hands them out: for a progress bar.

    Returns
    -------
    Findings
        ``values``: ``protocol``, ``rows`` and ``maps``; ``arrays``: ``map_<method>_<row>`` (n, 2);
        see `latentscape.analyses.maps.method.project_codes`.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`.
    """
    bench = _opened(bench)
    settings = {"methods": list(methods), "points": points, "seed": seed}
    found = projection.project_codes(
        bench.rows, methods=methods, points=points, seed=seed, watch=watch, once=bench.ground.once
    )
    return _kept(bench, "projection", {**found.values, "settings": settings}, found.arrays)


def legibility(
    bench: str | Path | Run | Bench, *, reconstructions: str | Path | Array | None = None
) -> Findings:
    """Say how many reconstructions of test images can still be read.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        As for `cluster`.
    reconstructions : str, Path or ndarray, optional
        A .npy file or an array (n, *shape) of test images reconstructed elsewhere, in their order
        and on the scale 0 to 1; by default the run's own model reconstructs them.

    Returns
    -------
    Findings
        See `latentscape.analyses.legibility.method.judge_legibility`.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`; and if there is neither a model nor a reconstruction.
    """
    bench = _opened(bench)
    if reconstructions is not None:
        return judge_legibility(_as_images(as_array(reconstructions), bench), bench.split)
    model = _model(bench, "reconstructions")
    assert bench.run is not None
    arrays = run_findings(bench.run).arrays
    found = judge_legibility(
        reconstruct_with(model),
        bench.split,
        pca=bench.ground.linear(model.latent.numbers),
        snapshots=arrays.get("snapshots"),
        epochs=list(arrays.get("snapshot_epochs", ())),
    )
    return _kept(bench, "legibility", {**found.values, "settings": {}}, found.arrays)


def neighbour_images(bench: str | Path | Run | Bench) -> Findings:
    """Find the training images nearest to test images, in the latent space and in pixels.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        A finished run, or a bench with one.

    Returns
    -------
    Findings
        See `latentscape.analyses.neighbours.method.neighbour_findings`.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`; and if there is no model.
    """
    bench = _opened(bench)
    _model(bench, "neighbours")
    found = neighbours.neighbour_findings(
        bench.rows[0], bench.ground.pixels(), bench.split.examples(SHOWN)
    )
    return _kept(bench, "neighbours", {**found.values, "settings": {}}, found.arrays)


def anomalies(
    bench: str | Path | Run | Bench,
    *,
    normal: Sequence[str] | None = None,
    data: str | Path | Dataset | None = None,
) -> Findings:
    """Score how unlike the training images other images are.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        A finished run, or a bench with one.
    normal : sequence of str, optional
        Labels of normal images; all others are anomalous. By default those that the run was
        trained on, if it was not trained on all of them.
    data : str, Path or Dataset, optional
        What to score, by default the test images of the run. Scores of other data are returned,
        and not kept with the run.

    Returns
    -------
    Findings
        See `latentscape.analyses.anomalies.method.anomaly_findings`.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`; and if there is no model, no such label, or the images have another shape.
    """
    bench = _opened(bench)
    model = _model(bench, "anomalies")
    assert bench.run is not None
    settings = {"normal": None if normal is None else list(normal)}
    data = None if data is None else as_dataset(data)
    own = bench.run.recipe.data.train_labels
    same = data is None or data.label_names == bench.split.dataset.label_names
    chosen = normal or (own if same else None)
    found = anomaly_findings(model, bench.split, chosen, data)
    if data is not None:
        return found
    return _kept(bench, "anomalies", {**found.values, "settings": settings}, found.arrays)


def write_anomalies(findings: Findings, path: str | Path) -> None:
    """Write the scores of `anomalies`, a row for each image, into a CSV file."""
    columns, rows = score_table(findings)
    write_csv(Path(path), columns, rows)


def explore(
    bench: str | Path | Run | Bench, *, parts: Sequence[str] = (), watch: Watch = iter
) -> Findings:
    """Look at a run, or at codes, in every way that there is.

    Parameters
    ----------
    bench : str, Path, Run or Bench
        As for `cluster`.
    parts : sequence of str
        Of ``clustering``, ``probing``, ``projection``, ``legibility``, ``neighbours`` and
        ``anomalies``; by default all that apply. Each is kept as soon as it is done.
    watch : callable
        Is given the parts, and hands them out: for a progress bar.

    Returns
    -------
    Findings
        ``values``: the findings of each part under its name.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `cluster`.
    """
    chosen, bench = check_parts(parts), _opened(bench)
    applicable = [part for part in chosen if bench.model is not None or part in OF_CODES]
    found = {part: PARTS[part](bench) for part in watch(applicable)}
    arrays = {n: array for findings in found.values() for n, array in findings.arrays.items()}
    return Findings({part: findings.values for part, findings in found.items()}, arrays)


PARTS: dict[str, Callable[..., Findings]] = {
    "clustering": cluster,
    "probing": probe,
    "projection": project,
    "legibility": legibility,
    "neighbours": neighbour_images,
    "anomalies": anomalies,
}
"""The functions that make the parts of the findings, by the names of these."""

OF_CODES = ("clustering", "probing", "projection")
"""The parts that need codes alone, and no model."""


def check_parts(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts, or all that there are where none is named; refuse an unknown one."""
    for part in parts:
        if part not in PARTS:
            raise unknown("part of an exploration", part, PARTS, ConfigError)
    return tuple(parts) or tuple(PARTS)


def is_customary(part: str, values: Mapping[str, Any]) -> bool:
    """Whether findings hold a part, and it was made with the settings of `explore`."""
    if part not in values or values[part].get("settings") != _customary(part):
        return False
    # What was left out for want of a package may be possible by now.
    return INSTALL not in json.dumps(values[part])


def _customary(part: str) -> dict[str, Any]:
    """Return the settings of a part unless others are asked for."""
    parameters = signature(PARTS[part]).parameters.values()
    given = {p.name: p.default for p in parameters if p.kind is Parameter.KEYWORD_ONLY}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name not in ("watch", "data", "reconstructions")
    }


def _opened(bench: str | Path | Run | Bench) -> Bench:
    return bench if isinstance(bench, Bench) else gather_codes(bench)


def _as_images(given: Array, bench: Bench) -> Array:
    """Give flat or grey reconstructions the axes of the images; others stay as they are."""
    shape = bench.split.dataset.shape
    grey = len(shape) == 3 and shape[0] == 1 and given.shape[1:] == shape[1:]
    flat = given.ndim == 2 and given.shape[1] == math.prod(shape)
    return given.reshape(-1, *shape) if grey or flat else given


def _model(bench: Bench, what: str) -> Network:
    if bench.model is None:
        raise ConfigError(f"Codes alone have no {what}", expected="a run")
    return bench.model


def _keep(
    bench: Bench, part: str, settings: Mapping[str, Any], found: Sequence[Findings], how: str = ""
) -> Findings:
    """Put what was found of each kind of code into one part of the findings."""
    rows = [findings.values for findings in found]
    protocols = dict.fromkeys(row["protocol"] for row in rows if row["protocol"])
    values = {"protocol": " ".join([*protocols, how]).strip(), "rows": rows, "settings": settings}
    return _kept(bench, part, values, found[0].arrays)


def _kept(
    bench: Bench, part: str, values: Mapping[str, Any], arrays: Mapping[str, Array]
) -> Findings:
    """Keep a part with the findings of the run, where there is one, and return it alone."""
    values = dict(values)
    if bench.run is not None:
        told = (values["protocol"], *_warnings(bench.run))
        values["protocol"] = " ".join(f"{sentence.rstrip('.')}." for sentence in told if sentence)
        keep_findings(bench.run, {part: values}, arrays)
    return Findings(values, dict(arrays))


def _warnings(run: Run) -> Iterator[str]:
    """Say what must be known beside every number of a run."""
    labels = describe_labels(run.recipe)
    if labels.startswith("Supervised"):
        yield labels
    if run.recipe.data.binarize == "dynamic":
        yield (
            "Pixels of training images are grey here and those of test images drawn black or "
            "white, as in the training of this run: baselines suffer from that"
        )
