"""What stands beside the rows and above the images of a sheet."""

from collections.abc import Sequence

from latentscape.core.units import number
from latentscape.inference.samples import Samples
from latentscape.inference.walks import Manifold, Traversals
from latentscape.reporting.grids import GridLabels


def sample_labels(samples: Samples) -> GridLabels:
    """Name samples by their number and, of a conditional model, by the label they should show."""
    names = samples.labels or ("",) * len(samples.images)
    captions = [f"#{place}\n{name}".rstrip() for place, name in enumerate(names)]
    return GridLabels((), [captions])


def column_labels(rows: Sequence[str], captions: Sequence[str]) -> GridLabels:
    """Name rows that show the same images, and the images once above all rows."""
    return GridLabels(rows, [captions] * len(rows))


def interpolation_labels(captions: Sequence[str], steps: int) -> GridLabels:
    """Name both ends of each row, and the share of the second in between."""
    between = [f"{100 * step / (steps - 1):.0f} %" for step in range(1, steps - 1)]
    pairs = zip(captions[::2], captions[1::2], strict=False)
    return GridLabels((), [[first, *between, second] for first, second in pairs])


def traversal_labels(traversals: Traversals) -> GridLabels:
    """Name the dimension of each row, and its value in each image."""
    rows = [f"dimension {dim}" for dim in traversals.dims]
    values = [traversals.values(row) for row in range(len(rows))]
    return GridLabels(rows, [[number(value, 2) for value in row] for row in values])


def manifold_labels(manifold: Manifold) -> GridLabels:
    """Name the two numbers of the code: the first above, the second beside."""
    across = [number(value, 2) for value in manifold.across]
    rows = [number(value, 2) for value in manifold.down]
    return GridLabels(rows, [across] * len(rows))
