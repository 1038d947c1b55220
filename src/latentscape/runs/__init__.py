"""The run directory, the model file and findings: written whole, read without executing.

Whatever is wrong with a file, reading it raises a `RunError` that names the file and the reason.

::

    runs/<name>/
        recipe.yaml  environment.json  data.json  identity.json  history.jsonl  events.jsonl
        model.safetensors  checkpoint/  snapshots/  findings/<part>.json, .npz  report.html
        .lock, while a process writes any of these
"""

from typing import TYPE_CHECKING

from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.runs.directory import (
        Run,
        create_run,
        open_run,
        replacing,
        runs_in,
        write_recipe,
    )
    from latentscape.runs.facts import DataFacts, Environment
    from latentscape.runs.findings import RunFindings, save_parts
    from latentscape.runs.identity import check_model, seal
    from latentscape.runs.model_file import (
        ModelFile,
        load_model,
        pack_model,
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
    from latentscape.runs.owner import owning
    from latentscape.runs.reading import METADATA_KEY, SCHEMA
    from latentscape.runs.store import read_part, write_part
    from latentscape.runs.trained_on import SavedCodes, TrainedOn

# Models need PyTorch, which takes a second to import, and run directories do not.
__getattr__ = lazy_names(
    __name__,
    {
        "directory": ("Run", "create_run", "runs_in", "open_run", "replacing", "write_recipe"),
        "facts": ("DataFacts", "Environment"),
        "findings": ("RunFindings", "save_parts"),
        "identity": ("check_model", "seal"),
        "model_file": ("ModelFile", "load_model", "pack_model", "read_model", "save_model"),
        "opened": (
            "OpenModel",
            "OpenRun",
            "check_input",
            "load_run_split",
            "load_split",
            "open_model",
        ),
        "owner": ("owning",),
        "reading": ("METADATA_KEY", "SCHEMA"),
        "store": ("read_part", "write_part"),
        "trained_on": ("SavedCodes", "TrainedOn"),
    },
)

__all__ = [
    "METADATA_KEY",
    "SCHEMA",
    "DataFacts",
    "Environment",
    "ModelFile",
    "OpenModel",
    "OpenRun",
    "Run",
    "RunFindings",
    "SavedCodes",
    "TrainedOn",
    "check_input",
    "check_model",
    "create_run",
    "runs_in",
    "load_model",
    "load_run_split",
    "load_split",
    "open_model",
    "open_run",
    "owning",
    "pack_model",
    "read_model",
    "read_part",
    "replacing",
    "save_model",
    "save_parts",
    "seal",
    "write_part",
    "write_recipe",
]
