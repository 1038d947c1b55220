"""Likelihoods: their settings, what they can do, and their registry."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from latentscape.config.parts import Part
from latentscape.config.registry import Implementation


class LikelihoodKind(Part):
    """What a likelihood is, so that the logarithms of two of them compare, or do not.

    Attributes
    ----------
    of : str
        ``probability`` of data that have so many levels; ``density`` over continuous values, which
        may be above 1; or ``score``, which does not add up to 1 over all data and is neither.
    levels : int or None
        Grey levels that a pixel can have, of a probability: 256 of 8-bit data, 2 of binary data.
    """

    of: Literal["probability", "density", "score"]
    levels: int | None = Field(None, ge=2)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.of == "probability") != (self.levels is not None):
            raise ValueError("a probability has levels, and nothing else has")
        return self


class LikelihoodConfig(Part):
    """The settings of a likelihood, and what it can do. Each kind is a subclass.

    Attributes
    ----------
    implementation : str or callable
        A subclass of `latentscape.model.likelihoods.Likelihood`. It is built from the settings.
    grey_pixels : str
        What it gives a grey pixel: a ``probability``, a ``density`` on [0, 1], or ``nothing`` where
        only black and white ones have a probability.
    no_stock_layers : str
        What stands in the way of writing its mean as stock layers, which Keras needs; empty if
        nothing.
    """

    implementation: ClassVar[Implementation]
    grey_pixels: ClassVar[Literal["probability", "density", "nothing"]] = "probability"
    no_stock_layers: ClassVar[str] = ""

    kind: str

    @property
    def needs_unit_range(self) -> bool:
        """Whether images must lie in [0, 1]."""
        return True

    @property
    def grey_levels(self) -> int:
        """How many levels a pixel can have, where grey pixels have a probability."""
        return 256

    def kind_on(self, *, binary: bool) -> LikelihoodKind:
        """Return what the likelihood is; `binary` says whether all pixels are black or white."""
        if self.grey_pixels == "density":
            return LikelihoodKind(of="density")
        if self.grey_pixels == "probability":
            return LikelihoodKind(of="probability", levels=self.grey_levels)
        return LikelihoodKind(of="probability", levels=2) if binary else LikelihoodKind(of="score")


class BernoulliConfig(LikelihoodConfig):
    """Each pixel the probability of ink; the loss is binary cross-entropy."""

    implementation = "latentscape.model.likelihoods:Bernoulli"
    grey_pixels = "nothing"

    kind: Literal["bernoulli"] = "bernoulli"


class GaussianConfig(LikelihoodConfig):
    """Each pixel normal around its reconstruction; the loss is squared error plus a constant.

    Attributes
    ----------
    mean : str
        ``linear``, or ``sigmoid`` to keep the reconstruction in [0, 1].
    variance : float or "learned"
        Fixed variance, or one for all pixels that is trained with the weights (Rybkin et al. 2021,
        sigma-VAE). At 1/2 the negative log-likelihood is the squared error plus a constant,
        which is what "trained on MSE" means.
    """

    implementation = "latentscape.model.likelihoods:Gaussian"
    grey_pixels = "density"

    kind: Literal["gaussian"] = "gaussian"
    mean: Literal["linear", "sigmoid"] = "linear"
    variance: Annotated[float, Field(gt=0)] | Literal["learned"] = 0.5

    @property
    def needs_unit_range(self) -> bool:
        """Whether reconstructions are kept in [0, 1]."""
        return self.mean == "sigmoid"


class ContinuousBernoulliConfig(LikelihoodConfig):
    """A density on [0, 1], for grey pixels (Loaiza-Ganem and Cunningham 2019)."""

    implementation = "latentscape.model.likelihoods:ContinuousBernoulli"
    grey_pixels = "density"
    no_stock_layers = "the mean of the likelihood continuous_bernoulli"

    kind: Literal["continuous_bernoulli"] = "continuous_bernoulli"


class DiscretisedLogisticConfig(LikelihoodConfig):
    """A logistic density cut into `levels` grey levels, with one trained scale.

    After Kingma et al. (2016, IAF) and Salimans et al. (2017, PixelCNN++).
    """

    implementation = "latentscape.model.likelihoods:DiscretisedLogistic"
    no_stock_layers = "the mean of the likelihood discretised_logistic"

    kind: Literal["discretised_logistic"] = "discretised_logistic"
    levels: int = Field(256, ge=2)

    @property
    def grey_levels(self) -> int:
        """Into how many levels the density is cut."""
        return self.levels


LIKELIHOODS: dict[str, type[LikelihoodConfig]] = {
    "bernoulli": BernoulliConfig,
    "gaussian": GaussianConfig,
    "continuous_bernoulli": ContinuousBernoulliConfig,
    "discretised_logistic": DiscretisedLogisticConfig,
}
"""The kinds of ``model.likelihood``."""
