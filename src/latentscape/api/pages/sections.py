"""The sections of a report, in the order in which they are read."""

import json
from collections.abc import Iterator, Sequence

import yaml

from latentscape.analyses.anomalies import section as anomalies
from latentscape.analyses.clusters import section as clusters
from latentscape.analyses.legibility import section as legible
from latentscape.analyses.maps import section as maps
from latentscape.analyses.neighbours import section as neighbours
from latentscape.analyses.probes import section as probes
from latentscape.api.pages import charts, drawings, generative, plates, reported, tables, worth
from latentscape.core.records import Findings
from latentscape.reporting import prose
from latentscape.reporting.blocks import Aside, Block, Chart, Details, Gallery, Prose, Section
from latentscape.reporting.subject import PICTURED, Row, Subject


def sections(subject: Subject) -> list[Section]:
    """Make every section that applies to the subject."""
    made = [
        _summary(subject),
        reported.section(subject),
        worth.section(subject),
        generative.bound(subject),
        generative.likelihood(subject),
        _learning(subject),
        *(_pictures(subject) if _has_pictures(subject) else [_no_pictures()]),
        legible.section(subject),
        generative.denoising(subject),
        generative.samples(subject),
        generative.quality(subject),
        generative.walks(subject),
        *(_codes(subject) if _has_pictures(subject) else []),
        _latent_maps(subject),
        clusters.section(subject),
        probes.section(subject),
        maps.section(subject),
        neighbours.section(subject),
        anomalies.section(subject),
        _classes(subject),
        _architectures(subject),
        _timings(subject),
        _recipes(subject),
        _environments(subject),
    ]
    return [section for section in made if section is not None]


def _summary(subject: Subject) -> Section:
    blocks: list[Block] = []
    if collapses := prose.collapses(subject):
        heading = prose.collapse_heading(subject)
        blocks.append(Aside("alarm", heading, collapses, listed=len(collapses) > 1))
    if events := prose.events(subject):
        blocks.append(Aside("warning", "Training did not go smoothly.", events, listed=True))
    if supervised := prose.supervised(subject):
        listed = len(supervised) > 1
        blocks.append(Aside("note", "Trained with labels.", supervised, listed=listed))
    blocks.append(Prose(prose.summary(subject)))
    blocks += [charts.against_pca(subject), *tables.results(subject)]
    blocks += _verdicts(subject)
    return Section("summary", "What was found", "", blocks)


def _verdicts(subject: Subject) -> list[Block]:
    """Tell a single model how it did, and in a study those that a linear method beats."""
    if len(subject.rows) == 1:
        return [Prose([subject.rows[0].facts["verdict"]])]
    behind = [row for row in subject.rows if not row.facts["beats_pca"]]
    told = [f"{row.label}: {row.facts['verdict']}" for row in behind]
    if len(told) > PICTURED:
        return [Details(f"The {len(told)} models that PCA beats", "\n".join(told))]
    return [Prose(told, listed=True)] if told else []


def _learning(subject: Subject) -> Section | None:
    if all(len(row.values["history"]) < 2 for row in subject.rows):
        return None  # One epoch makes no curve.
    lead = (
        "Solid is the validation loss and dashed the training loss, which is averaged over an "
        "epoch while the weights still move and dropout is at work, so that it may lie above the "
        "other."
    )
    if len(subject.rows) > 1:
        lead = (
            "Losses of different likelihoods are different quantities, so models compare in the "
            f"first chart only. In the others: {lead[0].lower()}{lead[1:]}"
        )
    blocks: list[Block] = [charts.validation_errors(subject)]
    losses = [charts.losses(subject, row) for row in subject.pictured]
    terms = [chart for row in subject.pictured if (chart := charts.terms(row))]
    blocks.append(Gallery([*losses, *terms]))
    if terms:
        lead += " Terms are drawn as they are before weighting."
    return Section("learning", "Learning curves", lead + _limited(subject), blocks)


def _pictures(subject: Subject) -> Iterator[Section | None]:
    limited = _limited(subject).strip()
    yield Section("reconstructions", "Reconstructions", limited, plates.reconstructions(subject))
    yield Section(
        "extremes",
        "Best, median and worst",
        "Test images in the order of their error: the eight that each model reconstructs best, "
        "the eight in the middle, and the eight it fails on.",
        [plates.extremes(subject, row) for row in subject.pictured],
    )
    progress = plates.progress(subject)
    yield Section("progress", "Epoch by epoch", "", progress) if progress else None
    yield Section("picks", "Random picks", "", [plates.picks(subject)])


def _codes(subject: Subject) -> Iterator[Section]:
    yield Section("codes", "The code itself", "", plates.codes(subject))


def _no_pictures() -> Section:
    lead = (
        "These data are plain vectors and not images, so there are no pictures of reconstructions, "
        "codes or progress to show. All numbers, curves and maps are there."
    )
    return Section("reconstructions", "Reconstructions", lead, [])


def _latent_maps(subject: Subject) -> Section | None:
    rows = [row for row in subject.pictured if row.latent_dim == 2 and len(row.arrays["codes"])]
    if not rows:
        return None
    lead = (
        "Each dot is a test image at the place of its two-dimensional code. Look for islands of "
        "one label, for labels that share a place (the model confuses them) and for empty regions "
        f"(it has never decoded from there). {_labels_used(subject)}"
    )
    drawn = []
    for row in rows:
        drawn.append(maps.latent_map(row))
        if "cluster_of_codes" in row.arrays:
            drawn.append(maps.cluster_map(row))
    if len(drawn) > len(rows):
        lead += (
            " Beside each the same points by cluster, which knows no labels: compare the colours."
        )
    return Section("latent-space", "The latent space", lead.strip(), [Gallery(drawn)])


def _classes(subject: Subject) -> Section | None:
    table = tables.by_class(subject)
    if table is None:
        return None
    return Section("classes", "Label by label", _labels_used(subject), [table])


def _architectures(subject: Subject) -> Section:
    groups: dict[str, list[Row]] = {}
    for row in subject.rows:
        groups.setdefault(json.dumps(row.values["architecture"]), []).append(row)
    lead = (
        "From the input at the top through the code to the output. A block is as wide as the "
        "logarithm of the numbers it holds; normalisation, activation and dropout stand with the "
        "layer they follow."
    )
    drawn: list[Chart] = [drawings.architecture(rows) for rows in groups.values()]
    return Section("architectures", "Architectures", lead, [Gallery(drawn)])


def _timings(subject: Subject) -> Section:
    blocks: list[Block] = [charts.times(subject)] if len(subject.rows) > 1 else []
    return Section("timings", "Run times", "", [*blocks, tables.timings(subject)])


def _recipes(subject: Subject) -> Section:
    blocks = [Details(row.label, _as_yaml(row.values["recipe"])) for row in subject.rows]
    lead = "All that is needed to repeat each run: save it as a file and train it."
    return Section("recipes", "Recipes", lead, blocks)


def _environments(subject: Subject) -> Section:
    alike: dict[str, list[Findings]] = {}
    for run in (run for row in subject.rows for run in row.runs):
        # When a run started tells runs apart, but not what they ran on.
        machine = {**run.values["environment"], "started": None}
        alike.setdefault(json.dumps([run.values["data"], machine]), []).append(run)
    blocks = [_environment(runs) for runs in alike.values()]
    return Section("environment", "Data and environment", "", blocks)


def _environment(runs: Sequence[Findings]) -> Details:
    names = [run.values["name"] for run in runs]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    values = {key: runs[0].values[key] for key in ("data", "environment")}
    return Details(names[0] + more, _as_yaml({"runs": names, **values}))


def _has_pictures(subject: Subject) -> bool:
    return all(row.arrays["originals"].ndim == 4 for row in subject.pictured)


def _limited(subject: Subject) -> str:
    if len(subject.rows) == len(subject.pictured):
        return ""
    return (
        f" Shown one by one are the {len(subject.pictured)} models of {len(subject.rows)} with the "
        "lowest test error."
    )


def _labels_used(subject: Subject) -> str:
    return " ".join(dict.fromkeys(row.values["labels_used"] for row in subject.rows)).strip()


def _as_yaml(content: object) -> str:
    # By way of JSON, because tuples and NumPy numbers would get tags that nobody wants to read.
    plain = json.loads(json.dumps(content, default=float))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).strip()
