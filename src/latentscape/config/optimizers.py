"""Optimizers and where they are built; their settings are those of ``train``."""

from latentscape.config.registry import Implementation

OPTIMIZERS: dict[str, Implementation] = {
    "adam": "latentscape.training.optimizers:adam",
    "adamw": "latentscape.training.optimizers:adamw",
    "muon": "latentscape.training.optimizers:muon",
    "rmsprop": "latentscape.training.optimizers:rmsprop",
    "sgd": "latentscape.training.optimizers:sgd",
}
"""The names in ``train.optimizer``.

Each names a function from the parameters, the learning rate (a tensor or a number) and the
`TrainConfig` to a ``torch.optim.Optimizer`` with one parameter group.
"""
