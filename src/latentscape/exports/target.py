"""What a format of exported files is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentscape.config import LatentConfig, LikelihoodConfig, load
from latentscape.core.errors import ConfigError, unknown
from latentscape.exports.submodels import Runner, Submodel
from latentscape.exports.targets import TARGETS


@dataclass(frozen=True)
class Target:
    """A format.

    Attributes
    ----------
    name : str
        What people call it.
    suffix : str
        Of its files.
    require : callable
        Imports the packages it needs, or says how to install them.
    write : callable
        Writes an encoder or decoder and its metadata, a text, to a file.
    open : callable
        Loads such a file into the program it is meant for.
    channels_last : bool
        Whether its images are (B, H, W, C), and not (B, C, H, W) as in the model.
    integers : str
        The type of its labels.
    only_stock_layers : bool
        Whether it can express stock layers alone, and not any operation.
    """

    name: str
    suffix: str
    require: Callable[[], object]
    write: Callable[[Submodel, str, Path], None]
    open: Callable[[Path], Runner]
    channels_last: bool = False
    integers: str = "int64"
    only_stock_layers: bool = False

    def check(self, submodel: Submodel) -> None:
        """Refuse an encoder or decoder that the format cannot express.

        Raises
        ------
        ConfigError
            With what stands in the way.
        """
        config = submodel.model.config
        is_encoder = submodel.name == "encoder"
        body = config.encoder if is_encoder else config.decoder
        part: LatentConfig | LikelihoodConfig = config.latent if is_encoder else config.likelihood
        obstacle = part.no_stock_layers if body.is_stock else "a network of your own"
        if self.only_stock_layers and obstacle:
            raise ConfigError(
                f"{self.name} has no stock layer for {obstacle}",
                fix="Export it in another format: --to onnx, or --to torch-export.",
            )


def choose_target(name: str) -> Target:
    """Look a format up, and import what it needs.

    Raises
    ------
    ConfigError
        If there is none of that name, or a package is not installed.
    """
    if name not in TARGETS:
        raise unknown("export target", name, TARGETS, ConfigError)
    target: Target = load(TARGETS[name])
    target.require()
    return target
