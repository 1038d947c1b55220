"""How the explorer's page is built from ``web/``: with Node and npm, or without."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NODE = """#!/bin/sh
[ "$1" = --version ] && echo {version} && exit
echo "node $*" >> {log}
mkdir -p "$2"
for name in explorer.js explorer.css ort.wasm LICENSES.txt; do date +%N > "$2/$name"; done
"""
NPM = """#!/bin/sh
echo "npm $*" >> {log}
mkdir -p node_modules
"""
FAILS = """#!/bin/sh
echo "npm: no network" >&2
exit 1
"""
PYTHON = """#!/bin/sh
echo "python $*" >> {log}
mkdir -p {folder}/bin
cp {programs}/python {folder}/bin/python
cp {new}/node {new}/npm {folder}/bin
"""
PAGE = ROOT / "src/latentscape/explorer/page"


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Checkout:
    """A copy of what builds the page, with toys in place of Node and npm."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.web, self.page = root / "web", root / "src/latentscape/explorer/page"
        self.log, self.programs = root / "log", root / "programs"
        (self.web / "src").mkdir(parents=True)
        self.main = self.web / "src/main.tsx"
        self.main.write_text("1")
        self.lock = self.web / "package-lock.json"
        self.lock.write_text("{}")
        shutil.copy(ROOT / "web/build.py", self.web)
        spec = importlib.util.spec_from_file_location("build_page", self.web / "build.py")
        self.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.script)
        self.put("node", NODE.format(version="v20.1.0", log=self.log))
        self.put("npm", NPM.format(log=self.log))
        monkeypatch.setenv("PATH", os.pathsep.join([str(self.programs), "/usr/bin", "/bin"]))

    def put(self, name: str, text: str) -> None:
        write_program(self.programs / name, text)

    def build(self, *arguments: str) -> int:
        self.log.write_text("")
        return self.script.main(arguments)

    def commands(self) -> list[str]:
        return [" ".join(line.split()[:2]) for line in self.log.read_text().splitlines()]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return Checkout(tmp_path, monkeypatch)


def test_the_page_is_built_once(checkout, capsys):
    assert checkout.build() == 0
    assert checkout.commands() == ["npm ci", "node build.mjs"]
    assert "explorer.js" in capsys.readouterr().out
    assert checkout.build() == 0
    assert checkout.commands() == []
    assert "up to date" in capsys.readouterr().out


def test_changed_sources_are_bundled_again(checkout):
    checkout.build()
    before = (checkout.page / "explorer.js").read_text()
    checkout.main.write_text("2")
    assert checkout.build() == 0
    assert checkout.commands() == ["node build.mjs"]
    assert (checkout.page / "explorer.js").read_text() != before


def test_changed_packages_are_installed_again(checkout):
    checkout.build()
    checkout.lock.write_text('{"version": 2}')
    checkout.build()
    assert checkout.commands() == ["npm ci", "node build.mjs"]


def test_a_page_with_a_missing_file_is_built_again(checkout):
    checkout.build()
    (checkout.page / "ort.wasm").unlink()
    checkout.build()
    assert checkout.commands() == ["node build.mjs"]


def test_what_is_no_longer_built_is_removed(checkout):
    checkout.build()
    (checkout.page / "old.js").write_text("")
    checkout.main.write_text("2")
    checkout.build()
    assert not (checkout.page / "old.js").exists()


@pytest.mark.parametrize("fault", ["no node", "old node", "no npm"])
def test_node_comes_from_pypi_where_there_is_none(checkout, fault, monkeypatch, tmp_path, capsys):
    new = tmp_path / "new"
    write_program(new / "node", (checkout.programs / "node").read_text())
    write_program(new / "npm", (checkout.programs / "npm").read_text())
    if fault == "old node":
        checkout.put("node", NODE.format(version="v18.20.0", log=checkout.log))
    else:
        (checkout.programs / fault.removeprefix("no ")).unlink()
    for name in ("mkdir", "date", "cp", "sh", "echo"):  # And nothing else of the machine's.
        (checkout.programs / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(checkout.programs))
    own = checkout.web / ".node"
    python = PYTHON.format(log=checkout.log, folder=own, programs=checkout.programs, new=new)
    checkout.put("python", python)
    monkeypatch.setattr(sys, "executable", str(checkout.programs / "python"))
    assert checkout.build() == 0
    assert checkout.commands() == ["python -m", "python -m", "npm ci", "node build.mjs"]
    assert checkout.script.NODE_PACKAGE in capsys.readouterr().out
    checkout.main.write_text("2")
    assert checkout.build() == 0
    assert checkout.commands() == ["node build.mjs"], "it is fetched once"


def test_without_node_and_without_pypi_the_message_says_what_to_do(checkout, monkeypatch, capfd):
    (checkout.programs / "npm").unlink()
    checkout.put("python", FAILS)
    monkeypatch.setenv("PATH", str(checkout.programs))
    monkeypatch.setattr(sys, "executable", str(checkout.programs / "python"))
    assert checkout.build() == 2
    error = capfd.readouterr().err
    assert "apt install nodejs npm" in error
    assert "python web/build.py" in error


def test_without_the_npm_registry_the_message_says_what_to_do(checkout, capfd):
    checkout.build()
    kept = (checkout.page / "explorer.js").read_text()
    checkout.put("npm", FAILS)
    checkout.lock.write_text('{"version": 2}')
    capfd.readouterr()
    assert checkout.build() == 2
    error = capfd.readouterr().err
    assert "npm: no network" in error
    assert "npm ci" in error
    assert "python web/build.py" in error
    assert (checkout.page / "explorer.js").read_text() == kept, "the page before is left alone"


def test_check_builds_nothing(checkout):
    assert checkout.build("--check") == 0
    assert checkout.commands() == ["npm ci", "npm run"]
    assert not checkout.page.exists()


def test_the_lock_names_checksums_and_no_places():
    packages = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    del packages[""]  # This project.
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


def test_versions_are_pinned():
    description = json.loads((ROOT / "web/package.json").read_text())
    versions = {**description["dependencies"], **description["devDependencies"]}
    assert all(version.replace(".", "").isdigit() for version in versions.values())


def test_the_page_carries_the_licences_of_what_is_in_it():
    text = (PAGE / "LICENSES.txt").read_text("utf-8")
    description = json.loads((ROOT / "web/package.json").read_text())
    for name, version in description["dependencies"].items():
        assert f"\n{name} {version} (" in text, name
    licences = text.split("\n" + "-" * 80 + "\n")[1:]
    assert len(licences) > len(description["dependencies"]), "those in turn need others"
    assert all("copyright" in licence.lower() for licence in licences)


def test_scripts_can_stand_inside_a_page():
    for script in PAGE.glob("*.js"):
        text = script.read_text("utf-8")
        assert not any(end in text.lower() for end in ("</script", "<!--"))
