"""Archives of arrays in .npz files."""

from pathlib import Path

from latentscape.config import DataConfig
from latentscape.data.arrays import open_arrays
from latentscape.data.contents import Contents
from latentscape.data.formats.named_arrays import contents_of_arrays


def read_npz(path: Path, config: DataConfig, size: int) -> Contents:
    """Read an archive of arrays; see `Reader`.

    It holds ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (an official split), perhaps with
    ``x_val`` and ``y_val``; or the same as ``train_images``, ``train_labels``, ...; or ``images``
    and ``labels``, ``X`` and ``y``, ``x`` and ``y``, ``data`` and ``target``; or one array.
    ``config.labels`` may name an array in the archive or a .npy file.
    """
    return contents_of_arrays(open_arrays(path), path, config, size)
