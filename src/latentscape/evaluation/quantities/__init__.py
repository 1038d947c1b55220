"""The quantities of the evaluation, in the order of the columns of tables.

All compare the image with the *mean* reconstruction, whatever the model was trained on, so that any
two models can stand in one table. A quantity is added by a module and a line here.
"""

from latentscape.core.metrics import Metric
from latentscape.evaluation.quantities.cross_entropy import BCE, BCE_EXCESS, NATS
from latentscape.evaluation.quantities.quantity import Measure, Quantity
from latentscape.evaluation.quantities.squared_error import MSE, PSNR, SQUARED_ERROR
from latentscape.evaluation.quantities.ssim import SSIM

__all__ = ["QUANTITIES", "Measure", "Quantity", "tabled_metrics"]

QUANTITIES: list[Quantity] = [MSE, SQUARED_ERROR, BCE, BCE_EXCESS, NATS, PSNR, SSIM]


def tabled_metrics() -> tuple[Metric, ...]:
    """Return the metrics that are columns of tables."""
    return tuple(quantity.metric for quantity in QUANTITIES if quantity.in_tables)
