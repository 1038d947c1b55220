"""One step of training: a batch goes through the model, and the weights of every player move."""

from collections.abc import Sequence

import torch
from torch import Tensor

from latentscape.config import AUTOENCODER, GENERATOR, TrainConfig
from latentscape.core.records import LossTerms
from latentscape.model import Network, Objective, Pass, Player
from latentscape.training.engine import Step, choose_engine
from latentscape.training.loader import Batch
from latentscape.training.optimizers import Optimizers
from latentscape.training.rates import has_steady_rate, learning_rate, set_rate


class TrainingStep:
    """Takes optimizer steps; nothing here waits for the device.

    Players that share a forward pass all measure their losses on it before any of them moves. A
    player with a pass of its own comes after those before it have moved.

    Parameters
    ----------
    model : Network
        In training mode when steps are taken.
    objective : Objective
        That of the model; it names the players.
    optimizers : dict of str to Optimizer
        Of each player. Their state must not be replaced afterwards: replayed steps
        would go on with the tensors of the old one.
    config : TrainConfig
        Learning rates, ``clip_norm`` and ``engine`` count; and ``batch_size``: a step of more
        examples learns from batches of that size, one after the other.
    precision : str
        As `choose_precision` returns it.
    captured : bool
        Whether the engine may capture steps, which pays from a few dozen steps on.
    """

    def __init__(
        self,
        model: Network,
        objective: Objective,
        optimizers: Optimizers,
        config: TrainConfig,
        precision: str,
        captured: bool = True,
    ) -> None:
        self.model, self._objective, self._optimizers = model, objective, optimizers
        players = objective.players(model)
        self._turns = _turns(players)
        self._trained = {
            player.name: [weight for weight in player.parameters if weight.requires_grad]
            for player in players
        }
        self._settings = {name: config.of(name) for name in optimizers}
        self._batch_size = config.batch_size
        self._autocast = precision == "bfloat16"
        self.engine = choose_engine(config.engine)
        self._repeated_step: Step = self._settled_step
        self._is_split = config.accumulate > 1 or config.shards > 1
        self._is_repeatable = model.is_stock and all(map(has_steady_rate, optimizers.values()))
        if captured and self._is_repeatable:
            self._repeated_step = self.engine.repeated(self._settled_step, model.device)

    def __call__(self, batch: Batch, epoch: float, rate_factor: float = 1.0) -> Tensor:
        """Take a step.

        Parameters
        ----------
        batch : Batch
            Examples as stored, on the device of the model.
        epoch : float
            Epochs trained so far, for learning rates and terms that change with them.
        rate_factor : float
            Factor of all learning rates.

        Returns
        -------
        Tensor
            (1 + names,) the loss and all that ``Objective.names`` lists, in nats per example,
            before the step. The next step may write over it.
        """
        self.set_rates(epoch, rate_factor)
        return self._repeated_step(batch) if self.is_settled(epoch) else self._step(batch, epoch)

    def set_rates(self, epoch: float, rate_factor: float) -> None:
        """Set the learning rates of the next step."""
        for name, optimizer in self._optimizers.items():
            set_rate(optimizer, learning_rate(self._settings[name], epoch) * rate_factor)

    def is_settled(self, epoch: float) -> bool:
        """Whether the objective no longer changes after so many epochs."""
        return epoch >= self._objective.config.settled_at

    @property
    def is_simple(self) -> bool:
        """Whether a step is no more than `losses`, their gradient and `move`."""
        players = [player for turn in self._turns for player in turn]
        return len(players) == 1 and self._is_repeatable and not self._is_split

    def losses(self, batch: Batch) -> Tensor:
        """Return what a call returns for a batch, so that it can be differentiated.

        Only where `is_simple`, and once the objective has settled.
        """
        [[player]] = self._turns
        loss = player.loss(self._forward(batch, torch.inf))
        return torch.stack([loss.total, *(loss.terms[name] for name in self._objective.names)])

    @property
    def scale(self) -> float:
        """Factor between the loss and what is differentiated, where `is_simple`."""
        return self._turns[0][0].scale

    def move(self) -> None:
        """Move the weights by their gradients, where `is_simple`."""
        self._move(self._turns[0][0])

    def _settled_step(self, batch: Batch) -> Tensor:
        """Take a step that is the same in every epoch."""
        return self._step(batch, torch.inf)

    def _step(self, batch: Batch, epoch: float) -> Tensor:
        losses = {
            player.name: loss
            for players in self._turns
            for player, loss in zip(players, self._take_turn(players, batch, epoch), strict=True)
        }
        values = {name: value for loss in losses.values() for name, value in loss.terms.items()}
        total = losses[AUTOENCODER].total
        if GENERATOR in losses:
            total = total + losses[GENERATOR].total
        return torch.stack([total, *(values[name] for name in self._objective.names)]).detach()

    def _take_turn(self, players: Sequence[Player], batch: Batch, epoch: float) -> list[LossTerms]:
        """Move the players that learn from one forward pass, or from one for each part of a batch.

        The gradients of the parts add up to that of the whole batch.
        """
        self.model.zero_grad()
        parts = batch.split(self._batch_size)
        shares = [len(part) / len(batch) for part in parts]
        losses = [
            self._learn(players, part, epoch, share)
            for part, share in zip(parts, shares, strict=True)
        ]
        for player in players:
            self._move(player)
        return losses[0] if len(parts) == 1 else _means(losses, shares)

    def _learn(
        self, players: Sequence[Player], batch: Batch, epoch: float, share: float
    ) -> list[LossTerms]:
        """Add the gradients of players from one forward pass, times a share, and return losses."""
        result = self._forward(batch, epoch)
        # Outside autocast: sums over many numbers lose too much in bfloat16.
        losses = [player.loss(result) for player in players]
        for player, loss in zip(players, losses, strict=True):
            torch.autograd.backward(
                loss.total * (player.scale * share),
                inputs=self._trained[player.name],
                retain_graph=player is not players[-1],
            )
        return losses

    def _forward(self, batch: Batch, epoch: float) -> Pass:
        with self._autocast_on(batch.images.device):
            result: Pass = self.model(batch.images, batch.labels, epoch)
        return result

    def _autocast_on(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, torch.bfloat16, enabled=self._autocast)

    def _move(self, player: Player) -> None:
        clip_norm = self._settings[player.name].clip_norm
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(player.parameters, clip_norm)
        self.engine.update(self._optimizers[player.name])


def _means(losses: Sequence[Sequence[LossTerms]], shares: Sequence[float]) -> list[LossTerms]:
    """Return the mean over the parts of a batch of each player's loss and of its terms."""

    def mean(values: Sequence[Tensor]) -> Tensor:
        weighted = [value.detach() * share for value, share in zip(values, shares, strict=True)]
        return torch.stack(weighted).sum()

    return [
        LossTerms(
            mean([loss.total for loss in of_player]),
            {name: mean([loss.terms[name] for loss in of_player]) for name in of_player[0].terms},
        )
        for of_player in zip(*losses, strict=True)
    ]


def _turns(players: Sequence[Player]) -> list[list[Player]]:
    """Return the players that share a forward pass, one pass after the other."""
    groups: list[list[Player]] = []
    for player in players:
        if player.own_pass or not groups:
            groups.append([])
        groups[-1].append(player)
    return groups
