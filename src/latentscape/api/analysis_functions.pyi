"""The functions of analyses, as tools/analysis_stub.py writes them."""

from collections.abc import Sequence
from latentscape.analyses.anomalies.result import Anomalies
from latentscape.analyses.clusters.result import Clusters
from latentscape.analyses.comparison import Comparison
from latentscape.analyses.legibility.result import Legibility
from latentscape.analyses.likelihood.result import Likelihood
from latentscape.analyses.maps.result import Maps
from latentscape.analyses.probes.result import Probes
from latentscape.analyses.quality.result import Quality
from latentscape.runs.directory import Run
from numpy.typing import NDArray
from pathlib import Path
from typing import Any
from typing import Literal

def likelihood(
    run: str | Path | Run | Comparison,
    *,
    samples: int = 5000,
    binarize: Literal['none', 'static', 'dynamic'] | None = None,
    examples: int | None = None,
    seed: int = 0,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Likelihood:
    """Estimate the log-likelihood of test images by importance sampling.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    samples : int, optional
        Importance samples per example; 5,000 by default.
    binarize : 'none', 'static', 'dynamic' or None, optional
        Pixels; by default those that the run was trained on.
    examples : int or None, optional
        Only so many test examples, drawn; by default all of them.
    seed : int, optional
        Draws samples and pixels.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Likelihood
        Typed findings; kept with the run as its part ``likelihood``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def quality(
    run: str | Path | Run | Comparison,
    *,
    count: int = 10000,
    source: str | None = None,
    seed: int = 0,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Quality:
    """Let a classifier judge samples of the model.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    count : int, optional
        Samples to draw; 10,000 by default.
    source : str or None, optional
        Where codes come from; by default the model's prior, or a mixture.
    seed : int, optional
        Draws samples.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Quality
        Typed findings; kept with the run as its part ``quality``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def legibility(
    run: str | Path | Run | Comparison,
    *,
    reconstructions: str | Path | NDArray[Any] | None = None,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Legibility:
    """Count the reconstructions that a classifier can still read.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    reconstructions : str or Path or ndarray or None, optional
        Test images of --data that another model reconstructed: .npy.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Legibility
        Typed findings; kept with the run as its part ``legibility``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def cluster(
    run: str | Path | Run | Comparison,
    *,
    methods: Sequence[str] = ('kmeans', 'gmm', 'agglomerative', 'umap'),
    k: int | Literal['auto'] | None = None,
    fit: Literal['train', 'all'] = 'train',
    seed: int = 0,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Clusters:
    """Cluster codes without labels, and score the clusters by labels.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    methods : sequence of str, optional
        kmeans, gmm, agglomerative or umap; by default all of them.
    k : int or 'auto' or None, optional
        How many clusters; by default as many as labels; auto chooses without labels.
    fit : 'train', 'all', optional
        Fit on training and score on test examples, or both on all.
    seed : int, optional
        Draws what is drawn.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Clusters
        Typed findings; kept with the run as its part ``clustering``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def probe(
    run: str | Path | Run | Comparison,
    *,
    probes: Sequence[str] = ('knn', 'logistic', 'mlp'),
    counts: Sequence[int] = (10, 100, 1000),
    draws: int = 5,
    seed: int = 0,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Probes:
    """Train small classifiers on frozen codes.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    probes : sequence of str, optional
        knn, logistic or mlp; by default all of them.
    counts : sequence of int, optional
        Labels to train on, beside all of them; 10, 100 and 1,000 by default.
    draws : int, optional
        How often so few labels are drawn.
    seed : int, optional
        Draws what is drawn.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Probes
        Typed findings; kept with the run as its part ``probing``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def project(
    run: str | Path | Run | Comparison,
    *,
    methods: Sequence[Literal['pca', 'tsne', 'umap']] = ('pca', 'tsne', 'umap'),
    points: int = 2000,
    seed: int = 0,
    data: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Maps:
    """Draw maps of codes in the plane, beside those of the pixels.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    methods : sequence of 'pca', 'tsne', 'umap', optional
        pca, tsne or umap; by default all of them. Repeatable.
    points : int, optional
        How many points.
    seed : int, optional
        Draws what is drawn.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Maps
        Typed findings; kept with the run as its part ``projection``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """

def anomalies(
    run: str | Path | Run | Comparison,
    *,
    normal: Sequence[str] | None = None,
    false_alarms: float = 0.05,
    data: object | Path | str | None = None,
    changes: dict[str, Any] | None = None,
    dataset: object = None,
    device: str = 'auto',
    quiet: bool = False,
) -> Anomalies:
    """Score how unlike the training images other images are.

    Parameters
    ----------
    run : str, Path, Run or Comparison
        A finished run, with which the result is kept; or codes of `compare_codes`.
    normal : sequence of str or None, optional
        A label of normal images; by default those that the run was trained on, if it was not trained on all. Repeatable.
    false_alarms : float, optional
        Share of validation images that the threshold calls anomalous.
    data : Annotated or Path or str or None, optional
        What to score; by default the test images of the run.
    changes : dict or None, optional
        How other data are read: labels, shape, range, resize, grey; by default the last two are those of the training data.
    dataset : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Anomalies
        Typed findings; kept with the run as its part ``anomalies``.

    Raises
    ------
    ConfigError, DataError, RunError
        If the settings make no sense, there are too few examples, or the run is not finished.
    """
