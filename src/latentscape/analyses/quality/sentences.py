"""Who judges samples, and how they were compared with real images, in sentences."""

from latentscape.analyses.quality.result import JUDGED, Quality
from latentscape.core.units import count


def describe_judge(quality: Quality) -> str:
    """Say what the classifier learned from, and how far it can be trusted."""
    facts, guessing = quality.protocol, ""
    if quality.guessing is not None:
        guessing = f" (without looking: {quality.guessing})"
    return (
        f"judged by a classifier that was trained on {count(facts.n_fitted)} labelled training "
        f"images and names {JUDGED.write_statistic(quality.judging)} of {count(facts.n_scored)} "
        f"test images rightly{guessing}"
    )


def describe_comparison(quality: Quality) -> str:
    """Say how many samples and training images were compared with the test images."""
    compared = quality.n_compared or quality.n
    available = quality.protocol.n_fitted
    if available < compared:  # As earlier versions measured.
        return (
            f"{count(compared)} samples and {count(available)} training images are compared with "
            "the test images: a distance shrinks with the number of images, so measure it again"
        )
    return (
        f"{count(compared)} samples, and as many training images, are compared with the test images"
    )
