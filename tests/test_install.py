"""How Latentscape is installed: by the script that make uses, and from a wheel."""

import os
import subprocess
import sys
import urllib.error
import zipfile
from pathlib import Path

import pytest
from tools import install

ROOT = Path(__file__).parents[1]


@pytest.fixture
def venv(tmp_path, monkeypatch):
    """An environment that is only a folder, on a machine without an NVIDIA card or a network."""

    def refuse(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(install.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setattr(install, "SECONDS_BETWEEN_LINES", {True: 0.05, False: 0.05})
    (tmp_path / ".venv").mkdir()
    return tmp_path / ".venv"


def have_pip_do(monkeypatch, venv, program):
    """Put a Python program in the place of the environment's Python; it writes its arguments."""
    python = venv / "python"
    python.write_text(
        f"#!{sys.executable}\nimport pathlib, sys, time\n"
        f"pathlib.Path({str(venv / 'arguments')!r}).write_text(' '.join(sys.argv[1:]))\n{program}\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(install, "create_environment", lambda venv: python)


@pytest.mark.skipif(os.name == "nt", reason="needs a script that can be executed")
@pytest.mark.parametrize(("purpose", "extras"), [("demo", "[demo]"), ("tests", "[dev,docs,all]")])
def test_it_says_what_it_will_take_then_how_far_it_is(venv, monkeypatch, capsys, purpose, extras):
    have_pip_do(monkeypatch, venv, "time.sleep(0.2)")
    install.install_packages(venv, purpose)
    lines = capsys.readouterr().out.splitlines()
    gigabytes = install.PURPOSES[purpose].megabytes / 1000
    assert f"about {gigabytes:.1f} GB, and 1 to 5 minutes" in lines[1]
    assert f"of about {1000 * gigabytes:,.0f} MB unpacked" in lines[3]
    assert lines[-1].startswith("Installed 0 MB in ")
    assert (venv / "arguments").read_text().endswith(f"--editable {ROOT}{extras}")


@pytest.mark.skipif(os.name == "nt", reason="needs a script that can be executed")
def test_a_failure_shows_the_last_lines_of_pip_and_is_not_taken_for_installed(
    venv, monkeypatch, capsys
):
    program = "print('x\\n' * 100 + 'No matching distribution found for torch'); sys.exit(1)"
    have_pip_do(monkeypatch, venv, program)
    assert install.main(["--for", "demo", "--venv", str(venv)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: pip could not install the packages. Its last lines:\n")
    assert error.count("\n") < 20
    assert "No matching distribution found for torch" in error
    assert not install.is_installed(venv, "demo")


@pytest.mark.skipif(os.name == "nt", reason="needs a script that can be executed")
def test_an_installation_that_cannot_train_is_none(venv, monkeypatch, capsys):
    have_pip_do(monkeypatch, venv, "print('no torch'); sys.exit('train' in sys.argv)")
    assert install.main(["--venv", str(venv)]) == 2
    assert (
        "A small model could not be trained. The last lines:\nno torch" in capsys.readouterr().err
    )
    assert not install.is_installed(venv, "tests")


def test_the_trial_trains_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(install, "create_environment", lambda venv: Path(sys.executable))
    install.try_out(tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="needs a script that can be executed")
def test_the_trial_keeps_what_it_compiles_where_that_is_forbidden(venv, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    have_pip_do(monkeypatch, venv, "sys.exit(sys.dont_write_bytecode)")
    install.try_out(venv)


def test_what_is_installed_is_not_installed_again_until_versions_change(venv, monkeypatch):
    install.stamp_of(venv, "tests").write_text(install.fingerprint())
    assert install.is_installed(venv, "tests")
    assert install.is_installed(venv, "demo")  # It is a part of the tests'.
    install.stamp_of(venv, "tests").unlink()
    install.stamp_of(venv, "demo").write_text(install.fingerprint())
    assert install.is_installed(venv, "demo")
    assert not install.is_installed(venv, "tests")
    monkeypatch.setattr(install, "fingerprint", lambda: "of other versions")
    assert not install.is_installed(venv, "demo")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("has_card", [True, False])
def test_pytorch_for_the_cpu_is_chosen_where_there_is_no_card(monkeypatch, platform, has_card):
    class Answer:
        def close(self):
            pass

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(install.shutil, "which", lambda name: "/bin/it" if has_card else None)
    monkeypatch.setattr(install.urllib.request, "urlopen", lambda *a, **k: Answer())
    options = install.pytorch_options()
    wanted = ["--extra-index-url", install.CPU_BUILDS]
    assert options == (wanted if platform == "linux" and not has_card else [])


def test_without_a_network_pip_takes_the_build_that_it_knows(venv, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert install.pytorch_options() == []
    assert "cannot be reached" in capsys.readouterr().out


def test_an_old_python_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(install.sys, "version_info", (3, 10, 1))
    assert install.main([]) == 2
    assert "is too old; 3.11 is needed" in capsys.readouterr().err


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip install .` builds."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_a_wheel_carries_all_that_is_no_code(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for part in (
        "py.typed",
        "recipes/simple-20.yaml",
        "studies/quickstart.yaml",
        "explorer/page/explorer.js",
        "explorer/page/ort.wasm",
        "data/bundled/mnist-5k/train-images-idx3-ubyte.gz",
        "data/bundled/digits/images-idx3-ubyte.gz",
    ):
        assert f"latentscape/{part}" in names
    assert not any("node_modules" in name or "tests" in name for name in names)


def test_an_installed_wheel_trains_where_there_is_no_checkout(wheel, tmp_path):
    """Beside the packages that are there already: their installation is not ours to test."""
    site = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--quiet", "--no-compile", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    program = (
        "import sys, latentscape; from latentscape.cli import main; "
        "sys.argv[1:] = sys.argv[2:]; print(latentscape.__file__, file=sys.stderr); main()"
    )
    words = "train simple-20 --data digits --train 100 --test 20 --epochs 1 --json --quiet".split()
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(site) in done.stderr
    assert (tmp_path / "runs" / "simple-20-digits-0" / "model.safetensors").is_file()
