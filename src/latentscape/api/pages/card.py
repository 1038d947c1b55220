"""The model card: what a run is, how it is used and what was measured, made of its findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from latentscape.api.pages.markdown import escaped, figures, markdown
from latentscape.api.pages.sections import sections
from latentscape.config import LATENTS, LatentConfig
from latentscape.core import units
from latentscape.core.records import Findings
from latentscape.data import source_names
from latentscape.reporting.blocks import Aside, Block, Prose, Section
from latentscape.reporting.learned import learned_codes, learned_numbers
from latentscape.reporting.prose import protocols
from latentscape.reporting.subject import Row, Subject, gather

SECTIONS = (
    "reported",
    "reconstructions",
    "samples",
    "denoising",
    "rate",
    "likelihood",
    "quality",
    "legibility",
    "anomalies",
    "learning",
)
"""The sections of a report that a card has as they are, in their order, where they apply."""

DATASETS = {
    "mnist": "ylecun/mnist",
    "mnist-5k": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
}
"""What the hub calls the data that have a name here, or the data that they are taken from."""

_ASKED = {
    "likelihood": "log-likelihood",
    "quality": "quality of samples",
    "clustering": "clusters of the codes",
    "probing": "classifiers on the codes",
    "legibility": "legibility of reconstructions",
    "anomalies": "detection of anomalies",
}
"""What is measured on request."""

_SCORED = ("clustering", "probing")
_LABELS = 20  # so many are named


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes
    ----------
    text : str
        Markdown, with its metadata in front as YAML.
    figures : dict of str to bytes
        Name to content of the pictures that it links to, in ``figures/``.
    """

    text: str
    figures: dict[str, bytes]


def make_card(findings: Findings, repository: str | None, licence: str | None) -> Card:
    """Make the card of a run.

    Parameters
    ----------
    findings : Findings
        Of the run: nothing else is asked, so that nothing else can be claimed.
    repository : str or None
        ``USER/NAME`` on the hub, where it is known.
    licence : str or None
        As the hub calls it, such as ``mit``.
    """
    row = gather(None, [findings])[0]
    found = {section.id: section for section in sections(Subject(None, (row,)))}
    made = {name: found[name] for name in SECTIONS if name in found and found[name].blocks}
    blocks = [block for section in made.values() for block in section.blocks]
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"text": escaped, "markdown": markdown, "named": named}
    template = resources.files("latentscape.api.pages").joinpath("card.md").read_text("utf-8")
    text = environment.from_string(template).render(
        metadata=yaml.safe_dump(_metadata(row, licence), sort_keys=False, allow_unicode=True),
        repository=repository,
        row=row,
        values=row.values,
        recipe=row.values["recipe"],
        capabilities=_latent(row.values),
        words={name: _words(found[name]) for name in ("summary", "worth") if name in found},
        codes=[code for code in learned_codes(row.values) if code["learned"]],
        made=made,
        named=_source(row.values),
        labels=_labels(row.values["data"]["label_names"]),
        missing=_not_measured(row.values),
        versions=_versions(row.values["environment"]),
        protocols=[protocols([row], part, 2) for part in _SCORED if row.found(part)],
        units=units,
    )
    return Card(text, dict(pair for block in blocks for pair in figures(block)))


def named(metric: str) -> str:
    """Name a metric with its unit."""
    about = units.metric_of(metric)
    return ", ".join(filter(None, [about.name, about.unit]))


def _words(section: Section) -> list[Block]:
    """Return what a section says, without its tables and charts, which are made for wide pages."""
    return [block for block in section.blocks if isinstance(block, Aside | Prose)]


def _metadata(row: Row, licence: str | None) -> dict[str, Any]:
    """Return what the hub reads of a card; see its specification of model cards."""
    values = row.values
    images = len(values["data"]["shape"]) == 3
    conditional = bool(values["recipe"]["model"].get("condition"))
    dataset = DATASETS.get(_source(values))
    results = list(_results(values, dataset or values["data"]["name"]))
    tags = ["autoencoder", _latent(values).tag, *(["conditional"] if conditional else [])]
    found: dict[str, Any] = {
        "library_name": "latentscape",
        "license": licence,
        "pipeline_tag": "image-feature-extraction" if images else None,
        "tags": [*dict.fromkeys(tags), "representation-learning"],
        "datasets": [dataset] if dataset else None,
        "metrics": list(dict.fromkeys(m["type"] for r in results for m in r["metrics"])),
        "model-index": [{"name": values["name"], "results": results}],
    }
    return {name: value for name, value in found.items() if value is not None}


def _results(values: Mapping[str, Any], dataset: str) -> Iterator[dict[str, Any]]:
    """List what was measured by task, and on how many test examples."""
    evaluation, latent = values["evaluation"], values.get("latent") or {}
    likelihood, quality = (values.get(part) or {} for part in ("likelihood", "quality"))
    measured = (
        ("reconstruction", evaluation["metrics"], units.COMPARED, evaluation["n"]),
        ("compression", latent, ("elbo", "rate"), latent.get("n")),
        ("density-estimation", likelihood, ("nll",), likelihood.get("n")),
        ("image-generation", quality, ("frechet_distance", "precision", "recall"), None),
        ("representation-learning", learned_numbers(values), units.LEARNED, evaluation["n"]),
    )
    for task, numbers, metrics, n in measured:
        found = {m: numbers[m] for m in metrics if numbers.get(m) is not None}
        if found:
            data = values["data"]
            seen = {"fingerprint": data["fingerprint"], **({"examples": n} if n else {})}
            yield {
                "task": {"type": task},
                "dataset": {"type": dataset, "name": data["name"], "split": "test", "args": seen},
                "metrics": [_metric(*pair) for pair in found.items()],
            }


def _metric(key: str, value: float) -> dict[str, Any]:
    # What the hub knows as accuracy is told apart by its name.
    kind = "accuracy" if key.endswith(("_accuracy", "_hungarian")) else key
    return {"type": kind, "value": float(f"{value:.6g}"), "name": named(key)}


def _source(values: Mapping[str, Any]) -> str:
    """Return the name by which anyone can load the data as they are; empty where there is none."""
    settings = values["recipe"]["data"]
    changed = settings.keys() & {"labels", "shape", "range", "resize"}
    known = settings["source"] in source_names() and values["data"]["origin"] and not changed
    return str(settings["source"]) if known else ""


def _labels(names: Sequence[str]) -> str:
    more = len(names) - _LABELS
    return ", ".join(names[:_LABELS]) + (f" and {more} more (see data.json)" if more > 0 else "")


def _versions(environment: Mapping[str, Any]) -> list[str]:
    """Name the programs whose versions are known."""
    programs = {"latentscape": "Latentscape", "python": "Python", "torch": "PyTorch"}
    return [f"{programs[key]} {environment[key]}" for key in programs if environment.get(key)]


def _latent(values: Mapping[str, Any]) -> type[LatentConfig]:
    """Return the class of the latent's settings, which says what it can do."""
    return LATENTS[values["recipe"]["model"]["latent"]["kind"]]


def _not_measured(values: Mapping[str, Any]) -> list[str]:
    applicable = _latent(values).has_posterior
    asked = {part: words for part, words in _ASKED.items() if applicable or part != "likelihood"}
    return [words for part, words in asked.items() if part not in values]
