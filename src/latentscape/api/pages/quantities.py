"""What codes cost, how likely images are and how good samples look: numbers and their meaning."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latentscape.core.units import METRICS, NONE, count, deviation, number, out_of, percent
from latentscape.reporting.blocks import Block, Cell, Numbers, Quantity, Table
from latentscape.reporting.prose import by_sentence, shortened
from latentscape.reporting.subject import Row, Subject

_ABOUT = {
    "elbo": "The evidence lower bound, minus the sum of distortion and rate: the log-probability "
    "of an image is at least that. Higher is better.",
    "rate": "What a code costs beside the prior. At zero no image leaves a trace in its code.",
    "distortion": "What the code leaves unsaid of its image: the negative log-likelihood of the "
    "image under its reconstruction.",
    "bits_per_dim": "The same for one value of an image, in bits. Lower is better.",
    "mismatch": "How far the codes of all images together (the aggregate posterior) are from the "
    "prior. Where they are far, samples look worse than reconstructions.",
    "mmd": "The maximum mean discrepancy between codes and prior, squared: about zero where the "
    "two cannot be told apart.",
    "active_units": "Dimensions whose mean moves from image to image, with a variance above 0.01.",
    "perplexity": "In so many codes, used evenly, there would be as much variety.",
    "codes_used": "Codes that at least one place of a test image has chosen.",
    "nll": "The negative log-likelihood of an image, estimated. Lower is better.",
    "frechet_distance": "between samples and test images, in the features of the classifier; lower "
    "is better.",
    "precision": "the share of samples that lie among test images (Kynkäänniemi et al. 2019).",
    "recall": "the share of test images that lie among samples.",
    "label_distance": "the share of samples that would need another label for all labels to be as "
    "frequent as in the test images.",
    "recognised": "the share of samples in which the classifier sees the label asked for.",
}
_LATENT = (
    "elbo",
    "rate",
    "distortion",
    "bits_per_dim",
    "mismatch",
    "mmd",
    "active_units",
    "perplexity",
    "codes_used",
)
_WHOLES = {"active_units": "active", "codes_used": "codes"}
_SHARES = ("precision", "recall", "label_distance", "recognised")
_QUALITY = ("frechet_distance", "precision", "recall", "label_distance", "recognised")


def latent(subject: Subject) -> list[Block]:
    """Show what the codes cost and how they are used."""
    rows = [row for row in subject.rows if row.latent]
    draws = max(row.latent["samples"] for row in rows)
    drawn = f", with {draws} codes drawn for each where codes are random" if draws > 1 else ""
    caption = (
        f"Over {count(rows[0].latent['n'])} test images{drawn}. The rate counts once, whatever "
        "weight it had in training."
    )
    if len(subject.rows) == 1:
        return [_numbers(rows[0], "latent", _LATENT, caption)]
    shown = _applicable(rows, "latent", _LATENT)
    glossary = [Quantity(METRICS[key].name, "", "", _ABOUT[key]) for key in shown]
    told = Numbers(glossary, "What the columns mean.")
    return [_table(rows, "latent", _LATENT, caption), told]


def likelihood(subject: Subject) -> Numbers | Table:
    """Show estimated log-likelihoods, with the protocol beside them."""
    rows = [row for row in subject.rows if row.values.get("likelihood")]
    if len(subject.rows) == 1:
        protocol = protocols(rows)[0]
        return _numbers(rows[0], "likelihood", ("nll", "bits_per_dim"), protocol)
    caption = " ".join([f"NLL: {_ABOUT['nll']}", *protocols(rows)])
    return _table(rows, "likelihood", ("nll", "se", "bits_per_dim"), caption)


def protocols(rows: Sequence[Row], key: str = "protocol") -> list[str]:
    """Say how likelihoods were estimated, or what to beware of; each sentence once."""
    return by_sentence((row.label, row.values["likelihood"][key]) for row in rows)


def quality(subject: Subject) -> Table:
    """Compare what a classifier makes of samples, with real images beside them."""
    rows = [row for row in subject.rows if row.values.get("quality")]
    shown = _applicable(rows, "quality", _QUALITY)
    head = [("Samples of", ""), *((METRICS[key].name, METRICS[key].unit) for key in shown)]
    body = [_judged(row, row.values["quality"], shown) for row in rows]
    body += _references(rows, shown)
    told = [f"{METRICS[key].name}: {_ABOUT[key]}" for key in shown]
    return Table(" ".join(told), head, body)


def _references(rows: Sequence[Row], shown: Sequence[str]) -> Iterator[list[Cell]]:
    """Write what real training images reach, once for all models that share them."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(json.dumps(row.values["quality"]["reference"]), []).append(row)
    for reference, alike in groups.items():
        whose = f" ({shortened([row.label for row in alike])})" if len(groups) > 1 else ""
        cells = [Cell(_written(json.loads(reference), key) or "") for key in shown]
        yield [Cell(f"Real training images{whose}", title=True), *cells]


def _judged(row: Row, values: Mapping[str, Any], shown: Sequence[str]) -> list[Cell]:
    cells = [Cell(_written(values, key) or NONE) for key in shown]
    return [Cell(row.label, title=True, marks=row.marks), *cells]


def _numbers(row: Row, part: str, keys: Sequence[str], caption: str) -> Numbers:
    values = row.values[part]
    quantities = []
    for key in _applicable([row], part, keys):
        text = _written(values, key) or ""
        if key == "nll" and values["se"] is not None:
            text += f" ± {number(values['se'], 2)}"
        quantities.append(Quantity(METRICS[key].name, text, METRICS[key].unit, _ABOUT[key]))
    return Numbers(quantities, caption)


def _table(rows: Sequence[Row], part: str, keys: Sequence[str], caption: str) -> Table:
    shown = _applicable(rows, part, keys)
    head = [("Model", ""), *((METRICS[key].name, METRICS[key].unit) for key in shown)]
    body = [
        [Cell(row.label, title=True, marks=row.marks), *(_cell(row, part, key) for key in shown)]
        for row in rows
    ]
    return Table(caption, head, body)


def _applicable(rows: Sequence[Row], part: str, keys: Sequence[str]) -> list[str]:
    """Return the quantities that any of the rows has."""
    return [key for key in keys if any(row.values[part].get(key) is not None for row in rows)]


def _cell(row: Row, part: str, key: str) -> Cell:
    """Write a quantity: the mean over seeds where a study has it, otherwise of the first."""
    seeds = (row.facts.get(part) or {}).get(key)
    values = {**row.values[part], **({key: seeds["mean"]} if seeds else {})}
    return Cell(_written(values, key) or NONE, note=deviation(seeds))


def _written(values: Mapping[str, Any], key: str) -> str | None:
    """Write a quantity as it is read; None where it does not apply."""
    value = values.get(key)
    if value is None:
        return None
    if key in _WHOLES:
        whole = values[_WHOLES[key]]
        return out_of(value, len(whole) if isinstance(whole, list) else whole)
    return percent(value) if key in _SHARES else number(value)
