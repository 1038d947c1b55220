"""Objectives: named terms over one forward pass, their weighted sum, and who learns by it.

A term is a function from a `Pass` to nats per example, averaged over examples. A variant of an
autoencoder is a choice of terms. A term may own a module, and that module may be an adversary: a
player that learns by a loss of its own.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from latentscape.config import (
    AUTOENCODER,
    GENERATOR,
    TERMS,
    ModelConfig,
    ObjectiveConfig,
    adversaries,
    load,
)
from latentscape.core.errors import ConfigError
from latentscape.core.records import LossTerms
from latentscape.model.freezing import Freezable
from latentscape.model.latents import Code
from latentscape.model.likelihoods import Likelihood

_T = TypeVar("_T")

Scope = Literal["batch", "shard", "codes"]


@dataclass(frozen=True)
class Pass:
    """All that a forward pass leaves behind for the terms to read.

    Attributes
    ----------
    target : Tensor
        (B, *shape) images in [0, 1] that are to be reconstructed.
    inputs : Tensor
        (B, *shape) what the encoder sees of them.
    labels : Tensor or None
        (B,) their labels.
    code : Code
        The latent code.
    output : Tensor
        (B, *shape), or (S, B, *shape) where several codes were drawn: what the decoder put out.
    likelihood : Likelihood
        How to read the output.
    corrupt : callable
        From images (B, *shape) to what the encoder sees of them, drawn anew at each call.
    encode : callable
        From images (B, *shape) to codes (B, D), without sampling.
    decode : callable
        From codes (..., B, D) to outputs (..., B, *shape).
    decoder : nn.Module
        The decoder, for its weights.
    modules : mapping of str to nn.Module
        The modules that belong to terms, by the names in the registry.
    objective : ObjectiveConfig
        The terms, their weights and schedules.
    epoch : float
        How many epochs have been trained; infinite after all schedules.
    scope : str
        Which terms it is for: all of a ``batch``; in a ``shard`` of one, those that are means over
        examples; over the ``codes`` of all shards, those that compare examples.
    """

    target: Tensor
    inputs: Tensor
    labels: Tensor | None
    code: Code
    output: Tensor
    likelihood: Likelihood
    corrupt: Callable[[Tensor], Tensor]
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    decoder: nn.Module
    modules: Mapping[str, nn.Module]
    objective: ObjectiveConfig
    epoch: float
    scope: Scope = "batch"
    _results: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False)

    def once(self, function: Callable[["Pass"], _T]) -> _T:
        """Return what a function makes of this pass; it is computed for the first who asks.

        So a term and its adversary see the same draws.
        """
        if function not in self._results:
            self._results[function] = function(self)
        return cast(_T, self._results[function])

    def over_codes(self, code: Code, results: Mapping[Callable[..., Any], Any]) -> "Pass":
        """Return what terms that compare examples see of a batch that was computed in shards.

        Parameters
        ----------
        code : Code
            The codes of all shards.
        results : mapping
            What `once` returns for some functions.
        """
        whole = replace(self, code=code, scope="codes")
        whole._results.update(results)
        return whole

    def counts(self, compares: bool) -> bool:
        """Tell whether it is for terms that compare examples, or for those that do not."""
        return self.scope == "batch" or compares == (self.scope == "codes")


@dataclass(frozen=True)
class Player:
    """Parameters, and the loss by which they learn.

    Attributes
    ----------
    name : str
        Its settings are ``train.players.<name>``.
    parameters : tuple of nn.Parameter
        Its loss moves these alone.
    loss : callable
        From a `Pass` to a loss and its terms, as far as the pass is for them. Draws come from
        torch's generator. What belongs to other players may be detached, which saves the time of
        gradients that nobody takes.
    scale : float
        Factor between the loss and what is differentiated.
    own_pass : bool
        Whether it takes its turn after the players before it: on another forward pass, once they
        have moved. Otherwise it learns from the same pass as the player before.
    terms : tuple of str
        Names of what its loss is made of.
    """

    name: str
    parameters: tuple[nn.Parameter, ...]
    loss: Callable[[Pass], LossTerms]
    scale: float = 1.0
    own_pass: bool = False
    terms: tuple[str, ...] = ()


class Objective(nn.Module):
    """What training minimises. It owns the modules of its terms.

    Calling it computes every term over a `Pass`, and their weighted sum.

    Parameters
    ----------
    config : ObjectiveConfig
        The terms.
    model : ModelConfig
        That of the network; with ``input``.
    latent_dim : int
        Length of a code.

    Raises
    ------
    ConfigError
        If an adversary has nothing that could learn.
    """

    def __init__(self, config: ObjectiveConfig, model: ModelConfig, latent_dim: int) -> None:
        super().__init__()
        assert model.input is not None
        self.config = config
        pixels = math.prod(model.input.shape)
        self.scale = 1.0 if config.average == "example" else 1.0 / pixels
        for name, factory in modules_of(config).items():
            self.add_module(name, load(factory)(config, model, latent_dim))
        self._adversaries = adversaries(config.weights)
        for name in self._adversaries:
            if not any(True for _ in self.get_submodule(name).parameters()):
                raise ConfigError(
                    f"The player {name} has no parameters, so nothing of it could learn",
                    fix="Give its module weights, or leave its terms out of objective.weights.",
                )

    @property
    def names(self) -> list[str]:
        """The terms, and the adversaries after them: names of what `losses` returns."""
        return [*self.config.weights, *self._adversaries]

    def forward(self, result: Pass) -> LossTerms:
        """Compute every term and their weighted sum."""
        return self._sum(self.config.weights, result)

    def losses(self, result: Pass) -> LossTerms:
        """Compute every term, their weighted sum, and beside them the loss of each adversary."""
        loss = self(result)
        others = {name: self._adversary(name, result).total for name in self._adversaries}
        return LossTerms(loss.total, {**loss.terms, **others})

    def players(self, network: Freezable) -> tuple[Player, ...]:
        """Return who learns: the autoencoder, then each adversary.

        Where they take turns, the autoencoder minimises the terms without an adversary alone. The
        adversaries learn after it has moved, and after them the generator minimises the other
        terms, by the same parameters and an optimizer of its own.

        Parameters
        ----------
        network : Freezable
            Whose objective this is. What belongs to no adversary is the autoencoder.

        Raises
        ------
        ConfigError
            If all that one of them could learn by is frozen.
        """
        critics = {name: list(self.get_submodule(name).parameters()) for name in self._adversaries}
        rivals = [
            Player(name, _learning(name, weights, network), self._loss_of(name), terms=(name,))
            for name, weights in critics.items()
        ]
        theirs = {id(weight) for weights in critics.values() for weight in weights}
        others = [weight for weight in network.parameters() if id(weight) not in theirs]
        own = _learning(AUTOENCODER, others, network)
        if not self.config.turns:
            terms = tuple(self.config.weights)
            return Player(AUTOENCODER, own, self, self.scale, terms=terms), *rivals
        plain, played = self._sides
        moved, generated = (partial(self._sum, side) for side in self._sides)
        rivals[0] = replace(rivals[0], own_pass=True)
        return (
            Player(AUTOENCODER, own, moved, self.scale, terms=plain),
            *rivals,
            Player(GENERATOR, own, generated, self.scale, own_pass=True, terms=played),
        )

    @property
    def _sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The terms without an adversary, and those with one."""
        adversarial = {name: TERMS[name].adversary is not None for name in self.config.weights}
        plain = tuple(name for name, played in adversarial.items() if not played)
        return plain, tuple(name for name, played in adversarial.items() if played)

    def _sum(self, names: Iterable[str], result: Pass) -> LossTerms:
        """Compute terms and their weighted sum."""
        config = self.config
        terms: dict[str, Tensor] = {
            name: load(TERMS[name].implementation)(result)
            for name in names
            if result.counts(TERMS[name].compares)
        }
        if not terms:
            return LossTerms(result.code.z.new_zeros(()), terms)
        warmth = min(1.0, result.epoch / config.rate_warmup) if config.rate_warmup else 1.0
        weighted = [
            config.weights[name] * (warmth if name == "rate" else 1.0) * term
            for name, term in terms.items()
        ]
        return LossTerms(torch.stack(weighted).sum(), terms)

    @property
    def compares(self) -> bool:
        """Whether any of its terms compares examples; see `Term.compares`."""
        return any(TERMS[name].compares for name in self.config.weights)

    @property
    def _comparing(self) -> set[str]:
        """The adversaries whose terms compare examples."""
        terms = (TERMS[name] for name in self.config.weights)
        return {term.module[0] for term in terms if term.compares and term.module is not None}

    def _loss_of(self, name: str) -> Callable[[Pass], LossTerms]:
        return partial(self._adversary, name)

    def _adversary(self, name: str, result: Pass) -> LossTerms:
        if not result.counts(name in self._comparing):
            return LossTerms(result.code.z.new_zeros(()), {})
        loss: Tensor = load(self._adversaries[name])(result)
        return LossTerms(loss, {name: loss})


def _learning(
    player: str, weights: Iterable[nn.Parameter], network: Freezable
) -> tuple[nn.Parameter, ...]:
    """Return the weights of a player that are not frozen."""
    frozen = network.frozen
    learning = tuple(weight for weight in weights if id(weight) not in frozen)
    if not any(weight.requires_grad for weight in learning):
        raise ConfigError(
            f"Everything by which the {player} could learn is frozen",
            fix="Leave a part out of train.frozen.",
        )
    return learning


def modules_of(config: ObjectiveConfig) -> dict[str, object]:
    """Return the factories of the modules that terms own, by name."""
    modules = (TERMS[name].module for name in config.weights)
    return dict(module for module in modules if module is not None)
