"""An exploration: everything that the page shows, and the models that answer what it asks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.core.records import Array, Dataset
from latentscape.explorer.contents import Manifest
from latentscape.inference.batches import evaluating
from latentscape.inference.reducing import reduce_examples
from latentscape.inference.samples import decode
from latentscape.model import Network, scaled
from latentscape.runs import Run


@dataclass(frozen=True, eq=False)
class Exploration:
    """Examples as points, beside the models that encoded them.

    Attributes
    ----------
    manifest : Manifest
        All that the page is told, the names of `arrays` included.
    arrays : dict of str to ndarray
        By their names in the manifest; thumbnails and the bundle's files are not among them.
    dataset : Dataset
        The examples.
    index : ndarray of int64
        (count,) places of the points in it.
    networks : dict of str to Network
        By the keys of the manifest's models; each on its device.
    runs : dict of str to Run
        By the same keys.
    """

    manifest: Manifest
    arrays: dict[str, Array]
    dataset: Dataset
    index: NDArray[np.int64]
    networks: dict[str, Network]
    runs: dict[str, Run]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.index)

    def images(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Make the thumbnails (n, C, h, w) of the points from `start` up to `stop`.

        Those of vectors are (n, d). Values from 0 to 255 go over the range of the stored ones.
        """
        examples = self.dataset.images.take(self.index[start:stop])
        shape = self.manifest.thumbnails.shape
        return reduce_examples(examples, self.dataset.value_range, shape)

    def original(self, point: int) -> Array:
        """Return a whole example (*shape) of float32, on the scale 0 to 1."""
        stored = torch.from_numpy(self.dataset.images.take(self.index[[point]]))
        return scaled(stored, self.dataset.value_range)[0].numpy()

    def decode(self, key: str, codes: Array, labels: Sequence[int] | None = None) -> Array:
        """Decode codes (B, D), with labels of a conditional model, to images (B, *shape).

        Parameters
        ----------
        key : str
            Of the model.
        codes : ndarray of float32
            (B, D).
        labels : sequence of int, optional
            (B,), or a single one for all.

        Returns
        -------
        ndarray of float32
            (B, *shape) on the scale 0 to 1.
        """
        model = self.networks[key]
        return decode(model, torch.from_numpy(codes), _labels(labels, len(codes)))

    def encode(self, key: str, images: Array, labels: Sequence[int] | None = None) -> Array:
        """Encode images (B, *shape), on the scale 0 to 1, to codes (B, D) of float32.

        Parameters are those of `decode`.
        """
        model = self.networks[key]
        values, known = torch.from_numpy(images), _labels(labels, len(images))
        with evaluating():
            known = None if known is None else known.to(model.device)
            return model.encode_scaled(values.to(model.device), known).cpu().numpy()


def _labels(labels: Sequence[int] | None, count: int) -> torch.Tensor | None:
    if labels is None:
        return None
    return torch.tensor(labels).expand(count)
