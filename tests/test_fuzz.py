"""Some hundred of the mutations that ``tools/fuzz.py`` makes ten thousand of."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.mark.skipif(sys.platform != "linux", reason="the tool limits memory as Linux does")
def test_damaged_files_are_refused_and_execute_nothing():
    # By itself, since neither a limit of memory nor an audit hook can be taken back.
    command = [sys.executable, str(TOOLS / "fuzz.py"), "--count", "400", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "read as it was written" in done.stdout
    assert "is damaged: its weights do not fit its recipe" in done.stdout
    assert "is damaged: it is not JSON" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the tool limits memory as Linux does")
def test_damaged_data_are_refused_and_execute_nothing():
    command = [sys.executable, str(TOOLS / "fuzz_data.py"), "--count", "200", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "read as it was written" in done.stdout
    assert "refused: cannot be read as an image" in done.stdout
