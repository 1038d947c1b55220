"""The one model: encoder, latent, decoder, likelihood, all of them named by a recipe."""

import math
from functools import partial

import torch
from torch import Tensor, nn

from latentscape.config import (
    ConvConfig,
    GaussianLatentConfig,
    InitConfig,
    InputConfig,
    ModelConfig,
    ObjectiveConfig,
    PointConfig,
)
from latentscape.core.errors import ConfigError
from latentscape.core.records import LossTerms
from latentscape.model.blocks import build_decoder, build_encoder
from latentscape.model.corruption import OF_IMAGES, corrupt
from latentscape.model.latents import (
    Code,
    GaussianLatent,
    Latent,
    Normal,
    PointLatent,
    Prior,
    VqLatent,
)
from latentscape.model.layers import channels_innermost
from latentscape.model.likelihoods import build_likelihood
from latentscape.model.objectives import Centers, Pass, check_objective, evaluate_terms


class Network(nn.Module):
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
        self.objective = objective or ObjectiveConfig()
        check_parts(config)
        check_objective(self.objective, config)
        shape = config.input.shape
        self.encoder, features_shape = build_encoder(config.encoder, self._seen_shape(shape))
        self.latent = _build_latent(config, features_shape)
        code_shape = self.latent.code_shape
        if config.condition:
            code_shape = (self.latent.dim + config.input.labels,)
        self.decoder = build_decoder(config.decoder, config.encoder, code_shape, shape)
        self.likelihood = build_likelihood(config.likelihood)
        self.centers = None
        if "center" in self.objective.weights:
            self.centers = Centers(config.input.labels, self.latent.dim)
        initialise(self, config.init)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):  # And with the weights all maps.
                layer.weight.data = channels_innermost(layer.weight.data)

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
        return uses_labels(self.config, self.objective)

    @property
    def draws(self) -> bool:
        """Whether calling the model gives other outputs than `reconstruct` does."""
        return isinstance(self.latent, GaussianLatent) or self.config.corruption is not None

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases."""
        return _count(self)

    def scale(self, images: Tensor) -> Tensor:
        """Turn stored values (B, *shape) into float32, with the stored range as 0 to 1."""
        return scaled(images, self._input.range)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, epoch: float = math.inf
    ) -> Pass:
        """Encode and decode stored images (B, *shape), after `epoch` epochs of training."""
        target = self.scale(images)
        corruption = partial(corrupt, self.config.corruption)
        seen = corruption(target)
        features = self.encoder(self._with_labels(seen, labels))
        code = self.latent(features, self.prior(), self.objective.samples_at(epoch))
        return Pass(
            target,
            seen,
            labels,
            code,
            self.outputs(code.z, labels),
            self.likelihood,
            corruption,
            lambda scaled: self.latent.mean(self.encoder(self._with_labels(scaled, labels))),
            self.decoder,
            self.centers,
            self.objective,
            epoch,
        )

    def loss(
        self, images: Tensor, labels: Tensor | None = None, epoch: float = math.inf
    ) -> LossTerms:
        """Return what stored images (B, *shape) cost, in nats per example."""
        return evaluate_terms(self(images, labels, epoch))

    def gradient_scale(self) -> float:
        """Return the factor between the loss in nats per example and what is differentiated."""
        return 1.0 if self.objective.average == "example" else 1.0 / math.prod(self.input_shape)

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what the encoder makes (B, F) of stored images (B, *shape)."""
        features: Tensor = self.encoder(self._with_labels(self.scale(images), labels))
        return features

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the codes (B, latent_dim) of stored images (B, *shape), without sampling."""
        return self.latent.mean(self.features(images, labels))

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> Normal:
        """Return the distribution of the codes (B, latent_dim) of stored images (B, *shape).

        Raises
        ------
        ConfigError
            If the model gives each image one code and no distribution.
        """
        if not isinstance(self.latent, GaussianLatent):
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
        """Return what codes are drawn from before any image is seen; None for plain codes."""
        return self.latent.prior(self.encoder)

    def outputs(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what the decoder puts out for codes (..., B, latent_dim): (..., B, *shape)."""
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
        if isinstance(self.latent, PointLatent):  # Spares the encoder a pass in every epoch.
            return {}
        return self.latent.diagnose(self.features(images, labels))

    def collapse(self, measured: dict[str, float]) -> str:
        """Say in a sentence, from what `diagnose` measured, that the code is not used, if so."""
        return self.latent.collapse(measured) if measured else ""

    def describe(self) -> list[dict[str, object]]:
        """List the layers in order.

        Returns
        -------
        list of dict
            ``part`` (encoder, latent, decoder, likelihood), ``layer``, ``output`` shape,
            ``parameters``.
        """
        rows: list[dict[str, object]] = []
        was_training = self.training
        self.eval()
        values = torch.zeros(1, *self._seen_shape(self.input_shape), device=self.device)
        decoded = self.latent_dim + (self._input.labels if self.config.condition else 0)
        with torch.no_grad():
            features = _describe_layers("encoder", self.encoder, values, rows)
            _describe_layers("latent", self.latent.layers, features, rows)
            if self.latent.about:
                extra = _count(self.latent) - _count(self.latent.layers)
                rows.append(_row("latent", self.latent.about, (self.latent_dim,), extra))
            _describe_layers("decoder", self.decoder, features.new_zeros(1, decoded), rows)
        if trained := _count(self.likelihood):
            name = f"one trained scale ({self.config.likelihood.kind})"
            rows.append(_row("likelihood", name, self.input_shape, trained))
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

    def _seen_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that the encoder takes, labels included."""
        if not self.config.condition:
            return shape
        if isinstance(self.config.encoder, ConvConfig) and len(shape) == 3:
            return (shape[0] + self._input.labels, *shape[1:])
        return (math.prod(shape) + self._input.labels,)

    def _with_labels(self, values: Tensor, labels: Tensor | None) -> Tensor:
        """Append labels to scaled images: as maps for convolutions, as numbers otherwise."""
        if not self.config.condition:
            return values
        one_hot = self._one_hot(labels)
        if isinstance(self.config.encoder, ConvConfig):
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
        every = torch.arange(self._input.labels, device=labels.device)
        return weight * (labels[:, None] == every).float()


def scaled(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Turn stored values into float32, with the two ends of their range as 0 and 1."""
    low, high = value_range
    values = images.float()
    if low:
        values = values - low
    if high - low == 1:
        return values
    # Nobody else has what has just been made: it need not be copied again.
    return values / (high - low) if values is images else values.div_(high - low)


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


def uses_labels(config: ModelConfig, objective: ObjectiveConfig) -> bool:
    """Tell whether training takes the labels of the examples."""
    return config.condition is not None or "center" in objective.weights


def check_parts(config: ModelConfig) -> None:
    """Refuse parts that do not go together.

    Raises
    ------
    ConfigError
        With the reason.
    """
    assert config.input is not None
    latent, shape = config.latent, config.input.shape
    if config.corruption and config.corruption.kind in OF_IMAGES and len(shape) != 3:
        raise ConfigError(
            f"Vectors of {math.prod(shape)} numbers have no rows and columns, which the corruption "
            f"{config.corruption.kind} changes",
            fix="Choose model.corruption.kind=masking.",
        )
    vamp = isinstance(latent, GaussianLatentConfig) and latent.prior == "vamp"
    if vamp and (config.encoder.norm == "batch" or config.encoder.dropout):
        raise ConfigError(
            "A vamp prior puts pseudo-inputs through the encoder, whose batch normalisation or "
            "dropout would make another prior of them in training than in evaluation",
            fix="Leave these out of model.encoder, or set model.latent.prior=standard.",
        )
    if config.condition is None:
        return
    if config.input.labels < 2:
        raise ConfigError(
            f"The model is to be conditioned on labels, and there are {config.input.labels}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or leave model.condition out.",
        )
    if vamp:
        raise ConfigError(
            "A vamp prior has pseudo-inputs without labels, and cannot be conditioned on them",
            fix="Choose model.latent.prior=standard.",
        )
    if latent.kind == "vq":
        raise ConfigError(
            "A vq latent cannot be conditioned: its codes keep their places in the decoder",
            fix="Choose a latent of kind point or gaussian.",
        )


def _build_latent(config: ModelConfig, features_shape: tuple[int, ...]) -> Latent:
    assert config.input is not None
    if isinstance(config.latent, PointConfig):
        return PointLatent(config.latent, features_shape)
    if isinstance(config.latent, GaussianLatentConfig):
        return GaussianLatent(config.latent, features_shape, config.input.shape)
    return VqLatent(config.latent, features_shape)


def _describe_layers(
    part: str, layers: nn.Sequential, values: Tensor, rows: list[dict[str, object]]
) -> Tensor:
    """Append a row for each layer; return what they make of the values."""
    for layer in layers:
        values = layer(values)
        shape = tuple(values.shape[1:])
        rows.append(_row(part, _name(layer), shape, _count(layer)))
    return values


def _row(part: str, layer: str, output: tuple[int, ...], parameters: int) -> dict[str, object]:
    return {"part": part, "layer": layer, "output": list(output), "parameters": parameters}


def _name(layer: nn.Module) -> str:
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        name += f" {layer.in_features}→{layer.out_features}"
    elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        height, width = layer.kernel_size
        name += f" {layer.in_channels}→{layer.out_channels}, {height}×{width}"
        name += f", stride {layer.stride[0]}" if layer.stride[0] != 1 else ""
    elif isinstance(layer, nn.Dropout):
        name += f" {layer.p:g}"
    return name


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
