"""From a run that has begun to one that is trained and evaluated."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from latentscape.api.logs import log_findings, log_plan
from latentscape.api.together import finish_on_workers
from latentscape.config import Recipe
from latentscape.core.findings import Part
from latentscape.core.progress import steps
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.data import count_duplicates
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.evaluation.latent import measure_latent
from latentscape.evaluation.pictures import make_pictures
from latentscape.evaluation.reconstruction import evaluate_model
from latentscape.evaluation.results import Evaluation
from latentscape.model import Network
from latentscape.runs import Run, RunFindings, check_model, load_model, save_parts
from latentscape.runs.architecture import Architecture, Layer
from latentscape.terminal import shown
from latentscape.tracking.tracker import Tracker
from latentscape.training.hook import Hook
from latentscape.training.hooks.progress import Progress
from latentscape.training.train import train_run
from latentscape.training.workers import ALONE, Workers


def finish_run(
    run: Run,
    split: Split,
    *,
    device: str = "auto",
    quiet: bool = False,
    trackers: Sequence[type[Tracker]] = (),
    hooks: Sequence[Hook] = (),
    workers: Workers = ALONE,
) -> Run:
    """Train a run from where it stands to its end, evaluate it, and tell trackers of both.

    Of several workers the first one does, while the others train with it.
    """
    finish = partial(_finish, run, split, device, quiet, trackers, hooks, workers)
    if workers.count == 1:
        finish()
    else:
        finish_on_workers(workers, run, split, device, hooks, finish)
    return run


def _finish(
    run: Run,
    split: Split,
    device: str,
    quiet: bool,
    trackers: Sequence[type[Tracker]],
    hooks: Sequence[Hook],
    workers: Workers,
) -> None:
    if run.finished and not trackers and RunFindings(run).get(Evaluation) is not None:
        check_model(run.path)
        return  # There is nothing to write.
    with shown(quiet), run.owned("trained"), ExitStack() as stack:
        active = [stack.enter_context(tracker(run, split)) for tracker in trackers]
        trained = not run.finished
        if trained:
            log_plan(run, split.dataset)
            every = [Progress(run.name), *active, *hooks]
            model, _ = train_run(run, split, choose_device(device), every, workers)
        else:
            model = load_model(run.path)
        findings = RunFindings(run)
        if trained or findings.get(Evaluation) is None:
            findings = evaluate_run(run, model, split)
            log_findings(findings)
        for tracker in active:
            tracker.on_evaluated(model, findings)


def evaluate_run(run: Run, model: Network, split: Split) -> RunFindings:
    """Evaluate a model that a run has trained, and keep what was measured."""
    measures: dict[str, Callable[[], Part | None]] = {
        "layers": lambda: describe_architecture(model, run.recipe),
        "errors": lambda: evaluate_model(model, split),
        "use of the code": lambda: measure_latent(model, split),
        "pictures": lambda: make_pictures(model, split, run.recipe.train.seed),
        "duplicates in the data": lambda: count_duplicates(split),
    }
    parts = [measures[name]() for name in steps("evaluation", list(measures))]
    save_parts(run, *filter(None, parts))
    save_parts(run, examine(Patient.of_run(RunFindings(run), model, split)))
    return RunFindings(run)


def describe_architecture(model: Network, recipe: Recipe) -> Architecture:
    """Describe the layers of a model, and which of them its recipe freezes."""
    model.freeze(recipe.train.frozen)
    layers = tuple(Layer(**layer) for layer in model.describe())
    return Architecture(
        layers=layers,
        parameters=model.parameter_count,
        frozen=sum(layer.frozen for layer in layers),
        latent_dim=model.latent_dim,
    )
