"""One step of training on a batch that is cut into shards, by one worker or by several.

A worker computes its shards one after the other: with the same weights, and with noise that is
keyed by the place of the batch in training and the number of the shard. What they come to, which
are gradients, moves of statistics and losses, is added up over all workers; then each of them moves
its weights by the same sum. Terms that compare examples, and codebooks, see codes of all shards.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from latentscape.config import TERMS, TrainConfig, load
from latentscape.core.randomness import derive_seed, seed_generators
from latentscape.core.records import LossTerms
from latentscape.model import Network, Objective, Pass, Player
from latentscape.model.averages import BatchAverages
from latentscape.training.gathered import codes_of, over_codes, packed, unpacked
from latentscape.training.loader import Batch
from latentscape.training.optimizers import Optimizers
from latentscape.training.shards import ShardedBatch, TreeSum
from latentscape.training.step import TrainingStep
from latentscape.training.workers import Workers

WHOLE = -1
"""Stands for the number of a shard, where noise is drawn for the whole batch."""


@dataclass(frozen=True)
class _Turn:
    """Players that share a forward pass.

    Attributes
    ----------
    number : int
        Which turn of a step it is.
    players : sequence of Player
        They move after it.
    total : TreeSum
        Adds up what shards come to: gradients, losses, and moves of statistics.
    compute : callable
        From a shard to its gradients and losses, once the objective no longer changes.
    """

    number: int
    players: Sequence[Player]
    total: TreeSum
    compute: Callable[[Batch], tuple[Tensor, ...]]


@dataclass(frozen=True)
class _Shard:
    """A shard that waits for what its codes are compared with."""

    result: Pass
    losses: list[LossTerms]
    share: float
    codes: Tensor
    moves: Sequence[Tensor]


@dataclass(frozen=True)
class _Compared:
    """What terms that compare examples come to.

    Attributes
    ----------
    pulls : list of tuple of Tensor
        Of each player, the gradient of the codes of each shard of this worker.
    gradients : list of Tensor
        Those of weights that the terms use directly.
    values : Tensor
        The losses, as of a shard.
    """

    pulls: list[tuple[Tensor, ...]]
    gradients: list[Tensor]
    values: Tensor


class ShardedStep(TrainingStep):
    """Takes optimizer steps on batches that are cut into shards.

    Parameters
    ----------
    model, objective, optimizers, config, precision, captured
        As for `TrainingStep`. Of each shard, the passes forward and backward are captured.
    workers : Workers
        Each takes the same steps, on its own shards of the batches.
    """

    def __init__(
        self,
        model: Network,
        objective: Objective,
        optimizers: Optimizers,
        config: TrainConfig,
        precision: str,
        workers: Workers,
        captured: bool = True,
    ) -> None:
        super().__init__(model, objective, optimizers, config, precision, captured=False)
        self._workers, self._seed, self._own = workers, config.seed, config.shards // workers.count
        self._averages = [item for item in model.modules() if isinstance(item, BatchAverages)]
        self._starting = not all(item.has_started for item in self._averages)
        names = (name for term in objective.config.weights for name in TERMS[term].by_example)
        self._by_example = [load(name) for name in dict.fromkeys(names)]
        self._share = torch.ones((), device=model.device)
        # What is compared and what averages see stays outside of a captured step.
        repeats = captured and model.is_stock and not (objective.compares or self._averages)
        self._buffers = self._statistics()
        self._before = [value.clone() for value in self._buffers]
        self._sharing = {
            players[0].name: self._prepared(number, players, config, repeats)
            for number, players in enumerate(self._turns)
        }

    def __call__(self, batch: Batch, epoch: float, rate_factor: float = 1.0) -> Tensor:
        """Take a step; see `TrainingStep`.

        Raises
        ------
        Over, Diverged, WorkerLost
            See `latentscape.training.conversation` and `latentscape.training.workers`.
        """
        with self._workers.conversation.step(), _deferred(self._averages):
            return super().__call__(batch, epoch, rate_factor)

    def _prepared(
        self, number: int, players: Sequence[Player], config: TrainConfig, repeats: bool
    ) -> _Turn:
        values = self._share.new_zeros(sum(1 + len(player.terms) for player in players))
        like = [*self._weights(players), values, *_numbers(self._before)]
        compute: Callable[[Batch], tuple[Tensor, ...]] = partial(self._compute, players, math.inf)
        if repeats:
            compute = self.engine.repeated(compute, self.model.device)
        return _Turn(number, players, TreeSum(like, config.shards, self._workers), compute)

    def _take_turn(self, players: Sequence[Player], batch: Batch, epoch: float) -> list[LossTerms]:
        """Move the players that learn from one forward pass of each shard."""
        assert isinstance(batch, ShardedBatch)
        turn = self._sharing[players[0].name]
        self._buffers = self._statistics()  # A network of the user's own may replace them.
        _copy(self._before, self._buffers)
        if self._starting:
            self._start_averages(turn, batch, epoch)
        compute = self._compared if self._objective.compares else self._separate
        shards = compute(turn, batch, epoch)
        for _ in range(self._own):
            turn.total.add(next(shards, None))
        self._draw_for(turn, batch, WHOLE)
        self._tell_averages(lambda module, *seen: module.learn(*seen))
        return self._moved(turn)

    def _separate(
        self, turn: _Turn, batch: ShardedBatch, epoch: float
    ) -> Iterator[tuple[Tensor, ...]]:
        """Yield what each shard comes to, where none has to know of the others."""
        settled = epoch == math.inf
        compute = turn.compute if settled else partial(self._compute, turn.players, epoch)
        for number, shard in enumerate(batch.shards, batch.first):
            share = self._begin(turn, batch, number, shard)
            yield *compute(shard), *self._moves(share)

    def _compute(self, players: Sequence[Player], epoch: float, batch: Batch) -> tuple[Tensor, ...]:
        """Return the gradients and the losses of a shard, times its share of the batch."""
        result = self._passed(batch, epoch)
        losses = [player.loss(result) for player in players]
        gradients: list[Tensor] = []
        for player, loss in zip(players, losses, strict=True):
            factors, keeps = [self._share * player.scale], player is not players[-1]
            gradients += self._gradients(player, [loss.total], factors, keeps=keeps)
        return *gradients, self._values(players, losses) * self._share

    def _compared(
        self, turn: _Turn, batch: ShardedBatch, epoch: float
    ) -> Iterator[tuple[Tensor, ...]]:
        """Yield what each shard comes to, where terms compare the codes of all of them."""
        shards = []
        for number, examples in enumerate(batch.shards, batch.first):
            share = self._begin(turn, batch, number, examples)
            result = self._passed(examples, epoch)
            codes = packed(codes_of(result, self._by_example))
            losses = [player.loss(result) for player in turn.players]
            shards.append(_Shard(result, losses, share, codes, self._moves(share)))
        compared = self._compare(turn, batch, shards)
        for place, shard in enumerate(shards):
            pulls = [pull[place] for pull in compared.pulls]
            gradients, values = self._pulled(turn.players, shard, pulls)
            if place == 0 and self._workers.leads:  # Once for the batch, on any number of workers.
                gradients = list(torch._foreach_add(gradients, compared.gradients))
                values = values + compared.values
            yield *gradients, values, *shard.moves

    def _pulled(
        self, players: Sequence[Player], shard: _Shard, pulls: Sequence[Tensor]
    ) -> tuple[list[Tensor], Tensor]:
        """Return gradients and losses of a shard, at whose codes others pull."""
        share = self._share.fill_(shard.share)
        gradients: list[Tensor] = []
        for player, loss, pull in zip(players, shard.losses, pulls, strict=True):
            losses, factors = [loss.total, shard.codes], [share * player.scale, pull]
            keeps = player is not players[-1]
            gradients += self._gradients(player, losses, factors, keeps=keeps)
        return gradients, self._values(players, shard.losses) * share

    def _compare(self, turn: _Turn, batch: ShardedBatch, shards: Sequence[_Shard]) -> _Compared:
        """Compute the terms that compare examples over the codes of the shards of all workers."""
        sizes = [len(shard.codes) for shard in shards]
        own = [shard.codes.detach() for shard in shards] or [self._share.new_zeros(0, 0)]
        codes, start = self._workers.gather_unequal(torch.cat(own))
        if not shards:
            return _Compared([], [], self._share)
        self._draw_for(turn, batch, WHOLE)
        codes.requires_grad_()
        with self._autocast_on(codes.device):
            prior = self.model.prior()
        result = over_codes(shards[0].result, codes, self._by_example, prior)
        losses = [player.loss(result) for player in turn.players]
        pulls, gradients = [], []
        for player, loss in zip(turn.players, losses, strict=True):
            scale = self._share.new_tensor(player.scale)
            pull, *others = self._gradients(player, [loss.total], [scale], [codes], keeps=True)
            pulls.append(pull[start : start + sum(sizes)].split_with_sizes(sizes))
            gradients += others
        return _Compared(pulls, gradients, self._values(turn.players, losses))

    def _passed(self, batch: Batch, epoch: float) -> Pass:
        return replace(self._forward(batch, epoch), scope="shard")

    def _gradients(
        self,
        player: Player,
        losses: Sequence[Tensor],
        factors: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        *,
        keeps: bool,
    ) -> list[Tensor]:
        """Return the gradients of losses, times factors: of inputs, then of the player's weights.

        The graph stays where it `keeps` it, for other players.
        """
        inputs = [*inputs, *self._trained[player.name]]
        pairs = [pair for pair in zip(losses, factors, strict=True) if pair[0].requires_grad]
        if not pairs:
            return [torch.zeros_like(value) for value in inputs]
        losses, factors = zip(*pairs, strict=True)
        gradients = torch.autograd.grad(
            losses, inputs, factors, retain_graph=keeps, materialize_grads=True
        )
        return list(gradients)

    def _values(self, players: Sequence[Player], losses: Sequence[LossTerms]) -> Tensor:
        """Return the loss of each player, each with its terms behind it; 0 for terms left out."""
        zero = torch.zeros_like(self._share)
        return torch.stack(
            [
                value.detach()
                for player, loss in zip(players, losses, strict=True)
                for value in (loss.total, *(loss.terms.get(name, zero) for name in player.terms))
            ]
        )

    def _begin(self, turn: _Turn, batch: ShardedBatch, number: int, shard: Batch) -> float:
        """Begin with a shard, and return its share of the batch."""
        _copy(self._buffers, self._before)
        self._draw_for(turn, batch, number)
        share = len(shard) / len(batch)
        self._share.fill_(share)
        return share

    def _draw_for(self, turn: _Turn, batch: ShardedBatch, number: int) -> None:
        """Key the noise that is drawn from now on."""
        place = (batch.epoch, batch.position, turn.number, number)
        seed_generators(derive_seed(self._seed, "shard", *place), self.model.device)

    def _moves(self, share: float) -> Sequence[Tensor]:
        """Return how far a shard has moved the statistics, times its share of the batch."""
        after, before = _numbers(self._buffers), _numbers(self._before)
        if not after:
            return ()
        moves = torch._foreach_sub(after, before)
        torch._foreach_mul_(moves, share)
        return moves

    def _moved(self, turn: _Turn) -> list[LossTerms]:
        """Move statistics and weights by what all shards come to, and return the losses."""
        weights, after = self._weights(turn.players), _numbers(self._buffers)
        tensors = turn.total.total()
        gradients, values = tensors[: len(weights)], tensors[len(weights)]
        if after:
            _copy(after, _numbers(self._before))
            torch._foreach_add_(after, tensors[len(weights) + 1 :])
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        for player in turn.players:
            self._move(player)
        sizes = [1 + len(player.terms) for player in turn.players]
        return [
            LossTerms(loss[0], dict(zip(player.terms, loss[1:], strict=True)))
            for player, loss in zip(turn.players, values.split_with_sizes(sizes), strict=True)
        ]

    def _weights(self, players: Sequence[Player]) -> list[Tensor]:
        return [weight for player in players for weight in self._trained[player.name]]

    def _statistics(self) -> list[Tensor]:
        """Return the buffers that each shard moves by itself: not those that see whole batches."""
        own = {id(value) for module in self._averages for value in module.buffers(recurse=False)}
        # Their data alone: autograd would take a change for one of what it goes back through.
        return [value.data for value in self.model.buffers() if id(value) not in own]

    def _start_averages(self, turn: _Turn, batch: ShardedBatch, epoch: float) -> None:
        """Let averages begin with what they see of the first batch."""
        with torch.no_grad():
            for number, shard in enumerate(batch.shards, batch.first):
                self._begin(turn, batch, number, shard)
                self._passed(shard, epoch)
        self._draw_for(turn, batch, WHOLE)
        self._tell_averages(lambda module, *seen: module.start(*seen))
        self._starting = False

    def _tell_averages(self, tell: Callable[..., None]) -> None:
        """Tell averages what they have seen of all shards, and forget it."""
        for module in self._averages:
            seen, module.seen = module.seen or [], []
            own = torch.cat([packed(values) for values in seen] or [self._share.new_zeros(0, 0)])
            rows, _ = self._workers.gather_unequal(own)
            if not len(rows):  # It is frozen, or not part of this turn.
                continue
            if self._workers.leads:
                tell(module, *unpacked(rows, seen[0]))
            # Others do not trust that they would come to the same bits.
            self._workers.share(list(module.buffers(recurse=False)))


@contextmanager
def _deferred(averages: Sequence[BatchAverages]) -> Iterator[None]:
    """Let averages keep what they see of shards."""
    for module in averages:
        module.seen = []
    try:
        yield
    finally:
        for module in averages:
            module.seen = None


def _numbers(buffers: Sequence[Tensor]) -> list[Tensor]:
    """Return the buffers that are no counts: these are the same after any shard."""
    return [value for value in buffers if value.is_floating_point()]


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    if targets:
        torch._foreach_copy_(targets, sources)
