"""The initial weights of a network."""

from torch import nn

from latentscape.config import InitConfig


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
