"""Samplers: each draws the codes of new images from one source.

They are registered in `latentscape.config.samplers`.
"""

from typing import ClassVar

from torch import Tensor

from latentscape.config import TERMS, ObjectiveConfig
from latentscape.core.errors import ConfigError, MissingData
from latentscape.inference.samples import draw_from_prior, mixture_codes
from latentscape.model import Network
from latentscape.runs import TrainedOn


class Sampler:
    """Draws codes for a model from one source.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.

    Attributes
    ----------
    name : str
        What the source is called: ``prior``, ``vamp``, ``gmm``; ``normal`` for N(0, I) where that
        is no prior of the model.
    origin : str
        What findings call it, which tells kinds of priors apart: ``codebook``, or the name of the
        term of the objective that drew codes to N(0, I).
    description : str
        What sentences call the source, as in ``"codes drawn from {description}"``. Those of
        Latentscape are told by their origin.
    """

    name: str
    description: ClassVar[str] = ""

    @property
    def origin(self) -> str:
        """What findings call the source."""
        return self.name

    def __init__(self, model: Network) -> None:
        self.model = model

    def check(self) -> None:
        """Refuse a model that does not have this source, by a `ConfigError`."""

    def draw(self, trained_on: TrainedOn, count: int, labels: Tensor | None, seed: int) -> Tensor:
        """Draw codes (count, D).

        Parameters
        ----------
        trained_on : TrainedOn
            What the model was trained on; its ``split`` has the examples.
        count : int
            How many.
        labels : Tensor or None
            (count,) the labels that a conditional model decodes them with.
        seed : int
            The same one draws the same codes on every device.
        """
        raise NotImplementedError


class PriorSampler(Sampler):
    """Draws from the prior of a model, and from N(0, I) where it has none."""

    def __init__(self, model: Network) -> None:
        super().__init__(model)
        latent = model.config.latent
        matching = matching_terms(model.objective.config)
        if latent.has_prior:
            self.name = "vamp" if latent.prior_name == "vamp" else "prior"
        else:
            self.name = "prior" if matching else "normal"
        self._term = matching[0] if matching else ""

    @property
    def origin(self) -> str:
        """What findings call the source; see `Sampler`."""
        latent = self.model.config.latent
        if latent.has_prior:
            return "prior" if latent.has_standard_prior else latent.prior_name
        return self._term or "normal"

    def draw(self, trained_on: TrainedOn, count: int, labels: Tensor | None, seed: int) -> Tensor:
        """Draw from the prior; see `Sampler.draw`."""
        return draw_from_prior(self.model, count, seed)


def matching_terms(objective: ObjectiveConfig) -> list[str]:
    """Return the terms of an objective that draw codes to the prior, or to N(0, I) without one."""
    return [term for term in objective.weights if TERMS[term].matches_prior]


class VampSampler(PriorSampler):
    """Draws from a VampPrior, and refuses models that have another prior."""

    def check(self) -> None:
        """Refuse models without a VampPrior."""
        if self.name != "vamp":
            raise ConfigError(
                "This model has no VampPrior",
                expected="a model with model.latent.prior vamp, such as vamp-vae",
                fix="Draw from elsewhere: --from prior, or --from gmm.",
            )


class MixtureSampler(Sampler):
    """Draws from a mixture of Gaussians that is fitted to training codes."""

    name = "gmm"

    def check(self) -> None:
        """Refuse codes that are made of the vectors of a codebook."""
        latent = self.model.config.latent
        if latent.quantises:
            raise ConfigError(
                "A mixture of Gaussians gives codes that lie between the vectors of the codebook, "
                f"and the decoder of a {latent.kind} latent has seen nothing but these vectors",
                fix="Draw from its uniform prior: --from prior.",
            )

    def draw(self, trained_on: TrainedOn, count: int, labels: Tensor | None, seed: int) -> Tensor:
        """Fit and draw, for a conditional model once for each label; see `Sampler.draw`."""
        try:
            return mixture_codes(self.model, trained_on, count, labels, seed)
        except MissingData as error:
            raise MissingData(
                str(error),
                fix="A mixture is fitted to their codes; --from prior needs none of them.",
            ) from error
