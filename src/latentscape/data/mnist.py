"""MNIST and Fashion-MNIST: four IDX files each, on disk or downloaded, always verified."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from latentscape.core.cache import cache_folder
from latentscape.core.errors import DataError, RunError
from latentscape.core.files import write_bytes
from latentscape.data.compression import decompress, read_decompressed, verify
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.download import download
from latentscape.data.formats.idx import parse_idx

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Archive:
    """A data set of four IDX files.

    Attributes
    ----------
    name : str
        Name of the source.
    torchvision : str
        What torchvision calls the folder that holds ``raw``.
    mirrors : tuple of str
        Addresses of folders that hold the four files, gzipped.
    sha256 : tuple of str
        Hashes of the decompressed content of `FILES`.
    label_names : tuple of str
        What the labels 0, 1, ... are called.
    folders : tuple of str
        More places where systems put the files.
    """

    name: str
    torchvision: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]
    label_names: tuple[str, ...]
    folders: tuple[str, ...] = ()

    def load(self) -> Contents:
        """Read the four files, downloading those that are missing into the cache.

        Returns
        -------
        Contents
            Images (70000, 28, 28) of uint8, the official training part first.

        Raises
        ------
        DataError
            If a file is missing and cannot be downloaded, or has another hash than expected.
        """
        files = [self._read(*file) for file in zip(FILES, self.sha256, strict=True)]
        images, labels, test_images, test_labels = (
            parse_idx(content, name) for name, (content, _) in zip(FILES, files, strict=True)
        )
        parts = Examples(images, labels), Examples(test_images, test_labels)
        contents = from_arrays(parts, self.name)
        return replace(
            contents, label_names=self.label_names, value_range=(0.0, 255.0), origin=files[0][1]
        )

    def places(self) -> list[Path]:
        """List the folders that are searched, in order."""
        variable = os.environ.get("LATENTSCAPE_DATA")
        own = [Path(variable).expanduser()] if variable else []
        return [
            *(folder / self.name for folder in own),
            cache_folder() / self.name,
            *(folder / self.torchvision / "raw" for folder in (*own, Path("data"))),
            *map(Path, self.folders),
        ]

    def _read(self, name: str, sha256: str) -> tuple[bytes, str]:
        """Return the verified content of a file, and the folder or address it came from."""
        cached = cache_folder() / self.name
        for path in self._candidates(name):
            try:
                content = read_decompressed(path)
                verify(content, sha256, str(path))
            except DataError:
                # A damaged file of the user's is an error; one in the cache is downloaded again.
                if path.parent != cached:
                    raise
            else:
                return content, str(path.parent)
        return self._download(name, sha256), self._mirrors()[0]

    def _candidates(self, name: str) -> Iterator[Path]:
        paths = (folder / (name + suffix) for folder in self.places() for suffix in ("", ".gz"))
        return (path for path in paths if os.path.isfile(path))

    def _download(self, name: str, sha256: str) -> bytes:
        places = ", ".join(str(place) for place in self.places())
        content = download(
            [f"{mirror.rstrip('/')}/{name}.gz" for mirror in self._mirrors()],
            sha256,
            f"Put the files {', '.join(FILES)} (.gz or not) into one of {places}; "
            f"or into a folder {self.name} in the one that $LATENTSCAPE_DATA names.",
        )
        with suppress(RunError):  # a cache that cannot be written costs another download
            write_bytes(cache_folder() / self.name / f"{name}.gz", content)
        return decompress(content, name)

    def _mirrors(self) -> tuple[str, ...]:
        mirrors = os.environ.get("LATENTSCAPE_MIRROR", "").split()
        return tuple(f"{mirror.rstrip('/')}/{self.name}" for mirror in mirrors) or self.mirrors


MNIST = Archive(
    name="mnist",
    torchvision="MNIST",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    label_names=tuple("0123456789"),
)

FASHION_MNIST = Archive(
    name="fashion-mnist",
    torchvision="FashionMNIST",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    label_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    folders=("/usr/share/datasets/fashion-mnist",),
)
