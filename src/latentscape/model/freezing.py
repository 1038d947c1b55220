"""Networks of which parts can be left as they are in training."""

from collections.abc import Collection
from typing import Self

from torch import nn

from latentscape.core.errors import ConfigError, unknown


class Freezable(nn.Module):
    """A network of which parts can be left as they are in training."""

    def __init__(self) -> None:
        super().__init__()
        self._frozen_modules: list[nn.Module] = []
        self._frozen_weights: list[nn.Parameter] = []
        self._held: list[nn.Parameter] = []

    def freeze(self, names: Collection[str]) -> None:
        """Leave parts as they are in training from now on, and no others.

        Their weights get no gradient, and their modules compute as in evaluation: statistics of
        batch normalisation and codebooks stay, and nothing is dropped.

        Parameters
        ----------
        names : collection of str
            Of modules and weights, with dots between the levels, such as ``encoder`` and
            ``decoder.0``. A name stands for all that is below it.

        Raises
        ------
        ConfigError
            If there is no such module or weight, with the nearest that there is.
        """
        modules, weights = dict(self.named_modules()), dict(self.named_parameters())
        for name in names:
            if not name or name not in {*modules, *weights}:
                choices = [choice for choice in (*modules, *weights) if choice]
                raise unknown("part to freeze (train.frozen)", name, choices, ConfigError)
        for weight in self._held:
            weight.requires_grad_(True)
        self._frozen_modules = [item for name, item in modules.items() if _is_below(name, names)]
        self._frozen_weights = [item for name, item in weights.items() if _is_below(name, names)]
        # Some weights never learn, such as biases before batch normalisation.
        self._held = [weight for weight in self._frozen_weights if weight.requires_grad]
        for weight in self._held:
            weight.requires_grad_(False)
        self.train(self.training)

    @property
    def frozen(self) -> frozenset[int]:
        """The ``id`` of every weight that is frozen."""
        return frozenset(map(id, self._frozen_weights))

    def train(self, mode: bool = True) -> Self:
        """Compute as in training, but for what is frozen; or as in evaluation."""
        super().train(mode)
        for module in self._frozen_modules:
            module.training = False
        return self


def _is_below(name: str, names: Collection[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in names)
