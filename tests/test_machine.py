import json

import pytest
from typer.testing import CliRunner

import latentscape
from latentscape.cli import app
from latentscape.core import machine
from latentscape.core.errors import ConfigError
from latentscape.core.extras import install
from latentscape.core.runtime import count_threads


@pytest.fixture(scope="module")
def values():
    return latentscape.info("cpu")


def test_what_was_chosen_is_said_with_its_reason(values):
    assert values["machine"]["device"] == "cpu"
    chosen, _, reason = values["training"]["precision"].partition(": ")
    assert chosen in ("float32", "bfloat16")
    assert reason.startswith("the processor has")
    assert "replayed" in values["training"]["steps"]
    assert values["versions"]["latentscape"] == latentscape.__version__


def test_products_are_measured(values):
    assert values["products"].keys() == {"float32", "bfloat16"}
    assert values["products"]["float32"] > 1
    # Without an instruction for it one product takes seconds, and is measured still.
    assert values["products"]["bfloat16"] > 0.01


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'cpu'"):
        latentscape.info("cpus")


def test_on_the_command_line():
    runner = CliRunner()
    shown = runner.invoke(app, ["info", "--device", "cpu"])
    assert shown.exit_code == 0
    assert "GFLOP/s" in shown.stdout
    assert "channels innermost" in shown.stdout
    values = json.loads(runner.invoke(app, ["info", "--device", "cpu", "--json"]).stdout)
    assert values.keys() == {"versions", "machine", "places", "training", "products"} | {
        "placement",
        "cache",
    }


@pytest.mark.parametrize("installed", ["2.60.0", None])
def test_what_work_can_run_on_is_said(monkeypatch, installed):
    monkeypatch.setattr(machine, "_version", lambda package: installed)
    monkeypatch.setattr(machine, "measure_products", lambda device: {})
    places = latentscape.info("cpu")["places"]
    assert places["local"].startswith(f"{count_threads()} cores")
    assert places["ray"] == ("Ray 2.60.0" if installed else f"not installed: {install('ray')}")
