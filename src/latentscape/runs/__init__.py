"""The run directory, the model file and findings: written whole, read without executing.

Whatever is wrong with a file, reading it raises a `RunError` that names the file and the reason.

::

    runs/<name>/
        recipe.yaml  environment.json  data.json  history.jsonl  events.jsonl
        model.safetensors  checkpoint/  snapshots/  findings/<part>.json, .npz  report.html
"""

from typing import TYPE_CHECKING

from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.runs.directory import Run, create_run, list_runs, open_run, write_recipe
    from latentscape.runs.facts import DataFacts, Environment
    from latentscape.runs.findings import RunFindings, save_parts
    from latentscape.runs.model_file import (
        METADATA_KEY,
        ModelFile,
        load_model,
        read_model,
        save_model,
    )
    from latentscape.runs.opened import (
        OpenModel,
        OpenRun,
        check_input,
        load_run_split,
        load_split,
        open_model,
    )
    from latentscape.runs.reading import SCHEMA
    from latentscape.runs.store import read_part, write_part
    from latentscape.runs.trained_on import KeptCodes, TrainedOn

# Models need PyTorch, which takes a second to import, and run directories do not.
__getattr__ = lazy_names(
    __name__,
    {
        "directory": ("Run", "create_run", "list_runs", "open_run", "write_recipe"),
        "facts": ("DataFacts", "Environment"),
        "findings": ("RunFindings", "save_parts"),
        "model_file": ("METADATA_KEY", "ModelFile", "load_model", "read_model", "save_model"),
        "opened": (
            "OpenModel",
            "OpenRun",
            "check_input",
            "load_run_split",
            "load_split",
            "open_model",
        ),
        "reading": ("SCHEMA",),
        "store": ("read_part", "write_part"),
        "trained_on": ("KeptCodes", "TrainedOn"),
    },
)

__all__ = [
    "METADATA_KEY",
    "SCHEMA",
    "DataFacts",
    "Environment",
    "KeptCodes",
    "ModelFile",
    "OpenModel",
    "OpenRun",
    "Run",
    "RunFindings",
    "TrainedOn",
    "check_input",
    "create_run",
    "list_runs",
    "load_model",
    "load_run_split",
    "load_split",
    "open_model",
    "open_run",
    "read_model",
    "read_part",
    "save_model",
    "save_parts",
    "write_part",
    "write_recipe",
]
