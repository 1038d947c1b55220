"""What a study has measured: typed rows, with statistics over the seeds of each configuration."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from latentscape.config import LikelihoodKind
from latentscape.core.doors import Displayed, door
from latentscape.core.findings import Part, Record, Statistic
from latentscape.core.metrics import Metric
from latentscape.core.tables import Table, Tabular
from latentscape.evaluation.against_pca import BaselineComparison
from latentscape.evaluation.search import Search
from latentscape.runs.facts import CollapseKind, Sizes, Supervision


class CodeScores(Record):
    """What a code is good for, in numbers.

    Attributes
    ----------
    name : str
        What the code is called.
    kind : str
        As of `latentscape.core.records.Codes`: ``model``, ``pixels``, ``pca``, ``other``; or
        ``guess`` of what takes no code at all.
    scores : dict of str to float
        By the key of the metric.
    spread : dict of str to Statistic
        Of those scores that are means over repetitions of a method, or shares of examples.
    """

    name: str
    kind: str
    scores: dict[str, float]
    spread: dict[str, Statistic] = {}

    @classmethod
    def of(cls, name: str, kind: str, statistics: Mapping[str, Statistic]) -> Self:
        """Take the scores from statistics."""
        means = {key: statistic.mean for key, statistic in statistics.items()}
        return cls(name=name, kind=kind, scores=means, spread=dict(statistics))

    @property
    def statistics(self) -> dict[str, Statistic]:
        """All scores, with their spread where there is one."""
        return {
            key: self.spread.get(key) or Statistic(mean=mean) for key, mean in self.scores.items()
        }


class CodeStatistics(Record):
    """Scores of a code over seeds; `data` tells the data and the split."""

    name: str
    kind: str
    data: str
    statistics: dict[str, Statistic]

    def statistic(self, metric: Metric) -> Statistic | None:
        """Return a score over seeds; None where it was not measured."""
        return self.statistics.get(metric.key)


class Claim(Record):
    """A number that the origin of a recipe reported, beside what was obtained.

    Attributes
    ----------
    metric : str
        Key of the metric.
    reported : float
        What the origin reported.
    obtained : float or None
        The mean over seeds; None where it was not measured in the same way.
    latent_dim : int or None
        The latent size that the number holds for; None where there is only one.
    """

    metric: str
    reported: float
    obtained: float | None
    latent_dim: int | None = None


class Failure(Record):
    """A run of a study that could not be trained, and the message of its error."""

    label: str
    seed: int
    message: str


class StudyRow(Record):
    """A configuration of a study.

    Attributes
    ----------
    label : str
        What it is called.
    recipe : str
        Name of its recipe.
    runs : tuple of str
        Names of its runs, which differ in the seed.
    parameters, latent_dim, epochs : int
        Trained numbers; length of a code; the most epochs that a seed was trained.
    sizes : Sizes
        Numbers of examples.
    statistics : dict of str to Statistic
        Whatever was measured of every seed in the same way, by the key of the metric.
    likelihoods : dict of str to LikelihoodKind
        What kind of likelihood a metric comes of, by its key: only numbers of one kind compare.
    comparison : BaselineComparison
        The mean squared error beside those of the baselines.
    train_seconds : Statistic
        Training time.
    validation_mse : Statistic or None
        Per pixel; None where nothing was held out.
    collapse : str or None
        ``posterior`` or ``codebook`` where any seed does not use its code.
    n_collapsed : int or None
        How many seeds do not; None in findings of earlier versions.
    supervision : Supervision
        Which labels training has used.
    claims : tuple of Claim
        What the origin reported.
    """

    label: str
    recipe: str
    runs: tuple[str, ...] = Field(min_length=1)
    parameters: int
    latent_dim: int
    epochs: int
    sizes: Sizes
    statistics: dict[str, Statistic]
    likelihoods: dict[str, LikelihoodKind] = {}
    comparison: BaselineComparison
    train_seconds: Statistic
    validation_mse: Statistic | None
    collapse: CollapseKind | None
    n_collapsed: int | None = None
    supervision: Supervision
    claims: tuple[Claim, ...] = ()

    def statistic(self, metric: Metric) -> Statistic | None:
        """Return a metric over seeds; None where it was not measured."""
        return self.statistics.get(metric.key)

    @property
    def collapsed_seeds(self) -> str:
        """Write how many seeds do not use their code, as ``1 of 3``; nothing where all or none."""
        some = self.n_collapsed is not None and 0 < self.n_collapsed < len(self.runs)
        return f"{self.n_collapsed} of {len(self.runs)}" if some else ""


class StudyMembers(Record):
    """What a study is made of.

    Attributes
    ----------
    name, about, origin : str
        Of the study.
    ranked : bool
        Whether rows are ordered by validation error, best first.
    seeds : tuple of int
        Training seeds of each configuration.
    failures : tuple of Failure
        Runs that could not be trained.
    groups : dict of str to tuple of str
        Label of a configuration to the names of its runs, which differ in the seed and stand beside
        the directory of the study.
    search : Search or None
        What was tried to find the settings of its runs; None where nothing was searched.
    """

    name: str
    about: str = ""
    origin: str = ""
    ranked: bool = False
    seeds: tuple[int, ...]
    failures: tuple[Failure, ...] = ()
    groups: dict[str, tuple[str, ...]] = Field(min_length=1)
    search: Search | None = None


class StudyFindings(Displayed, Tabular, Part):
    """What a study has measured.

    Attributes
    ----------
    members : StudyMembers
        What it is made of.
    folder : str
        Directory of the study.
    rows : tuple of StudyRow
        The configurations.
    baselines : tuple of CodeStatistics
        Codes that are no model's, each of them once.
    """

    part = "study"

    members: StudyMembers
    folder: str
    rows: tuple[StudyRow, ...] = Field(min_length=1)
    baselines: tuple[CodeStatistics, ...] = ()

    def __repr__(self) -> str:
        return f"<StudyFindings of {self.name}: {', '.join(row.label for row in self.rows)}>"

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.members.name

    @property
    def table(self) -> Table:
        """A row for each configuration: means and standard deviations over its seeds."""
        table: Table = door("analyses.tables").study_table(self)
        return table

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Runs that could not be trained."""
        return self.members.failures
