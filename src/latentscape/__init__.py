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
    from latentscape.config import Recipe, Study, load_recipe, load_study, recipe_names, study_names
    from latentscape.data import load_data, show_data
    from latentscape.embedding import embed
    from latentscape.errors import (
        ConfigError,
        DataError,
        LatentscapeError,
        RunError,
        TrainingError,
    )
    from latentscape.estimators import (
        Autoencoder,
        AutoencoderClassifier,
        AutoencoderClusterer,
        AutoencoderDetector,
    )
    from latentscape.experiment import evaluate, load, resume, show_recipe, train
    from latentscape.exploration import (
        anomalies,
        cluster,
        explore,
        gather_codes,
        legibility,
        place,
        probe,
        project,
    )
    from latentscape.gallery import (
        denoise,
        interpolate,
        manifold,
        neighbours,
        reconstruct,
        sample,
        traverse,
    )
    from latentscape.machine import info
    from latentscape.measures import measure_likelihood, measure_quality
    from latentscape.publishing.exporting import export
    from latentscape.publishing.hub import publish
    from latentscape.records import Dataset, Findings, Split
    from latentscape.runs import Run, open_run
    from latentscape.study import analyze, compare, report

# Where each public name lives. They are imported when first used, so that `import latentscape`
# and `latentscape --help` wait for nothing.
_HOMES = {
    "config": ("Recipe", "Study", "load_recipe", "load_study", "recipe_names", "study_names"),
    "embedding": ("embed",),
    "errors": ("ConfigError", "DataError", "LatentscapeError", "RunError", "TrainingError"),
    "data": ("load_data", "show_data"),
    "estimators": (
        "Autoencoder",
        "AutoencoderClassifier",
        "AutoencoderClusterer",
        "AutoencoderDetector",
    ),
    "exploration": (
        "anomalies",
        "cluster",
        "explore",
        "gather_codes",
        "legibility",
        "place",
        "probe",
        "project",
    ),
    "experiment": ("evaluate", "load", "resume", "show_recipe", "train"),
    "gallery": (
        "denoise",
        "interpolate",
        "manifold",
        "neighbours",
        "reconstruct",
        "sample",
        "traverse",
    ),
    "machine": ("info",),
    "measures": ("measure_likelihood", "measure_quality"),
    "publishing.exporting": ("export",),
    "publishing.hub": ("publish",),
    "records": ("Dataset", "Findings", "Split"),
    "runs": ("Run", "open_run"),
    "study": ("analyze", "compare", "report"),
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
