"""A virtual environment for each peer, with the versions that its requirements pin."""

import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.works import ROOT, Contestant

FOLDER = ROOT / ".peers"
"""Where they are made; they are used again while their requirements stay the same."""


class NotInstalled(Exception):
    """A peer's environment cannot be made."""


def interpreter(contestant: Contestant) -> Path:
    """Return the Python of a contestant, in an environment that is made where there is none.

    Raises
    ------
    NotInstalled
        With what the installer said.
    """
    if contestant.requirements is None:
        return Path(sys.executable)
    requirements = ROOT / "requirements" / f"{contestant.requirements}.txt"
    folder = FOLDER / contestant.requirements
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        venv.create(folder, clear=True, with_pip=True)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            str(requirements),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotInstalled(last_line(done.stderr))
        stamp.write_text(requirements.read_text())
    return python


def last_line(text: str) -> str:
    """Return the last line of what a program said, which names its error."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "nothing was said")
