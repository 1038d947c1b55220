"""How maps were drawn, in sentences."""

from collections.abc import Mapping, Sequence

from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.maps.result import MapMethod, Maps
from latentscape.core.units import count

_SETTINGS: dict[MapMethod, str] = {
    "code": "the two numbers as they are",
    "pca": "the first two principal components of these points",
    "tsne": "perplexity {perplexity:.3g}, by openTSNE",
    "umap": "{n_neighbors:g} neighbours, minimal distance {min_dist:g}, by umap-learn",
}


def describe_protocol(maps: Maps) -> Sequence[str]:
    """Say which points are on the maps, and what of them is compared; nothing without maps."""
    if not maps.methods:
        return ()
    facts = maps.protocol
    points = f"{count(facts.n_test)} test"
    if facts.n_train:
        points += f" and {count(facts.n_train)} training"
    start = "the raw pixels" if facts.start == "pixels" else "each row's own codes"
    k, of_points = facts.neighbours, ""
    if facts.n_compared < len(maps.points):
        of_points = f", over {count(facts.n_compared)} of the points"
    return (
        f"{points} examples, from all over their part; t-SNE and UMAP begin at the first two "
        f"principal components of {start}",
        f"Trustworthiness and continuity compare the {k} nearest points (Venna & Kaski 2001), and "
        f"accuracy is that of a vote of the {k} nearest points in the plane{of_points}",
        *([] if maps.guessing is None else [SENTENCE_ON_INTERVALS]),
    )


def describe_settings(method: MapMethod, settings: Mapping[str, float]) -> str:
    """Say how a method was set."""
    return _SETTINGS[method].format_map(settings)
