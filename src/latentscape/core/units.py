"""The names, units and digits of every number that a person reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """How a metric is called and which way it is better."""

    name: str
    unit: str
    higher_is_better: bool = False


METRICS = {
    "mse": Metric("MSE", "per pixel"),
    "bce": Metric("BCE", "nats per pixel"),
    "bce_excess": Metric("BCE above floor", "nats per pixel"),
    "nats": Metric("BCE", "nats per image"),
    "psnr": Metric("PSNR", "dB", higher_is_better=True),
    "squared_error": Metric("Squared error", "per image"),
    "elbo": Metric("ELBO", "nats per image", higher_is_better=True),
    "rate": Metric("Rate", "nats per image"),
    "distortion": Metric("Distortion", "nats per image"),
    "bits_per_dim": Metric("Bits per dimension", ""),
    "mismatch": Metric("Mismatch with the prior", "nats"),
    "mmd": Metric("MMD to the prior", "squared"),
    "active_units": Metric("Active", "dimensions", higher_is_better=True),
    "perplexity": Metric("Perplexity", "of the codebook", higher_is_better=True),
    "codes_used": Metric("Codes used", "", higher_is_better=True),
    "se": Metric("Standard error", "over images"),
    "nll": Metric("NLL", "nats per image"),
    "frechet_distance": Metric("Fréchet classifier distance", ""),
    "precision": Metric("Precision", "", higher_is_better=True),
    "recall": Metric("Recall", "", higher_is_better=True),
    "label_distance": Metric("Label distance", ""),
    "recognised": Metric("Recognised", "of samples", higher_is_better=True),
    "kmeans_accuracy": Metric("K-means accuracy", "majority", higher_is_better=True),
    "kmeans_hungarian": Metric("K-means accuracy", "one to one", higher_is_better=True),
    "gmm_hungarian": Metric("Mixture accuracy", "one to one", higher_is_better=True),
    "agglomerative_hungarian": Metric("Agglomerative accuracy", "one to one", True),
    "umap_hungarian": Metric("UMAP + mixture accuracy", "one to one", higher_is_better=True),
    "kmeans_nmi": Metric("K-means NMI", "", higher_is_better=True),
    "kmeans_ari": Metric("K-means ARI", "", higher_is_better=True),
    "knn_accuracy": Metric("k-NN accuracy", "all labels", higher_is_better=True),
    "logistic_accuracy": Metric("Logistic accuracy", "all labels", higher_is_better=True),
    "probe_accuracy": Metric("MLP probe accuracy", "all labels", higher_is_better=True),
    "readable": Metric("Readable", "of test images", higher_is_better=True),
    "readable_of_16": Metric("Readable", "of 16", higher_is_better=True),
    "trustworthiness": Metric("Trustworthiness", "", higher_is_better=True),
    "continuity": Metric("Continuity", "", higher_is_better=True),
    "map_accuracy": Metric("k-NN accuracy", "in the plane", higher_is_better=True),
}
COMPARED = ("mse", "bce", "bce_excess", "nats", "psnr")
"""The metrics that stand in tables, in their order."""

LEARNED = (
    "kmeans_accuracy",
    "kmeans_hungarian",
    "gmm_hungarian",
    "agglomerative_hungarian",
    "umap_hungarian",
    "kmeans_nmi",
    "kmeans_ari",
    "knn_accuracy",
    "logistic_accuracy",
    "probe_accuracy",
    "readable",
    "readable_of_16",
)
"""What a code is good for, in the order of its tables."""

SHARES = frozenset(LEARNED) - {"kmeans_nmi", "kmeans_ari", "readable_of_16"} | {"map_accuracy"}
"""Those that are shares of examples, and are written in percent."""

PROBES = {"knn": "k-NN", "logistic": "Logistic regression", "mlp": "MLP"}
"""The classifiers on frozen codes."""

CLUSTERINGS = {
    "kmeans": "K-means",
    "gmm": "Gaussian mixture",
    "agglomerative": "Agglomerative",
    "umap": "UMAP + mixture",
}
"""The ways in which codes are put into clusters."""

MAPS = {"code": "The code itself", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
"""The ways in which codes are laid out in the plane."""

ANOMALY_SCORES = {
    "reconstruction": ("Reconstruction error", "pca_reconstruction"),
    "latent_knn": ("k-NN distance", "pixel_knn"),
    "mahalanobis": ("Mahalanobis distance", "pixel_mahalanobis"),
    "rank_average": ("Rank average", "pixel_rank_average"),
}
"""How strange an image is, and the score of pixels or PCA that is its baseline."""

BOUND = ("elbo", "rate", "active_units", "nll")
"""Those that stand beside them where a model has a posterior and a prior."""

SOURCES = {
    "prior": "the prior",
    "vamp": "the VampPrior",
    "gmm": "a mixture of Gaussians fitted to training codes",
    "normal": "N(0, I), which is no prior of this model",
}
"""Where the codes of samples come from."""

EXACT = 1e-9
"""MSE per pixel below which a reconstruction differs from its image by rounding alone."""

NONE = "–"
FEW = 12  # so many dimensions are named one by one


def metric_of(key: str) -> Metric:
    """Look a metric up; one that is not known keeps its own name."""
    return METRICS.get(key, Metric(key.replace("_", " "), ""))


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with so many significant digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    decimals = _decimals(value, digits)
    if decimals > digits + 5 or abs(value) >= 1e9:
        return _signed(f"{value:.{digits - 1}e}")
    return _signed(f"{value:,.{decimals}f}")


def deviation(values: Mapping[str, Any] | None) -> str:
    """Write a standard deviation with its sign; nothing where a single seed has none."""
    sd = (values or {}).get("sd")
    return "" if sd is None else f"± {number(sd, 2)}"


def statistic(values: Mapping[str, Any] | None, digits: int = 4) -> str:
    """Write a mean, and its standard deviation where there is one."""
    mean = number((values or {}).get("mean"), digits)
    return f"{mean} {deviation(values)}".rstrip()


def share(ratio: float | None) -> str:
    """Write a share in percent with one decimal; a dash where there is none."""
    return NONE if ratio is None or not math.isfinite(ratio) else _signed(f"{100 * ratio:.1f} %")


def written(metric: str, value: float | None) -> str:
    """Write a value of a metric as it is read: 54.6 %, 9, 0.01235."""
    if metric in SHARES:
        return share(value)
    if metric == "readable_of_16" and value is not None and not value % 1:
        return count(int(value))
    return number(value, 3 if metric in LEARNED else 4)


def uncertainty(metric: str, values: Mapping[str, Any] | None) -> str:
    """Write the standard deviation of a metric in the unit in which the metric is written."""
    sd = (values or {}).get("sd")
    return f"± {100 * sd:.1f}" if sd is not None and metric in SHARES else deviation(values)


def measured(metric: str, values: Mapping[str, Any] | None) -> str:
    """Write a metric's mean as it is read, and its standard deviation where there is one."""
    mean, spread = written(metric, (values or {}).get("mean")), uncertainty(metric, values)
    if spread and mean.endswith(" %"):
        return f"{mean.removesuffix(' %')} {spread} %"
    return f"{mean} {spread}".rstrip()


def count(value: int | None) -> str:
    """Write a whole number with separators."""
    return NONE if value is None else f"{value:,}"


def out_of(value: float | None, whole: int) -> str:
    """Write a number and what it is part of; a mean keeps its decimals."""
    if value is None:
        return NONE
    return f"{number(value, 3) if value % 1 else count(int(value))} of {count(whole)}"


def duration(seconds: float | None) -> str:
    """Write a span of time the way people say it."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 120:
        return f"{number(seconds, 3)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def percent(ratio: float, sign: str = "") -> str:
    """Write a ratio as a percentage, without decimals above ten percent; `sign` may be ``+``."""
    share = 100 * ratio
    return _signed(f"{share:{sign}.{0 if abs(share) >= 10 else 1}f} %")


def shape(sizes: list[int]) -> str:
    """Write a shape as in 1 × 28 × 28."""
    return " × ".join(str(size) for size in sizes)


def dimensions(indices: Sequence[int]) -> str:
    """Name dimensions of the code, counted from 0, or say how many where they are many."""
    if len(indices) > FEW:
        return f"{len(indices)} dimensions"
    return f"dimension{'s' if len(indices) > 1 else ''} {joined([str(i) for i in indices])}"


def joined(words: Sequence[str]) -> str:
    """Join words as in "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _decimals(value: float, digits: int) -> int:
    if value == 0:
        return 0
    # Rounding first, because 0.09999 with two digits is 0.10.
    exponent = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
    return max(digits - 1 - exponent, 0)


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
