"""Sample quality on the terminal."""

from latentscape.analyses.quality.result import Quality
from latentscape.analyses.quality.sentences import describe_comparison
from latentscape.core.units import count, number, percent
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
    if result.recognised is not None:
        labels += f", label asked for recognised in {percent(result.recognised)}"
    print_line(labels, indent=2)
    print_line(
        f"In brackets: real training images. {describe_comparison(result)}. Judged by a "
        "classifier that names "
        f"{number(100 * result.judge_accuracy, 3)} % of the test images rightly: compare runs on "
        "the same data, with as many samples, only.",
        "dim",
        indent=2,
    )
