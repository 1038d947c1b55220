"""How long each command of the program is silent, on a terminal, while it works.

``python -m tools.silence`` trains a small model and calls every command on a pseudo-terminal, with
real sizes of data. It prints the longest time without a byte of each, and may keep what came:
``--record FOLDER``, a file of times and texts for each command. The times are those of this machine
and of all that runs beside; what they are on another nobody can promise. The tests therefore check
that commands announce their stages (``tests/test_silence.py``), and this is measured by hand.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 2.0
"""Seconds that a command may be silent."""

RUN = "vae-20-mnist-5k-0"
SNAPSHOTS = "train.snapshots=[1, 2, 3]"
TRAINING = ("train", "vae-20", "--latent-dim", "2", "--epochs", "3", "--set", SNAPSHOTS)


@dataclass(frozen=True)
class Call:
    """How a command is called.

    Attributes
    ----------
    arguments : str
        After its name; ``{run}``, ``{runs}`` and ``{out}`` stand for folders.
    stages : tuple of str
        Names of stages that it announces.
    small : str or None
        Arguments for a test; None where it takes too long even so, or needs what tests lack.
    """

    arguments: str = ""
    stages: tuple[str, ...] = ()
    small: str | None = ""


def _same(arguments: str, *stages: str) -> Call:
    return Call(arguments, stages, arguments)


START = "starting"
CALLS: Mapping[str, Call] = {
    "train": Call(
        "conv-bn --epochs 2 --name trained --runs {runs}",
        (START, "reading data", "trained", "evaluation", "PCA", "reconstructions"),
        "simple-20 --epochs 1 --train 200 --test 50 --name trained --runs {runs}",
    ),
    "compare": Call(
        "quickstart --epochs 1 --runs {runs}/compared", (START, "timing", "runs"), small=None
    ),
    "tune": Call(
        "vae-20 --space train.lr=log(1e-4,1e-2) --trials 4 --epochs 2 --runs {runs}/tuned",
        (START, "search", "report"),
        small=None,
    ),
    "demo": Call("--runs {runs}/demo", (START,), small=None),
    "evaluate": Call(
        "{run} --nll --samples 200 --quality --draws 2000",
        (START, "likelihood", "evaluation"),
        "{run} --nll --samples 2 --examples 20",
    ),
    "report": _same("{run}", START, "report"),
    "analyze": Call("{run}", (START, "analysis", "report"), "{run} --quick --part neighbours"),
    "place": _same("{run} --data mnist-5k --method pca --out {out}/places.csv", START),
    "doctor": _same("{run}", START, "examination"),
    "explore": Call("{run} --out {out}/page.html", (START, "page", "maps"), small=None),
    "labels": _same("{run}", START),
    "likelihood": Call(
        "{run} --samples 200", (START, "likelihood"), "{run} --samples 2 --examples 20"
    ),
    "quality": Call("{run}", (START, "quality", "decoding"), "{run} --draws 100"),
    "legibility": _same("{run}", START, "reading reconstructions"),
    "cluster": Call("{run}", (START, "clustering"), "{run} --method kmeans"),
    "probe": Call("{run}", (START, "probing"), "{run} --probe knn -n 10"),
    "project": Call("{run}", (START, "maps"), "{run} --method pca"),
    "anomalies": _same("{run}", START, "scores"),
    "sample": _same("{run} -n 16 --out {out}/sample.png", START, "decoding"),
    "interpolate": _same("{run} --between 3,17 --out {out}/between.png", START),
    "traverse": _same("{run} --example 3 --out {out}/walk.png", START),
    "manifold": _same("{run} --out {out}/plane.png", START),
    "reconstruct": _same("{run} --out {out}/pairs.png", START),
    "denoise": _same("{run} --noise gaussian --out {out}/denoised.png", START),
    "neighbours": _same("{run} --example 3 --out {out}/nearest.png", START),
    "film": _same("{run} --out {out}/film.webp", START, "film"),
    "embed": _same("{run} --data mnist-5k --out {out}/z.npy", START, "embedding"),
    "export": Call("{run} --to onnx --out {out}/export", (START, "export"), small=None),
    "publish": _same("{run} --out {out}/hub", START, "model card"),
    "runs list": _same("{runs}", "reading"),
    "runs show": _same("{run}", START),
    "runs copy": _same("{run} --to {out}/copied", "copying"),
    "runs remove": Call("{runs}/trained --yes", small="{runs}/spare --yes"),
    "info": _same("", START, "matrix products"),
    "data list": _same(""),
    "data cache": _same(""),
    "data show": _same("mnist-5k", START, "reading data"),
    "data fetch": _same("mnist-5k", START, "reading data"),
    "recipes list": _same(""),
    "recipes show": _same("conv-bn", START),
    "studies list": _same(""),
    "studies show": _same("quickstart"),
}
"""All commands of the program; a test says which is missing."""


@dataclass(frozen=True)
class Silence:
    """What was heard of a command: how long it took, and when it was silent the longest.

    Seconds of the processor that it had beside those of the clock say how busy the machine was.
    """

    seconds: float
    cpu: float
    longest: float
    at: float
    status: int


def command_names() -> list[str]:
    """Return the names of all commands, those of groups with the group's."""
    import typer

    from latentscape.cli import app

    root = typer.main.get_command(app)
    return sorted(_names(root, root.make_context("latentscape", [], resilient_parsing=True)))


def _names(group: object, context: object, before: str = "") -> Iterator[str]:
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        if hasattr(command, "list_commands"):
            yield from _names(command, context, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def arguments_of(name: str, text: str, folders: Mapping[str, Path]) -> list[str]:
    """Return the words of a call."""
    return [*name.split(), *(word.format_map(folders) for word in text.split())]


def listen(arguments: Sequence[str], width: int, record: Path | None = None) -> Silence:
    """Call the program on a pseudo-terminal, and hear when it says something."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "LINES": "40", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "latentscape", *arguments]
    begin = time.monotonic()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
    )
    os.close(theirs)
    heard = list(_heard(ours, begin))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    os.close(ours)
    if record is not None:
        lines = [[moment, text.decode(errors="replace")] for moment, text in heard]
        record.write_text(json.dumps(lines), encoding="utf-8")
    times = [0.0, *(moment for moment, _ in heard), seconds]
    gaps = [(later - earlier, earlier) for earlier, later in zip(times, times[1:], strict=False)]
    cpu = usage.ru_utime + usage.ru_stime
    return Silence(seconds, cpu, *max(gaps), process.returncode)


def _heard(terminal: int, begin: float) -> Iterator[tuple[float, bytes]]:
    while True:
        select.select([terminal], [], [])
        try:
            text = os.read(terminal, 1 << 16)
        except OSError:  # Linux's way to say that the other end is closed.
            return
        if not text:
            return
        yield time.monotonic() - begin, text


def main() -> None:
    """Measure all commands, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help='such as "data show"')
    parser.add_argument("--width", type=int, default=80)
    parser.add_argument("--record", type=Path, help="folder for what came, and when")
    options = parser.parse_args()
    if options.record is not None:
        options.record.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folders = {"runs": Path(place), "run": Path(place) / RUN, "out": Path(place) / "out"}
        folders["out"].mkdir()
        training = [*TRAINING, "--runs", place]
        print(f"{'command':16} {'seconds':>8} {'cpu':>7} {'silent':>7} {'at':>7}", flush=True)
        _measure("(training)", training, options.width, options.record)
        for name in options.commands or CALLS:
            words = arguments_of(name, CALLS[name].arguments, folders)
            _measure(name, words, options.width, options.record)


def _measure(name: str, words: Sequence[str], width: int, folder: Path | None) -> None:
    record = None if folder is None else folder / f"{name.replace(' ', '-')}-{width}.json"
    silence = listen(words, width, record)
    marks = " too long" * (silence.longest > LIMIT) + f" status {silence.status}" * (
        silence.status != 0
    )
    print(
        f"{name:16} {silence.seconds:8.1f} {silence.cpu:7.1f} {silence.longest:7.2f} "
        f"{silence.at:7.1f}{marks}",
        flush=True,
    )


if __name__ == "__main__":
    main()
