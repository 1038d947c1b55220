"""Measure a GPU, section by section; what was measured stays, and the same command goes on.

Each section runs in a process of its own: one that fails, or takes too long, ends no other.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from benchmarks.environments import FOLDER
from benchmarks.gpu import correctness, peers, speed
from benchmarks.gpu.many import many
from benchmarks.gpu.page import FILES
from benchmarks.gpu.sizes import Sizes, sizes_for
from benchmarks.jobs import Row
from benchmarks.results import write_report
from benchmarks.works import ROOT
from latentscape.core.files import write_json
from latentscape.core.git import git_commit
from latentscape.core.runtime import choose_device, describe_machine

SECTIONS: Mapping[str, Callable[[Sizes, torch.device], Iterator[Row]]] = {
    "losses": correctness.losses,
    "capture": correctness.capture,
    "shards": correctness.shards,
    "resume": correctness.resume,
    "rollback": correctness.rollback,
    "group": correctness.group,
    "epochs": speed.epochs,
    "eager": peers.eager,
    "quality": speed.quality,
    "many": many,
    "embedding": speed.embedding,
    "storage": speed.storage,
    "compiled": peers.compiled,
}
"""In the order in which they are measured: first whether all is right, last what is compiled."""

"""Where rows are kept while a section is measured."""

SECONDS = 460
"""No section goes on, and none begins, after so many seconds."""

FEWEST_SECONDS = 10
"""No section begins with less time than this."""


def main() -> int:
    """Measure the sections that are missing, keep each at once, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; missing ones"
    )
    parser.add_argument("--device", default="cuda", help="cuda; cpu is a dry run with small sizes")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all of it")
    parser.add_argument("--out", type=Path, default=ROOT, help="folder of the results")
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.sections) - SECTIONS.keys():
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    device = choose_device(options.device)
    if options.rows:
        _measure(options.sections[0], device, options.rows)
        return 0
    file = options.out / FILES[device.type]
    results = _measure_all(options.sections, device, options.seconds, file)
    if options.out == ROOT:
        write_report()
    return 1 if any(section["failure"] for section in results["sections"].values()) else 0


def _measure_all(
    asked: list[str], device: torch.device, seconds: float, file: Path
) -> dict[str, Any]:
    """Measure the sections that are asked for; without them those that are missing or failed."""
    results = _kept(file, _circumstances(device))
    sections, end = results["sections"], monotonic() + seconds
    for name in asked or SECTIONS:
        known = sections.get(name)
        if not asked and known and not known["failure"]:
            print(f"{name}: kept from {known['date']}", flush=True)
            continue
        left = end - monotonic()
        if left < FEWEST_SECONDS:
            print(f"{name}: no time is left; the same command goes on from here", flush=True)
            break
        print(f"{name}: {left:.0f} s are left", flush=True)
        sections[name] = _in_a_process(name, device, left)
        write_json(file, results)
    return results


def _circumstances(device: torch.device) -> dict[str, Any]:
    return {
        "device": device.type,
        "machine": describe_machine(device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def _kept(file: Path, circumstances: dict[str, Any]) -> dict[str, Any]:
    """Return what was measured under the same circumstances."""
    if file.exists():
        results: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if results["circumstances"] == circumstances:
            return results
    return {"circumstances": circumstances, "sections": {}}


def _in_a_process(name: str, device: torch.device, seconds: float) -> dict[str, Any]:
    """Measure a section in a process, and return its rows, all but the last if it failed."""
    rows = FOLDER / f"gpu-{name}.jsonl"
    rows.parent.mkdir(exist_ok=True)
    rows.write_text("")
    begun, failure = monotonic(), None
    module = [sys.executable, "-m", "benchmarks.gpu", name]
    try:
        done = subprocess.run([*module, "--device", device.type, "--rows", rows], timeout=seconds)
        failure = f"ended with {done.returncode}" if done.returncode else None
    except subprocess.TimeoutExpired:
        failure = f"not done after {seconds:.0f} s"
    if failure:
        print(f"  {name} {failure}", flush=True)
    return {
        "date": date.today().isoformat(),
        "commit": git_commit(Path(__file__)),
        "seconds": monotonic() - begun,
        "failure": failure,
        "rows": [json.loads(line) for line in rows.read_text().splitlines()],
    }


def _measure(name: str, device: torch.device, rows: Path) -> None:
    """Measure a section in this process, and write each row at once."""
    with rows.open("a") as stream:
        for row in SECTIONS[name](sizes_for(device.type), device):
            print(f"  {_described(row)}", flush=True)
            stream.write(json.dumps(row) + "\n")
            stream.flush()


def _described(row: Row) -> str:
    """Write a row in a line, its numbers in short."""
    parts = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
        if not isinstance(value, list) and value is not None
    ]
    return ", ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
