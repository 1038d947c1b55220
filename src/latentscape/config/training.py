"""What training minimises, and how weights are fitted."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from latentscape.config.critics import CriticsConfig
from latentscape.config.optimizers import OPTIMIZERS
from latentscape.config.parts import EngineName, Part, by_kind
from latentscape.config.registry import Name
from latentscape.config.terms import TERMS


class CapacityConfig(Part):
    """The rate that the term ``capacity`` holds a code to: from 0 to `nats` over `epochs`."""

    nats: float = Field(25.0, gt=0)
    epochs: float = Field(20.0, ge=0)


class FewerSamples(Part):
    """How many codes are drawn per example in the first `epochs` epochs."""

    samples: int = Field(gt=0)
    epochs: float = Field(gt=0)


class ObjectiveConfig(Part):
    """What training minimises.

    Attributes
    ----------
    weights : dict of str to float
        Weight of each named term; docs/variants.md lists them.
    samples : int
        Codes drawn per example, for ``importance`` (the k of an IWAE).
    first_samples : FewerSamples or None
        Fewer codes for the first epochs, which saves most of their time.
    rate_warmup : float
        Epochs over which the weight of the rate first rises from zero.
    capacity : CapacityConfig
        What ``capacity`` holds the rate to.
    average : str
        ``example`` sums a loss over pixels, as probabilities do; ``pixel`` also divides it by their
        number, as Keras and TensorFlow scripts do, which matters to SGD and to gradient clipping.
        What is logged is per example either way.
    critics : CriticsConfig
        What the critics of adversarial terms are made of.
    turns : bool
        Whether training with a critic takes turns (Makhzani et al. 2015): the autoencoder moves
        by the terms that have no critic, then critics move, then the autoencoder by the terms that
        have one, each after a forward pass of its own. By default all move after one pass.
    """

    weights: Annotated[
        dict[Annotated[str, Name(TERMS)], Annotated[float, Field(gt=0)]], Field(min_length=1)
    ] = {"reconstruction": 1.0}
    samples: int = Field(1, gt=0)
    first_samples: FewerSamples | None = None
    rate_warmup: float = Field(0.0, ge=0)
    capacity: CapacityConfig = CapacityConfig()
    average: Literal["example", "pixel"] = "example"
    critics: CriticsConfig = CriticsConfig()
    turns: bool = False

    @property
    def is_adversarial(self) -> bool:
        """Whether a term has an adversary: its values of different epochs do not compare."""
        return any(TERMS[name].adversary is not None for name in self.weights)

    @property
    def settled_at(self) -> float:
        """Epochs after which the objective no longer changes."""
        first = 0.0 if self.first_samples is None else self.first_samples.epochs
        capacity = self.capacity.epochs if "capacity" in self.weights else 0.0
        return max(first, capacity, self.rate_warmup)

    def samples_at(self, epoch: float) -> int:
        """Return how many codes are drawn per example after so many epochs."""
        first = self.first_samples
        return first.samples if first is not None and epoch < first.epochs else self.samples


class ScheduleConfig(Part):
    """How the learning rate moves: a pure function of the epoch, so that nothing needs saving.

    Attributes
    ----------
    kind : str
        ``constant``; ``linear`` or ``cosine`` from the full rate to `final` of it at the last
        epoch; ``step``: times `factor` every `every` epochs; ``one_cycle`` from `start` of the full
        rate up to it, over the share `peak` of all epochs, and down to `final` of it, both as half
        a cosine (Smith and Topin 2018); ``restarts``: as a cosine from the full rate to `final` of
        it, again and again, first over `every` epochs and then `growth` times as long each time
        (Loshchilov and Hutter 2017).
    warmup : float
        Epochs over which the rate first rises from zero, whatever the kind.
    """

    kind: Literal["constant", "linear", "cosine", "step", "one_cycle", "restarts"] = "constant"
    warmup: float = Field(0.0, ge=0)
    final: float = Field(0.0, ge=0, le=1)
    every: int = Field(10, gt=0)
    factor: float = Field(0.5, gt=0, le=1)
    start: float = Field(0.04, ge=0, le=1)
    peak: float = Field(0.3, gt=0, lt=1)
    growth: float = Field(1.0, ge=1)

    @property
    def counts_epochs(self) -> bool:
        """Whether `every` means something."""
        return self.kind in ("step", "restarts")


class AverageConfig(Part):
    """A moving average of the weights, which is the model (Polyak and Juditsky 1992).

    After each step, every weight of the average moves by a share of its way to the weight of the
    step. That share is 1 - `decay`, and more for the first steps, which know little: 9 / (10 + t)
    after t steps, as in TensorFlow.

    Attributes
    ----------
    decay : float
        How much of the average stays in each step.
    start : float
        Epochs after which it begins. Until then the model has the weights of the last step.
    every : int
        It moves only after so many steps, by as much as in all of them: nearly the same average,
        for a part of the time.
    """

    decay: float = Field(0.999, gt=0, lt=1)
    start: float = Field(0.0, ge=0)
    every: int = Field(1, gt=0)

    def decay_after(self, steps: float) -> float:
        """Return how much of the average stays when it moves after so many steps of averaging."""
        return float(min(self.decay, (1 + steps) / (10 + steps)) ** self.every)


def _by_decay(value: Any) -> Any:
    """Let ``average: 0.99`` stand for ``average: {decay: 0.99}``."""
    return {"decay": value} if isinstance(value, int | float) else value


class PlayerConfig(Part):
    """How one player of an objective learns, where it differs from the rest of training."""

    optimizer: Annotated[str, Name(OPTIMIZERS)] | None = None
    lr: float | None = Field(None, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    momentum: float | None = Field(None, ge=0, lt=1)
    clip_norm: float | None = Field(None, gt=0)


class TrainConfig(Part):
    """How weights are fitted.

    Attributes
    ----------
    players : dict of str to PlayerConfig
        Settings of single players of the objective, such as the learning rate of a critic. All
        others are those of training. Learning rates of all players follow one schedule.
    accumulate : int
        Batches whose gradients make one step, as one batch so many times as large would; batch
        normalisation, codebooks and terms that compare examples still see single batches.
    shards : int
        Parts of each batch, a power of two, that as many workers can share, or fewer: all come to
        the same bits. Each part has noise of its own, and batch normalisation sees one at a time.
    average : AverageConfig or None
        The model is a moving average of the weights, and not what the last step has left; steps go
        on from the weights themselves. A number is its `decay`.
    frozen : tuple of str
        Parts that stay as they are: ``encoder``, ``latent``, ``decoder``, ``likelihood``, or what
        is below them by the names of weights, such as ``encoder.0``.
    patience : int or None
        Stop after so many epochs without a better validation loss, and restore the best weights;
        None trains all epochs and keeps the last weights.
    clip_norm : float or None
        Largest allowed norm of the whole gradient of a player.
    snapshots : tuple of int
        Epochs after which 16 fixed test images are reconstructed for the report, up to 2,000 are
        encoded for the explorer, and, by a model that has a prior, 64 images sampled, always from
        the same codes.
    precision : str
        What matrix products and convolutions of training steps are computed in. ``auto`` takes
        ``bfloat16`` on processors that have it in hardware (elsewhere it is as slow as can be) and
        TensorFloat-32 on CUDA devices; ``latentscape info`` says which. Validation and evaluation
        are in float32 always.
    engine : str
        ``auto`` takes the fast way through each step, ``plain`` only PyTorch's public interface:
        the same bits, later. For versions of PyTorch that break the fast way.
    checkpoint_seconds : float
        A checkpoint is written after every epoch and at least this often within one.
    seed : int
        Draws initial weights, batches, dropout, codes and corruption.
    """

    epochs: int = Field(25, gt=0)
    batch_size: int = Field(128, gt=0)
    accumulate: int = Field(1, gt=0)
    shards: int = Field(1, gt=0)
    optimizer: Annotated[str, Name(OPTIMIZERS)] = "adam"
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    players: dict[str, PlayerConfig] = {}
    schedule: Annotated[ScheduleConfig, BeforeValidator(by_kind)] = ScheduleConfig()
    average: Annotated[AverageConfig, BeforeValidator(_by_decay)] | None = None
    frozen: tuple[str, ...] = ()
    patience: int | None = Field(None, gt=0)
    clip_norm: float | None = Field(None, gt=0)
    snapshots: tuple[Annotated[int, Field(gt=0)], ...] = ()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    engine: EngineName = "auto"
    checkpoint_seconds: float = Field(30.0, gt=0)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _check_shards(self) -> Self:
        if self.shards == 1:
            return self
        if self.shards & (self.shards - 1):
            raise ValueError(f"train.shards is {self.shards}; expected a power of two, such as 8")
        if self.accumulate > 1:
            raise ValueError(
                "train.shards and train.accumulate both cut a step into parts; leave accumulate "
                f"out, and set train.batch_size to {self.examples_per_step}, for the same steps"
            )
        if self.batch_size < 2 * self.shards:
            raise ValueError(
                f"batches of {self.batch_size} examples do not make {self.shards} shards of two or "
                f"more; expected a train.batch_size of at least {2 * self.shards}"
            )
        return self

    def of(self, player: str) -> Self:
        """Return the settings by which a player learns."""
        own = self.players.get(player, PlayerConfig())
        return self.model_copy(update=own.model_dump(exclude_none=True))

    @property
    def examples_per_step(self) -> int:
        """How many training examples a step learns from."""
        return self.batch_size * self.accumulate

    def steps_per_epoch(self, examples: int) -> int:
        """How many steps go once through so many training examples."""
        whole, rest = divmod(examples, self.examples_per_step)
        # A rest of a single example joins the batch before it.
        return whole + (rest > 1 or (rest == 1 and not whole))

    def steps(self, examples: int) -> int:
        """How many steps all epochs make of so many training examples."""
        return self.epochs * self.steps_per_epoch(examples)


def patience_for(epochs: int) -> int:
    """Return the patience that suits so many epochs of training: a tenth of them, 2 at least."""
    return max(2, epochs // 10)
