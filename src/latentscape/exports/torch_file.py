"""Files of torch.export: programs that PyTorch runs without the code that made them."""

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from latentscape.core.records import Array
from latentscape.exports.submodels import Runner, Submodel
from latentscape.exports.target import Target
from latentscape.runs import METADATA_KEY


def write_torch(submodel: Submodel, metadata: str, file: Path) -> None:
    """Write a program, weights and all."""
    # Not to the file itself: PyTorch aborts the whole process where the disk is full.
    content = io.BytesIO()
    torch.export.save(submodel.trace(), content, extra_files={METADATA_KEY: metadata})
    file.write_bytes(content.getbuffer())


def open_torch(file: Path) -> Runner:
    """Load a file into PyTorch, on the CPU."""
    program = torch.export.load(file).module()

    def run(inputs: Mapping[str, Array]) -> Array:
        outputs: Tensor = program(*map(torch.from_numpy, inputs.values()))
        return outputs.detach().numpy()

    return run


TORCH_EXPORT = Target("torch.export", ".pt2", lambda: None, write_torch, open_torch)
