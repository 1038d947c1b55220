"""Maps that are kept, and new points on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentscape.analyses.maps.files import load_map, save_map
from latentscape.analyses.maps.method import map_of
from latentscape.analyses.maps.projections import Map
from latentscape.analyses.maps.projections import place as place_on
from latentscape.api.experiment import run_findings
from latentscape.api.exploration.bench import Bench, as_array, as_dataset, gather_codes
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.records import Array, Dataset, Findings
from latentscape.inference.batches import as_trained_on
from latentscape.inference.codec import encode
from latentscape.runs import Run


def place(
    where: str | Path | Run | Bench,
    *,
    data: str | Path | Dataset | None = None,
    codes: str | Path | Array | None = None,
    method: str = "tsne",
) -> Array:
    """Place new points on a map that was drawn before.

    Parameters
    ----------
    where : str, Path, Run or Bench
        A run that `project` has drawn maps of; or a map file, which `keep_map` has written.
    data : str, Path or Dataset, optional
        New images, for the map of a run, whose model encodes them.
    codes : str, Path or ndarray, optional
        New codes (m, D) instead, of the encoder that the map was drawn of.
    method : str
        Which map of a run: ``tsne``, ``umap``, ``pca`` or ``code``.

    Returns
    -------
    ndarray of float32
        (m, 2).

    Raises
    ------
    ConfigError
        If there is no such map, or neither images nor codes.
    DataError
        If images or codes do not fit.
    RunError
        If the run is not finished, or the file is damaged.
    """
    if (data is None) == (codes is None):
        raise ConfigError("What shall be placed on the map?", expected="images or codes")
    if isinstance(where, str | Path) and Path(where).suffix == ".npz":
        if codes is None:
            raise ConfigError(
                "A map file holds no model that could encode images", fix="Give codes instead."
            )
        return place_on(load_map(where), as_array(codes))
    bench = where if isinstance(where, Bench) else gather_codes(where)
    if bench.run is None:
        raise ConfigError("Codes alone have no map that was kept", expected="a run or a map file")
    if data is not None:
        new = _encoded(bench, data)
    else:
        assert codes is not None
        new = as_array(codes)
    return place_on(_run_map(bench, method), new)


def check_map_file(methods: Sequence[str], path: str | Path) -> None:
    """Refuse to keep maps in a file before they are drawn, if they cannot be.

    Raises
    ------
    ConfigError
        If there is more than one map, or the name does not end in ``.npz``.
    """
    if len(methods) != 1:
        raise ConfigError(
            f"{len(methods)} maps do not go into one file", fix="Choose one, as in: --method tsne."
        )
    if Path(path).suffix != ".npz":
        raise ConfigError(f"A map cannot be saved as {path}", expected="a name ending in .npz")


def keep_map(bench: Bench, found: Findings, path: str | Path) -> None:
    """Write a map that `project` has drawn into a file, so that new points can be placed on it.

    Parameters
    ----------
    bench : Bench
        What it was drawn of. The map is that of the model, or of the first codes made elsewhere.
    found : Findings
        What `project` returned, with one map alone.
    path : str or Path
        Ends in ``.npz``.

    Raises
    ------
    ConfigError
        If there is more than one map, or the name does not end so.
    RunError
        If the file cannot be written.
    """
    methods = [drawn["method"] for drawn in found.values["maps"] if drawn["method"] != "code"]
    check_map_file(methods, path)
    kinds = [row.kind for row in bench.rows]
    number = next(
        n for kind in ("model", "other", "pixels") for n, k in enumerate(kinds) if k == kind
    )
    save_map(path, map_of(found, bench.rows[number], methods[0], number))


def _run_map(bench: Bench, method: str) -> Map:
    assert bench.run is not None
    findings = run_findings(bench.run)
    if "projection" not in findings.values:
        raise RunError(
            f"No map of {bench.run.name} has been drawn yet",
            fix=f"Run: latentscape project {bench.run.path}",
        )
    kept = Findings(findings.values["projection"], findings.arrays)
    return map_of(kept, bench.rows[0], method)


def _encoded(bench: Bench, data: str | Path | Dataset) -> Array:
    """Encode images with the model of the run."""
    assert bench.model is not None
    given = as_dataset(data)
    images, labels = as_trained_on(bench.split.dataset, given, np.arange(len(given)))
    return encode(bench.model, replace(given, images=images, labels=labels), np.arange(len(given)))
