"""How samples were compared with real images, in a sentence."""

from latentscape.analyses.quality.result import Quality
from latentscape.core.units import count


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
