"""The results as a page: results.json read, RESULTS.md and its figure written."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks.figure import NAMES, beyond, draw
from benchmarks.flops import training_flops
from benchmarks.growth import BASES, SECONDS, VARIED, along
from benchmarks.precision import PRECISIONS, SEEDS
from benchmarks.targets import OWN, TARGETS, Sections, contest_row, limit, limit_share
from benchmarks.works import CONTESTANTS, ROOT, WORKS, Work
from latentscape.core.files import write_json, write_text
from latentscape.core.units import NONE, count, joined, number, share

SECTIONS = ("contest", "commands", "growth", "precision")
UNITS = {"nats": "nats per image", "squared_error": "squared error per image"}


def load_results(folder: Path = ROOT) -> Sections:
    """Read what has been measured so far."""
    file = folder / "results.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def save_section(name: str, section: dict[str, Any], folder: Path = ROOT) -> None:
    """Keep what has just been measured, beside what was before."""
    write_json(folder / "results.json", {**load_results(folder), name: section})


def write_report(folder: Path = ROOT) -> None:
    """Write the page and its figure from results.json."""
    sections = load_results(folder)
    if "growth" in sections:
        write_text(folder / "growth.svg", draw(sections["growth"]["rows"]))
    tried = folder / "TRIED.md"
    parts = [
        _introduction(sections),
        _targets(sections),
        *(writer(sections) for name, writer in _WRITERS.items() if name in sections),
        tried.read_text("utf-8").strip() if tried.exists() else "",
    ]
    write_text(folder / "RESULTS.md", "\n\n".join(filter(None, parts)) + "\n")


def _introduction(sections: Sections) -> str:
    measured = [(name, sections[name]) for name in SECTIONS if name in sections]
    dates = [[name, each["date"], count(each["repetitions"])] for name, each in measured]
    where: dict[str, list[str]] = {}
    for name, section in measured:
        where.setdefault(_circumstances(section), []).append(name)
    return _joined(
        "# Benchmarks",
        """How fast Latentscape trains, how much memory it takes, and whether its models are as good
        as those of others. To repeat all of it: `make bench`; a part of it: `python -m benchmarks
        contest`. Peers are installed into environments of their own, with the versions that
        `requirements/` pins.""",
        _table(["Section", "Date", "n"], dates),
        *(f"Where {joined(names)} ran: {told}." for told, names in where.items()),
        """n is how often each thing was measured; numbers are medians unless they are called means.
        s are seconds, MB are 10^6 bytes, GFLOP/s are 10^9 multiplications and additions per second,
        and ± is one standard deviation, unless it is said to be something else.""",
    )


def _circumstances(section: dict[str, Any]) -> str:
    """Say on what a section was measured."""
    machine, versions = section["machine"], section["versions"]
    packages = [f"{name} {version}" for name, version in versions.items()]
    return (
        f"{machine['processor']}, on {machine['threads']} of {machine['cores']} cores, "
        f"{machine['platform']}; {joined(packages)}; precision auto is {section['precision']}"
    )


def _targets(sections: Sections) -> str:
    rows = [target.row(sections) for target in TARGETS]
    return _joined("## Targets", _table(["What", "Target", "Obtained", "Verdict"], rows))


def _contest(sections: Sections) -> str:
    contest = sections["contest"]
    works = [work for work in WORKS if any(row["work"] == work.recipe for row in contest["rows"])]
    return _joined(
        "## Contest",
        """All contestants train the same networks on the same MNIST images, with the same loss,
        batches of the same size and Adam at the same rate, each in a process of its own. They take
        turns, and the seed changes with every turn. The first epoch, in which frameworks compile,
        is not in the median. Peak memory is that of the whole process, from its start to the
        reconstructions of the test images. The test loss is computed from these reconstructions, by
        the same lines for all. The ratio is the contestant's seconds per epoch over Latentscape's:
        above 1 is slower than Latentscape.""",
        *(_work(work, sections) for work in works),
        _limits(sections, works),
        _peer_versions(contest["rows"]),
    )


def _work(work: Work, sections: Sections) -> str:
    """Write the table of a work."""
    own = contest_row(sections, work.recipe, OWN)
    shown = [row for row in sections["contest"]["rows"] if row["work"] == work.recipe]
    head = [
        "Contestant",
        "s per epoch",
        "Ratio",
        "Images/s",
        "Peak memory, MB",
        f"Test loss, mean, {UNITS[work.metric]}",
        "First epoch, s",
        "n",
    ]
    return _joined(
        f"### {work.recipe}",
        f"{count(work.images)} images in batches of {work.batch_size}, {work.epochs} epochs."
        f"{_dates(shown)}",
        _table(head, [_contestant(row, own) for row in shown]),
    )


def _contestant(row: dict[str, Any], own: dict[str, Any] | None) -> list[str]:
    if "seconds" not in row:
        return [row["contestant"], row["failure"] or "not measured", *[NONE] * 6]
    spread = f" ± {number(row['test_loss_sd'], 2)}" if row["n"] > 1 else ""
    return [
        row["contestant"],
        number(row["seconds"], 3),
        number(row["seconds"] / own["seconds"], 3) if own else NONE,
        number(row["images_per_second"], 3),
        number(row["peak_bytes"] / 1e6, 3),
        f"{number(row['test_loss'])}{spread}",
        number(row["first_epoch_seconds"], 3),
        count(row["n"]),
    ]


def _dates(rows: Iterable[dict[str, Any]]) -> str:
    """Say who was measured when, where it was not on one day."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["date"], []).append(row["contestant"])
    if len(names) < 2:
        return ""
    told = "; ".join(f"{date}: {' / '.join(those)}" for date, those in sorted(names.items()))
    return f" Measured on different days ({told})."


def _limits(sections: Sections, works: Iterable[Work]) -> str:
    shown = (OWN, f"{OWN}, float32")
    rows = [
        [
            work.recipe,
            number(training_flops(work.recipe) / 1e6),
            *(_rate_and_share(sections, work.recipe, contestant) for contestant in shown),
        ]
        for work in works
    ]
    most = [
        f"{number(limit(sections, each), 3)} GFLOP/s in {each}" for each in ("float32", "bfloat16")
    ]
    return _joined(
        "### The limit that the machine sets",
        f"""Products of matrices of 1,024 × 1,024 come to {joined(most)}: the best of
        {len(sections["contest"]["limits"])} measurements, between which the contest went on. A
        training step has to compute the products of the forward pass and, for the gradients, twice
        as many, but no gradient of the image. The table counts these operations from the layers,
        and says which rate they come to, and which share of the float32 limit that is. With
        bfloat16 a share above 100 % is possible.""",
        _table(["Work", "10^6 operations per image", *shown], rows),
    )


def _rate_and_share(sections: Sections, work: str, contestant: str) -> str:
    row = contest_row(sections, work, contestant)
    if row is None:
        return NONE
    rate = training_flops(work) * row["images_per_second"] / 1e9
    return f"{number(rate, 3)} GFLOP/s, {share(limit_share(sections, work, contestant))}"


def _peer_versions(rows: Iterable[dict[str, Any]]) -> str:
    """List the packages that contestants say they computed with."""
    versions: dict[str, dict[str, str]] = {}
    for row in rows:
        for turn in row["turns"]:
            versions.setdefault(row["contestant"], {}).update(turn["versions"])
    told = [
        [name, ", ".join(f"{package} {version}" for package, version in found.items())]
        for name, found in versions.items()
    ]
    return _joined("### Versions", _table(["Contestant", "Packages"], told, words=2))


def _commands(sections: Sections) -> str:
    commands, embedding = sections["commands"]["commands"], sections["commands"]["embedding"]
    rows = [
        [
            f"`{row['command']}`",
            number(row["seconds"], 3),
            number(row["first_epoch_seconds"], 3),
            number(row["peak_bytes"] / 1e6, 3),
            count(row["n"]),
        ]
        for row in commands
    ]
    embedded = [
        [
            row["recipe"],
            count(row["images"]),
            number(row["seconds"], 3),
            number(row["images_per_second"], 3),
            count(row["n"]),
        ]
        for row in embedding
    ]
    head = ["Command", "Whole, s", "To the first finished epoch, s", "Peak memory, MB", "n"]
    return _joined(
        "## Commands",
        """Whole commands in empty folders, from the start of the process. Peak memory is that of
        the process, or of the largest that it started.""",
        _table(head, rows),
        """Embedding, from a `.npy` file of MNIST images of uint8 to a `.npy` file of codes, which
        is `latentscape embed` without the start of Python, with models that were trained for one
        epoch:""",
        _table(["Model", "Images", "s", "Images/s", "n"], embedded),
    )


def _growth(sections: Sections) -> str:
    rows = sections["growth"]["rows"]
    series = [
        _grown(recipe, varied, along(rows, recipe, varied))
        for recipe, all_varied in VARIED.items()
        for varied in all_varied
    ]
    bases = [
        f"{base.recipe}: {count(base.images)} images, batches of {base.batch_size}, codes of "
        f"{base.latent_dim}{f', a hidden layer of {base.width}' if base.width else ''}"
        for base in BASES.values()
    ]
    head = ["Recipe", "Varied", "From … to", "s per epoch", "Memory beyond the images, MB"]
    return _joined(
        "## Growth",
        "![Seconds per epoch and memory beyond the images](growth.svg)",
        f"""One thing is varied, and everything else stays ({"; ".join(bases)}). MNIST images are
        repeated where more are needed. Each setting is trained in a process of its own, for about
        {SECONDS:g} seconds after a warm-up, and the pace is scaled to an epoch: an epoch that takes
        longer is not trained to its end. Memory beyond the images is the peak of the process,
        Python and PyTorch included, less one byte per pixel.""",
        _table(head, series, words=2),
    )


def _grown(recipe: str, varied: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        recipe,
        NAMES[varied],
        " … ".join(count(row[varied]) for row in rows),
        " … ".join(number(row["seconds"], 3) for row in rows),
        " … ".join(number(beyond(row), 3) for row in rows),
    ]


def _precision(sections: Sections) -> str:
    precision = sections["precision"]
    rows = list(map(_precision_row, precision["rows"]))
    head = ["Work", "Images", "Epochs", "Loss in", "float32", "auto", "Difference", "Within noise"]
    return _joined(
        "## Precision",
        f"""Test losses with `train.precision` float32 and auto, which here is {precision["auto"]}:
        means over {len(SEEDS)} seeds. The difference, auto less float32, is the mean over the same
        seeds, and its ± is its standard error. It is within noise where it is no larger than the
        standard deviation of float32 over seeds.""",
        _table(head, rows),
    )


def _precision_row(row: dict[str, Any]) -> list[str]:
    means = [f"{number(row['mean'][each])} ± {number(row['sd'][each], 2)}" for each in PRECISIONS]
    return [
        row["work"],
        count(row["images"]),
        count(row["epochs"]),
        UNITS[row["metric"]],
        *means,
        f"{number(row['difference'], 2)} ± {number(row['difference_se'], 2)}",
        "yes" if row["within_noise"] else "**no**",
    ]


_WRITERS = {
    "contest": _contest,
    "commands": _commands,
    "growth": _growth,
    "precision": _precision,
}


def _joined(*parts: str) -> str:
    """Join headings, paragraphs and tables; paragraphs are filled."""
    filled = [
        part if "\n\n" in part or part.startswith(("#", "|")) else _filled(part) for part in parts
    ]
    return "\n\n".join(filled)


def _filled(paragraph: str) -> str:
    words = " ".join(paragraph.split())
    return fill(words, 100, break_long_words=False, break_on_hyphens=False)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Write a Markdown table whose first columns are words, and the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(_lines([head, rule, *rows]))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write rows of a table; what stands in a cell must not end it."""
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows of the contest by works, and by contestants within each."""
    works = [work.recipe for work in WORKS]
    names = [contestant.name for contestant in CONTESTANTS]
    return sorted(rows, key=lambda r: (works.index(r["work"]), names.index(r["contestant"])))
