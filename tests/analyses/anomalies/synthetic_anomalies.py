"""Small made-up anomaly scores, of the types that analysis gives."""

import numpy as np

from analyses.subjects import LABELS
from latentscape.analyses.analysis import Protocol
from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES, Anomalies, Extremes, Score


def anomalies(*, normal=("ring",), gain=0.0, shape=(1, 12, 10), baseline=0.89):
    """Make scores of 60 examples; `gain` is added to the AUROC of the model's."""
    is_judged = normal is not None
    rng = np.random.default_rng(0)

    def scores(keys, first, step):
        return {
            key: Score(
                auroc=first + step * place if is_judged else None,
                threshold=0.95,
                values=rng.random(60, dtype=np.float32),
            )
            for place, key in enumerate(keys)
        }

    def extremes():
        images = rng.random((2, 16, *shape), dtype=np.float32)
        return Extremes(images=images[0], reconstructions=images[1])

    return Anomalies(
        protocol=Protocol(
            fitted_on="train",
            n_fitted=100,
            scored_on="test",
            n_scored=60,
            labels="scoring" if is_judged else "none",
        ),
        data="toy",
        normal=normal,
        n_anomalous=40 if is_judged else None,
        reference_labels=normal or LABELS,
        ranked_among="validation",
        n_ranked=10,
        neighbours=5,
        scores=scores(SCORES, 0.9 + gain, 0.01),
        baselines=scores(BASELINE_OF.values(), baseline, 0.015),
        label_names=LABELS,
        index=np.arange(60),
        labels=np.arange(60) % 3,
        highest=extremes(),
        lowest=extremes(),
    )
