"""Facts as sentences: what a report, the terminal and a model card say of them."""

from collections.abc import Iterable, Mapping, Sequence

from latentscape.config import CORRUPTIONS, SAMPLERS, TERMS
from latentscape.config.registry import load
from latentscape.core.findings import Skip
from latentscape.core.ranges import RangeReason
from latentscape.core.records import LeftOut
from latentscape.core.stores import Kept, StoreKind, StoreReason
from latentscape.core.units import count, joined, memory_size, number, percent
from latentscape.evaluation.against_pca import BaselineComparison, Difference
from latentscape.inference.denoising import Denoising
from latentscape.inference.samples import COMPONENTS, Samples
from latentscape.inference.walks import REACH, Interpolation, Manifold, Traversals
from latentscape.runs import RunFindings
from latentscape.runs.facts import Supervision

_TEST_LABELS = "Test labels only to list errors by class and to colour and order pictures."

_SOURCES = {
    "prior": "the prior N(0, I)",
    "vamp": "the VampPrior, the mixture of the posteriors of the trained pseudo-inputs",
    "gmm": f"a mixture of {COMPONENTS} Gaussians fitted to the codes of training images",
    "normal": "N(0, I), which is not a prior of this model: it was never trained on such codes",
    "codebook": "the uniform prior, each position any vector of the codebook with the same chance: "
    "which vectors go together was not learnt",
}

_RANGE_REASONS: dict[RangeReason | None, str] = {
    "setting": ", as the settings say",
    "format": ", as their format or source defines",
    "dtype": ", by their type",
    "content": ", as the values themselves show",
    None: "",
}

_SKIPS = {
    "no_labels": "{item} left out: the data have no labels",
    "one_label": "{item} left out: all examples have the same label",
    "missing_package": "{item} left out: install it with: {command}",
    "same_codes": "{item} left out: the codes of {codes} are all the same, the encoder has "
    "collapsed",
    "quick": "{item} left out, as --quick asks",
    "note": "{text}",
}
"""Reasons that several analyses share. `item` names what is left out with its verb."""


def describe_skip(skip: Skip, reasons: Mapping[str, str] = {}) -> str:  # noqa: B006
    """Say what was not measured and why.

    Parameters
    ----------
    skip : Skip
        The facts.
    reasons : mapping of str to str
        Sentences of an analysis of its own, by the code of the reason.
    """
    template = reasons.get(skip.reason) or _SKIPS.get(skip.reason)
    if template is None:
        return as_sentence(f"{skip.item}: {skip.reason.replace('_', ' ')}")
    detail = {key: _written(value) for key, value in skip.detail.items()}
    try:
        return as_sentence(template.format_map({"item": skip.item, **detail}))
    except KeyError:  # A file that was edited by hand.
        return as_sentence(f"{skip.item}: {skip.reason.replace('_', ' ')}")


def _written(value: bool | int | float | str) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return count(value) if is_number else str(value)  # type: ignore[arg-type]


def as_sentence(text: str) -> str:
    """End a text with one full stop."""
    return f"{text.rstrip('.')}."


def describe_supervision(supervision: Supervision) -> str:
    """Say which labels the numbers of a run used."""
    if supervision.kind == "condition":
        return (
            "Supervised: training gave the model the label of every training image, and every "
            "test number gives it the true label of the test image."
        )
    if supervision.kind == "center":
        return f"Supervised: training used the label of every training image. {_TEST_LABELS}"
    if supervision.kind == "selection":
        labels = joined([repr(name) for name in supervision.labels])
        return f"Labels chose the training images, {labels} alone, and nothing else. {_TEST_LABELS}"
    return f"No labels in training. {_TEST_LABELS}"


def describe_cautions(findings: RunFindings) -> list[str]:
    """Say what must be known beside every number of an analysis of a run."""
    sentences = []
    if findings.supervision.supervised:
        sentences.append(describe_supervision(findings.supervision))
    if findings.recipe.data.binarize == "dynamic":
        sentences.append(
            "Pixels of training images are grey here and those of test images drawn black or "
            "white, as in the training of this run: baselines suffer from that."
        )
    return sentences


def describe_range(value_range: tuple[float, float], reason: RangeReason | None) -> str:
    """Say which stored values stand for 0 and 1, and why those."""
    if reason == "unbounded":
        return (
            "Values are used as they are, since nothing bounds them: there are no cross-entropy, "
            "PSNR and SSIM."
        )
    low, high = (f"{end:.6g}".replace("-", "\N{MINUS SIGN}") for end in value_range)
    return f"Stored values from {low} to {high} stand for 0 to 1{_RANGE_REASONS[reason]}."


_STORES: dict[StoreKind, str] = {
    "resident": "Images are kept in memory ({size})",
    "mapped": "Images stay in a file of plain numbers ({size}), of which parts are read",
    "encoded": "Images are decoded whenever they are needed ({size} as plain numbers)",
}
_LARGE = ", because they would take more than a quarter of the memory that is free"
_STORE_REASONS: dict[StoreReason, str] = {
    "memory": "",
    "setting": ", as data.store says",
    "small": ", because they take little of what is free",
    "large": _LARGE,
    "no_room": f"{_LARGE}, and the disk of the cache has no room for them",
}


def describe_store(kept: Kept) -> str:
    """Say where images are kept, and why there."""
    where = _STORES[kept.kind].format(size=memory_size(kept.n_bytes))
    return f"{where}{_STORE_REASONS[kept.reason]}."


def describe_tests_on_validation(name: str) -> str:
    """Say that a source of data has no test part, and what its parts are used for."""
    return (
        f"{name} has no test part: models are tested on its validation part, and validated on "
        "images taken from its training part."
    )


def describe_left_out(entries: Iterable[LeftOut]) -> list[str]:
    """Say what a source holds that is not used, and why."""
    return [f"Not used: {_counted(entry)}: {entry.reason}." for entry in entries]


def _counted(entry: LeftOut) -> str:
    """Count what is left out, and name the first few."""
    # Of examples that lie in one file, the file is named.
    more = ", ..." if entry.count > len(entry.names) and entry.kind != "example" else ""
    names = f" ({', '.join(entry.names)}{more})" if any(entry.names) else ""
    return f"{count(entry.count)} {entry.kind}{'s' if entry.count != 1 else ''}{names}"


def describe_verdict(comparison: BaselineComparison) -> str:
    """Say whether a model beats PCA with as many numbers, by squared error, and how surely."""
    mse, linear, mean = comparison.mse, comparison.pca_mse, comparison.mean_image_mse
    components = f"PCA with {comparison.components} components"
    numbers = f"MSE {mse:.4g} against {linear:.4g}"
    less = f"{1 - mse / linear:.0%} less" if linear > 0 else ""
    verdict = {
        "exact_pca": f"The code is no smaller than what the images need: {components} makes no "
        f"error at all, and this model an MSE of {mse:.4g}.",
        "hardly_better": f"Hardly better than the mean image alone: MSE {mse:.4g} against "
        f"{mean:.4g}.",
        "no_better": f"Does no better than the mean image alone: MSE {mse:.4g} against {mean:.4g}.",
        "beats": f"Beats {components}: {numbers}, {less}.",
        "loses": f"Does not beat {components}: {numbers}.",
        "undecided": f"Cannot be told from {components}: {numbers}.",
    }[comparison.verdict]
    details = (describe_interval(comparison.difference), describe_terms(comparison))
    return " ".join(filter(None, [verdict, *details]))


def describe_interval(difference: Difference | None) -> str:
    """Say between what the difference from PCA lies; nothing where that was not measured."""
    if difference is None or difference.interval is None:
        return ""
    low, high = _apart(*difference.interval)
    seeds = "Over these" if difference.seeds > 1 else "For this"
    seeds += f" {count(difference.seeds)} seeds" if difference.seeds > 1 else " one seed"
    return (
        f"{seeds}, the difference from PCA, image by image over {count(difference.n)} test "
        f"images, lies between {low} and {high} (95 %)."
    )


def _apart(low: float, high: float) -> tuple[str, str]:
    """Write the ends of an interval with as many digits as tell them apart, and at least two."""
    for digits in range(2, 9):
        ends = number(low, digits), number(high, digits)
        if ends[0] != ends[1]:
            break
    return ends


def describe_terms(comparison: BaselineComparison) -> str:
    """Say why a model and PCA are not compared like for like; nothing where they are."""
    reasons = []
    if comparison.sees_labels:
        reasons.append("the model gets the label of each image, and PCA does not")
    if comparison.codebook_size is not None:
        reasons.append(
            f"{count(comparison.components)} indices of a codebook of "
            f"{count(comparison.codebook_size)} hold less than as many real numbers of PCA"
        )
    return f"Not like for like: {joined(reasons)}." if reasons else ""


def describe_samples(samples: Samples) -> str:
    """Say what samples show, and where their codes come from."""
    content, each = "Images", ""
    if samples.label is not None:
        content = f"Images of the label {samples.label},"
    elif samples.labels is not None:
        names = ", ".join(dict.fromkeys(samples.labels))
        content = f"Images whose labels take turns ({names}),"
        each = ", one for each label" if samples.source == "gmm" else ""
    source = describe_source(samples.source)
    if samples.fitted_on == "test":
        source += " (here of the test images that the run keeps: the training images are missing)"
    return f"{content} decoded from codes drawn from {source}{each}. Seed {samples.seed}."


def describe_source(source: str) -> str:
    """Say where codes come from, by the `source` of `Samples`."""
    if source in _SOURCES:
        return _SOURCES[source]
    if source in TERMS:
        return f"N(0, I), which the term {source} drew the codes of training images towards"
    sampler = load(SAMPLERS[source]) if source in SAMPLERS else None
    return getattr(sampler, "description", "") or f"the source {source}"


def describe_interpolation(interpolation: Interpolation, *, moves: bool = False) -> str:
    """Say what lies between two images, which stand in rows or follow each other."""
    is_arc = interpolation.path == "spherical"
    way = "on an arc around zero" if is_arc else "on a straight line"
    steps = interpolation.images.shape[1]
    ends = "the image on the left to that on the right"
    ends = "one image to that of another and back" if moves else ends
    text = f"From the code of {ends}, {steps} images {way}"
    if interpolation.is_quantised:
        text += ", each vector replaced by the nearest of the codebook"
    if interpolation.is_conditional:
        text += f"; each {_walk(moves)} is decoded with the label of its first image"
    return f"{text}."


def describe_traversals(traversals: Traversals, *, moves: bool = False) -> str:
    """Say what each row of a traversal moves; each picture where it is a moving one."""
    if traversals.has_standard_prior:
        span = f"from {number(-REACH, 1)} to {number(REACH, 1)}"
        order = "The most informative ones come first, by their mean rate over test images"
    else:
        span = "from the 1st to the 99th percentile of training codes"
        order = "Those that change the image most come first"
    dims = ", ".join(str(dim) for dim in traversals.dims)
    rest = f" of {traversals.latent_dim}" if len(traversals.dims) < traversals.latent_dim else ""
    return (
        f"Each {_walk(moves)} moves one number of a test image's code {span}, and leaves the "
        f"others as they are. {order}: {dims}{rest}, counted from 0."
    )


def _walk(moves: bool) -> str:
    return "picture" if moves else "row"


def describe_manifold(manifold: Manifold) -> str:
    """Say which part of the plane is shown."""
    if manifold.has_standard_prior:
        steps = "spaced so that each picture stands for the same share of the prior N(0, I)"
    else:
        steps = "in even steps between the 1st and the 99th percentile of training codes"
    right, up = (_ends(values) for values in (manifold.across, manifold.down[::-1]))
    text = (
        f"The plane of the codes, {steps}: the first number grows to the right{right}, the second "
        f"up{up}"
    )
    if manifold.label is not None:
        text += f"; all decoded with the label {manifold.label}"
    return f"{text}."


def _ends(values: Sequence[float]) -> str:
    return f", from {number(values[0], 3)} to {number(values[-1], 3)}" if values else ""


def describe_denoising(denoising: Denoising) -> str:
    """Say what was done to images, and how well the model restores them."""
    entry = CORRUPTIONS.get(denoising.kind)
    description = denoising.kind if entry is None else entry.description
    noise = description.format(amount=number(denoising.amount, 2), share=percent(denoising.amount))
    before, after = denoising.mse_noisy, denoising.mse_restored
    change = f"{'falls' if after < before else 'rises'} from {number(before, 3)}"
    kind = "test images" if denoising.measured_on == "test" else "images shown"
    images = f"{count(denoising.n)} {kind}"
    text = (
        f"Clean images, the same with {noise}, and as the model restores them. Over the "
        f"{images} the MSE per pixel {change} to {number(after, 3)}."
    )
    training = {"same": "", "other": "with other", "none": "without"}[denoising.trained_on]
    return f"{text} The model was trained {training} noise." if training else text


def by_sentence(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Say each sentence once, after the labels it is true of unless it is true of all.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Label and sentence.
    """
    labels, groups = dict[str, None](), dict[str, dict[str, None]]()
    for label, sentence in pairs:
        labels[label] = None
        if sentence:
            groups.setdefault(as_sentence(sentence), {})[label] = None
    return [
        sentence if len(true) == len(labels) else f"{shortened(list(true))}: {sentence}"
        for sentence, true in groups.items()
    ]


def shortened(labels: Sequence[str]) -> str:
    """List the first few labels, and say how many more there are."""
    rest = len(labels) - 3
    return ", ".join([*labels[:3], *([f"and {rest} more"] if rest > 0 else [])])


def span(values: Iterable[int]) -> str:
    """Write whole numbers by the smallest and the largest, or the one that they all are."""
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return count(distinct[0])
    return f"{count(distinct[0])} to {count(distinct[-1])}"
