"""The run directory, the model file and findings: written atomically, read without executing.

Whatever is wrong with a file, reading it raises a `RunError` that names the file and the reason.

::

    runs/<name>/
        recipe.yaml  environment.json  data.json  history.jsonl  events.jsonl
        model.safetensors  checkpoint/  snapshots/  findings.json  findings.npz  report.html
"""

from latentscape.runs.directory import Run, create_run, list_runs, open_run, write_recipe
from latentscape.runs.findings import read_findings, write_findings
from latentscape.runs.model_file import METADATA_KEY, ModelFile, load_model, read_model, save_model
from latentscape.runs.reading import SCHEMA

__all__ = [
    "METADATA_KEY",
    "ModelFile",
    "SCHEMA",
    "Run",
    "create_run",
    "list_runs",
    "load_model",
    "open_run",
    "read_findings",
    "read_model",
    "save_model",
    "write_findings",
    "write_recipe",
]
