"""What an analysis is: settings, a method, a typed result, and how people see it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from pydantic.fields import FieldInfo

from latentscape.analyses.drawn import Drawn
from latentscape.core.doors import Displayed, door
from latentscape.core.errors import ConfigError
from latentscape.core.findings import MISSING_PACKAGE, Part, Record, Skip
from latentscape.core.metrics import Metric
from latentscape.core.tables import Table, Tabular

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.config import LikelihoodKind, Recipe
    from latentscape.evaluation.study import CodeScores
    from latentscape.reporting.blocks import Chart, Section
    from latentscape.reporting.subject import Row, Subject
    from latentscape.runs import RunFindings

READING = (
    "How other data are read: labels, shape, range, resize, grey; by default the last two are "
    "those of the training data."
)
"""Help of the settings of `Inputs` that are data."""


class Settings(Record):
    """What an analysis can be asked for; the command line and Python offer each field."""


class Inputs(Record):
    """What an analysis looks at in place of the run's own test examples."""


class Result(Displayed, Tabular, Part):
    """What an analysis gives.

    Attributes
    ----------
    settings : Settings
        What it was asked for.
    skipped : tuple of Skip
        What was not measured, and why.
    drawn : Drawn or None
        Which share of large parts was looked at; None where all examples were.
    """

    settings: Settings
    skipped: tuple[Skip, ...] = ()
    drawn: Drawn | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.part}>"

    @property
    def table(self) -> Table:
        """A row for each code, the model's first, with what was measured of it."""
        table: Table = door("analyses.tables").result_table(self)
        return table

    def skips(self) -> tuple[Skip, ...]:
        """Return all that was not measured, that of single codes included."""
        return self.skipped


class Protocol(Record):
    """How numbers were obtained.

    Attributes
    ----------
    fitted_on : str
        ``train`` or ``all``: the part of the split that the method learned from.
    n_fitted : int
        How many examples that part has.
    selected_on : str or None
        The part by which settings were chosen; None where nothing was chosen.
    n_selected : int
        How many examples that part has.
    scored_on : str
        ``test`` or ``all``.
    n_scored : int
        How many examples were scored.
    labels : str
        What labels were used for: ``none``, ``scoring`` alone, or ``training``.
    """

    fitted_on: Literal["train", "all"]
    n_fitted: int
    selected_on: Literal["validation"] | None = None
    n_selected: int = 0
    scored_on: Literal["test", "all"]
    n_scored: int
    labels: Literal["none", "scoring", "training"]


@dataclass(frozen=True)
class QuickLook:
    """What a first look of some seconds asks for.

    Attributes
    ----------
    settings : Settings
        What is measured.
    left_out : str
        What is not, with its verb; empty where nothing is left out.
    """

    settings: Settings
    left_out: str = ""


_R = TypeVar("_R", bound=Result)
_S = TypeVar("_S", bound=Settings)
_I = TypeVar("_I", bound=Inputs)


class Analysis(Generic[_R, _S, _I]):
    """An analysis of codes, or of a model.

    A subclass says what it takes, gives and needs, and overrides `measure`, `protocol`,
    `section` and `print_table`; `scores` where it says how good codes are. What is slow to import
    is imported inside these methods.

    Attributes
    ----------
    title : str
        Heading of its section; by default its name.
    result, settings, inputs : type
        Of its result, whose `part` is the name of the analysis; of what it can be asked for; of
        what it can look at in place of the run's test examples.
    needs_model : bool
        Whether codes alone are not enough.
    by_default : bool
        Whether ``analyze`` runs it unless others are asked for.
    first_seed_only : bool
        Whether its result is looked at, and has no mean over seeds.
    metrics : tuple of Metric
        Of its scores, in the order of tables.
    row_metrics : tuple of Metric
        Other numbers of the model that rows of studies average over seeds.
    summary_metrics : tuple of Metric
        Those of `row_metrics` that stand in the first tables of a report, beside the ELBO.
    ceilings : tuple of str
        Kinds of codes that bound its scores and compete with no model, such as the originals
        (``pixels``) where reconstructions are scored.
    printed_with_run : bool
        Whether its terminal table stands among the numbers of a run.
    works_without_run : bool
        Whether its inputs can stand in for a model, beside data.
    quick_look : QuickLook or None
        What ``analyze --quick`` measures; None where that leaves it out.
    seconds : float
        How long it takes for a model of 5,000 digits, roughly; for the time that is left.
    gains_from_threads : bool
        Whether a second thread shortens it for so few examples too.
    card : str
        What a model card takes of it: its ``section``, its ``scores`` or ``nothing``.
    hub_task : str
        What the hub calls the task of its `row_metrics`, where a model card shall list them;
        scores are of the task ``representation-learning``.
    file_suffix : str
        Of the file that `write` can make of a result; empty where there is none.
    file_option, file_about : str
        The option of the command that asks for it, and what the file holds.
    skip_reasons : mapping of str to str
        Reason of a `Skip` to a sentence, with braces for the fields of its detail.
    """

    title: ClassVar[str] = ""
    result: type[_R]
    settings: type[_S]
    inputs: type[_I]
    needs_model: ClassVar[bool] = False
    by_default: ClassVar[bool] = True
    first_seed_only: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = ()
    row_metrics: ClassVar[tuple[Metric, ...]] = ()
    summary_metrics: ClassVar[tuple[Metric, ...]] = ()
    ceilings: ClassVar[tuple[str, ...]] = ()
    printed_with_run: ClassVar[bool] = False
    works_without_run: ClassVar[bool] = False
    quick_look: ClassVar[QuickLook | None] = None
    seconds: ClassVar[float] = 10.0
    gains_from_threads: ClassVar[bool] = False
    card: ClassVar[Literal["section", "scores", "nothing"]] = "section"
    hub_task: ClassVar[str] = ""
    file_suffix: ClassVar[str] = ""
    file_option: ClassVar[str] = "--out"
    file_about: ClassVar[str] = ""
    skip_reasons: ClassVar[Mapping[str, str]] = {}

    @property
    def name(self) -> str:
        """Name of the analysis: that of its part of the findings."""
        return self.result.part

    def applies_to(self, recipe: "Recipe") -> bool:
        """Whether it can be measured of the models of a recipe."""
        return True

    def measure(self, comparison: "Comparison", settings: _S, inputs: _I) -> _R:
        """Measure what the settings ask for."""
        raise NotImplementedError

    def protocol(self, result: _R) -> Sequence[str]:
        """Say in sentences how the numbers were obtained; the first two stand under tables."""
        raise NotImplementedError

    def scores(self, result: _R) -> "Iterator[CodeScores]":
        """Yield what each code is good for, the model's first."""
        yield from ()

    def n_scored(self, result: _R) -> int | None:
        """Return how many examples the numbers are means over; None where they differ in it."""
        return None

    def row_numbers(self, result: _R) -> Mapping[Metric, float | None]:
        """Return the numbers of `row_metrics`."""
        return {}

    def likelihood_kind(self, result: _R) -> "LikelihoodKind | None":
        """Return what its `row_metrics` are made of, where that is a likelihood."""
        return None

    def not_customary(self, result: _R, run: "RunFindings") -> Sequence[Metric]:
        """Return the metrics that were not measured as publications measure them."""
        return ()

    def section(self, subject: "Subject") -> "Section | None":
        """Make the section of a report; None where no row has a result."""
        raise NotImplementedError

    def latent_chart(self, row: "Row") -> "Chart | None":
        """Draw test codes of two numbers by what is known of them; None where it is nothing."""
        return None

    def snapshot_note(self, result: _R, epoch: int) -> str:
        """Say something of the reconstructions after an epoch, in a few words."""
        return ""

    def print_table(self, result: _R) -> None:
        """Print a result on the terminal."""
        raise NotImplementedError

    def print_rows(self, subject: "Subject") -> None:
        """Print what the rows of a study have, where scores do not say it."""

    def check_file(self, settings: _S, path: Path) -> None:
        """Refuse before anything is measured what `write` could not write.

        Raises
        ------
        ConfigError
            If the name of the file has another suffix.
        """
        if path.suffix != self.file_suffix:
            raise ConfigError(
                f"The result cannot be saved as {path}",
                expected=f"a name ending in {self.file_suffix}",
            )

    def write(self, result: _R, comparison: "Comparison", path: Path) -> None:
        """Write a result to a file that ends in `file_suffix`."""
        raise NotImplementedError

    def option_fields(self) -> dict[str, FieldInfo]:
        """Return what the analysis can be asked for, and what else it can look at, by name."""
        return {
            name: field
            for kind in (self.settings, self.inputs)
            for name, field in kind.model_fields.items()
        }

    def is_current(self, result: _R | None) -> bool:
        """Whether a result was measured with the default settings, as far as packages go now."""
        if result is None or result.settings != self.settings():
            return False
        # What was skipped for want of a package may be possible by now.
        return all(skip.reason != MISSING_PACKAGE for skip in result.skips())
