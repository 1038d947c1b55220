"""The numbers of a latent that people read: their names, and where they stand in the result."""

from collections.abc import Callable

from latentscape.config import LikelihoodKind
from latentscape.core.metrics import Metric
from latentscape.evaluation.results import Latent

ELBO = Metric(
    "elbo",
    "ELBO",
    "nats per image",
    higher_is_better=True,
    rank=0,
    about="The evidence lower bound, minus the sum of distortion and rate: the log-likelihood of "
    "an image is at least that. Higher is better, among models of one kind of likelihood.",
)
RATE = Metric(
    "rate",
    "Rate",
    "nats per image",
    about="What a code costs beside the prior. At zero no image leaves a trace in its code.",
)
DISTORTION = Metric(
    "distortion",
    "Distortion",
    "nats per image",
    about="What the code leaves unsaid of its image: the negative log-likelihood of the image "
    "under its reconstruction.",
)
BITS_PER_DIM = Metric(
    "bits_per_dim",
    "Bits per dimension",
    about="The sum of rate and distortion for one value of an image, in bits, where the likelihood "
    "is a probability of the data. That of a density on 8-bit data is measured with uniform noise "
    "within each grey level (dequantisation, Theis et al. 2016), so that it is a bound too. Lower "
    "is better.",
)
MISMATCH = Metric(
    "mismatch",
    "Mismatch with the prior",
    "nats",
    about="How far the codes of all images together (the aggregate posterior) are from the prior. "
    "Where they are far, samples look worse than reconstructions.",
)
MMD = Metric(
    "mmd",
    "MMD to the prior",
    "squared",
    about="The maximum mean discrepancy between codes and prior, squared: about zero where the two "
    "cannot be told apart.",
)
ACTIVE_UNITS = Metric(
    "active_units",
    "Active",
    "dimensions",
    higher_is_better=True,
    is_count=True,
    rank=0,
    about="Dimensions whose mean moves from image to image, with a variance above 0.01.",
)
PERPLEXITY = Metric(
    "perplexity",
    "Perplexity",
    "of the codebook",
    higher_is_better=True,
    about="In so many codes, used evenly, there would be as much variety.",
)
CODES_USED = Metric(
    "codes_used",
    "Codes used",
    higher_is_better=True,
    is_count=True,
    about="Codes that at least one place of a test image has chosen.",
)

LATENT_NUMBERS: dict[Metric, Callable[[Latent], float | None]] = {
    ELBO: lambda latent: latent.elbo,
    RATE: lambda latent: latent.rate,
    DISTORTION: lambda latent: latent.distortion,
    BITS_PER_DIM: lambda latent: latent.bits_per_dim,
    MISMATCH: lambda latent: latent.mismatch,
    MMD: lambda latent: latent.mmd,
    ACTIVE_UNITS: lambda latent: latent.active_units,
    PERPLEXITY: lambda latent: latent.perplexity,
    CODES_USED: lambda latent: latent.codes_used,
}

ROW_METRICS = (
    ELBO,
    RATE,
    DISTORTION,
    BITS_PER_DIM,
    MISMATCH,
    MMD,
    ACTIVE_UNITS,
    PERPLEXITY,
)
"""Those that rows of studies average over seeds."""


def latent_kinds(latent: Latent) -> dict[Metric, LikelihoodKind]:
    """Return the kind of likelihood behind each metric; only numbers of one kind compare.

    The bits of a density are a bound of the probability of the data that were dequantised.
    """
    if latent.likelihood is None:
        return {}
    kinds = dict.fromkeys((ELBO, RATE, DISTORTION), latent.likelihood)
    if latent.levels is not None:
        kinds[BITS_PER_DIM] = LikelihoodKind(of="probability", levels=latent.levels)
    return kinds
