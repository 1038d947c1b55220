"""Measure what documents state, and write it into them: ``python -m tools.evidence NAME``."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tools.evidence.clusters import measure_clusters
from tools.evidence.doctoring import measure_doctor
from tools.evidence.dying import measure_dying
from tools.evidence.exploring import measure_explorer
from tools.evidence.gallery import measure_gallery
from tools.evidence.measuring import RUNS, Protocol, measure_study
from tools.evidence.memory import measure_memory
from tools.evidence.pages import write_pages
from tools.evidence.parity import measure_parity
from tools.evidence.recipes import measure_recipes
from tools.evidence.records import Evidence, save
from tools.evidence.scaling import measure_scaling
from tools.evidence.storing import measure_stores
from tools.evidence.worker_memory import measure_worker_memory
from tools.evidence.workers import measure_workers

PAGES = "pages"

STUDIES = {
    "quickstart": Protocol(data=None, seeds=1, is_printed=True),
    "reference": Protocol(seeds=5),
    "cnn-fc": Protocol(),
    "splits": Protocol(),
    "vae-20": Protocol(),
    "cond-vae": Protocol(),
    "ae-vs-cae": Protocol(),
    "embed-32": Protocol(is_choice=True),
    "cluster-10": Protocol(is_choice=True),
    "likelihoods": Protocol(seeds=1),
    "adversaries": Protocol(data="mnist-5k"),
}
"""Name of a results file to how its study is measured."""

OTHERS: dict[str, Callable[[Path], Evidence]] = {
    "doctor": measure_doctor,
    "dying-codes": lambda runs: measure_dying(),
    "exports": lambda runs: measure_parity(),
    "explorer": lambda runs: measure_explorer(),
    "recipes": measure_recipes,
    "gallery": measure_gallery,
    "stores": lambda runs: measure_stores(),
    "memory": lambda runs: measure_memory(),
    "scaling": lambda runs: measure_scaling(),
    "workers": lambda runs: measure_workers(),
    "worker-memory": lambda runs: measure_worker_memory(),
    "clusters": lambda runs: measure_clusters(),
}
"""Name of a results file to what measures it, where it is no study."""


def main() -> int:
    """Measure, keep the file, and write the pages."""
    parser = argparse.ArgumentParser(prog="python -m tools.evidence", description=__doc__)
    parser.add_argument(
        "name",
        choices=[*STUDIES, *OTHERS, PAGES],
        help=f"of a results file; {PAGES} only writes the pages anew",
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder that runs are kept in")
    arguments = parser.parse_args()
    name = arguments.name
    if name in STUDIES:
        save(measure_study(name, STUDIES[name], arguments.runs))
    elif name in OTHERS:
        save(OTHERS[name](arguments.runs))
    for page in write_pages():
        print(f"{page} is new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
