"""The epochs of a run: where the codes of fixed examples were while it was trained."""

import numpy as np

from latentscape.analyses.maps.projections import in_one_plane
from latentscape.core.records import Array
from latentscape.explorer.explored import Explored, Piece


def snapshots(explored: Explored) -> Piece:
    """Lay out the codes that a run kept of some epochs, all in one plane.

    Codes of two numbers are places. Others are projected onto the principal plane of the finished
    model's codes of the same examples. Nothing is shown of examples that are not among the points.
    """
    kept, points = explored.opened.findings.snapshots, explored.points
    is_own = explored.split is not None and explored.split.dataset is points.dataset
    if kept is None or kept.codes is None or kept.examples is None or not is_own:
        return Piece()
    places = np.full(len(points.dataset), -1)
    places[points.index] = np.arange(len(points))
    among = places[kept.examples]
    codes, among = kept.codes[:, among >= 0], among[among >= 0]
    if not len(among):
        return Piece()
    maps = in_one_plane(codes, explored.point_codes[among])
    arrays: dict[str, Array] = {
        f"epoch/{epoch}/map": one.astype(np.float32)
        for epoch, one in zip(kept.epochs, maps, strict=True)
    }
    arrays["snapshot_points"] = among.astype(np.int32)
    return Piece({"snapshots": kept.epochs}, arrays)
