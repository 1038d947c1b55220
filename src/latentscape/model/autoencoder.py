"""The one model: encoder, latent, decoder, likelihood, all of them named by a recipe."""

import math

import torch
from torch import Tensor, nn

from latentscape.config import ConvConfig, InitConfig, ModelConfig, ObjectiveConfig
from latentscape.errors import ConfigError
from latentscape.model.blocks import build_decoder, build_encoder
from latentscape.model.latents import PointLatent
from latentscape.model.likelihoods import build_likelihood
from latentscape.model.objectives import Pass, evaluate_terms
from latentscape.records import LossTerms


class Autoencoder(nn.Module):
    """An autoencoder for images (C, H, W) or vectors (D,).

    Every public method takes images as they are stored (8-bit, say) and scales them itself, so that
    a saved model needs nothing beside it.

    Parameters
    ----------
    config : ModelConfig
        The parts. ``config.input`` must be filled in.
    objective : ObjectiveConfig
        What `loss` computes.

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
        self.objective = objective or ObjectiveConfig()
        shape = config.input.shape
        self.encoder, features = build_encoder(config.encoder, shape)
        self.latent = PointLatent(config.latent, features)
        self.decoder = build_decoder(config.decoder, config.encoder, config.latent.dim, shape)
        self.likelihood = build_likelihood(config.likelihood)
        initialise(self, config.init)
        if isinstance(config.encoder, ConvConfig):
            # Convolutions run markedly faster with the channels innermost.
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, (C, H, W) or (D,)."""
        assert self.config.input is not None
        return self.config.input.shape

    @property
    def latent_dim(self) -> int:
        """Length of a code."""
        return self.config.latent.dim

    @property
    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())

    def scale(self, images: Tensor) -> Tensor:
        """Turn stored values (B, *shape) into float32, with the stored range as 0 to 1."""
        assert self.config.input is not None
        return scaled(images, self.config.input.range)

    def forward(self, images: Tensor) -> Pass:
        """Encode and decode stored images (B, *shape)."""
        target = self.scale(images)
        code = self.latent(self.encoder(target))
        return Pass(target, code, self.decoder(code.z), self.likelihood)

    def loss(self, images: Tensor) -> LossTerms:
        """Return what stored images (B, *shape) cost, in nats per example."""
        return self.loss_of(self(images))

    def loss_of(self, result: Pass) -> LossTerms:
        """Return what a forward pass costs, in nats per example."""
        return evaluate_terms(self.objective, result)

    def gradient_scale(self) -> float:
        """Return the factor between the loss in nats per example and what is differentiated."""
        return 1.0 if self.objective.average == "example" else 1.0 / math.prod(self.input_shape)

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (B, latent_dim) of stored images (B, *shape), without sampling."""
        return self.latent.mean(self.encoder(self.scale(images)))

    def decode(self, codes: Tensor) -> Tensor:
        """Return the mean images (B, *shape), on the scale 0 to 1, of codes (B, latent_dim)."""
        return self.likelihood.mean(self.decoder(codes))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the mean images (B, *shape), on the scale 0 to 1, of stored images."""
        return self.decode(self.encode(images))

    def describe(self) -> list[dict[str, object]]:
        """List the layers in order.

        Returns
        -------
        list of dict
            ``part`` (encoder, latent, decoder), ``layer``, ``output`` shape, ``parameters``.
        """
        rows: list[dict[str, object]] = []
        was_training = self.training
        self.eval()
        device = next(self.parameters()).device
        values = torch.zeros(1, *self.input_shape, device=device)
        with torch.no_grad():
            for part, layers in (
                ("encoder", self.encoder),
                ("latent", self.latent.layers),
                ("decoder", self.decoder),
            ):
                for layer in layers:
                    values = layer(values)
                    rows.append(_describe_layer(part, layer, tuple(values.shape[1:])))
        self.train(was_training)
        return rows


def scaled(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Turn stored values into float32, with the two ends of their range as 0 and 1."""
    low, high = value_range
    values = images.float()
    if low:
        values = values - low
    return values / (high - low) if high - low != 1 else values


def initialise(model: nn.Module, config: InitConfig) -> None:
    """Set the initial weights of every linear and convolutional layer, from torch's generator."""
    if config.kind == "torch":
        return
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if config.kind == "glorot_uniform":
                nn.init.xavier_uniform_(layer.weight)
            else:
                sd = config.sd
                nn.init.trunc_normal_(layer.weight, std=sd, a=-2 * sd, b=2 * sd)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, config.bias)


def _describe_layer(part: str, layer: nn.Module, output: tuple[int, ...]) -> dict[str, object]:
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        name += f" {layer.in_features}→{layer.out_features}"
    elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        height, width = layer.kernel_size
        name += f" {layer.in_channels}→{layer.out_channels}, {height}×{width}"
        name += f", stride {layer.stride[0]}" if layer.stride[0] != 1 else ""
    elif isinstance(layer, nn.Dropout):
        name += f" {layer.p:g}"
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    return {"part": part, "layer": name, "output": list(output), "parameters": parameters}
