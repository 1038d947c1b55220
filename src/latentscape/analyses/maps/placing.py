"""Maps in files, and new points on maps that were drawn before."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentscape.analyses.comparison import Comparison, as_array, compare_codes
from latentscape.analyses.maps.files import check_name, load_map, save_map
from latentscape.analyses.maps.method import map_of
from latentscape.analyses.maps.projections import Map
from latentscape.analyses.maps.projections import place as place_on
from latentscape.analyses.maps.result import Maps
from latentscape.config import Changes
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.records import Array
from latentscape.inference.codec import encode
from latentscape.runs import OpenRun, Run


def place(
    source: str | Path | Run | OpenRun | Comparison,
    *,
    data: object = None,
    codes: str | Path | Array | None = None,
    method: str = "tsne",
    changes: Changes | None = None,
    dataset: object = None,
) -> Array:
    """Place new points on a map that was drawn before.

    Parameters
    ----------
    source : str, Path, Run, OpenRun or Comparison
        A run that has maps; or a map file, which `write_map` has written.
    data : str, Path or data in memory, optional
        New images, for the map of a run, whose model encodes them.
    codes : str, Path or ndarray, optional
        New codes (m, D) instead, of the encoder that the map was drawn of.
    method : str
        Which map of a run: ``tsne``, ``umap``, ``pca`` or ``code``.
    changes : mapping, optional
        How new images are read: ``labels``, ``shape``, ``range``, ``resize``, ``grey``; by default
        the last two are those of the training data.
    dataset : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.

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
    if isinstance(source, str | Path) and Path(source).suffix == ".npz":
        if codes is None:
            raise ConfigError(
                "A map file holds no model that could encode images", fix="Give codes instead."
            )
        return place_on(load_map(source), as_array(codes))
    comparison = source if isinstance(source, Comparison) else compare_codes(source, data=dataset)
    reference = _map_of_run(comparison, method)
    if data is not None:
        return place_on(reference, _encoded(comparison, data, changes))
    assert codes is not None
    return place_on(reference, as_array(codes))


def check_map_file(methods: Sequence[str], path: Path) -> None:
    """Refuse to write maps to a file before they are drawn, if they cannot be.

    Raises
    ------
    ConfigError
        If there is more than one map, or the name does not end in ``.npz``.
    """
    if len(methods) != 1:
        raise ConfigError(
            f"{len(methods)} maps do not go into one file", fix="Choose one, as in: --method tsne."
        )
    check_name(path)


def write_map(maps: Maps, comparison: Comparison, path: str | Path) -> None:
    """Write a map to a file, so that new points can be placed on it.

    Parameters
    ----------
    maps : Maps
        Of one method alone.
    comparison : Comparison
        What it was drawn of. The map is that of the model, or of the first codes made elsewhere.
    path : str or Path
        Ends in ``.npz``.

    Raises
    ------
    ConfigError
        If more than one method was asked for, there is no map, or the name does not end so.
    RunError
        If the file cannot be written.
    """
    methods, rows = maps.settings.methods, comparison.rows
    check_map_file(methods, Path(path))
    kinds = ("model", "other", "pixels")
    codes = next(row for kind in kinds for row in rows if row.kind == kind)
    save_map(path, map_of(maps, codes, methods[0]))


def _map_of_run(comparison: Comparison, method: str) -> Map:
    if comparison.opened is None:
        raise ConfigError("Codes alone have no map that was kept", expected="a run or a map file")
    run = comparison.opened.run
    # They may have been drawn after the run was opened.
    maps = comparison.opened.refresh().get(Maps)
    if maps is None:
        raise RunError(
            f"No map of {run.name} has been drawn yet", fix=f"Run: latentscape project {run.path}"
        )
    return map_of(maps, comparison.rows[0], method)


def _encoded(comparison: Comparison, data: object, changes: Changes | None) -> Array:
    """Encode images with the model of the run."""
    dataset = comparison.read(data, changes)
    return encode(comparison.model, dataset, np.arange(len(dataset)))
