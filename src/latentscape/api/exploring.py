"""The explorer of a run or a study: a page that answers under the cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

from latentscape.analyses.analysis import Result
from latentscape.analyses.comparison import Comparison
from latentscape.analyses.maps.result import MapMethod
from latentscape.api.analyzing import analyze_codes
from latentscape.api.members import folder_of, read_members, study_runs
from latentscape.api.pages.page import EXPLORER
from latentscape.api.pages.runs import REPORT
from latentscape.api.subjects import report
from latentscape.config import Changes
from latentscape.explorer.bundle import check_bundle
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import Wanted, gather
from latentscape.explorer.notebook import NotebookPage, in_notebook, show_in_notebook
from latentscape.explorer.page import Written, check_name, write_page
from latentscape.explorer.server import check_server, serve
from latentscape.runs import OpenRun, Run, open_run
from latentscape.terminal import shown


def explore(
    run_or_study: str | Path | Run | Comparison,
    *,
    data: object = None,
    points: int | None = None,
    map: MapMethod | None = None,
    out: str | Path | None = None,
    port: int | None = None,
    open_browser: bool = True,
    changes: Changes | None = None,
    dataset: object = None,
    device: str = "auto",
    quiet: bool = False,
    parts: Sequence[str] = (),
) -> Path | NotebookPage | Mapping[str, Result] | None:
    """Show the codes of a run or a study on a page that decodes under the cursor.

    The page has maps of the points, their images and reconstructions, the live decoder and encoder
    of the model, scores, clusters and neighbours, and says how the model was made. Of a study it
    shows the first run of each configuration, eight at most, on the same examples.

    Parameters
    ----------
    run_or_study : str, Path or Run
        A directory that `train` or `compare` has made.
    data : str, Path or data in memory, optional
        Examples to show in place of those of the run.
    points : int, optional
        How many examples at most, drawn of each label its share: test examples first, then those
        that the model was trained and validated on. By default 10,000; fewer of very long codes,
        where they are written to a file.
    map : str, optional
        The map that is shown first: ``pca``, ``tsne``, ``umap`` or ``code``. There always is PCA,
        the code itself where it has two numbers, and t-SNE of up to 10,000 points where its
        package is installed; UMAP only where it is asked for.
    out : str or Path, optional
        The ``.html`` file to write: all is in it, the decoder included, so that it opens from disk
        without a network. Without it a server on this machine alone shows the page until it is
        stopped (extra ``explore``).
    port : int, optional
        Where the server listens; by default at a free port.
    open_browser : bool
        Whether the server opens the page in a browser.
    changes : mapping, optional
        How other data are read: ``labels``, ``shape``, ``range``, ``resize``, ``grey``; by default
        the last two are those of the training data.
    dataset : str, Path or data in memory, optional
        The data that runs were trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.
    parts : sequence of str
        Of version 0.1.0, which analysed compared codes by this name: use `analyze_codes`.

    Returns
    -------
    Path, NotebookPage or None
        The file; in a notebook a page that the cell shows, if nothing follows; None where a server
        has shown the page.

    Raises
    ------
    ConfigError, DataError, RunError
        If the data are missing or do not fit, a package or the page itself is not installed, a run
        is not finished or damaged, or the file cannot be written.
    """
    if isinstance(run_or_study, Comparison):
        _warn_renamed()
        return analyze_codes(run_or_study, parts=parts, quiet=quiet)
    wanted = Wanted(data=data, changes=changes, points=points, map=map, in_file=out is not None)
    if out is not None:
        return write_explorer(run_or_study, out, wanted, dataset, device, quiet).file
    if in_notebook():
        check_server(port)
        exploration = open_exploration(run_or_study, wanted, dataset, device, quiet)
        return show_in_notebook(exploration, port)
    serve_explorer(run_or_study, wanted, port, open_browser, dataset, device, quiet)
    return None


def write_explorer(
    run_or_study: str | Path | Run,
    out: str | Path,
    wanted: Wanted,
    dataset: object = None,
    device: str = "auto",
    quiet: bool = False,
) -> Written:
    """Write the page of a run or a study to a file; parameters and errors are those of `explore`.

    Returns
    -------
    Written
        The file, its size, and what is not in it.
    """
    check_name(Path(out))
    exploration = open_exploration(run_or_study, wanted, dataset, device, quiet)
    written = write_page(exploration, Path(out))
    folder = folder_of(run_or_study).absolute()
    if Path(out).absolute() == folder / EXPLORER and (folder / REPORT).is_file():
        report(run_or_study)  # It leads to the page from now on.
    return written


def serve_explorer(
    run_or_study: str | Path | Run,
    wanted: Wanted,
    port: int | None = None,
    open_browser: bool = True,
    dataset: object = None,
    device: str = "auto",
    quiet: bool = False,
) -> None:
    """Serve the page of a run or a study until it is stopped; see `explore`."""
    check_server(port)
    serve(open_exploration(run_or_study, wanted, dataset, device, quiet), port, open_browser)


def open_exploration(
    run_or_study: str | Path | Run,
    wanted: Wanted,
    dataset: object = None,
    device: str = "auto",
    quiet: bool = False,
) -> Exploration:
    """Gather what the page of a run or a study shows; see `explore`."""
    check_bundle()
    with shown(quiet):
        return _gather(run_or_study, wanted, dataset, device)


def _gather(
    run_or_study: str | Path | Run, wanted: Wanted, dataset: object, device: str
) -> Exploration:
    path = folder_of(run_or_study)
    members = read_members(path)
    if members is None:
        opened = OpenRun(open_run(path), data=dataset, device=device)
        about = opened.findings.recipe.about
        wanted = replace(wanted, dataset=dataset, title=opened.name, about=about)
        return gather({opened.findings.label: opened}, wanted)
    runs = {
        label: OpenRun(of_label[0], data=dataset, device=device)
        for label, of_label in zip(members.groups, study_runs(path, members), strict=True)
    }
    wanted = replace(wanted, dataset=dataset, title=members.name, about=members.about)
    return gather(runs, wanted)


def _warn_renamed() -> None:
    text = "latentscape.explore is now latentscape.analyze_codes of compared codes"
    warn(text, DeprecationWarning, stacklevel=3)
