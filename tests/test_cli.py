"""The command line as a person uses it: what it prints, what it writes and its exit code.

Some commands run in processes of their own. The others run in this one, which spares each of them
the seconds in which a process imports PyTorch.
"""

import gzip
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import numpy as np
import pytest
import yaml

from latentscape.cli import main

COMMANDS = [
    [],
    ["train"],
    ["embed"],
    ["export"],
    ["publish"],
    ["compare"],
    ["evaluate"],
    ["report"],
    ["analyze"],
    ["cluster"],
    ["probe"],
    ["project"],
    ["place"],
    ["explore"],
    ["legibility"],
    ["anomalies"],
    ["neighbours"],
    ["data"],
    ["data", "list"],
    ["data", "show"],
    ["data", "fetch"],
    ["recipes"],
    ["recipes", "list"],
    ["recipes", "show"],
    ["runs"],
    ["runs", "list"],
    ["runs", "show"],
    ["runs", "remove"],
    ["studies"],
    ["studies", "list"],
    ["studies", "show"],
]


@dataclass
class Ended:
    """What a command printed."""

    stdout: str
    stderr: str


def latentscape(*arguments, cwd=None, code=0) -> Ended:
    """Run a command within this process, as `main` does it for a person."""
    stdout, stderr = StringIO(), StringIO()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(sys, "argv", ["latentscape", *map(str, arguments)])
        patch.setenv("COLUMNS", "120")
        patch.setenv("NO_COLOR", "1")
        if cwd is not None:
            patch.chdir(cwd)
        stack.enter_context(redirect_stdout(stdout))
        stack.enter_context(redirect_stderr(stderr))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main()
    assert ended.value.code == code, stderr.getvalue() + stdout.getvalue()
    return Ended(stdout.getvalue(), stderr.getvalue())


def complaints(ended) -> list[str]:
    """All that stands beside the result but how far a work is, which a busy machine gets to say."""
    return [
        line for line in ended.stderr.splitlines() if not re.search(r"(, \d+ s| left.*)\)?$", line)
    ]


def process(*arguments, cwd=None, code=0) -> Ended:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "latentscape", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr + result.stdout
    return Ended(result.stdout, result.stderr)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def trained(place):
    return process(
        "train", "simple-20", "--data", "mnist-5k", "--epochs", 1, "--train", 200, cwd=place
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command):
    result = latentscape(*command, "--help")
    assert "Usage: " in result.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys, latentscape.cli\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(latentscape.cli.app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'pyarrow', 'sklearn', 'matplotlib', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_train_prints_a_table_and_keeps_progress_apart(trained, place):
    assert "PCA, 20 components" in trained.stdout
    assert "reported" not in trained.stdout  # That was on other data.
    assert "epoch 1 of 1" in trained.stderr
    assert "epoch 1 of" not in trained.stdout
    assert (place / "runs" / "simple-20-mnist-5k-0" / "model.safetensors").exists()


def test_evaluate_report_and_json(trained, place):
    run = "runs/simple-20-mnist-5k-0"
    values = json.loads(latentscape("evaluate", run, "--json", cwd=place).stdout)
    assert values["evaluation"]["n"] == 1000
    assert latentscape("report", run, cwd=place).stdout.strip() == f"{run}/report.html"
    assert (place / run / "report.html").stat().st_size < 10_000_000
    again = latentscape("train", "--resume", run, "--json", "--quiet", cwd=place)
    assert json.loads(again.stdout)["name"] == "simple-20-mnist-5k-0"
    assert not complaints(again)


def test_compare_prints_json_alone(place):
    """The study ae-vs-cae, of one recipe and without clusters and maps, which take their time."""
    study = yaml.safe_load(latentscape("studies", "show", "ae-vs-cae", "--json").stdout)
    entries, analysis = [{"recipe": "dense-dropout"}], ["probing", "legibility"]
    small = {"data.train": 100, "data.test": 60, "train.epochs": 1}
    mine = {"about": "", "axes": study["axes"], "set": small}
    (place / "mine.yaml").write_text(
        yaml.safe_dump({**mine, "entries": entries, "analysis": analysis})
    )
    result = latentscape("compare", "mine.yaml", "--jobs", 1, "--json", "-q", cwd=place)
    values = json.loads(result.stdout)
    assert len(values["rows"]) == 2
    assert not complaints(result)
    assert (place / values["folder"] / "report.html").exists()
    # The tables of the course report: legibility and probes beside the run time.
    for row in values["rows"]:
        asked = {"probe_accuracy", "readable", "readable_of_16"}
        assert asked <= row["statistics"].keys()
        assert row["train_seconds"]["mean"] > 0
    names = [code["name"] for code in values["baselines"]]
    assert names == ["raw pixels", "PCA, 2", "PCA, 32", "chance", "largest class"]


RUN = "runs/simple-20-mnist-5k-0"
ANALYSES = [
    ("cluster", RUN, "--method", "kmeans"),
    ("cluster", "--codes", "few.npy", "--labels", "y.npy", "--method", "kmeans", "-k", "auto"),
    ("probe", RUN, "--probe", "knn", "-n", "20", "--draws", "2"),
    ("project", RUN, "--method", "pca", "--points", "50", "--save", "map.npz"),
    ("legibility", RUN),
    ("anomalies", RUN, "--data", "digits.npy", "--out", "scores.csv"),
    ("analyze", RUN, "--codes", "z.npy", "--part", "legibility", "--part", "neighbours"),
]


@pytest.fixture(scope="module")
def codes(place, digits):
    """Codes of all digits, few of them and their labels, and a few digits, as files."""
    values = digits.images[:].reshape(len(digits), -1)[:, 200:600:20] / 255
    np.save(place / "z.npy", values)
    np.save(place / "few.npy", values[::8])
    np.save(place / "y.npy", digits.labels[::8])
    np.save(place / "digits.npy", digits.images[:40])


@pytest.mark.parametrize("command", ANALYSES, ids=lambda command: f"{command[0]} {command[1]}")
def test_every_analysis_prints_a_table_and_json(trained, codes, place, command):
    table = latentscape(*command, cwd=place)
    assert table.stdout.strip()
    assert not complaints(table)
    assert json.loads(latentscape(*command, "--json", cwd=place).stdout)


def test_analyses_write_files(trained, codes, place):
    latentscape("anomalies", RUN, "--data", "digits.npy", "--out", "scores.csv", cwd=place)
    assert len((place / "scores.csv").read_text().splitlines()) == 41
    latentscape("project", RUN, "--method", "pca", "--points", 50, "--save", "map.npz", cwd=place)
    told = latentscape("place", RUN, "--data", "digits.npy", "--method", "pca", cwd=place).stdout
    assert told == "40 points: places.csv\n"
    assert len((place / "places.csv").read_text().splitlines()) == 41
    told = latentscape("neighbours", RUN, "--example", 3, "-k", 5, cwd=place).stdout
    assert "Test example 3" in told
    assert (place / RUN / "neighbours.png").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("cluster",), "nothing to look at"),
        (("cluster", RUN, "--method", "kmean"), "Did you mean 'kmeans'"),
        (("cluster", RUN, "-k", "ten"), "Expected 2 or more, or 'auto'"),
        (("cluster", "--codes", "y.npy", "--codes", "z.npy", "--data", "digits"), "examples"),
        (("project", RUN, "--save", "map.npz", "--points", "50"), "one file"),
        (("anomalies", RUN, "--normal", "zero"), "zero"),
        (("place", RUN, "--codes", "z.npy", "--method", "umap"), "map"),
    ],
)
def test_analyses_refuse_what_makes_no_sense(trained, codes, place, command, message):
    result = latentscape(*command, cwd=place, code=2)
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("data", "list"),
        ("data", "show", "mnist-5k"),
        ("data", "fetch", "digits"),
        ("recipes", "list"),
        ("recipes", "show", "conv-bn", "--latent-dim", "2"),
        ("studies", "list"),
        ("studies", "show", "suites"),
    ],
    ids=" ".join,
)
def test_every_table_is_json_too(command):
    table = latentscape(*command).stdout
    assert table.strip()
    assert json.loads(latentscape(*command, "--json").stdout)


def test_recipes_are_listed_by_family_with_their_sizes():
    listed = json.loads(latentscape("recipes", "list", "--json").stdout)
    families = [recipe["family"] for recipe in listed]
    assert families == sorted(families, key=families.index)  # Each family once.
    sizes = {recipe["recipe"]: (recipe["latent_dim"], recipe["parameters"]) for recipe in listed}
    assert sizes["simple-20"] == (20, 644_804)
    table = latentscape("recipes", "list").stdout
    assert all(f"\n  {name} " in table for name in sizes)


def test_recipes_show_lists_layers_with_shapes_and_parameters():
    table = latentscape("recipes", "show", "conv-bn", "--latent-dim", "2").stdout
    assert "Conv2d 32→64, 3×3" in table
    assert "64 × 14 × 14" in table
    assert "72,325" in table


def truncated_gzip(folder):
    folder.mkdir()
    for part, count in (("train", 50), ("t10k", 10)):
        images = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        images += os.urandom(count * 784)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        labels = b"\0\0\x08\x01" + count.to_bytes(4, "big") + bytes(count)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:9000])
    return folder


def wrong_magic(folder):
    file = folder.with_name("images-idx3-ubyte")
    file.write_bytes(b"not an IDX file at all")
    return file


def csv(text):
    def make(path):
        file = path.with_suffix(".csv")
        file.write_text(text)
        return file

    return make


def array(values):
    def make(path):
        file = path.with_suffix(".npy")
        np.save(file, values)
        return file

    return make


def empty_folder(path):
    path.mkdir()
    return path


def different_sizes(path):
    from PIL import Image

    path.mkdir()
    for size in (8, 9):
        Image.new("L", (size, size)).save(path / f"{size}.png")
    return path


BAD = {
    "truncated gzip": (truncated_gzip, "train-images-idx3-ubyte.gz"),
    "wrong magic number": (wrong_magic, "magic"),
    "ragged CSV": (csv("pixel0,pixel1\n1,2\n3\n"), "row|line"),
    "non-numeric CSV": (csv("pixel0,pixel1\n1,2\n3,x\n"), "x"),
    "NaN": (array(np.array([[0.5, np.nan], [0.1, 0.2]])), "NaN"),
    "infinity": (array(np.array([[0.5, np.inf], [0.1, 0.2]])), "infin"),
    "0 to 300": (array(np.linspace(0, 300, 40).reshape(10, 4)), "300"),
    "different sizes": (different_sizes, "--resize"),
    "empty folder": (empty_folder, "no "),
    "one example": (array(np.zeros((1, 4))), "one|two|1"),
    "absent file": (lambda path: path.with_suffix(".npy"), "no file|not exist|There is no"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_message_and_writes_nothing(tmp_path, name):
    make, words = BAD[name]
    source = make(tmp_path / "bad")
    result = latentscape("train", "simple-20", "--data", source, cwd=tmp_path, code=2)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    assert any(word in lines[0] for word in words.split("|")), lines[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "simple-2"), "Did you mean 'simple-20'"),
        (("train", "simple-20", "--set", "train.lrr=1"), "Did you mean 'lr'"),
        (("train", "simple-20", "--data", "mnist-5"), "Did you mean 'mnist-5k'"),
        (("train", "simple-20", "--device", "cdua"), "Did you mean 'cuda'"),
        (("compare", "ae-vs-ca"), "Did you mean 'ae-vs-cae'"),
        (("evaluate", "runs/none"), "not a run"),
        (("report", "runs/none"), "not a run"),
        (("train", "--resume", "runs/none"), "not a run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_say_what_to_do(tmp_path, arguments, words):
    result = latentscape(*arguments, cwd=tmp_path, code=2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_missing_label_column(tmp_path):
    (tmp_path / "t.csv").write_text("lable,pixel0,pixel1\n1,2,3\n0,4,5\n")
    result = latentscape(
        "train", "simple-20", "--data", "t.csv", "--labels", "label", cwd=tmp_path, code=2
    )
    assert "Did you mean 'lable'" in result.stderr


def test_labels_that_look_like_markup(tmp_path):
    (tmp_path / "t.csv").write_text("label,a,b\n[/b],0,1\n[red]x,1,0\n[/b],0,0\n")
    assert "[/b]" in latentscape("data", "show", "t.csv", cwd=tmp_path).stdout


def test_resume_takes_no_other_settings(trained, place):
    run = "runs/simple-20-mnist-5k-0"
    for options in (("--lr", 9), ("--set", "train.epochs=9"), ("--epochs", 9, "--name", "x")):
        result = latentscape("train", "--resume", run, *options, cwd=place, code=2)
        assert "change none but --epochs" in " ".join(result.stderr.replace("│", " ").split())


def test_resume_refuses_fewer_epochs_than_are_done(trained, place):
    run = "runs/simple-20-mnist-5k-0"
    result = latentscape("train", "--resume", run, "--epochs", 0, cwd=place, code=2)
    assert "more than" in result.stderr


def test_the_version():
    assert process("--version").stdout.strip().count(".") == 2


def test_columns_that_are_left_out_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("digit,pixel0,pixel1\n1,0,1\n2,1,0\n3,0,0\n")
    shown = json.loads(latentscape("data", "show", "t.csv", "--json", cwd=tmp_path).stdout)
    assert [entry["names"] for entry in shown["left_out"]] == [["digit"]]


def test_debug_shows_the_traceback(tmp_path):
    result = latentscape("train", "nothing", "--debug", cwd=tmp_path, code=2)
    assert "Traceback" in result.stderr


@pytest.mark.parametrize("arguments", [("train",), ("train", "simple-20", "--resume", "x")])
def test_train_wants_a_recipe_or_a_run(arguments):
    assert "--resume" in latentscape(*arguments, code=2).stderr


PICTURES = ["sample", "interpolate", "traverse", "manifold", "reconstruct", "denoise"]


@pytest.fixture(scope="module")
def plane(place):
    """A tiny variational model with codes of two numbers."""
    changes = ["--latent-dim", 2, "--epochs", 1, "--train", 300, "--test", 40]
    latentscape("train", "vae-20", *changes, "--name", "plane", "-q", cwd=place)
    return place / "runs" / "plane"


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_a_command(plane, name):
    noise = ["--noise", "gaussian"] if name == "denoise" else []
    assert "Example: latentscape" in latentscape(name, "--help").stdout
    printed = latentscape(name, plane, *noise).stdout.splitlines()
    assert printed[0] == str(plane / f"{name}.png")
    found = json.loads(latentscape(name, plane, *noise, "--array", "--json").stdout)
    assert found == {
        "picture": str(plane / f"{name}.png"),
        "array": str(plane / f"{name}.npy"),
        "about": " ".join(printed[1:]),
    }
    assert (plane / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert np.load(plane / f"{name}.npy").shape[-3:] == (1, 28, 28)


def test_a_plain_model_draws_from_a_mixture_or_says_what_it_draws_from(trained, place):
    run = "runs/simple-20-mnist-5k-0"
    few = latentscape("sample", run, cwd=place, code=2)
    assert "200 training examples, too few for a mixture" in few.stderr
    assert not (place / run / "sample.png").exists()
    drawn = latentscape("sample", run, "--from", "prior", "-n", 5, "--out", "n.png", cwd=place)
    assert drawn.stdout.startswith("n.png\nImages decoded from codes drawn from N(0, I), which is ")
    assert (place / "n.png").exists()


def test_walks_move_and_training_is_filmed(plane, tmp_path):
    file = tmp_path / "walk.webp"
    printed = latentscape("interpolate", plane, "--steps", 3, "--out", file).stdout
    assert printed.startswith(f"{file}\nFrom the code of one image to that of another and back, 3 ")
    assert "Example: latentscape" in latentscape("film", "--help").stdout
    failed = latentscape("film", plane, code=2)
    assert "a snapshot of epoch 1 alone" in failed.stderr
    assert "--epochs 8 --set 'train.snapshots=[1,2,4,8]'" in failed.stderr


@pytest.mark.parametrize("how", ["one option", "option each", "arguments"])
def test_files_are_given_in_one_go_or_one_by_one(plane, tmp_path, how):
    from PIL import Image

    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        Image.new("L", (28, 28), 99).save(file)
    given = {
        "one option": ["--files", *files],
        "option each": ["--files", files[0], "--files", files[1]],
        "arguments": files,
    }[how]
    out = tmp_path / "out.png"
    printed = latentscape("interpolate", plane, *given, "--out", out, "--steps", 3).stdout
    assert printed.startswith(f"{out}\na.png, b.png. ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sample", "--label", "7"), "latentscape train cond-vae"),
        (("sample", "--from", "vamp"), "no VampPrior"),
        (("sample", "-n", "0"), "count is 0"),
        (("interpolate", "--between", "3"), "not a pair such as 3,17"),
        (("interpolate", "--between", "3,99"), "from 0 to 39"),
        (("interpolate", "--files", "a.png"), "two"),
        (("traverse", "--example", "40"), "from 0 to 39"),
        (("manifold", "--size", "1"), "size is 1"),
        (("reconstruct", "--files", "none.png"), "none.png"),
        (("denoise",), "trained without noise"),
        (("denoise", "--noise", "masking", "--amount", "3"), "cannot exceed 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_with_pictures_exit_with_two(plane, arguments, words):
    name, *options = arguments
    failed = latentscape(name, plane, *options, code=2)
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""
