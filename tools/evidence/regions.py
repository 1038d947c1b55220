"""What is written into the regions of pages: tables and sentences, made of results files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from benchmarks import documents

from latentscape.analyses.metrics import find_metric
from latentscape.core.units import NONE, count, joined, number, percent
from latentscape.doctor.registry import symptoms as all_symptoms
from latentscape.runs.facts import Environment
from tools.evidence import (
    clusters,
    gallery_pages,
    memory,
    recipe_tables,
    scaling,
    worker_memory,
    workers,
)
from tools.evidence.choosing import KMEANS, KNN, chosen
from tools.evidence.parity import FILES, LARGEST
from tools.evidence.records import FOLDER, Evidence, ResultRow, load
from tools.evidence.storing import FOLDER_HEAD, GROWTH_HEAD, folder_table, growth_table

FEW_SD = 2
"""So many standard deviations between seeds a number may be off, and agrees."""


CHOICES = {
    "cluster-10": (KMEANS, ("kmeans_hungarian", "umap_hungarian")),
    "embed-32": (KNN, ("knn_accuracy", "probe_accuracy")),
}
"""Results file to what its settings are chosen by, and what is stated of the chosen ones."""

WAITS = ("file", "70,000", "1,000,000")
"""Rows of `results/explorer.json` that are no recipes."""


def files() -> list[str]:
    """Name the results files that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def circumstances(*names: str) -> str:
    """Say on what results were measured, or that they are older than results files."""
    return "\n".join(_circumstances(load(name)) for name in names)


def reference() -> str:
    """Write what five projects reported beside what came out."""
    rows = [
        [f"`{row.recipe}`", *_beside_reported(row, claim.metric), _seeds(row, claim.metric)]
        for row in _reference_rows()
        for claim in row.claims
    ]
    return _table(["recipe", "metric", "reported", "obtained", "seeds"], rows)


def reference_words() -> str:
    """Say how far what came out is from what was reported, and what PCA does better."""
    rows = _reference_rows()
    sentences = [_agreement(row, claim.metric) for row in rows for claim in row.claims]
    behind = [f"`{row.recipe}`" for row in rows if "pca_mse" in row.numbers and _loses(row)]
    if behind:
        verb = "does" if len(behind) == 1 else "do"
        sentences.append(f"{joined(behind)} {verb} not beat PCA with as many numbers.")
    return " ".join(sentences)


def dying() -> str:
    """Write how many numbers of the code of `cnn-fc` live after the first steps."""
    evidence = load("dying-codes")
    rows = [
        [
            row.label.replace("cnn-fc", "`cnn-fc`"),
            ", ".join(f"{value:g}" for value in row.numbers["alive"].values),
        ]
        for row in evidence.rows
    ]
    return _table(["network", "of 64 numbers alive, one value a seed"], rows)


def splits() -> str:
    """Write how much another split changes, beside how much another seed does."""
    evidence = load("splits")
    rows = [
        [f"`{row.recipe}`", str(row.runs[0].split_seed), _written(row, "mse"), _seeds(row, "mse")]
        for row in evidence.rows
        if row.kind == "model"
    ]
    return _table(["recipe", "split seed", "MSE per pixel", "training seeds"], rows)


def variants() -> str:
    """Write what generative recipes reach."""
    elbo = load("vae-20")
    collapsed, likelihoods = elbo.row("vae-20-collapsed"), load("likelihoods")
    mean_image = number(collapsed.statistic("mean_image_squared_error").mean)
    rows = [
        ["`vae-20`", "ELBO, nats, grey pixels", NONE, *_obtained(elbo.row("vae-20"), "elbo")],
        [
            "`vae-20-collapsed`",
            f"squared error per image; the mean image has {mean_image}",
            number(collapsed.reported("squared_error"), 3),
            *_obtained(collapsed, "squared_error"),
        ],
    ]
    for row in likelihoods.rows:
        error = number(row.statistic("nll_se").mean, 2)
        value, seeds = _obtained(row, "nll")
        what = "NLL, nats, dynamically binarised"
        published = number(row.reported("nll"))
        rows.append([f"`{row.recipe}`", what, published, f"{value}, standard error {error}", seeds])
    recognised = load("cond-vae").row("cond-vae")
    what = "asked-for label recognised in samples"
    value, seeds = _share(recognised, "recognised"), _seeds(recognised, "recognised")
    rows.append(["`cond-vae`", what, NONE, value, seeds])
    return _table(["recipe", "what", "published", "obtained", "seeds"], rows)


def conditional() -> str:
    """Say what the recognition of `cond-vae` costs."""
    evidence = load("cond-vae")
    row, plain = evidence.row("cond-vae"), evidence.row("vae-20 --condition label")
    return (
        f"`cond-vae` pays for its recognition with variety. The recall of its samples is "
        f"{_share(row, 'recall')}. `vae-20 --condition label` has {_share(plain, 'recall')} and is "
        f"recognised in {_share(plain, 'recognised')}."
    )


def course_report() -> str:
    """Write the comparison of the course report."""
    keys = ("kmeans_accuracy", "probe_accuracy", "readable_of_16")
    rows = []
    for row in load("ae-vs-cae").rows:
        numbers = [_with_reported(row, key) for key in keys]
        rows.append([f"`{row.label}`" if row.kind == "model" else row.label, *numbers])
    head = ["codes", "K-means, majority", "MLP probe", "readable of 16"]
    return _table([head[0], *(f"{each}: reported / obtained" for each in head[1:])], rows)


def codes() -> str:
    """Write what recipes for clusters and probes reach, with the settings that were chosen."""
    names = [name for name in CHOICES if name in files()]
    missing = [name for name in CHOICES if name not in names]
    head = ["recipe", "what", "obtained", "seeds", "raw pixels", "PCA"]
    tables = [_table(head, [row for name in names for row in _codes_rows(name)])] if names else []
    choices = [_choice(name) for name in names]
    return "\n\n".join([*tables, *choices, *map(_missing, missing)])


def adversaries() -> str:
    """Write how close codes come to the prior and samples to images, with critics and without."""
    if "adversaries" not in files():
        return _missing("adversaries")
    keys = ("mse", "mismatch", "mmd", "frechet_distance", "precision", "recall")
    rows = [
        [f"`{row.recipe}`", *(_written(row, key) for key in keys), _seeds(row, "mse")]
        for row in _models(load("adversaries"))
    ]
    return _table(["recipe", *(find_metric(key).title for key in keys), "seeds"], rows)


def exports() -> str:
    """Write how far exported files are from their models."""
    rows = []
    for row in load("exports").rows:
        differences = [_difference(row, name) for name in FILES]
        rows.append([row.label, f"{row.statistic(LARGEST).mean:.3g}", *differences])
    return _table(["recipe", LARGEST, *FILES], rows)


def exports_words() -> str:
    """Say how large the differences are, relative to what is compared."""
    relative = [
        (row.statistic(name).mean / max(1.0, row.statistic(LARGEST).mean), row.label, name)
        for row in load("exports").rows
        for name in FILES
        if name in row.numbers
    ]
    largest, label, file = max(relative)
    return (
        f"Relative to that number, or to 1 if it is smaller, all differences are at most "
        f"{largest:.1e}. The largest is that of `{label}` in {file}."
    )


def explorer_decoding() -> str:
    """Write how long the page takes to decode an image, of every recipe."""
    rows = [
        [f"`{row.recipe}`", _mean(row, "decode", 2), _mean(row, "size", 2)]
        for row in load("explorer").rows
        if row.recipe
    ]
    return _table(["recipe", "ms per image", "decoder, MB"], rows)


def explorer_speed() -> str:
    """Write how long a file and the server keep people waiting."""
    file, served, million = (load("explorer").row(name) for name in WAITS)
    rows = [
        ["a file of `conv-bn` on MNIST, its size", f"{_mean(file, 'megabytes', 1)} MB"],
        ["until it has drawn its map and decoded an image", f"{_mean(file, 'usable', 1)} s"],
        ["70,000 digits served, until the map is drawn", f"{_mean(served, 'picture', 1)} s"],
        ["until the panel answers the cursor, median", f"{_mean(served, 'hover', 0)} ms"],
        ["the slowest answer", f"{_mean(served, 'slowest', 0)} ms"],
        ["1,000,000 points served, until the map is drawn", f"{_mean(million, 'picture', 1)} s"],
        ["a step of moving over it, median", f"{_mean(million, 'pan', 0)} ms"],
        ["a lasso, until all in it are selected", f"{_mean(million, 'lasso', 2)} s"],
    ]
    return _table(["what", "measured"], rows)


def quickstart() -> str:
    """Write the table that `make demo` prints."""
    return "\n".join(["```text", *load("quickstart").printed, "```"])


def quickstart_words() -> str:
    """Say how many models of the quickstart PCA beats."""
    rows = list(_models(load("quickstart")))
    behind = sum(map(_loses, rows))
    return f"{behind} of the {len(rows)} {'does' if behind == 1 else 'do'} not."


def small_data_summary() -> str:
    """Say how recipes do on small data, and which have not been measured."""
    evidence = load("recipes")
    return recipe_tables.summary(evidence.rows) + gallery_pages.missing(evidence)


def symptoms() -> str:
    """Write what the doctor looks for."""
    rows = [[item.title, item.about, ", ".join(item.stages)] for item in all_symptoms()]
    return _table(["symptom", "how it shows", "seen"], rows)


def doctor() -> str:
    """Write whether symptoms that were provoked were named first, and gone after their cure."""
    if "doctor" not in files():
        return _missing("doctor")
    rows = [
        [row.label, _yes(row, "named_first"), _yes(row, "mended"), _errors(row)]
        for row in load("doctor").rows
        if "named_first" in row.numbers
    ]
    return _table(["symptom", "named first", "gone when mended", "error before and after"], rows)


def doctor_words() -> str:
    """Say how many symptoms were mended, and what recipes have as they come."""
    if "doctor" not in files():
        return ""
    evidence = load("doctor")
    provoked = [row for row in evidence.rows if "named_first" in row.numbers]
    first, mended = (
        sum(row.statistic(key).mean for row in provoked if key in row.numbers)
        for key in ("named_first", "mended")
    )
    others = [row for row in evidence.rows if "symptoms" in row.numbers]
    alarms = [row for row in others if row.statistic("symptoms").mean]
    named = joined(sorted({f"`{row.recipe}` on {row.data}" for row in alarms})) or "none"
    return (
        f"Of {len(provoked)} faults {first:.0f} were named first, and {mended:.0f} were mended by "
        f"what the doctor said. Of {len(others)} recipes and runs as they come, {len(alarms)} have "
        f"a symptom: {named}."
    )


def floor() -> str:
    """Write the least cross-entropy that MNIST allows."""
    return number(load("reference").rows[0].statistic("entropy_floor").mean, 3)


def _of_gallery(write: Callable[[Evidence], str]) -> str:
    return write(load("gallery"))


WRITERS: Mapping[str, Callable[[], str]] = {
    "reference": reference,
    "reference-words": reference_words,
    "reference-circumstances": lambda: circumstances("reference", "cnn-fc"),
    "dying": dying,
    "splits": splits,
    "splits-circumstances": lambda: circumstances("splits"),
    "variants": variants,
    "variants-circumstances": lambda: circumstances("vae-20", "likelihoods", "cond-vae"),
    "conditional": conditional,
    "ae-vs-cae": course_report,
    "ae-vs-cae-circumstances": lambda: circumstances("ae-vs-cae"),
    "codes": codes,
    "adversaries": adversaries,
    "adversaries-circumstances": lambda: _if_measured("adversaries"),
    "quickstart": quickstart,
    "quickstart-words": quickstart_words,
    "exports": exports,
    "exports-words": exports_words,
    "exports-circumstances": lambda: circumstances("exports"),
    "explorer-decoding": explorer_decoding,
    "explorer-speed": explorer_speed,
    "explorer-circumstances": lambda: circumstances("explorer"),
    "floor": floor,
    "small-data": lambda: recipe_tables.tables(load("recipes").rows),
    "small-data-summary": small_data_summary,
    "small-data-circumstances": lambda: circumstances("recipes"),
    "stores-growth": lambda: _once_measured("stores", growth_table, GROWTH_HEAD),
    "stores-folder": lambda: _once_measured("stores", folder_table, FOLDER_HEAD),
    "memory-growth": lambda: _once_measured("memory", memory.table, memory.HEAD),
    "worker-memory": lambda: _once_measured(
        "worker-memory", worker_memory.table, worker_memory.HEAD
    ),
    "worker-memory-circumstances": lambda: _if_measured("worker-memory"),
    "memory-circumstances": lambda: _if_measured("memory"),
    "stores-circumstances": lambda: _if_measured("stores"),
    "clusters": lambda: _once_measured("clusters", clusters.table, clusters.HEAD),
    "clusters-circumstances": lambda: _if_measured("clusters"),
    "scaling": lambda: _once_measured("scaling", scaling.table, scaling.HEAD),
    "scaling-circumstances": lambda: _if_measured("scaling"),
    "workers-bits": lambda: _once_measured("workers", workers.bits_table, workers.BITS_HEAD),
    "workers-speed": lambda: _once_measured("workers", workers.speed_table, workers.SPEED_HEAD),
    "workers-circumstances": lambda: _if_measured("workers"),
    "symptoms": symptoms,
    "doctor": doctor,
    "doctor-words": doctor_words,
    **{name: partial(_of_gallery, write) for name, write in gallery_pages.WRITERS.items()},
    **documents.WRITERS,
}
"""Name of a region to what writes it."""


def _yes(row: ResultRow, key: str) -> str:
    if key not in row.numbers:
        return NONE
    return "yes" if row.statistic(key).mean else "no"


def _errors(row: ResultRow) -> str:
    """Write the squared errors without and with a cure, as far as there are models."""
    keys = ("error", "mended_error")
    before, after = (number(row.statistic(k).mean, 3) if k in row.numbers else NONE for k in keys)
    return NONE if (before, after) == (NONE, NONE) else f"{before}, {after}"


def _reference_rows() -> list[ResultRow]:
    return [*_models(load("reference")), *_models(load("cnn-fc"))]


def _codes_rows(name: str) -> Iterator[list[str]]:
    evidence, (chosen_by, keys) = load(name), CHOICES[name]
    row = chosen(evidence, chosen_by)
    baselines = (evidence.baseline("pixels"), evidence.baseline("pca"))
    for key in keys:
        beside = [_written(baseline, key) for baseline in baselines]
        yield [f"`{name}`", find_metric(key).title, *_obtained(row, key), *beside]


def _choice(name: str) -> str:
    """Say what the settings were chosen by, and from which."""
    evidence, (key, _) = load(name), CHOICES[name]
    row = chosen(evidence, key)
    scores = [f"{other.label} {_share(other, key)}" for other in _models(evidence)]
    return (
        f"`{name}`: {row.label} was chosen by the labels of validation images "
        f"({joined(scores)} of them right)."
    )


def _models(evidence: Evidence) -> Iterator[ResultRow]:
    return (row for row in evidence.rows if row.kind == "model")


def _beside_reported(row: ResultRow, key: str) -> list[str]:
    metric = find_metric(key)
    return [metric.title, number(row.reported(key)), _written(row, key)]


def _with_reported(row: ResultRow, key: str) -> str:
    """Write what was reported, where anything was, and what was obtained."""
    metric = find_metric(key)
    reported = {claim.metric: claim.reported for claim in row.claims}.get(key)
    obtained = _written(row, key) if key in row.numbers else NONE
    return f"{metric.write(reported)} / {obtained}" if row.kind == "model" else obtained


def _agreement(row: ResultRow, key: str) -> str:
    statistic, reported = row.statistic(key), row.reported(key)
    distance = statistic.mean - reported
    if statistic.sd is not None and abs(distance) <= FEW_SD * statistic.sd:
        return f"`{row.recipe}` agrees within {FEW_SD} standard deviations between seeds."
    direction = "above" if distance > 0 else "below"
    return f"`{row.recipe}` ends {percent(abs(distance) / reported)} {direction} its origin."


def _difference(row: ResultRow, name: str) -> str:
    return f"{row.statistic(name).mean:.1e}" if name in row.numbers else NONE


def _mean(row: ResultRow, name: str, digits: int) -> str:
    return f"{row.statistic(name).mean:.{digits}f}"


def _loses(row: ResultRow) -> bool:
    return row.statistic("mse").mean >= row.statistic("pca_mse").mean


def _obtained(row: ResultRow, key: str) -> tuple[str, str]:
    return _written(row, key), _seeds(row, key)


def _written(row: ResultRow, key: str) -> str:
    return find_metric(key).write_statistic(row.statistic(key))


def _share(row: ResultRow, key: str) -> str:
    return replace(find_metric(key), is_share=True).write_statistic(row.statistic(key))


def _seeds(row: ResultRow, key: str) -> str:
    return count(row.statistic(key).n)


def _circumstances(evidence: Evidence) -> str:
    file = f"`results/{evidence.name}.json`"
    if evidence.recorded is not None:
        return (
            f"- {file}: recorded before results files existed, in commit "
            f"{evidence.recorded.commit}; {evidence.recorded.circumstances}."
        )
    environments = [run.environment for row in evidence.rows for run in row.runs]
    assert evidence.evaluated is not None
    trained = f"trained {_where(environments)}; " if environments else ""
    return f"- {file}: {trained}evaluated at {evidence.evaluated.git} on {evidence.date}."


def _where(environments: Iterable[Environment]) -> str:
    """Say on what runs were trained, each thing once."""
    texts = dict.fromkeys(
        f"with PyTorch {e.torch} on {e.processor}, {e.device}, {e.threads} "
        f"thread{'' if e.threads == 1 else 's'}, {e.precision}, at {e.git}"
        for e in environments
    )
    return " and ".join(texts)


def _if_measured(name: str) -> str:
    return circumstances(name) if name in files() else ""


def _once_measured(
    name: str, rows: Callable[[Evidence], list[list[str]]], head: Sequence[str]
) -> str:
    return _table(head, rows(load(name))) if name in files() else _missing(name)


def _missing(name: str) -> str:
    return f"`{name}` has not been measured in this way yet: `make results NAME={name}`."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])
