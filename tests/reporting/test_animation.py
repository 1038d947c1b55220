"""Moving pictures: frames, how long they are shown, and programs that are missing or fail."""

import stat
import sys

import numpy as np
import pytest
from PIL import Image

from latentscape.core.errors import ConfigError, RunError
from latentscape.reporting import animation
from latentscape.reporting.animation import Frame, there_and_back, write_animation

# Stands for FFmpeg: it writes its arguments, and how many bytes it was given.
ENCODER = """#!{python}
import sys
content = sys.stdin.buffer.read()
open(sys.argv[-1], "w").write(" ".join([str(len(content)), *sys.argv[1:-1]]))
"""


def pictures(count, size=(31, 20)):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, size[::-1], np.uint8)) for _ in range(count)]


def shown(file):
    """Return the frames of a file, and how many milliseconds each is shown."""
    with Image.open(file) as film:
        frames, times = [], []
        for place in range(film.n_frames):
            film.seek(place)
            frames.append(np.asarray(film.convert("RGB")).astype(int))
            times.append(film.info["duration"])
        return frames, times, film.info["loop"], film.size


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that makes a script the only program on the path."""

    def install(text):
        file = tmp_path / "bin" / "ffmpeg"
        file.parent.mkdir()
        file.write_text(text.format(python=sys.executable))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(file.parent))

    return install


@pytest.mark.parametrize("ending", [".webp", ".gif", ".WEBP"])
def test_frames_are_shown_as_long_as_they_say_and_without_end(tmp_path, ending):
    file = tmp_path / f"a{ending}"
    write_animation(
        file, [Frame(p, ticks) for p, ticks in zip(pictures(3), (5, 1, 2), strict=True)]
    )
    frames, times, loop, size = shown(file)
    assert times == [200, 40, 80]
    assert (loop, size) == (0, (31, 20))
    assert np.abs(frames[0] - frames[1]).mean() > 10
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_there_and_back_begins_again_where_it_ends():
    first, middle, last = pictures(3)
    frames = there_and_back([first, middle, last], hold=7)
    assert [frame.picture for frame in frames] == [first, middle, last, middle]
    assert [frame.ticks for frame in frames] == [7, 2, 7, 2]
    assert [frame.picture for frame in there_and_back([first, last])] == [first, last]


def test_an_mp4_is_every_frame_as_often_as_it_is_shown(tmp_path, program):
    program(ENCODER)
    file = tmp_path / "a.mp4"
    write_animation(file, [Frame(p, ticks) for p, ticks in zip(pictures(2), (3, 1), strict=True)])
    size, *arguments = file.read_text().split()
    assert int(size) == 4 * 31 * 20 * 3
    assert "-s 31x20 -r 25" in " ".join(arguments)
    assert "yuv420p" in arguments


def test_a_program_that_fails_leaves_nothing_and_is_quoted(tmp_path, program):
    program('#!{python}\nimport sys\nsys.exit("no such codec")\n')
    with pytest.raises(
        RunError, match=r"could not encode the film: no such codec.*\.webp or \.gif"
    ):
        write_animation(tmp_path / "a.mp4", [Frame(p) for p in pictures(500)])
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_without_a_program_an_mp4_says_what_to_install(tmp_path, monkeypatch):
    def load(name):
        raise ImportError(name)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(animation, "load", load)
    with pytest.raises(ConfigError, match=r"ffmpeg, which is not installed.*latentscape\[film\]"):
        write_animation(tmp_path / "a.mp4", [])


def test_the_package_brings_the_program_that_is_missing(tmp_path, program, monkeypatch):
    class Package:
        @staticmethod
        def get_ffmpeg_exe():
            return str(tmp_path / "bin" / "ffmpeg")

    program(ENCODER)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(animation, "load", lambda name: Package)
    write_animation(tmp_path / "a.mp4", [Frame(p) for p in pictures(1)])
    assert (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("name", ["a.mov", "a", "webp"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"ends in \.webp or \.gif or \.mp4"):
        write_animation(tmp_path / name, [])


def test_a_film_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        write_animation(tmp_path / "file" / "a.webp", [Frame(p) for p in pictures(2)])
