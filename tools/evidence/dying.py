"""Why `cnn-fc` ends where it ends: how many numbers of its code live through the first steps.

A number of a code with ReLU is dead when it is 0 for every image: it gets no gradient again. The
network of the origin is written here in plain PyTorch, with the initial weights, the optimizer, the
loss and the data that its notebook has, so that what happens is not a matter of Latentscape.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import latentscape
from latentscape.config import Changes, load_recipe
from latentscape.core.records import Dataset
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

STEPS, BATCH = 40, 256
SEEDS = range(5)
ALIVE = "alive"
"""Key of the number of code numbers that are not 0 for all of `LOOKED_AT` test images."""
LOOKED_AT = 1000

CODE, SD, BIAS = 64, 0.1, 0.1
PRECISION = "float32"


class Origin(nn.Module):
    """The encoder and decoder of the origin's notebook, for images (B, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * 7 * 7, CODE), nn.ReLU()),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(CODE, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid())
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                # TensorFlow's truncated normal is cut at two standard deviations.
                nn.init.trunc_normal_(layer.weight, std=SD, a=-2 * SD, b=2 * SD)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, BIAS)

    def forward(self, images: Tensor) -> Tensor:
        """Return reconstructions (B, 784)."""
        reconstructions: Tensor = self.decoder(self.encoder(images))
        return reconstructions


def measure_dying() -> Evidence:
    """Take the first steps with every seed: of the origin, of the recipe, and at a lower rate."""
    data = latentscape.load_data("mnist")
    ways: dict[str, Callable[[Dataset, int], int]] = {
        "plain PyTorch": _plain,
        "cnn-fc": lambda data, seed: _recipe(data, seed, {}),
        "cnn-fc at a tenth of the rate": lambda data, seed: _recipe(data, seed, {"train.lr": 1e-4}),
    }
    return measured_now(
        "dying-codes",
        f"How many of the {CODE} numbers of the code of cnn-fc live after {STEPS} steps.",
        tuple(
            ResultRow(
                label=label,
                recipe="" if way is _plain else "cnn-fc",
                kind="other" if way is _plain else "model",
                numbers={ALIVE: Number.of(tuple(float(way(data, seed)) for seed in SEEDS))},
            )
            for label, way in ways.items()
        ),
        load_recipe("cnn-fc"),
        precision=PRECISION,
    )


def alive(codes: Tensor) -> int:
    """Count the numbers of codes (N, D) that are above 0 for an image at least."""
    return int((codes > 0).any(0).sum())


def _plain(data: Dataset, seed: int) -> int:
    """Train the origin's network as its notebook does."""
    torch.manual_seed(seed)
    model = Origin()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.randperm(data.n_official_train or len(data.images))
    for chosen in torch.split(order, BATCH)[:STEPS]:
        images = _scaled(data, chosen)
        optimizer.zero_grad()
        torch.autograd.backward(F.mse_loss(model(images), images.flatten(1)))
        optimizer.step()
    with torch.no_grad():
        return alive(model.encoder(_scaled(data, _test(data))))


def _recipe(data: Dataset, seed: int, changes: Changes) -> int:
    """Train the recipe with the same number of images."""
    settings: dict[str, object] = {"data.train": STEPS * BATCH, "data.test": 100, "train.epochs": 1}
    settings |= {"train.seed": seed, "train.batch_size": BATCH, "train.precision": PRECISION}
    settings |= changes
    with TemporaryDirectory() as folder:
        run = latentscape.train(
            "cnn-fc",
            data=data,
            changes=settings,
            as_published=True,
            folder=Path(folder),
            device="cpu",
            quiet=True,
        )
        model = latentscape.load(run.path)
    with torch.no_grad():
        return alive(model.encode(torch.from_numpy(data.images.take(_test(data).numpy()))))


def _test(data: Dataset) -> Tensor:
    """Draw test images, the same for all."""
    first = data.n_official_train or 0
    draw = torch.randperm(len(data.images) - first, generator=torch.Generator().manual_seed(0))
    return first + draw[:LOOKED_AT]


def _scaled(data: Dataset, chosen: Tensor) -> Tensor:
    return torch.from_numpy(data.images.take(chosen.numpy())).float() / 255
