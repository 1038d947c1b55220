"""Short names of the settings that people change most.

The command line, functions and estimators take settings by these names, and all others by their
dotted paths.
"""

from collections.abc import Mapping

from latentscape.config.parts import Changes
from latentscape.core.errors import ConfigError

SHORT_NAMES: Mapping[str, str] = {
    "latent_dim": "model.latent.dim",
    "condition": "model.condition",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
    "seed": "train.seed",
    "train_size": "data.train",
    "test_size": "data.test",
    "labels": "data.labels",
    "shape": "data.shape",
    "resize": "data.resize",
    "grey": "data.grey",
    "value_range": "data.range",
}
"""Short name to dotted path."""


def join_changes(named: Mapping[str, object], changes: Changes | None = None) -> Changes:
    """Put settings by short names among changes.

    Parameters
    ----------
    named : mapping
        Short name to value. None keeps the recipe's own setting.
    changes : mapping, optional
        Dotted path to value.

    Returns
    -------
    mapping
        Dotted path to value.

    Raises
    ------
    ConfigError
        If a setting is changed to two values.
    """
    joined = dict(changes or {})
    for name, value in named.items():
        path = SHORT_NAMES[name]
        if value is None:
            continue
        if joined.get(path, value) != value:
            raise ConfigError(
                f"{path} is changed twice: {name} is {value}, and the other changes say "
                f"{joined[path]}",
                fix="Say it once.",
            )
        joined[path] = value
    return joined
