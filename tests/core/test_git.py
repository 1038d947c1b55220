"""The commit that a run was trained at."""

import subprocess

import pytest

from latentscape.core.git import git_commit


@pytest.fixture
def module(tmp_path):
    """A module of a package in a checkout, with a document beside the package."""
    folder = tmp_path / "package" / "core"
    folder.mkdir(parents=True)
    for file in (folder / "module.py", tmp_path / "README.md"):
        file.write_text("one\n")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "First")):
        subprocess.run([*git, *arguments], check=True)
    return folder / "module.py"


def test_a_commit_has_twelve_digits(module):
    commit = git_commit(module)
    assert commit is not None
    assert len(commit) == 12
    assert int(commit, 16) >= 0


def test_changed_code_is_told_and_changed_documents_are_not(module):
    commit = git_commit(module)
    (module.parents[2] / "README.md").write_text("two\n")
    assert git_commit(module) == commit
    module.write_text("two\n")
    assert git_commit(module) == f"{commit}-dirty"


def test_files_of_no_checkout_have_none(module):
    other = module.with_name("untracked.py")
    other.touch()
    assert git_commit(other) is None
