"""Latentscape: train autoencoders on images, compare them fairly, look into what they learned.

What the command line does is a function here, mostly under the same name:

>>> import latentscape
>>> run = latentscape.train("simple-20", data="mnist-5k")  # doctest: +SKIP
>>> model = latentscape.load(run)  # doctest: +SKIP
"""

import logging
from typing import TYPE_CHECKING, Any
from warnings import warn

from latentscape.analyses.registry import function_names
from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.analyses.comparison import compare_codes
    from latentscape.analyses.maps.placing import place
    from latentscape.api.analysis_functions import *  # noqa: F403
    from latentscape.api.analyzing import analyze, analyze_codes
    from latentscape.api.comparing import compare_runs
    from latentscape.api.copying import copy_runs
    from latentscape.api.describing import describe_run
    from latentscape.api.doctoring import diagnose
    from latentscape.api.exploring import explore
    from latentscape.api.exporting import export
    from latentscape.api.hub import publish
    from latentscape.api.labelling import labels
    from latentscape.api.listing import list_runs
    from latentscape.api.loading import load
    from latentscape.api.pictures import (
        denoise,
        film,
        interpolate,
        manifold,
        neighbours,
        reconstruct,
        sample,
        traverse,
    )
    from latentscape.api.places import info
    from latentscape.api.removing import remove_runs
    from latentscape.api.studies import compare
    from latentscape.api.subjects import report
    from latentscape.api.training import describe_recipe, evaluate, resume, train
    from latentscape.api.trying import try_cure
    from latentscape.api.tuning import tune
    from latentscape.config import Recipe, Study, load_recipe, load_study, recipe_names, study_names
    from latentscape.core.errors import (
        ConfigError,
        DataError,
        LatentscapeError,
        RunError,
        TrainingError,
    )
    from latentscape.core.records import Dataset, Split
    from latentscape.core.tables import Table
    from latentscape.core.trust import trust
    from latentscape.data import load_data, show_data
    from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
    from latentscape.doctor.trial import Trial
    from latentscape.estimators import (
        Autoencoder,
        AutoencoderClassifier,
        AutoencoderClusterer,
        AutoencoderDetector,
    )
    from latentscape.evaluation.results import Evaluation
    from latentscape.evaluation.study import StudyFindings
    from latentscape.inference.embedding import embed
    from latentscape.runs import OpenRun, Run, RunFindings, open_run
    from latentscape.training.hook import Hook

# Where each public name lives. They are imported when first used, so that `import latentscape`
# and `latentscape --help` wait for nothing.
_HOMES = {
    "analyses.comparison": ("compare_codes",),
    "analyses.maps.placing": ("place",),
    "api.analyzing": ("analyze", "analyze_codes"),
    "api.comparing": ("compare_runs",),
    "api.copying": ("copy_runs",),
    "api.describing": ("describe_run",),
    "api.doctoring": ("diagnose",),
    "api.exploring": ("explore",),
    "api.exporting": ("export",),
    "api.hub": ("publish",),
    "api.labelling": ("labels",),
    "api.listing": ("list_runs",),
    "api.loading": ("load",),
    "api.pictures": (
        "denoise",
        "film",
        "interpolate",
        "manifold",
        "neighbours",
        "reconstruct",
        "sample",
        "traverse",
    ),
    "api.places": ("info",),
    "api.removing": ("remove_runs",),
    "api.studies": ("compare",),
    "api.subjects": ("report",),
    "api.training": ("describe_recipe", "evaluate", "resume", "train"),
    "api.trying": ("try_cure",),
    "api.tuning": ("tune",),
    "config": ("Recipe", "Study", "load_recipe", "load_study", "recipe_names", "study_names"),
    "core.errors": ("ConfigError", "DataError", "LatentscapeError", "RunError", "TrainingError"),
    "core.records": ("Dataset", "Split"),
    "core.tables": ("Table",),
    "core.trust": ("trust",),
    "data": ("load_data", "show_data"),
    "doctor.diagnosis": ("Diagnoses", "Diagnosis"),
    "doctor.trial": ("Trial",),
    "estimators": (
        "Autoencoder",
        "AutoencoderClassifier",
        "AutoencoderClusterer",
        "AutoencoderDetector",
    ),
    "evaluation.results": ("Evaluation",),
    "evaluation.study": ("StudyFindings",),
    "inference.embedding": ("embed",),
    "runs": ("OpenRun", "Run", "RunFindings", "open_run"),
    "training.hook": ("Hook",),
}

# Names of version 0.1.0 that go on working for one release: the name of today, and its home.
_RENAMED = {
    "Findings": ("RunFindings", "latentscape.runs", "RunFindings"),
    "gather_codes": ("compare_codes", "latentscape.analyses.comparison", "compare_codes"),
    "measure_likelihood": ("likelihood", "latentscape", "likelihood"),
    "measure_quality": ("quality", "latentscape", "quality"),
    "show_recipe": ("describe_recipe", "latentscape.api.training", "describe_recipe"),
}

__all__ = [
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderClusterer",
    "AutoencoderDetector",
    "ConfigError",
    "DataError",
    "Dataset",
    "Diagnoses",
    "Diagnosis",
    "Evaluation",
    "Hook",
    "LatentscapeError",
    "OpenRun",
    "Recipe",
    "Run",
    "RunError",
    "RunFindings",
    "Split",
    "Study",
    "StudyFindings",
    "Table",
    "TrainingError",
    "Trial",
    "analyze",
    "analyze_codes",
    "compare",
    "compare_codes",
    "compare_runs",
    "copy_runs",
    "denoise",
    "describe_recipe",
    "describe_run",
    "diagnose",
    "embed",
    "evaluate",
    "explore",
    "export",
    "film",
    "info",
    "interpolate",
    "labels",
    "list_runs",
    "load",
    "load_data",
    "load_recipe",
    "load_study",
    "manifold",
    "neighbours",
    "open_run",
    "place",
    "publish",
    "recipe_names",
    "reconstruct",
    "remove_runs",
    "report",
    "resume",
    "sample",
    "show_data",
    "study_names",
    "train",
    "traverse",
    "trust",
    "try_cure",
    "tune",
]
"""Public names, but for the functions of analyses."""
__all__ += function_names()  # noqa: PLE0605

# Who uses a library decides what becomes of its log.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_find = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # It takes a tenth of the time of ``--help``.

        return version("latentscape")
    if name in _RENAMED:
        return _renamed(name)
    if name in function_names():
        from latentscape.api.functions import function_of

        globals()[name] = function_of(name)
        return globals()[name]
    return _find(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *function_names()})


def _renamed(name: str) -> Any:
    from importlib import import_module

    today, module, attribute = _RENAMED[name]
    warn(f"latentscape.{name} is now latentscape.{today}", DeprecationWarning, stacklevel=3)
    return getattr(import_module(module), attribute)
