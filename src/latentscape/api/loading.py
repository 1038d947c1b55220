"""A trained model, read from a run directory or a model file."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from latentscape.core.trust import trusting
from latentscape.model import Network
from latentscape.model.own import check_offered, offering
from latentscape.runs import Run, load_model


def load(
    path: str | Path | Run,
    *,
    trust: Sequence[str] = (),
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
) -> Network:
    """Load a trained model from a run directory or a model file.

    Parameters
    ----------
    path : str, Path or Run
        ``runs/simple-20-mnist-5k-0`` or ``model.safetensors``.
    trust : sequence of str
        Packages of networks of somebody's own, which may be imported for this: ``["mypkg"]``.
        Nothing else is; see `latentscape.trust`.
    encoder, decoder : nn.Module, optional
        Such a network as an object, made as it was for training; its weights are replaced. One that
        was handed to `train` as an object is needed so once in every process.

    Returns
    -------
    Network
        On the CPU, evaluating: ``encode``, ``decode`` and ``reconstruct`` take stored images.

    Raises
    ------
    RunError
        If there is no sound model.
    ConfigError
        If a network of somebody's own is not there, is not trusted, or does not fit.
    """
    place = path.path if isinstance(path, Run) else path
    with trusting(trust), offering(encoder, decoder):
        network = load_model(place)
    check_offered(network.config, encoder, decoder)
    return network
