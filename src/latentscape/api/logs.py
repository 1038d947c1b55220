"""What is logged of a run beside its training, under the logger ``latentscape``."""

import logging
from collections.abc import Iterator

from latentscape.core.records import Dataset
from latentscape.core.units import number
from latentscape.data import Duplicates
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.wording import heading, known
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.duplicates import describe_duplicates
from latentscape.reporting.sentences import (
    describe_left_out,
    describe_range,
    describe_tests_on_validation,
)
from latentscape.runs import Run, RunFindings
from latentscape.runs.wording import describe_fitting, describe_lineage

log = logging.getLogger(__name__)


def log_plan(run: Run, dataset: Dataset) -> None:
    """Log how training was fitted to the data and where it began; warn of what the data lack."""
    if fitting := describe_fitting(run.recipe):
        log.info(fitting)
    for sentence in describe_lineage(run.start, run.extensions):
        log.info("%s: %s", run.name, sentence)
    if dataset.range_reason == "unbounded":
        log.warning("%s: %s", dataset.name, describe_range(dataset.value_range, "unbounded"))
    if dataset.tests_on_validation:
        log.warning(describe_tests_on_validation(dataset.name))
    for sentence in describe_left_out(dataset.left_out):
        log.warning("%s: %s", dataset.name, sentence)


def log_findings(findings: RunFindings) -> None:
    """Log the error of a run, and warn of what is wrong with it."""
    evaluation = findings.require(Evaluation)
    errors = (number(metrics["mse"]) for metrics in (evaluation.metrics, evaluation.pca.metrics))
    log.info("%s: test MSE %s per pixel, of PCA %s", findings.name, *errors)
    for sentence in _warnings(findings):
        log.warning("%s: %s", findings.name, sentence)


def _warnings(findings: RunFindings) -> Iterator[str]:
    duplicates, diagnoses = findings.get(Duplicates), findings.get(Diagnoses)
    if duplicates is not None and duplicates.any:
        yield describe_duplicates(duplicates)
    if diagnoses is not None:
        yield from map(heading, known(diagnoses))
