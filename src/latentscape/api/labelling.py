"""The named selections of a run: listed, removed, and written for ``--labels``."""

from pathlib import Path

from latentscape.explorer.label_files import choose_data, write_labels
from latentscape.explorer.labels import Labels, read_labels, remove_selection
from latentscape.runs import Run, open_run


def labels(
    run: str | Path | Run,
    *,
    remove: str | None = None,
    out: str | Path | None = None,
    data: str | None = None,
    dataset: str | Path | None = None,
) -> Labels:
    """Return the named selections that were made in the explorer and kept with a run.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    remove : str, optional
        A selection to remove first.
    out : str or Path, optional
        A ``.csv`` or ``.npy`` file to write: which example has which label. The setting
        ``data.labels`` takes it back: examples without a label are left out then.
    data : str, optional
        Of which data, as the result calls them; by default of the run's own.
    dataset : str or Path, optional
        Where the run's own data are, if they have moved; names of files are read from them.

    Returns
    -------
    Labels
        The selections of each dataset that was looked at.

    Raises
    ------
    ConfigError
        If the file has another ending.
    RunError
        If there is no such run or selection, an example has two names, or a file is damaged or
        cannot be written.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if remove is not None:
        own = None if data is None else choose_data(run, read_labels(run), data).fingerprint
        remove_selection(run, remove, own)
    kept = read_labels(run)
    if out is not None:
        write_labels(run, choose_data(run, kept, data), Path(out), dataset)
    return kept
