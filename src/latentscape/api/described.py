"""A run as ``latentscape runs show`` prints it."""

from collections.abc import Iterator

from latentscape.api.describing import RunDescription
from latentscape.config import Recipe
from latentscape.core import units
from latentscape.evaluation.listing import age_of
from latentscape.reporting.sentences import describe_verdict
from latentscape.runs.architecture import Architecture
from latentscape.runs.facts import DataFacts, Environment, History
from latentscape.runs.wording import (
    describe_average,
    describe_count,
    describe_event,
    describe_lineage,
)
from latentscape.terminal.layout import print_line, print_pairs

_Pairs = Iterator[tuple[str, str]]
_MAX_FILES = 12


def print_description(description: RunDescription) -> None:
    """Print all that is known about a run or a study, under a few headings."""
    run = description.run
    print_pairs(dict(_about(description)), run.name)
    if description.data is not None:
        print_pairs(dict(_data(description.data)), "Data")
    if training := dict(_training(description)):
        print_pairs(training, "Training")
    if description.comparison is not None:
        _print_errors(description)
    if description.members is not None:
        groups = description.members.groups
        print_pairs({label: ", ".join(names) for label, names in groups.items()}, "Runs")
    print_pairs(dict(_files(description)), f"Files, {units.memory_size(run.bytes)}")
    for sentence in describe_lineage(description.start, description.extensions):
        print_line(sentence)
    for event in description.events:
        print_line(f"Epoch {event.epoch}: {describe_event(event)}", "yellow")
    for problem in description.problems:
        print_line(problem, "red")
    if hint := _hint(description):
        print_line(f"\n{hint}")


def _about(description: RunDescription) -> _Pairs:
    run, recipe, members = description.run, description.recipe, description.members
    if members is not None:
        yield "study", ": ".join(filter(None, (members.name, members.about)))
    if recipe is not None:
        yield "recipe", ": ".join(filter(None, (recipe.name, recipe.about)))
        yield from _code(recipe)
    if description.architecture is not None:
        yield from _sizes(description.architecture)
    yield "state", f"being {run.work}" if run.state == "owned" else run.state
    if run.started:
        what = "began" if run.kind == "run" else "written"
        yield what, f"{run.started} ({units.age(age_of(run))} ago)"
    if run.version:
        yield "Latentscape", run.version
    if description.studies:
        yield "in the study", ", ".join(description.studies)
    if description.parts:
        yield "measured", ", ".join(description.parts)
    yield "directory", run.path


def _code(recipe: Recipe) -> _Pairs:
    """Name the code that the model needs, which the run does not hold."""
    own = recipe.model.own_networks
    if named := [body.target for body in own if body.object_id is None]:
        trust = " ".join(f"--trust {package}" for package in recipe.model.packages)
        yield "needs the code", f"{', '.join(named)}: {trust}"
    if objects := [body.target for body in own if body.object_id is not None]:
        yield "needs in Python", f"objects of {', '.join(objects)}: latentscape.load"


def _sizes(architecture: Architecture) -> _Pairs:
    yield "code", f"{units.count(architecture.latent_dim)} numbers"
    yield "parameters", describe_count(architecture.parameters, architecture.frozen)


def _data(data: DataFacts) -> _Pairs:
    yield "name", data.name
    yield "from", data.origin or "memory"
    yield "examples", units.shape(data.shape)
    sizes = ", ".join(f"{units.count(size)} {part}" for part, size in data.sizes)
    yield "split", f"{sizes}; seed {data.seed}"


def _training(description: RunDescription) -> _Pairs:
    recipe, history = description.recipe, description.history
    if recipe is not None:
        yield from _settings(recipe)
    if history is not None and history.epochs:
        yield from _progress(recipe, history)
    if description.environment is not None:
        yield from _machine(description.environment)


def _settings(recipe: Recipe) -> _Pairs:
    train = recipe.train
    accumulated = f", {train.accumulate} in each step" if train.accumulate > 1 else ""
    batches = f"batches of {train.batch_size}{accumulated}"
    yield "optimizer", f"{train.optimizer}, rate {train.lr:g}, {batches}"
    if train.average is not None:
        yield "weights", describe_average(train.average)
    terms = recipe.objective.weights.items()
    yield "objective", " + ".join(f"{weight:g} {name}" for name, weight in terms)
    yield "seed", str(train.seed)


def _progress(recipe: Recipe | None, history: History) -> _Pairs:
    done, last = len(history.epochs), history.epochs[-1]
    planned = "" if recipe is None else f" of {units.count(recipe.train.epochs)}"
    yield "epochs", f"{units.count(done)}{planned}, in {units.duration(history.train_seconds)}"
    losses = [f"train {units.number(last.train.loss)}"]
    if last.validation is not None:
        losses.append(f"validation {units.number(last.validation.loss)}")
    yield "last loss", f"{', '.join(losses)} nats per example"


def _machine(environment: Environment) -> _Pairs:
    number = environment.threads
    threads = f", {number} thread{'s' * (number > 1)}" if number else ""
    precision = f", {environment.precision}" if environment.precision else ""
    if environment.device:
        yield "device", f"{environment.device}{threads}{precision}"
    if environment.command:
        yield "command", environment.command


def _print_errors(description: RunDescription) -> None:
    comparison = description.comparison
    assert comparison is not None
    errors = {
        "model": comparison.mse,
        f"PCA, {comparison.components} components": comparison.pca_mse,
        "mean image": comparison.mean_image_mse,
    }
    print_pairs({name: units.number(mse) for name, mse in errors.items()}, "Test MSE per pixel")
    print_line(describe_verdict(comparison), indent=2)


def _files(description: RunDescription) -> _Pairs:
    files = description.files
    for file in files[:_MAX_FILES]:
        yield file.name, units.memory_size(file.bytes)
    if rest := files[_MAX_FILES:]:
        yield f"{len(rest)} more", units.memory_size(sum(file.bytes for file in rest))


def _hint(description: RunDescription) -> str:
    """Say what one is likely to want next."""
    run = description.run
    if run.state == "unfinished":
        return f"Go on with: latentscape train --resume {run.path}"
    names = {file.name for file in description.files}
    if run.state != "finished" or description.problems:
        return ""
    if "report.html" in names:
        return f"Report: {run.path}/report.html"
    return f"Make its report with: latentscape report {run.path}"
