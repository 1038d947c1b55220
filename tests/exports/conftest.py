"""What tests of exports share: untrained models of which every number shows."""

import logging
from functools import cache, partial

import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter._registration import ONNXRegistry

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.exports.checked import export_model
from latentscape.model import Network

BOTH = ("encoder", "decoder")


@pytest.fixture(scope="session", autouse=True)
def keras_home(tmp_path_factory):
    """Let Keras keep its settings elsewhere than with whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        patch.delenv("KERAS_BACKEND", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_tracing():
    """Spare the tests what takes most of their time, and has no part in what is written.

    PyTorch reads its library of ONNX operators anew for each file, and pytest collects the
    thousands of records that it logs of a trace.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib))
        )
        patch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
        yield


@pytest.fixture(scope="session")
def make():
    """Return a function that makes a recipe's model for a split, and gives the recipe as well."""

    def make(name, split, changes=None):
        recipe = prepare(override(load_recipe(name), changes or {}), split)
        torch.manual_seed(0)
        return _stirred(Network(recipe.model, recipe.objective).eval()), recipe

    return make


@pytest.fixture(scope="session")
def export_into(make):
    """Return a function that exports a recipe's model into a folder."""

    def export_into(folder, name, split, to, changes=None, parts=BOTH):
        model, recipe = make(name, split, changes)
        return export_model(model, split, recipe, to, parts, folder)

    return export_into


@pytest.fixture
def export(export_into, tmp_path):
    """Return a function that exports a recipe's model into a folder of the test's own."""
    return partial(export_into, tmp_path)


@torch.no_grad()
def _stirred(model):
    """Move what starts at zero or one, where a wrong order or a wrong place would not show."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.5)
            layer.running_var.uniform_(0.5, 2)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            layer.weight.uniform_(0.5, 2)
        if getattr(layer, "bias", None) is not None:
            layer.bias.normal_(0, 0.2)
    return model
