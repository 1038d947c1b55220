"""The results as a page: results.json read, RESULTS.md and its figure written."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import NAMES, beyond, draw
from benchmarks.flops import training_flops
from benchmarks.gpu.page import gpu, load_gpu
from benchmarks.growth import BASES, SECONDS, VARIED, along
from benchmarks.markdown import page, table
from benchmarks.precision import PRECISIONS, SEEDS
from benchmarks.quality import QUALITY
from benchmarks.quality_page import UNITS, draw_quality, quality
from benchmarks.study_page import study
from benchmarks.targets import (
    OWN,
    TARGETS,
    Sections,
    all_threads,
    contest_row,
    contest_rows,
    limit,
    limit_share,
    slower,
)
from benchmarks.works import ROOT, WORKS, Work
from latentscape.core.files import write_json, write_text
from latentscape.core.units import NONE, count, joined, number, share

SECTIONS = ("contest", QUALITY, "study", "commands", "growth", "precision")


TUNED = """Peers get what their own guides recommend for speed. PyTorch, tuned: all images in
memory, fused Adam, channels innermost. skorch: the last two of these. pythae: fused Adam. Keras:
several batches per call (`steps_per_execution`); it compiles with JAX, and by its own choice not
with TensorFlow on a CPU. In bfloat16 PyTorch and skorch use autocast, Keras its mixed policy. The
mixed precision of pythae is for CUDA alone."""


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
    if QUALITY in sections:
        write_text(folder / "quality.svg", draw_quality(sections[QUALITY]))
    tried = folder / "TRIED.md"
    parts = [
        _introduction(sections),
        _targets(sections),
        *(writer(sections) for name, writer in _WRITERS.items() if name in sections),
        gpu(on_gpu) if (on_gpu := load_gpu(folder)) else "",
        tried.read_text("utf-8").strip() if tried.exists() else "",
    ]
    write_text(folder / "RESULTS.md", "\n\n".join(filter(None, parts)) + "\n")


def _introduction(sections: Sections) -> str:
    measured = [each for name in SECTIONS if name in sections for each in _parts(name, sections)]
    dates = [[name, each["date"], count(each["repetitions"])] for name, each in measured]
    where: dict[str, list[str]] = {}
    for name, section in measured:
        where.setdefault(_circumstances(section), []).append(name)
    return page(
        "# Benchmarks",
        """How fast Latentscape trains, how much memory it takes, and whether its models are as good
        as those of others. To repeat all of it: `make bench`; a part of it: `python -m benchmarks
        contest`. Peers are installed into environments of their own, with the versions that
        `requirements/` pins.""",
        table(["Section", "Date", "n"], dates),
        *(f"Where {joined(names)} ran: {told}." for told, names in where.items()),
        """n is how often each thing was measured; numbers are medians unless they are called means.
        s are seconds, MB are 10^6 bytes, GFLOP/s are 10^9 multiplications and additions per second,
        and ± is one standard deviation, unless it is said to be something else.""",
    )


def _parts(name: str, sections: Sections) -> list[tuple[str, dict[str, Any]]]:
    """Return what of a section was measured at once, and what it is called."""
    if name == QUALITY:
        return [(f"quality of {recipe}", part) for recipe, part in sections[name].items()]
    return [(name, sections[name])]


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
    return page("## Targets", table(["What", "Target", "Obtained", "Verdict"], rows))


def _contest(sections: Sections) -> str:
    contest = sections["contest"]
    works = [work for work in WORKS if any(row["work"] == work.recipe for row in contest["rows"])]
    tables = [_work(work, threads, sections) for work in works for threads in all_threads(sections)]
    return page(
        "## Contest",
        """All contestants train the same networks on the same images, with the same loss, batches
        of the same size and Adam at the same rate, each in a process of its own. The images are
        those of MNIST, or scenes in colour that the benchmark draws. The first epoch, in which
        frameworks compile, is not timed. s per epoch is the median of n epochs, beside the fastest
        and the slowest. The ratio is the contestant's seconds per epoch over Latentscape's in the
        same precision: above 1 is slower than Latentscape. Peak memory is that of the whole
        process, from its start to the reconstructions of the test images. The test loss is computed
        from these reconstructions, by the same lines for all.""",
        *([TUNED] if any("tuned" in row["contestant"] for row in contest["rows"]) else []),
        *filter(None, tables),
        _limits(sections, works),
        _peer_versions(contest["rows"]),
    )


def _work(work: Work, threads: int, sections: Sections) -> str:
    """Write the table of a work on so many cores; nothing where it was not trained on them."""
    rows = contest_rows(sections, work.recipe, threads)
    if not rows:
        return ""
    head = [
        "Contestant",
        "Precision",
        "s per epoch",
        "Fastest … slowest",
        "Ratio",
        "Images/s",
        "Peak memory, MB",
        f"Test loss, {UNITS[work.metric]}",
        "First epoch, s",
        "n",
    ]
    return page(
        f"### {work.recipe}, {threads} core{'s' if threads > 1 else ''}",
        f"{count(rows[0]['images'])} images in batches of {rows[0]['batch_size']}.",
        table(head, [_contestant(row, sections) for row in rows], words=2),
    )


def _contestant(row: dict[str, Any], sections: Sections) -> list[str]:
    if "seconds" not in row:
        return [row["contestant"], row["precision"], row["failure"] or "not measured", *[NONE] * 7]
    spread = f" ± {number(row['test_loss_sd'], 2)}" if "test_loss_sd" in row else ""
    return [
        row["contestant"],
        row["precision"],
        number(row["seconds"], 3),
        f"{number(row['fastest'], 3)} … {number(row['slowest'], 3)}",
        number(slower(sections, row), 3),
        number(row["images_per_second"], 3),
        number(row["peak_bytes"] / 1e6, 3),
        f"{number(row['test_loss'])}{spread}",
        number(row["first_epoch_seconds"], 3),
        count(row["n"]),
    ]


def _limits(sections: Sections, works: Iterable[Work]) -> str:
    shown = tuple(OWN.values())
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
    return page(
        "### The limit that the machine sets",
        f"""Products of matrices of 1,024 × 1,024 come to {joined(most)}: the best of
        {len(sections["contest"]["limits"])} measurements, between which the contest went on. A
        training step has to compute the products of the forward pass and, for the gradients, twice
        as many, but no gradient of the image. The table counts these operations from the layers,
        and says which rate they come to, and which share of the limit of their precision that
        is.""",
        table(["Work", "10^6 operations per image", *shown], rows),
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
        versions.setdefault(row["contestant"], {}).update(row.get("versions", {}))
    told = [
        [name, ", ".join(f"{package} {version}" for package, version in found.items())]
        for name, found in versions.items()
    ]
    return page("### Versions", table(["Contestant", "Packages"], told, words=2))


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
    return page(
        "## Commands",
        """Whole commands in empty folders, from the start of the process. The first finished epoch
        is taken from the first line about one; where epochs are quick, that line is about the
        second. Peak memory is that of the process, or of the largest that it started.""",
        table(head, rows),
        """Embedding, from a `.npy` file of MNIST images of uint8 to a `.npy` file of codes, which
        is `latentscape embed` without the start of Python, with models that were trained for one
        epoch:""",
        table(["Model", "Images", "s", "Images/s", "n"], embedded),
    )


def _growth(sections: Sections) -> str:
    rows = sections["growth"]["rows"]
    series = [
        _grown(recipe, varied, along(rows, recipe, varied))
        for recipe, all_varied in VARIED.items()
        for varied in all_varied
        if len(along(rows, recipe, varied)) > 1
    ]
    bases = [
        f"{base.recipe}: {count(base.images)} images, batches of {base.batch_size}, codes of "
        f"{base.latent_dim}{f', a hidden layer of {base.width}' if base.width else ''}"
        for base in BASES.values()
    ]
    head = ["Recipe", "Varied", "From … to", "s per epoch", "Memory beyond the images, MB"]
    return page(
        "## Growth",
        "![Seconds per epoch and memory beyond the images](growth.svg)",
        f"""One thing is varied, and everything else stays ({"; ".join(bases)}). MNIST images are
        repeated where more are needed, and their pixels where larger ones are. Each setting is
        trained in a process of its own, for about {SECONDS:g} seconds after a warm-up, and the
        pace is scaled to an epoch: an epoch that takes longer is not trained to its end. Memory
        beyond the images is the peak of the process, Python and PyTorch included, less one byte
        per pixel.""",
        table(head, series, words=2),
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
    return page(
        "## Precision",
        f"""Test losses with `train.precision` float32 and auto, which here is {precision["auto"]}:
        means over {len(SEEDS)} seeds. The difference, auto less float32, is the mean over the same
        seeds, and its ± is its standard error. It is within noise where it is no larger than the
        standard deviation of float32 over seeds.""",
        table(head, rows),
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
    QUALITY: lambda sections: quality(sections[QUALITY]),
    "study": lambda sections: study(sections["study"]),
    "commands": _commands,
    "growth": _growth,
    "precision": _precision,
}
