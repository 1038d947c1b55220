"""How much is measured: enough for a GPU, or so little that a CPU gets through all of it soon."""

from dataclasses import dataclass

from benchmarks.works import WORKS
from latentscape.config import recipe_names

FAMILIES = (
    "simple-20",
    "vae-20",
    "conv-bn",
    "dense-dropout",
    "denoising",
    "vq-vae",
    "vamp-vae",
    "kaggle-2d-center",
    "beta-tc-vae",
    "factor-vae",
    "vae-gan",
)
"""A recipe of each family: bodies, latents, corruptions, terms that compare, and adversaries."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes
    ----------
    recipes : tuple of str
        Whose losses and captured steps are checked.
    families : tuple of str
        Whose resumed trainings are checked.
    few : tuple of str
        Whose rolled back and sharded trainings are checked.
    works : tuple of str
        Of the contest.
    compiled : tuple of str
        Works that are trained without capture too, and by compiled peers, which takes long.
    images : int
        Training images of MNIST; of scenes there are a third as many.
    epochs : int
        The last half of them is timed: steps are captured in the first four.
    embedded : int
        Images that are embedded.
    models : tuple of int
        How many models are trained at once.
    """

    recipes: tuple[str, ...]
    families: tuple[str, ...]
    few: tuple[str, ...]
    works: tuple[str, ...]
    compiled: tuple[str, ...]
    images: int
    epochs: int
    embedded: int
    models: tuple[int, ...]


FULL = Sizes(
    tuple(recipe_names()),
    FAMILIES,
    ("vae-20", "conv-bn", "vq-vae", "factor-vae"),
    tuple(work.recipe for work in WORKS),
    ("simple-20", "conv-bn"),
    60_000,
    6,
    600_000,
    (1, 8, 64),
)
SMALL = Sizes(
    ("simple-20", "vae-20", "vq-vae"),
    ("vae-20",),
    ("vae-20",),
    ("simple-20", "conv-vae-64"),
    ("simple-20",),
    300,
    5,
    2_000,
    (1, 2),
)


def sizes_for(device: str) -> Sizes:
    """Return the sizes for a kind of device."""
    return SMALL if device == "cpu" else FULL
