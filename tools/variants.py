"""Write docs/variants.md from the registries: all parts that a recipe may name, and their cost.

A variant is a recipe over one module. It adds its terms, its latent, its likelihood and its
corruption to a plain autoencoder: their functions and classes, and those that these use, without
blank lines, comments and docstrings. A part that several recipes use is counted for each of them.
Run: ``python tools/variants.py``.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from latentscape.config import (
    BODIES,
    CORRUPTIONS,
    LATENTS,
    LIKELIHOODS,
    OPTIMIZERS,
    SAMPLERS,
    TERMS,
    Recipe,
    load,
    load_recipe,
    recipe_names,
)
from latentscape.model import Network

Code = Callable[..., Any]
"""A function or a class."""

DOCUMENT = Path(__file__).parents[1] / "docs" / "variants.md"
PLAIN = {"reconstruction", "point latent", "bernoulli likelihood", "gaussian likelihood"}
"""The parts of a plain autoencoder, which a variant does not add."""

SHARED = ("latents.base", "likelihoods", "objectives", "blocks")
"""Modules of `latentscape.model` whose functions and classes all variants share."""

REGION = re.compile(r"(?P<begin><!-- results: [\w-]+ -->)\s*(?P<end><!-- end -->)")

TEXT = """# The variants, and what each one costs

A variant of an autoencoder is a recipe over one module: an encoder, a latent, a decoder, a
likelihood, and an objective that is a weighted sum of named terms. What a variant adds is a
function or a class, and an entry in a registry. The table counts the lines of code, without blank
lines, comments and docstrings, that the parts of each recipe take beside a plain autoencoder.
`python tools/variants.py` writes this document from the registries.

{recipes}

## Terms of the objective

`objective.weights` names terms and weights them: `--set objective.weights.rate=4`. All are in nats
per example, summed over pixels or latent dimensions and averaged over examples; each is logged for
every epoch.

{terms}

`objective.rate_warmup` raises the weight of `rate` from zero over some epochs. `objective.capacity`
says how the rate of `capacity` grows. `objective.samples` is the number of codes of `importance`
and `importance_dreg`; `objective.first_samples` takes fewer in the first epochs.

## Critics

Some terms need a critic: a network that learns against the autoencoder. It looks at codes or at
images, and is a player of its own, with its own optimizer. Its loss stands in the history under its
name, beside the terms. A critic is saved with the model. Codes, images and exports do not need it.

{critics}

- `objective.critics.codes` and `objective.critics.images` are the bodies of critics, with the
  settings of an encoder. A critic of codes has no convolutions.
- `train.players` has settings of single players, such as `train.players.prior_critic.lr`:
  `optimizer`, `lr`, `weight_decay`, `momentum` and `clip_norm`. All others are those of `train`.
- All players move after one forward pass. With `objective.turns` they take turns, as in the
  adversarial autoencoder: the autoencoder moves by the terms without a critic, then the critics
  move, then the autoencoder moves by the other terms. For that it has another optimizer, whose
  settings are `train.players.generator`.
- Each epoch is measured by another critic, so that losses of different epochs do not compare. On
  small data the weights of the last epoch are kept then, not those with the lowest validation loss.
  Early stopping (`train.patience`) goes by the squared error of validation images.

FactorVAE takes the codes that it permutes from a second batch. Here the critic gets one half of the
batch as it is and the other half permuted. VAE-GAN weights the features differently for encoder and
decoder; see the term `adversarial_images`.

A critic of codes draws the codes of all images to N(0, I), so that samples look like images. The
table is of three seeds on `mnist-5k`, with the settings that recipes have there by default.
[How to read the numbers](numbers.md) explains the columns.

<!-- results: adversaries -->

<!-- end -->

<!-- results: adversaries-circumstances -->

<!-- end -->

## Latents

`model.latent`. A vq latent has one vector for each place of a convolutional encoder's map, or
`positions` vectors from a fully connected encoder.

{latents}

## Likelihoods

`model.likelihood`.

{likelihoods}

## Corruptions

`model.corruption`, with an `amount`. The encoder sees corrupted images in training; the target
stays clean.

{corruptions}

## Bodies

`model.encoder` and `model.decoder`.

{bodies}

## Optimizers and samplers

- `train.optimizer`: {optimizers}.
- `latentscape sample --from`: {samplers}.

## Other settings

- `model.condition: label` gives the label to encoder and decoder (`--condition label`).
- `data.train_labels` keeps training and validation examples of some labels alone; the test part
  keeps all.
- `data.binarize`: `static` or `dynamic` draws pixels black or white.

What does not go together is refused before anything is written, with the reason: a rate without a
posterior, a gaussian latent without a term on it, importance weighting beside a rate that it
includes already, a VampPrior under labels.
"""


def code_lines(code: Code) -> int:
    """Count the lines of a function or a class that hold code."""
    source = textwrap.dedent(inspect.getsource(code))
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        number not in texts and bool(line.strip()) and not line.lstrip().startswith("#")
        for number, line in lines
    )


def with_helpers(codes: Iterable[Code]) -> set[Code]:
    """Return functions and classes, with all that they use of modules that are not `SHARED`."""
    complete, remaining = set[Code](), [*codes]
    while remaining:
        code = remaining.pop()
        if code not in complete:
            complete.add(code)
            remaining.extend(_used_by(code))
    return complete


def _used_by(code: Code) -> Iterator[Code]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    shared = tuple(f"latentscape.model.{module}" for module in SHARED)
    for node in ast.walk(tree):
        value: Any = vars(sys.modules[code.__module__]).get(getattr(node, "id", ""))
        module = getattr(value, "__module__", None) or ""
        if module.startswith("latentscape.model.") and not module.startswith(shared):
            yield value


def parts_of(recipe: Recipe) -> dict[str, list[Code]]:
    """Return the parts of a recipe, and the functions and classes that implement them."""
    model = recipe.model
    terms = {name: TERMS[name] for name in recipe.objective.weights}
    parts: dict[str, list[Code]] = {
        name: [
            load(code)
            for code in (term.implementation, *(term.module or ())[1:], term.adversary)
            if code is not None
        ]
        for name, term in terms.items()
    }
    parts[f"{model.latent.kind} latent"] = [load(model.latent.implementation)]
    if model.corruption:
        parts[f"{model.corruption.kind} corruption"] = [load(model.corruption.entry.implementation)]
    if model.condition:
        parts["condition"] = [Network._with_labels, Network._one_hot]
    parts[f"{model.likelihood.kind} likelihood"] = [load(model.likelihood.implementation)]
    return {name: codes for name, codes in parts.items() if name not in PLAIN}


def document() -> str:
    """Return the whole document, in Markdown, with the regions of results as they are."""
    return REGION.sub(_as_it_is, _written())


def _as_it_is(region: re.Match[str]) -> str:
    """Return a region as it stands in the document; `tools.evidence` writes it."""
    begin, end = region["begin"], region["end"]
    _, begun, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    return begin + rest.partition(end)[0] + end if begun else region[0]


def _written() -> str:
    return TEXT.format(
        recipes=_table(("recipe", "adds to a plain autoencoder (lines of code)"), _recipes()),
        terms=_table(("term", "what it is", "latents"), _terms()),
        critics=_table(("critic", "looks at", "terms"), _critics()),
        latents=_table(
            ("kind", "what it is", "posterior", "prior", "exports to Keras"), _latents()
        ),
        likelihoods=_table(
            ("kind", "what it is", "grey pixels", "exports to Keras"), _likelihoods()
        ),
        corruptions=_table(("kind", "what it does", "vectors"), _corruptions()),
        bodies=_table(("kind", "what it is", "vectors"), _bodies()),
        optimizers=_listed(OPTIMIZERS),
        samplers=_listed(SAMPLERS),
    )


def _recipes() -> Iterator[tuple[str, ...]]:
    for name in recipe_names():
        parts = parts_of(load_recipe(name))
        counts = {part: sum(map(code_lines, with_helpers(codes))) for part, codes in parts.items()}
        if counts:
            yield name, ", ".join(f"{part} ({count})" for part, count in counts.items())


def _terms() -> Iterator[tuple[str, ...]]:
    for name, term in TERMS.items():
        kinds = [kind for kind, latent in LATENTS.items() if latent.provides(term.needs)]
        yield (
            f"`{name}`",
            _summary(load(term.implementation)) + "; supervised" * term.needs_labels,
            "all" if len(kinds) == len(LATENTS) else ", ".join(kinds),
        )


def _critics() -> Iterator[tuple[str, ...]]:
    players: dict[tuple[str, Any], list[str]] = {
        term.module: [] for term in TERMS.values() if term.module and term.adversary
    }
    for name, term in TERMS.items():
        if term.module is not None and term.module in players:
            players[term.module].append(name)
    for (critic, factory), names in players.items():
        summary = _summary(load(factory)).rpartition(" ")[2]
        yield f"`{critic}`", summary, _listed(names)


def _latents() -> Iterator[tuple[str, ...]]:
    for kind, latent in LATENTS.items():
        yield (
            f"`{kind}`",
            _summary(latent),
            _yes(latent.has_posterior),
            _yes(latent.has_prior),
            _yes(not latent.no_stock_layers),
        )


def _likelihoods() -> Iterator[tuple[str, ...]]:
    for kind, likelihood in LIKELIHOODS.items():
        exports = _yes(not likelihood.no_stock_layers)
        yield f"`{kind}`", _summary(likelihood), likelihood.grey_pixels, exports


def _corruptions() -> Iterator[tuple[str, ...]]:
    for kind, corruption in CORRUPTIONS.items():
        summary = _summary(load(corruption.implementation))
        yield f"`{kind}`", summary, _yes(not corruption.needs_images)


def _bodies() -> Iterator[tuple[str, ...]]:
    for kind, body in BODIES.items():
        yield f"`{kind}`", _summary(body), _yes(not body.takes_images)


def _summary(code: Code) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (inspect.getdoc(code) or "").partition("\n")[0].rstrip(".")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _yes(capability: bool) -> str:
    return "yes" if capability else "no"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
