"""The commit of a checkout."""

import subprocess
from pathlib import Path


def git_commit(file: Path) -> str | None:
    """Return the commit of the checkout that a file of the package belongs to; None without one.

    It ends in ``-dirty`` where code of the package was changed since. Documents and results beside
    it change nothing that a run does.
    """
    package = file.parents[1]
    tracked = ["ls-files", "--error-unmatch", str(file)]
    describe = ["describe", "--always", "--abbrev=12"]
    changes = ["status", "--porcelain", "--untracked-files=no", "--", "."]
    try:
        _, commit, changed = (_git(package, each) for each in (tracked, describe, changes))
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit.strip()}-dirty" if changed else commit.strip()


def _git(folder: Path, arguments: list[str]) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=5
    ).stdout
