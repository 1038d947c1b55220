import sys

import pytest

from latentscape.core.errors import ConfigError
from latentscape.core.extras import require


def test_a_package_that_is_there():
    assert require("xml.dom", "maps", "This").__name__ == "xml.dom"


@pytest.mark.parametrize("package", ["onnx", "onnx.helper"])
def test_a_package_that_is_missing(package, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    told = r"The export needs the package onnx, .* pip install 'latentscape\[onnx\]'"
    with pytest.raises(ConfigError, match=told):
        require(package, "onnx", "The export")
