"""Principal components of rows that need not fit into memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.core.progress import Stage, stage
from latentscape.core.records import Array
from latentscape.core.subsets import draw_subset

MAX_RESIDENT = 1 << 22
"""Values of rows that scikit-learn gets at once, of float32: all of them, or some to begin with."""

MAX_COVARIANCE = 1024
"""Dimensions whose covariance is held: its eigenvectors take less time than another pass."""

CHUNK, MAX_CHUNK = 1000, 1 << 23
"""Rows that are worked on together, and values of them, at most."""

CONVERGED = 1e-5
"""Share of what is not held that a further pass over all rows has to add to what is."""

MAX_PASSES = 6

Rows = Callable[[NDArray[np.int64]], Array]
"""From places to the rows (m, D), float32, that stand there."""


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components.

    Attributes
    ----------
    mean : ndarray of float32
        (D,) of the rows.
    directions : ndarray of float32
        (k, D) of length 1; the first holds the most variance.
    shares : ndarray of float32
        (k,) of the variance that each of them holds.
    limits : tuple of float
        The smallest and the largest value of the rows.
    """

    mean: Array
    directions: Array
    shares: Array
    limits: tuple[float, float]

    def project(self, rows: Array) -> Array:
        """Return the coordinates (m, k) of rows (m, D)."""
        projected: Array = rows @ self.directions.T
        projected -= self.mean.reshape(1, -1) @ self.directions.T
        return projected

    def restore(self, projected: Array) -> Array:
        """Return the rows (m, D) at coordinates (m, k)."""
        restored: Array = projected @ self.directions + self.mean
        return restored


def fit_components(rows: Rows, shape: tuple[int, int], count: int) -> Components:
    """Find the principal components of rows, of which few are in memory at once.

    Rows of up to 1,024 dimensions are gone over once for their covariance, whose eigenvectors they
    are. Of longer rows scikit-learn finds them, up to 2^22 values. Beyond that, those of drawn rows
    are made better by passes over all, each a step of orthogonal iteration (Halko et al. 2011,
    algorithm 4.4), until that lowers the variance that they miss by less than a
    hundred-thousandth.

    Parameters
    ----------
    rows : callable
        From places (m,) to rows (m, D).
    shape : tuple of int
        How many rows there are, and D.
    count : int
        How many components, no more than rows and than D.
    """
    if shape[1] <= MAX_COVARIANCE:
        return _in_one_pass(rows, shape, count)
    if shape[0] * shape[1] <= MAX_RESIDENT:
        return _all_at_once(gather(rows, shape), count)
    return _in_passes(rows, shape, count)


def gather(rows: Rows, shape: tuple[int, int]) -> Array:
    """Return all rows (n, D), taken a chunk at a time."""
    whole = np.empty(shape, np.float32)
    for places in _chunks(shape):
        whole[places[0] : places[-1] + 1] = rows(places)
    return whole


def _all_at_once(rows: Array, count: int) -> Components:
    """Find components by scikit-learn, which may change the rows."""
    from sklearn.decomposition import PCA

    limits = float(rows.min()), float(rows.max())
    with np.errstate(all="ignore"):  # A single or constant row has no variance to divide by.
        model: Any = PCA(count, random_state=0, copy=False).fit(rows)
    return Components(model.mean_, model.components_, model.explained_variance_ratio_, limits)


def _in_one_pass(rows: Rows, shape: tuple[int, int], count: int) -> Components:
    first = next(_chunks(shape))
    one = _Pass(rows(first).mean(0, dtype=np.float64), None)
    with stage("principal components", shape[0]) as work:
        one.go_through(rows, shape, work)
    return one.components(count)


def _in_passes(rows: Rows, shape: tuple[int, int], count: int) -> Components:
    n, dim = shape
    followed = min(count + count // 2 + 10, dim, n)  # The more are followed, the fewer passes.
    drawn = draw_subset(np.arange(n), None, max(followed, MAX_RESIDENT // dim))
    start = _all_at_once(gather(lambda places: rows(drawn[places]), (len(drawn), dim)), followed)
    centre, basis = start.mean.astype(np.float64), start.directions.T
    missed = np.inf
    with stage("principal components", MAX_PASSES * n) as work:
        for _ in range(MAX_PASSES):
            one = _Pass(centre, basis)
            one.go_through(rows, shape, work)
            variances, _ = one.within
            before, missed = missed, max(0.0, one.variance - variances[:count].sum())
            if before - missed <= CONVERGED * missed:
                break
            centre, basis = one.mean, one.next_basis()
    return one.components(count)


class _Pass:
    """A pass over all rows: the scatter of the rows, applied to a basis.

    Parameters
    ----------
    centre : ndarray of float64
        (D,) near the mean.
    basis : ndarray or None
        (D, b) orthonormal; all directions where it is None.

    Attributes
    ----------
    mean : ndarray of float64
        (D,) of the rows, once they are gone through.
    variance : float
        What all directions hold, times the rows.
    limits : tuple of float
        The smallest and the largest value of the rows.
    """

    def __init__(self, centre: NDArray[np.float64], basis: Array | None) -> None:
        self._centre = centre
        self._basis = None if basis is None else basis.astype(np.float32)
        self._sum = np.zeros(len(centre))
        self._scatter: NDArray[np.float64] = np.zeros((len(centre), self._onto(centre).shape[0]))
        self._squares, self._n = 0.0, 0
        self.limits = (np.inf, -np.inf)

    def _onto(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows if self._basis is None else rows @ self._basis

    def go_through(self, rows: Rows, shape: tuple[int, int], work: Stage) -> None:
        """Add all rows up: products in single precision, and their sums in double precision."""
        for places in _chunks(shape):
            chunk = rows(places)
            self.limits = min(self.limits[0], chunk.min()), max(self.limits[1], chunk.max())
            centred = chunk - self._centre.astype(np.float32)
            self._scatter += centred.T @ self._onto(centred)
            self._sum += centred.sum(0, dtype=np.float64)
            self._squares += float(np.square(centred).sum(dtype=np.float64))
            self._n += len(chunk)
            work.advance(len(chunk))
        # What was subtracted was not the mean itself.
        offset = self._sum / self._n
        self.mean = self._centre.astype(np.float32) + offset
        self.variance = self._squares - self._n * float(offset @ offset)
        self._scatter -= self._n * np.outer(offset, self._onto(offset))

    @cached_property
    def within(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The variances (b,) within the basis, greatest first, and their directions (b, b)."""
        scatter = self._onto(self._scatter.T)
        variances, turned = np.linalg.eigh((scatter + scatter.T) / 2)
        return variances[::-1], turned[:, ::-1]

    def components(self, count: int) -> Components:
        """Return the components, of which no more than the basis has directions."""
        variances, turned = self.within
        directions = turned[:, :count]
        if self._basis is not None:
            directions = self._basis @ directions
        with np.errstate(all="ignore"):  # Rows that are all the same have no variance to divide by.
            shares = (variances[:count].clip(0) / self.variance).astype(np.float32)
        return Components(
            self.mean.astype(np.float32),
            _signed(directions.T).astype(np.float32),
            shares,
            self.limits,
        )

    def next_basis(self) -> NDArray[np.float64]:
        """Return an orthonormal basis (D, b) that is nearer to the directions of most variance."""
        basis: NDArray[np.float64] = np.linalg.qr(self._scatter)[0]
        return basis


def _chunks(shape: tuple[int, int]) -> Iterator[NDArray[np.int64]]:
    size = max(1, min(CHUNK, MAX_CHUNK // shape[1]))
    for start in range(0, shape[0], size):
        yield np.arange(start, min(start + size, shape[0]))


def _signed(directions: Array) -> Array:
    """Make the largest number of each direction (k, D) positive, as scikit-learn does."""
    largest = np.abs(directions).argmax(1)
    signs: Array = np.sign(directions[np.arange(len(directions)), largest])
    return directions * signs[:, None]
