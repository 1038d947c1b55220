"""The versions that are allowed, the lowest of which and those of today are tested."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
NOT_TESTED = {"dev", "docs"}
"""Extras for those who work on the program, with the versions of today."""


def pinned(file):
    lines = (ROOT / file).read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def allowed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lists = [
        project["dependencies"],
        *(extras[name] for name in sorted(extras.keys() - NOT_TESTED)),
    ]
    requirements = [Requirement(text) for texts in lists for text in texts]
    return {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in requirements
        if requirement.name != "latentscape"
    }


ALLOWED = allowed()


@pytest.mark.parametrize("name", ALLOWED)
def test_the_lowest_version_that_is_allowed_is_the_one_that_is_tested(name):
    lowest = pinned("constraints-lowest.txt")[name]
    (floor,) = [Version(one.version) for one in ALLOWED[name] if one.operator == ">="]
    if name == "torch":  # Older builds for the CPU alone are not where packages come from.
        floor = pinned("constraints.txt")["torch"]
    assert lowest == floor


@pytest.mark.parametrize("name", ALLOWED)
def test_so_is_the_version_of_today(name):
    assert pinned("constraints.txt")[name] in ALLOWED[name]
