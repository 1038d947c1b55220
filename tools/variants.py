"""Count the lines of code that each recipe adds to a plain autoencoder.

A variant is a recipe over one module, so what it adds is what its terms, its latent, its likelihood
and its corruption take: their functions or classes, without blank lines, comments and docstrings.
A part that several recipes use is counted for each of them. Run: ``python tools/variants.py``.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from latentscape.config import GaussianLatentConfig, Recipe, load_recipe, recipe_names
from latentscape.model import Network
from latentscape.model.corruption import CORRUPTIONS
from latentscape.model.latents import GaussianLatent, Mixture, Normal, UniformCodes, VqLatent
from latentscape.model.likelihoods import LIKELIHOODS
from latentscape.model.objectives import TERMS, Centers, log_weights, rate, squared_mmd

Part = Callable[..., Any]

PLAIN = {"reconstruction", "point latent", "bernoulli likelihood", "gaussian likelihood"}
LATENTS: dict[str, list[Part]] = {
    "point": [],
    "gaussian": [GaussianLatent, Normal],
    "vamp": [Mixture],
    "vq": [VqLatent, UniformCodes],
}
# What a term needs beside its own function.
HELPERS: dict[str, list[Part]] = {
    "capacity": [rate],
    "importance": [log_weights],
    "importance_dreg": [log_weights],
    "mmd": [squared_mmd],
    "center": [Centers],
}


def code_lines(part: Part) -> int:
    """Count the lines of a function or a class that hold code."""
    source = textwrap.dedent(inspect.getsource(part))
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        number not in texts and bool(line.strip()) and not line.lstrip().startswith("#")
        for number, line in lines
    )


def parts_of(recipe: Recipe) -> dict[str, list[Part]]:
    """Name the parts of a recipe, and the functions and classes that make them."""
    model, latent, likelihood = recipe.model, recipe.model.latent, recipe.model.likelihood
    parts: dict[str, list[Part]] = {
        name: [TERMS[name].compute, *HELPERS.get(name, [])] for name in recipe.objective.weights
    }
    parts[f"{latent.kind} latent"] = LATENTS[latent.kind]
    if isinstance(latent, GaussianLatentConfig) and latent.prior == "vamp":
        parts["vamp prior"] = LATENTS["vamp"]
    if model.corruption:
        parts[f"{model.corruption.kind} corruption"] = [CORRUPTIONS[model.corruption.kind]]
    if model.condition:
        parts["condition"] = [Network._with_labels, Network._one_hot]
    parts[f"{likelihood.kind} likelihood"] = [LIKELIHOODS[likelihood.kind]]
    return {name: made for name, made in parts.items() if name not in PLAIN}


def main() -> int:
    """Print a table in Markdown."""
    print("| recipe | adds to a plain autoencoder (lines of code) |\n|---|---|")
    for name in recipe_names():
        parts = parts_of(load_recipe(name))
        counts = {part: sum(map(code_lines, made)) for part, made in parts.items()}
        if counts:
            print(f"| {name} | {', '.join(f'{part} ({n})' for part, n in counts.items())} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
