"""How training came to be, and what went wrong, in sentences: for terminal and reports."""

from collections.abc import Iterable, Sequence

from latentscape.config import AverageConfig, Recipe
from latentscape.config.training import patience_for
from latentscape.core.units import count, number, percent
from latentscape.runs.facts import Event
from latentscape.runs.lineage import Extension, LeftWeight, Start

MAX_NAMED = 6
"""Tensors that a sentence names; start.json has all of them."""


def describe_fitting(recipe: Recipe) -> str:
    """Say how training was fitted to the data, and how to keep it as published; or nothing."""
    published, train = recipe.published, recipe.train
    if published is None:
        return ""
    examples, keep = published.examples, "Keep the origin's training with --as-published."
    if published.steps == train.steps(examples):
        average = ", averaged weights" if train.average else ""
        return (
            f"The training of {recipe.name} is fitted to {count(examples)} examples: learning rate "
            f"{train.lr:g}, schedule {train.schedule.kind}{average}. {keep}"
        )
    return (
        f"{recipe.name} as published makes {_many(published.steps, 'step')} on "
        f"{_many(examples, 'example')}. It is trained for {_many(train.steps(examples), 'step')} "
        f"instead: batch {count(train.batch_size)}, {_many(train.epochs, 'epoch')}, learning rate "
        f"{train.lr:g}. {keep}"
    )


def describe_fittings(recipes: Iterable[Recipe]) -> str:
    """Say of the recipes of a study how training was fitted to the data; or nothing."""
    fitted = [recipe for recipe in recipes if recipe.published is not None]
    if len({recipe.name for recipe in fitted}) < 2:
        return describe_fitting(fitted[0]) if fitted else ""
    before = [recipe.published.steps for recipe in fitted if recipe.published]
    now = [recipe.train.steps(recipe.published.examples) for recipe in fitted if recipe.published]
    return (
        f"Training is fitted to the number of examples: {_from_to(now)} steps, and as published "
        f"{_from_to(before)}. Keep the origins' training with --as-published."
    )


def _many(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _from_to(steps: Sequence[int]) -> str:
    low, high = min(steps), max(steps)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def describe_average(average: AverageConfig) -> str:
    """Say that the weights of a model are an average, and of what."""
    start = f" from epoch {average.start:g} on" if average.start else ""
    return f"a moving average of those of the steps{start}, decay {average.decay:g}"


def describe_count(parameters: int, frozen: int) -> str:
    """Say how many parameters there are, and whether training leaves them as they are."""
    if not frozen:
        return count(parameters)
    return f"{count(parameters)}, {'frozen' if frozen == parameters else count(frozen) + ' frozen'}"


def describe_collapse(kind: str, latent_dim: int | None = None, seeds: str = "") -> str:
    """Say that a code is not used, of how many `seeds` if not of all, and what to change."""
    of_seeds = f" of {seeds} seeds" if seeds else ""
    if kind == "codebook":
        return (
            f"The codebook{of_seeds} has collapsed: every vector chooses the same code. Lower "
            "train.lr, or train longer."
        )
    whole = "" if latent_dim is None else f"{latent_dim} "
    return (
        f"The posterior{of_seeds} has collapsed: none of the {whole}latent dimensions is active, "
        "so the reconstructions hardly depend on the image. Unless it has only begun to train, "
        "give the rate less weight (objective.weights.rate), raise it slowly "
        "(objective.rate_warmup), or choose a likelihood that asks for more detail (bernoulli, "
        "or gaussian with a learned variance)."
    )


def describe_symptom(event: Event) -> str:
    """Say what begins, with its number, and what mends it."""
    value = event.value or 0.0
    match event.symptom:
        case "over_fitting":
            return (
                f"over-fitting begins: since epoch {event.since} the validation loss has lost "
                f"{percent(value)} of its fall again, and the training loss still falls. "
                f"Keep the best weights: --set train.patience={patience_for(event.epoch)}"
            )
        case "nan_ahead":
            return (
                f"the gradient is {number(value, 2)} times as long as before: NaN may be about to "
                "come. Lower train.lr, or set train.clip_norm."
            )
        case "dead_units":
            return (
                f"{percent(value)} of the ReLU units of an encoder's layer are 0 for all examples, "
                "and dead. Lower train.lr, or choose leaky_relu (model.encoder.activation)."
            )
    return f"{event.symptom}: {number(value, 3)}"


def describe_event(event: Event) -> str:
    """Say what went wrong in training, and whether it was mended."""
    if event.kind == "rollback":
        return (
            f"loss became infinite or NaN; back to the end of epoch {event.back_to}, with "
            f"the learning rate times {event.rate_factor or 0:g} "
            f"(roll-back {event.rollback} of {event.max_rollbacks})"
        )
    if event.kind == "collapse":
        return describe_collapse(event.collapse or "posterior", event.latent_dim)
    if event.kind == "symptom":
        return describe_symptom(event)
    return event.text


def describe_lineage(start: Start | None, extensions: Iterable[Extension]) -> list[str]:
    """Say where a run began, and how often it was asked for another number of epochs."""
    begun = [] if start is None else [describe_start(start)]
    return begun + [describe_extension(extension) for extension in extensions]


def describe_start(start: Start) -> str:
    """Say which weights a run began with, and which of them could not be taken."""
    share = f"{count(start.numbers)} of {count(start.all_numbers)} numbers"
    sentences = [f"It began with weights of {start.name} (recipe {start.recipe}): {share}."]
    beginnings = {
        "shape": "Of another shape there, and so begun anew, with their layers: ",
        "new": "Not there, and so begun anew: ",
        "unused": "Not used: ",
    }
    for reason, beginning in beginnings.items():
        if weights := start.left_for(reason):
            sentences.append(f"{beginning}{_named(weights)}.")
    return " ".join(sentences)


def describe_extension(extension: Extension) -> str:
    """Say from when on a run was asked for another number of epochs."""
    stopped = ", once it had stopped early" if extension.stopped_early else ""
    return (
        f"After epoch {extension.epoch} it was asked for {extension.epochs} epochs instead of "
        f"{extension.epochs_before}{stopped}."
    )


def _named(weights: list[LeftWeight]) -> str:
    names = [_shaped(weight) for weight in weights[:MAX_NAMED]]
    more = [f"{len(weights) - MAX_NAMED} more"] if len(weights) > MAX_NAMED else []
    return ", ".join([*names, *more])


def _shaped(weight: LeftWeight) -> str:
    if weight.shape is None or weight.earlier_shape is None:
        return weight.name
    here, there = ("×".join(map(str, s)) or "1" for s in (weight.shape, weight.earlier_shape))
    return f"{weight.name} ({here}, there {there})"
