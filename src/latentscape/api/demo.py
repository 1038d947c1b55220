"""The demo: seven small models, compared, and one of them explored."""

from dataclasses import dataclass
from pathlib import Path

from latentscape.api.exploring import write_explorer
from latentscape.api.pages.page import EXPLORER
from latentscape.api.pages.runs import REPORT
from latentscape.api.studies import compare
from latentscape.api.training import RUNS
from latentscape.api.workers import most_jobs
from latentscape.config import load_study
from latentscape.core.runtime import choose_device
from latentscape.evaluation.study import StudyFindings
from latentscape.explorer.bundle import check_bundle
from latentscape.explorer.gathering import Wanted

STUDY = "quickstart"
EXPLORED = "conv-bn"
POINTS = 2000


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Attributes
    ----------
    findings : StudyFindings
        Of the study ``quickstart``.
    report, explorer : Path
        Two pages that open from disk.
    """

    findings: StudyFindings
    report: Path
    explorer: Path


def demo(
    folder: str | Path = RUNS,
    *,
    jobs: int | None = 1,
    quiet: bool = False,
) -> Demo:
    """Train the study ``quickstart`` on 5,000 digits, and write its report and an explorer.

    Parameters
    ----------
    folder : str or Path
        Where runs are kept.
    jobs : int or None
        How many models are trained at once. None takes as many as there are cores, and memory for:
        they are known to be too small to gain as much from several cores each.
    quiet
        As for `compare`.

    Returns
    -------
    Demo
        The findings and the two pages.

    Raises
    ------
    RunError
        If the explorer's page was not built.
    ConfigError, TrainingError
        As for `compare`.
    """
    check_bundle()  # Before a minute of training.
    if jobs is None:
        jobs = most_jobs(len(load_study(STUDY).entries), choose_device("auto"))
    findings = compare(STUDY, folder=folder, jobs=jobs, quiet=quiet)
    run = Path(folder) / findings.members.groups[EXPLORED][0]
    wanted = Wanted(points=POINTS, in_file=True)
    explorer = write_explorer(run, run / EXPLORER, wanted, quiet=quiet).file
    return Demo(findings, Path(findings.folder) / REPORT, explorer)
