"""Moving pictures: frames as WebP, GIF or MP4, whichever the name of the file asks for."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentscape.core.errors import ConfigError, RunError, brief
from latentscape.core.extras import install, load
from latentscape.core.files import write_atomic
from latentscape.core.progress import stage

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".webp", ".gif", ".mp4")
"""What names of moving pictures end in."""

TICK = 40
"""Milliseconds that the shortest frame is shown: MP4 has 25 of them in a second."""

WEBP: Mapping[str, Any] = {"quality": 65, "method": 4, "kmin": 2, "kmax": 3}
"""How WebP is written. Every third frame is whole: parts alone leave traces of what was there."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture, and how long it is shown.

    Attributes
    ----------
    picture : Image
        Grey or RGB; of the same size in all frames.
    ticks : int
        In units of `TICK`.
    """

    picture: "Image"
    ticks: int = 1


def check_animation(file: Path) -> None:
    """Refuse a file that cannot be written here, before its frames are drawn.

    Raises
    ------
    ConfigError
        If its name ends otherwise; or in .mp4, and nothing encodes that.
    """
    if file.suffix.lower() not in ENDINGS:
        raise ConfigError(
            f"The film shall go to {file}", expected=f"a name that ends in {' or '.join(ENDINGS)}"
        )
    if file.suffix.lower() == ".mp4":
        _encoder()


def write_animation(file: Path, frames: Iterable[Frame]) -> None:
    """Write frames, which begin again after the last one; whole or not at all.

    Parameters
    ----------
    file : Path
        The ending of its name chooses the format.
    frames : iterable of Frame
        One at least.

    Raises
    ------
    ConfigError
        As for `check_animation`.
    RunError
        If the file cannot be written.
    """
    check_animation(file)
    writer = _write_mp4 if file.suffix.lower() == ".mp4" else _write_loop
    shown = list(frames)
    with stage(f"writing {file.name}"):
        write_atomic(file, lambda path: writer(path, shown))


def there_and_back(pictures: Sequence["Image"], hold: int = 10) -> list[Frame]:
    """Play pictures forwards, then backwards, and rest at both ends for so many ticks."""
    first, *middle, last = pictures
    ahead = [Frame(picture, 2) for picture in middle]
    return [Frame(first, hold), *ahead, Frame(last, hold), *reversed(ahead)]


def _write_loop(path: Path, frames: Sequence[Frame]) -> None:
    """Write what browsers show as a picture."""
    first, *rest = (frame.picture for frame in frames)
    first.save(
        path,
        save_all=True,
        append_images=rest,
        duration=[frame.ticks * TICK for frame in frames],
        loop=0,  # Without end.
        **(WEBP if path.suffix.lower() == ".webp" else {}),
    )


def _write_mp4(path: Path, frames: Sequence[Frame]) -> None:
    width, height = frames[0].picture.size
    source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {1000 // TICK} -i -"
    # Most players take colours at half the resolution only, for which sides have to be even.
    target = "-vf pad=ceil(iw/2)*2:ceil(ih/2)*2 -pix_fmt yuv420p -movflags +faststart -y"
    command = [_encoder(), *f"-loglevel error {source} {target}".split(), str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):  # It has ended early, and says why.
            for frame in frames:
                pixels = frame.picture.convert("RGB").tobytes()
                for _ in range(frame.ticks):
                    process.stdin.write(pixels)
        said = process.communicate()[1].decode(errors="replace").strip()
    except BaseException:  # Ctrl-C ends the encoder too.
        process.kill()
        process.wait()
        raise
    if process.returncode:
        raise RunError(
            f"{command[0]} could not encode the film: {brief(said)}",
            fix=f"Write a {' or '.join(ENDINGS[:2])} instead.",
        )


def _encoder() -> str:
    """Return the program that encodes MP4: FFmpeg, installed or of the package imageio-ffmpeg.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if program := shutil.which("ffmpeg"):
        return program
    try:
        return str(load("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:  # The latter where it brings no program.
        raise ConfigError(
            "An MP4 needs the program ffmpeg, which is not installed",
            expected=f"a name that ends in {' or '.join(ENDINGS[:2])}, which need nothing more",
            fix=f"Install ffmpeg, or: {install('film')}",
        ) from error
