"""Formats that are not read, and the line that converts each of them."""

from dataclasses import dataclass
from pathlib import Path

from latentscape.core.errors import DataError
from latentscape.data.formats.encoded_images import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Foreign:
    """Files that are not read.

    Attributes
    ----------
    what : str
        What such a file is, completing "it is".
    convert : str
        The line that converts it. ``{path}`` is the file, ``{target}`` a file beside it.
    target : str
        The ending of the file that this line writes, or the name of a folder.
    """

    what: str
    convert: str
    target: str


_PANDAS = 'python -c "import pandas; pandas.{read}.to_csv({{target!r}}, index=False)"'
_NUMPY = 'python -c "import numpy, {module}; numpy.save({{target!r}}, numpy.asarray({load}))"'
_PICKLE = "a Python pickle, which can run any program and is never loaded"


def _table(what: str, read: str) -> Foreign:
    return Foreign(what, _PANDAS.format(read=read), ".csv")


def _array(what: str, module: str, load: str) -> Foreign:
    return Foreign(what, _NUMPY.format(module=module, load=load), ".npy")


_ARFF = (
    'python -c "import pandas; from scipy.io import arff; '
    'pandas.DataFrame(arff.loadarff({path!r})[0]).to_csv({target!r}, index=False)"'
)
_TFRECORD = (
    "python -c \"import tensorflow as tf; f = {{'image': tf.io.FixedLenFeature([], tf.string)}}; "
    "[tf.io.write_file({target!r} + f'/{{i:06}}.png', tf.io.parse_single_example(r, f)['image']) "
    'for i, r in enumerate(tf.data.TFRecordDataset({path!r}))]"'
)
_R = 'Rscript -e "write.csv({load}, {{target!r}}, row.names=FALSE)"'
_pickle = _array(f"{_PICKLE}", "pandas", "pandas.read_pickle({path!r})")
_excel = _table("a spreadsheet", "read_excel({path!r})")
_film = Foreign("a film", "ffmpeg -i {path!r} {target!r}/%06d.png", "frames")
_packed = Foreign("an archive of another kind", "7z x {path!r} -o{target!r}", "files")
_text = Foreign("text of an unknown kind", "cp {path!r} {target!r}", ".csv")
_arrow = Foreign(
    "an Arrow file",
    'python -c "import pandas; pandas.read_feather({path!r}).to_parquet({target!r})"',
    ".parquet",
)

FOREIGN: dict[str, Foreign] = {
    ".pkl": _pickle,
    ".pickle": _pickle,
    ".joblib": _array(_PICKLE, "joblib", "joblib.load({path!r})"),
    ".tfrecord": Foreign("a TFRecord file", _TFRECORD, "images"),
    ".tfrecords": Foreign("a TFRecord file", _TFRECORD, "images"),
    ".xlsx": _excel,
    ".xls": _excel,
    ".ods": _excel,
    ".json": _table("JSON", "read_json({path!r})"),
    ".jsonl": _table("lines of JSON", "read_json({path!r}, lines=True)"),
    ".dta": _table("a file of Stata", "read_stata({path!r})"),
    ".sav": _table("a file of SPSS", "read_spss({path!r})"),
    ".feather": _arrow,
    ".arrow": _arrow,
    ".arff": Foreign("a file of Weka", _ARFF, ".csv"),
    ".rds": Foreign("a file of R", _R.format(load="readRDS({path!r})"), ".csv"),
    ".rdata": Foreign("a file of R", _R.format(load="get(load({path!r}))"), ".csv"),
    ".rda": Foreign("a file of R", _R.format(load="get(load({path!r}))"), ".csv"),
    ".nii": _array("a NIfTI volume", "nibabel", "nibabel.load({path!r}).dataobj"),
    ".dcm": _array("a DICOM file", "pydicom", "pydicom.dcmread({path!r}).pixel_array"),
    ".mp4": _film,
    ".avi": _film,
    ".mov": _film,
    ".7z": _packed,
    ".rar": _packed,
    ".txt": _text,
    ".dat": _text,
    ".data": _text,
}
"""Endings of names, in small letters and before a ``.gz``, that belong to other formats."""


def refuse_foreign(path: Path) -> None:
    """Refuse a file or folder of a format that is known, but not read.

    Raises
    ------
    DataError
        With the line that converts it.
    """
    if path.is_dir():
        _refuse_pickled_cifar(path)
        return
    name = Path(path.name.lower().removesuffix(".gz"))
    if name.suffix in IMAGE_SUFFIXES:
        raise DataError(
            f"{path} is one image",
            expected="a folder of images",
            fix=f"Give the path of its folder, {path.parent}.",
        )
    foreign = FOREIGN.get(name.suffix)
    if foreign is None:
        return
    stem = path.with_name(path.name[: -len(path.suffix)])
    target = f"{stem}{foreign.target}" if foreign.target.startswith(".") else foreign.target
    line = foreign.convert.format(path=str(path), target=target)
    trust = ", if you trust who wrote it" if foreign.what == _PICKLE else ""
    raise DataError(
        f"{path} is {foreign.what}",
        expected="one of the formats that are read",
        fix=f"This line converts it{trust}: {line}",
    )


def _refuse_pickled_cifar(path: Path) -> None:
    if (
        (path / "data_batch_1").is_file()
        or (path / "meta").is_file()
        and (path / "train").is_file()
    ):
        raise DataError(
            f"{path} holds CIFAR as Python pickles, which can run any program and are never loaded",
            expected="its binary version, the files *.bin",
            fix="Download that from https://www.cs.toronto.edu/~kriz/cifar.html.",
        )
