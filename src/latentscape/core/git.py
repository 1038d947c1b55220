"""The commit of a checkout."""

import subprocess
from pathlib import Path


def git_commit(file: Path) -> str | None:
    """Return the commit of the checkout that a file belongs to; None if there is none."""
    tracked = ["ls-files", "--error-unmatch", file.name]
    describe = ["describe", "--always", "--dirty", "--abbrev=12"]
    try:
        outputs = [_git(file.parent, arguments) for arguments in (tracked, describe)]
    except (OSError, subprocess.SubprocessError):
        return None
    return outputs[-1].strip()


def _git(folder: Path, arguments: list[str]) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=5
    ).stdout
