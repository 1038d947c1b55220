"""Install Latentscape into a virtual environment of this checkout, on any system.

Run as ``python tools/install.py``. It needs Python alone, and does nothing where all is installed.
``--for demo`` installs what the demo needs; otherwise what tests and documents need is installed.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

ROOT = Path(__file__).resolve().parents[1]

OLDEST_PYTHON = (3, 11)

CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
"""PyTorch's builds without NVIDIA's libraries, which take several GB."""

SECONDS_BETWEEN_LINES = {True: 1, False: 10}
"""On a terminal one line is written over and over; elsewhere each stays."""


@dataclass(frozen=True)
class Purpose:
    """What an installation is for: the extras that it needs, and about how many MB it has."""

    extras: str
    megabytes: int


PURPOSES = {"demo": Purpose("demo", 1300), "tests": Purpose("dev,docs,all", 2700)}


# What a new installation is tried out with.
TRIAL = "train simple-20 --data mnist-5k --epochs 1 --train 500 --test 100".split()


class InstallError(Exception):
    """The message says what is wrong, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install; return the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/install.py", description=__doc__)
    parser.add_argument("--for", dest="purpose", choices=PURPOSES, default="tests")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="the environment")
    options = parser.parse_args(arguments)
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise InstallError(f"Python {sys.version.split()[0]} is too old; 3.11 is needed.")
        install(options.venv, options.purpose)
    except InstallError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on.", file=sys.stderr)
        return 130
    return 0


def install(venv: Path, purpose: str) -> None:
    """Install the packages, then the explorer's page."""
    if is_installed(venv, purpose):
        print(f"The packages are installed, in {venv}", flush=True)
    else:
        install_packages(venv, purpose)
        if purpose != "demo":  # The demo is a trial itself.
            try_out(venv)
        stamp_of(venv, purpose).write_text(fingerprint())
    page = [sys.executable, str(ROOT / "web" / "build.py")]
    if subprocess.run(page, check=False).returncode != 0:
        raise InstallError("The explorer's page was not built; the lines above say why.")


def install_packages(venv: Path, purpose: str) -> None:
    """Make the environment, and have pip fill it, with a sign of life from time to time."""
    wanted = PURPOSES[purpose]
    print(f"Installing what the {purpose} need{'s' * (purpose == 'demo')} into {venv}.")
    print(f"It takes about {wanted.megabytes / 1000:.1f} GB, and 1 to 5 minutes.", flush=True)
    python = create_environment(venv)
    command = [str(python), "-m", "pip", "install", "--no-compile", "--progress-bar=off"]
    command += ["--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
    command += [*pytorch_options(), "--editable", f"{ROOT}[{wanted.extras}]"]
    begin = time.monotonic()
    with TemporaryFile("w+") as log:
        if run_watched(command, log, venv, wanted.megabytes) != 0:
            log.seek(0)
            last = "".join(log.readlines()[-15:])
            raise InstallError(f"pip could not install the packages. Its last lines:\n{last}")
    print(f"Installed {megabytes_in(venv):,} MB in {time.monotonic() - begin:.0f} s.", flush=True)


def try_out(venv: Path) -> None:
    """Train a small model, which shows that all is there.

    What it imports is compiled, and kept: where the environment forbids Python to do so, as some
    containers do, each command would compile it again, which takes as long as a small training.
    """
    print("Trying it out on a small model ...", flush=True)
    command = [str(create_environment(venv)), "-m", "latentscape", *TRIAL]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--runs", folder],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise InstallError(f"A small model could not be trained. The last lines:\n{last}")


def create_environment(venv: Path) -> Path:
    """Create the environment, unless it is there; return its Python."""
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not shutil.which(str(python)):
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False)
        if made.returncode != 0:
            advice = "On Debian and Ubuntu: apt install python3-venv"
            raise InstallError(f"There is no virtual environment in {venv}. {advice}")
    return python


def pytorch_options() -> list[str]:
    """Have pip prefer PyTorch's build for the CPU, on Linux without an NVIDIA card."""
    if not sys.platform.startswith("linux") or shutil.which("nvidia-smi"):
        return []  # Elsewhere PyPI has the right build.
    try:
        urllib.request.urlopen(f"{CPU_BUILDS}/torch/", timeout=5).close()
    except OSError:
        print("PyTorch's builds for the CPU cannot be reached; taking what pip has.", flush=True)
        return []
    return ["--extra-index-url", CPU_BUILDS]


def run_watched(command: list[str], log: IO[str], venv: Path, expected: int) -> int:
    """Run a command, and show how much of the expected size is there; return its exit code."""
    is_terminal = sys.stdout.isatty()
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        while True:
            try:
                code = process.wait(SECONDS_BETWEEN_LINES[is_terminal])
                break
            except subprocess.TimeoutExpired:
                passed, size = time.monotonic() - begin, megabytes_in(venv)
                line = f"  {passed:4.0f} s, {size:5,} of about {expected:,} MB unpacked"
                print(line, end="\r" if is_terminal else "\n", flush=True)
            except BaseException:
                process.terminate()
                raise
    print(" " * 60 * is_terminal, end="\r" * is_terminal)
    return code


def megabytes_in(folder: Path) -> int:
    """Add up the sizes of all files in a folder, some of which may just be going."""
    size, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size // 1_000_000


def is_installed(venv: Path, purpose: str) -> bool:
    """Tell whether an environment has these very packages; that of the tests has the demo's too."""
    stamps = (stamp_of(venv, name) for name in {purpose, "tests"})
    return any(stamp.is_file() and stamp.read_text() == fingerprint() for stamp in stamps)


def stamp_of(venv: Path, purpose: str) -> Path:
    """Return the file that says what was installed."""
    return venv / f".installed-{purpose}"


def fingerprint() -> str:
    """Hash the files that say what is to be installed."""
    files = (ROOT / "pyproject.toml", ROOT / "constraints.txt")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
