"""Latentscape: train autoencoders on images, compare them fairly, look into what they learned.

Everything the command line does is a function here under the same name:

>>> import latentscape
>>> run = latentscape.train("simple-20", data="mnist-5k")  # doctest: +SKIP
>>> model = latentscape.load(run.path)  # doctest: +SKIP
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentscape.api.experiment import evaluate, load, resume, show_recipe, train
    from latentscape.api.exploration import (
        anomalies,
        cluster,
        explore,
        gather_codes,
        legibility,
        place,
        probe,
        project,
    )
    from latentscape.api.exporting import export
    from latentscape.api.gallery import (
        denoise,
        interpolate,
        manifold,
        neighbours,
        reconstruct,
        sample,
        traverse,
    )
    from latentscape.api.hub import publish
    from latentscape.api.measures import measure_likelihood, measure_quality
    from latentscape.api.studies import analyze, compare, report
    from latentscape.config import Recipe, Study, load_recipe, load_study, recipe_names, study_names
    from latentscape.core.errors import (
        ConfigError,
        DataError,
        LatentscapeError,
        RunError,
        TrainingError,
    )
    from latentscape.core.machine import info
    from latentscape.core.records import Dataset, Findings, Split
    from latentscape.data import load_data, show_data
    from latentscape.estimators import (
        Autoencoder,
        AutoencoderClassifier,
        AutoencoderClusterer,
        AutoencoderDetector,
    )
    from latentscape.inference.embedding import embed
    from latentscape.runs import Run, open_run

# Where each public name lives. They are imported when first used, so that `import latentscape`
# and `latentscape --help` wait for nothing.
_HOMES = {
    "config": ("Recipe", "Study", "load_recipe", "load_study", "recipe_names", "study_names"),
    "inference.embedding": ("embed",),
    "core.errors": ("ConfigError", "DataError", "LatentscapeError", "RunError", "TrainingError"),
    "data": ("load_data", "show_data"),
    "estimators": (
        "Autoencoder",
        "AutoencoderClassifier",
        "AutoencoderClusterer",
        "AutoencoderDetector",
    ),
    "api.exploration": (
        "anomalies",
        "cluster",
        "explore",
        "gather_codes",
        "legibility",
        "place",
        "probe",
        "project",
    ),
    "api.experiment": ("evaluate", "load", "resume", "show_recipe", "train"),
    "api.gallery": (
        "denoise",
        "interpolate",
        "manifold",
        "neighbours",
        "reconstruct",
        "sample",
        "traverse",
    ),
    "core.machine": ("info",),
    "api.measures": ("measure_likelihood", "measure_quality"),
    "api.exporting": ("export",),
    "api.hub": ("publish",),
    "core.records": ("Dataset", "Findings", "Split"),
    "runs": ("Run", "open_run"),
    "api.studies": ("analyze", "compare", "report"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderClusterer",
    "AutoencoderDetector",
    "ConfigError",
    "DataError",
    "Dataset",
    "Findings",
    "LatentscapeError",
    "Recipe",
    "Run",
    "RunError",
    "Split",
    "Study",
    "TrainingError",
    "analyze",
    "anomalies",
    "cluster",
    "compare",
    "denoise",
    "embed",
    "evaluate",
    "explore",
    "export",
    "gather_codes",
    "info",
    "interpolate",
    "legibility",
    "load",
    "load_data",
    "load_recipe",
    "load_study",
    "manifold",
    "measure_likelihood",
    "measure_quality",
    "neighbours",
    "open_run",
    "place",
    "probe",
    "project",
    "publish",
    "recipe_names",
    "reconstruct",
    "report",
    "resume",
    "sample",
    "show_data",
    "show_recipe",
    "study_names",
    "train",
    "traverse",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("latentscape")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'latentscape' has no attribute {name!r}")
    value = getattr(import_module(f"latentscape.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
