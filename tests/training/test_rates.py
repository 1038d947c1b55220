import pytest

from latentscape.config import TrainConfig
from latentscape.training.rates import learning_rate


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ({"kind": "constant"}, {0: 1, 5: 1, 10: 1}),
        ({"kind": "linear", "final": 0.5}, {0: 1, 5: 0.75, 10: 0.5}),
        ({"kind": "cosine"}, {0: 1, 5: 0.5, 10: 0}),
        ({"kind": "cosine", "final": 0.2}, {0: 1, 5: 0.6, 10: 0.2}),
        ({"kind": "step", "every": 4, "factor": 0.1}, {3.99: 1, 4: 0.1, 8: 0.01}),
        ({"kind": "constant", "warmup": 2}, {0: 0, 1: 0.5, 2: 1, 3: 1}),
        ({"kind": "one_cycle"}, {0: 0.04, 1.5: 0.52, 3: 1, 6.5: 0.5, 10: 0}),
        ({"kind": "one_cycle", "start": 0, "peak": 0.5, "final": 0.1}, {0: 0, 5: 1, 10: 0.1}),
        ({"kind": "restarts", "every": 4}, {0: 1, 2: 0.5, 3.999999: 0, 4: 1, 6: 0.5, 8: 1}),
        (
            {"kind": "restarts", "every": 2, "growth": 2, "final": 0.2},
            {0: 1, 1: 0.6, 2: 1, 4: 0.6, 5.999999: 0.2, 6: 1, 10: 0.6},
        ),
    ],
)
def test_schedules(schedule, rates):
    config = TrainConfig(epochs=10, lr=3.0, schedule=schedule)
    for epoch, rate in rates.items():
        assert learning_rate(config, epoch) == pytest.approx(3 * rate)
