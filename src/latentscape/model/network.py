"""The one model: encoder, latent, decoder, likelihood, all of them named by a recipe."""

import math
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latentscape.config import (
    InputConfig,
    ModelConfig,
    ObjectiveConfig,
)
from latentscape.core.errors import ConfigError
from latentscape.core.findings import Json
from latentscape.core.records import LossTerms
from latentscape.model.blocks import build_decoder, build_encoder
from latentscape.model.checks import check_objective, check_parts, check_values, uses_labels
from latentscape.model.corruption import corrupt
from latentscape.model.description import beside, count_parameters, describe, describe_layers
from latentscape.model.freezing import Freezable
from latentscape.model.initialisation import initialise, standardise, start_at_mean
from latentscape.model.latents import Code, Latent, Normal, Prior, build_latent
from latentscape.model.layers import channels_innermost
from latentscape.model.likelihoods import build_likelihood
from latentscape.model.objectives import Objective, Pass, Player
from latentscape.model.own import misfit, stock_modules
from latentscape.model.scaling import scaled


class Network(Freezable):
    """An autoencoder for images (C, H, W) or vectors (D,).

    Every public method takes images as they are stored (8-bit, say) and scales them itself, so that
    a saved model needs nothing beside it. A model that is conditioned on labels takes them, (B,) of
    int64, beside the images or codes; others look at no labels.

    Calling the model is what training does: it draws codes and corrupts what the encoder sees.
    `encode`, `decode` and `reconstruct` draw nothing.

    Parameters
    ----------
    config : ModelConfig
        The parts. ``config.input`` must be filled in.
    objective : ObjectiveConfig, optional
        What `loss` computes; by default the reconstruction alone.

    Raises
    ------
    ConfigError
        If the parts do not fit each other or the input.
    """

    def __init__(self, config: ModelConfig, objective: ObjectiveConfig | None = None) -> None:
        super().__init__()
        if config.input is None:
            raise ConfigError("The model config has no input shape", fix="Fill in model.input.")
        self.config = config
        objective = objective or ObjectiveConfig()
        check_parts(config)
        check_objective(objective, config)
        shape = config.input.shape
        self.encoder, features_shape = build_encoder(config.encoder, self._encoder_shape(shape))
        self.latent: Latent = build_latent(config.latent, features_shape, shape)
        code_shape = self.latent.code_shape
        if config.condition:
            code_shape = (self.latent.dim + config.input.labels,)
        self.decoder = build_decoder(config.decoder, config.encoder, code_shape, shape)
        self.likelihood = build_likelihood(config.likelihood)
        self.objective = Objective(objective, config, self.latent.dim)
        initialise(self, config.init)
        for layer in stock_modules(self):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):  # Maps take the weights' layout.
                layer.weight.data = channels_innermost(layer.weight.data)

    @torch.no_grad()
    def standardise(
        self, images: Tensor, labels: Tensor | None = None, kept: Collection[str] = ()
    ) -> None:
        """Scale initial weights on stored images (B, *shape); see `InitConfig.data_dependent`.

        Dropout and corruption draw, and batch normalisation counts the images, as in training.
        Layers whose weights are `kept`, by their names, stay as they are.
        """
        layers = {layer for name, layer in self.named_modules() if f"{name}.weight" in kept}
        was_training = self.training
        self.train()
        target = self.scale(images)
        inputs = corrupt(self.config.corruption, target)
        features = standardise(self.encoder, self._with_labels(inputs, labels), layers)
        latent = self.config.latent
        if not (latent.has_posterior or latent.quantises):  # These expect weights as they are.
            standardise(self.latent.layers, features, layers)
        codes = self.latent.mean(features)
        if self.config.condition:
            codes = torch.cat([codes, self._one_hot(labels)], -1)
        start_at_mean(self.decoder, codes, target, self.likelihood, layers)
        self.train(was_training)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, (C, H, W) or (D,)."""
        return self._input.shape

    @property
    def latent_dim(self) -> int:
        """Length of a code."""
        return self.latent.dim

    @property
    def uses_labels(self) -> bool:
        """Whether training takes the labels of the examples."""
        return uses_labels(self.config, self.objective.config)

    @property
    def is_stock(self) -> bool:
        """Whether encoder and decoder are chains of known layers; see `BodyConfig.is_stock`."""
        return self.config.is_stock

    def is_own(self, weight: str) -> bool:
        """Whether a weight of that name belongs to a network of the user's own."""
        parts = {"encoder": self.config.encoder, "decoder": self.config.decoder}
        return any(weight.startswith(f"{part}.") for part in parts if not parts[part].is_stock)

    @property
    def draws(self) -> bool:
        """Whether calling the model gives other outputs than `reconstruct` does."""
        return self.config.latent.draws or self.config.corruption is not None

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases, without those of the objective."""
        return count_parameters(self) - count_parameters(self.objective)

    def scale(self, images: Tensor) -> Tensor:
        """Turn stored values (B, *shape) into float32, with the stored range as 0 to 1."""
        return scaled(images, self._input.range)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, epoch: float = math.inf
    ) -> Pass:
        """Encode and decode stored images (B, *shape), after `epoch` epochs of training."""
        target = self.scale(images)
        corruption = partial(corrupt, self.config.corruption)
        inputs = corruption(target)
        features = self.encoder(self._with_labels(inputs, labels))
        code = self.latent(features, self.prior(), self.objective.config.samples_at(epoch))
        return Pass(
            target,
            inputs,
            labels,
            code,
            self.outputs(code.z, labels),
            self.likelihood,
            corruption,
            lambda scaled: self.encode_scaled(scaled, labels),
            lambda codes: self.outputs(codes, labels),
            self.decoder,
            dict(self.objective.named_children()),
            self.objective.config,
            epoch,
        )

    def loss(
        self, images: Tensor, labels: Tensor | None = None, epoch: float = math.inf
    ) -> LossTerms:
        """Return the loss of stored images (B, *shape), in nats per example."""
        loss: LossTerms = self.objective(self(images, labels, epoch))
        return loss

    def players(self) -> tuple[Player, ...]:
        """Return who learns, and by which loss: the autoencoder and its adversaries."""
        return self.objective.players(self)

    def gradient_norm(self, loss: Tensor) -> Tensor:
        """Return the norm of the autoencoder's gradient of its loss, as its optimizer gets it."""
        player = self.players()[0]
        parameters = [parameter for parameter in player.parameters if parameter.requires_grad]
        gradients = torch.autograd.grad(loss * player.scale, parameters, allow_unused=True)
        squares = [gradient.square().sum() for gradient in gradients if gradient is not None]
        return torch.stack(squares).sum().sqrt()

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the encoder's features (B, F) of stored images (B, *shape)."""
        features: Tensor = self.encoder(self._with_labels(self.scale(images), labels))
        return features

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the codes (B, latent_dim) of stored images (B, *shape), without sampling.

        Raises
        ------
        DataError
            If values lie outside the range that the model was trained on.
        """
        check_values(images, self.config)
        return self.encode_scaled(self.scale(images), labels)

    def encode_scaled(self, scaled: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the codes (B, latent_dim) of images on the scale 0 to 1, or around it."""
        return self.latent.mean(self.encoder(self._with_labels(scaled, labels)))

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> Normal:
        """Return the distribution of the codes (B, latent_dim) of stored images (B, *shape).

        Raises
        ------
        ConfigError
            If the model gives each image one code and no distribution.
        """
        if not self.config.latent.has_posterior:
            raise ConfigError(
                f"A latent of kind {self.config.latent.kind} has no posterior distribution",
                expected="a variational autoencoder, model.latent.kind gaussian",
            )
        return self.latent.posterior(self.features(images, labels))

    def code(self, images: Tensor, labels: Tensor | None = None) -> Code:
        """Return the code of stored images (B, *shape): one draw each, where codes are random."""
        code: Code = self.latent(self.features(images, labels), self.prior(), 1)
        return code

    def prior(self) -> Prior | None:
        """Return where codes come from before any image is seen; None for plain codes."""
        return self.latent.prior(self.encoder)

    def outputs(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the decoder's output (..., B, *shape) for codes (..., B, latent_dim)."""
        shape = codes.shape[:-1]
        if self.config.condition:
            one_hot = self._one_hot(labels)
            codes = torch.cat([codes, one_hot.expand(*shape, -1)], -1)
        outputs: Tensor = self.decoder(codes.flatten(0, -2))
        return outputs.reshape(*shape, *self.input_shape)

    def decode(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the mean images (B, *shape), on the scale 0 to 1, of codes (B, latent_dim)."""
        return self.likelihood.mean(self.outputs(codes, labels))

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the mean images (B, *shape), on the scale 0 to 1, of stored images."""
        return self.decode(self.encode(images, labels), labels)

    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw codes from the prior, and return the mean images that they decode to.

        Parameters
        ----------
        count : int
            How many.
        labels : Tensor, optional
            (count,) labels of a conditional model; by default the labels take turns.
        generator : torch.Generator, optional
            On the CPU; torch's own by default. The same one draws the same codes on every device.

        Returns
        -------
        Tensor
            (count, *shape) on the scale 0 to 1.

        Raises
        ------
        ConfigError
            If the model has no prior.
        """
        prior = self.prior()
        if prior is None:
            raise ConfigError(
                f"A latent of kind {self.config.latent.kind} has no prior to draw codes from",
                fix="Fit one to the training codes: latentscape sample RUN --from gmm.",
            )
        codes = prior.sample(torch.Size([count]), generator)
        if self.config.condition and labels is None:
            labels = torch.arange(count, device=codes.device) % self._input.labels
        return self.decode(codes, labels)

    def diagnose(self, images: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        """Measure over stored images (B, *shape) whether the code is used.

        Returns
        -------
        dict
            ``active_units`` of a gaussian latent; ``perplexity`` and ``codes_used`` of a
            vector-quantised one; nothing for plain codes.
        """
        if not self.config.latent.can_collapse:  # Spares the encoder a pass in every epoch.
            return {}
        return self.latent.diagnose(self.features(images, labels))

    def collapse(self, measured: Mapping[str, float]) -> str | None:
        """Return how the code collapsed, from what `diagnose` measured; None where it is used."""
        return self.latent.collapse(measured) if measured else None

    def current_names(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights under the names that they have here.

        Up to version 0.2.0 the modules of the objective stood in the network itself.
        """
        moved = {name for name, _ in self.objective.named_children()}
        return {
            f"objective.{name}" if name.partition(".")[0] in moved else name: value
            for name, value in weights.items()
        }

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load weights under the names of this version or of an earlier one.

        Raises
        ------
        CodeError
            If the user's own network is not the one that they are of.
        """
        weights = self.current_names(state_dict)
        for name, own in self.state_dict().items():
            kept = weights.get(name)
            if self.is_own(name) and (kept is None or kept.shape != own.shape):
                raise misfit(name, kept, own)
        return super().load_state_dict(weights, strict, assign)

    def describe(self) -> list[Json]:
        """List the layers in order.

        Returns
        -------
        list of dict
            ``part`` (encoder, latent, decoder, likelihood), ``layer``, ``output`` shape,
            ``parameters``, and how many of these are ``frozen``.
        """
        rows: list[Json] = []
        was_training = self.training
        self.eval()
        values = torch.zeros(1, *self._encoder_shape(self.input_shape), device=self.device)
        decoded = self.latent_dim + (self._input.labels if self.config.condition else 0)
        with torch.no_grad():
            features = describe_layers("encoder", self.encoder, values, rows, self.frozen)
            describe_layers("latent", self.latent.layers, features, rows, self.frozen)
            if about := self.latent.about:
                extra = beside(self.latent, self.latent.layers)
                rows.append(describe("latent", about, (self.latent_dim,), extra, self.frozen))
            codes = features.new_zeros(1, decoded)
            describe_layers("decoder", self.decoder, codes, rows, self.frozen)
        if trained := list(self.likelihood.parameters()):
            name = f"one trained scale ({self.config.likelihood.kind})"
            rows.append(describe("likelihood", name, self.input_shape, trained, self.frozen))
        self.train(was_training)
        return rows

    @property
    def _input(self) -> InputConfig:
        assert self.config.input is not None
        return self.config.input

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def _labels_are_maps(self) -> bool:
        """Whether the encoder takes labels as further channels of an image."""
        return self.config.encoder.takes_labels_as_maps and len(self.input_shape) == 3

    def _encoder_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what the encoder takes, labels included."""
        if not self.config.condition:
            return shape
        if self._labels_are_maps:
            return (shape[0] + self._input.labels, *shape[1:])
        return (math.prod(shape) + self._input.labels,)

    def _with_labels(self, values: Tensor, labels: Tensor | None) -> Tensor:
        """Append labels to scaled images: as maps for convolutions, as numbers otherwise."""
        if not self.config.condition:
            return values
        one_hot = self._one_hot(labels)
        if self._labels_are_maps:
            maps = one_hot[:, :, None, None].expand(-1, -1, *values.shape[2:])
            return torch.cat([values, maps], 1)
        return torch.cat([values.flatten(1), one_hot], 1)

    def _one_hot(self, labels: Tensor | None) -> Tensor:
        if labels is None:
            raise ConfigError(
                "This model is conditioned on labels and was given none",
                fix="Give the label of each image or code beside it.",
            )
        # A mean square of one, as codes have: a label of plain ones is learnt many times slower.
        weight = math.sqrt(self._input.labels)
        classes = torch.arange(self._input.labels, device=labels.device)
        return weight * (labels[:, None] == classes).float()
