"""How probes learned and were scored, in sentences."""

from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.probes.result import Probes
from latentscape.core.units import count

_METHODS = (
    "With fewer labels nothing is chosen, because choosing takes labels: k = 1, C = 1, a rate of "
    "0.003 with a decay of 0.5, the last epoch",
    "Fewer labels are drawn several times: one example of each class first, and then of each class "
    "its share. All codes get the same draws, and a larger draw contains the smaller one",
    "The standard deviation is over draws, or over three perceptrons that differ in their initial "
    "weights and batches",
    SENTENCE_ON_INTERVALS,
    "k-NN: Euclidean distance of the codes as they are; k out of 1, 3, 5, 9 and 15, by at most "
    "2,000 validation examples",
    "The others see codes from which the mean of the training part is taken, divided by the "
    "standard deviation of all dimensions together",
    "Logistic regression: L2 penalty; C out of 0.01, 0.1, 1, 10 and 100, and further powers of ten "
    "up to 0.00001 and 100,000 while the best lies at an end, tried on at most 10,000 training "
    "examples; at most 200 iterations of L-BFGS",
    "MLP: 64 ReLU units, then softmax; Adam at a rate that falls to 0 from 0.001, 0.003 or 0.01, "
    "with a weight decay of 0 or 0.5, tried on at most 20,000 training examples for a third of the "
    "epochs; batches of 256; 30 epochs and 500 steps at least, fewer where validation accuracy "
    "has not risen for a third of them",
)


def describe_protocol(result: Probes) -> list[str]:
    """Say what probes learned from, and how their settings were chosen."""
    protocol = result.rows[0].protocol  # All codes are of the same examples.
    train, validation, test = map(
        count, (protocol.n_fitted, protocol.n_selected, protocol.n_scored)
    )
    choice = (
        f"With all {train} labels, settings are chosen by accuracy on the validation part "
        f"({validation}), and so is the perceptron's epoch"
        if protocol.selected_on
        else "The validation part is empty: with all labels, too, settings are fixed"
    )
    return [
        f"Classifiers learn from codes of the training part ({train}) and are scored on the test "
        f"part ({test})",
        choice,
        *_METHODS,
    ]
