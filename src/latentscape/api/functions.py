"""A function for each analysis of the registry, under the name of its command."""

from collections.abc import Callable, Iterator
from inspect import Parameter, Signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from latentscape.analyses.analysis import Inputs, Result, Settings
from latentscape.analyses.comparison import Comparison, as_comparison
from latentscape.analyses.registry import REGISTRY, AnyAnalysis, Entry, analysis
from latentscape.api.analyzing import measure
from latentscape.config import validate
from latentscape.core.numpydoc import write_parameters
from latentscape.runs import Run
from latentscape.terminal import shown

_RUN = "A finished run, with which the result is kept; or codes of `compare_codes`."
_DATASET = "The data that the run was trained on, where they were in memory or have moved."
_QUIET = "Whether progress is left unshown."


def function_of(name: str) -> Callable[..., Any]:
    """Make the function of an analysis.

    Parameters
    ----------
    name : str
        Of `latentscape.analyses.registry.function_names`.

    Returns
    -------
    callable
        Takes a run or a `Comparison`, and by keyword what the analysis can be asked for. Returns
        its typed result.
    """
    entry = next(entry for entry in REGISTRY.values() if entry.command == name)
    item = analysis(entry.part)
    signature = _signature(item)

    def run_analysis(*args: Any, **kwargs: Any) -> Result:
        bound = signature.bind(*args, **kwargs).arguments
        run, device = bound.pop("run"), bound.pop("device", None)
        with shown(bound.pop("quiet", False)):
            comparison = as_comparison(run, bound.pop(_dataset_name(item), None), device)
            return measure(item, comparison, *read_options(item, bound))

    run_analysis.__name__ = run_analysis.__qualname__ = entry.command
    run_analysis.__module__ = "latentscape"  # Where processes that are sent it look for it.
    run_analysis.__doc__ = _docstring(entry, item)
    run_analysis.__signature__ = signature  # type: ignore[attr-defined]
    return run_analysis


def read_options(item: AnyAnalysis, options: dict[str, Any]) -> tuple[Settings, Inputs]:
    """Make settings and inputs of an analysis of options by name.

    Raises
    ------
    ConfigError
        If an option makes no sense.
    """
    settings, inputs = (
        validate(kind, {k: v for k, v in options.items() if k in kind.model_fields}, item.name)
        for kind in (item.settings, item.inputs)
    )
    return settings, inputs


def _signature(item: AnyAnalysis) -> Signature:
    subject = str | Path | Run | Comparison
    parameters = [Parameter("run", Parameter.POSITIONAL_OR_KEYWORD, annotation=subject)]
    for name, field in item.option_fields().items():
        default = field.get_default(call_default_factory=True)
        parameters.append(
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=field.annotation)
        )
    fixed = {_dataset_name(item): (None, object), "device": ("auto", str), "quiet": (False, bool)}
    for name, (default, kind) in fixed.items():
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind))
    return Signature(parameters, return_annotation=item.result)


def _dataset_name(item: AnyAnalysis) -> str:
    """Name the parameter of the run's dataset: ``data``, unless the analysis takes other data."""
    return "dataset" if "data" in item.inputs.model_fields else "data"


def _docstring(entry: Entry, item: AnyAnalysis) -> str:
    parameters = write_parameters(_parameters(item))
    return (
        f"{entry.about}\n\n{parameters}\n\nReturns\n-------\n{item.result.__name__}\n"
        f"    Typed findings; kept with the run as its part ``{item.name}``.\n\n"
        "Raises\n------\nConfigError, DataError, RunError\n"
        "    If the settings make no sense, there are too few examples, or the run is not finished."
    )


def _parameters(item: AnyAnalysis) -> Iterator[tuple[str, str, str]]:
    yield "run", "str, Path, Run or Comparison", _RUN
    for name, field in item.option_fields().items():
        yield name, f"{_type_name(field.annotation)}, optional", field.description or ""
    yield _dataset_name(item), "str, Path or data in memory, optional", _DATASET
    yield "device", "str", "As for `train`."
    yield "quiet", "bool", _QUIET


def _type_name(annotation: Any) -> str:
    """Write a type as numpydoc does, for example ``int or None``."""
    origin, members = get_origin(annotation), get_args(annotation)
    if annotation in (None, NoneType):
        return "None"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_type_name, members)))
    if origin is Literal:
        return ", ".join(map(repr, members))
    if origin is tuple:
        return f"sequence of {_type_name(members[0])}"
    return getattr(annotation, "__name__", str(annotation))
