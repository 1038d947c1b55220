"""Likelihoods: their settings, what they can do, and their registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from latentscape.config.parts import Part
from latentscape.config.registry import Implementation


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


LIKELIHOODS: dict[str, type[LikelihoodConfig]] = {
    "bernoulli": BernoulliConfig,
    "gaussian": GaussianConfig,
    "continuous_bernoulli": ContinuousBernoulliConfig,
    "discretised_logistic": DiscretisedLogisticConfig,
}
"""The kinds of ``model.likelihood``."""
