"""Sample quality on the terminal."""

from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.notes import describe_drawn
from latentscape.analyses.quality.result import RECOGNISED, Quality
from latentscape.analyses.quality.sentences import describe_comparison, describe_judge
from latentscape.core.units import count, number, percent
from latentscape.reporting.sentences import as_sentence
from latentscape.terminal.layout import print_line

_SOURCES = {
    "prior": "the prior",
    "vamp": "the VampPrior",
    "gmm": "a mixture of Gaussians fitted to training codes",
    "normal": "N(0, I), which is no prior of this model",
    "codebook": "the uniform prior over the codebook",
}


def print_quality(result: Quality) -> None:
    """Print what a classifier makes of samples, with real images in brackets."""
    samples, real = result.closeness, result.reference
    print_line(
        f"{count(result.n)} samples from {_SOURCES.get(result.source, result.source)}: "
        "Fréchet classifier distance "
        f"{number(samples.frechet_distance)} ({number(real.frechet_distance)})"
    )
    print_line(
        f"precision {percent(samples.precision)} ({percent(real.precision)}), "
        f"recall {percent(samples.recall)} ({percent(real.recall)})",
        indent=2,
    )
    labels = f"label distance {percent(result.label_distance)}"
    if result.recognition is not None:
        labels += (
            f", label asked for recognised in {RECOGNISED.write_statistic(result.recognition)}"
        )
    if result.recognised_guessing is not None:
        labels += f" (without looking: {result.recognised_guessing})"
    print_line(labels, indent=2)
    for sentence in describe_drawn(result):
        print_line(as_sentence(sentence), "dim", indent=2)
    print_line(
        f"In brackets: real training images. {describe_comparison(result)}.",
        "dim",
        indent=2,
    )
    print_line(
        f"Samples are {describe_judge(result)}: compare runs on the same data, with as many "
        f"samples, only. {SENTENCE_ON_INTERVALS}.",
        "dim",
        indent=2,
    )
