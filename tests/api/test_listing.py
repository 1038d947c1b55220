"""Runs that are listed, shown and removed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import latentscape
from latentscape.api.describing import describe_run
from latentscape.cli import main
from latentscape.core.errors import ConfigError, RunError
from latentscape.evaluation.listing import list_folder
from latentscape.runs import owning, write_part
from latentscape.runs.directory import Run
from runs.test_owner import owned_elsewhere
from synthetic import make_run, study_of

LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy"


def place_run(folder, name, label="plain", **facts) -> Run:
    """Make a run at a place."""
    made = make_run(folder / "elsewhere", label, **facts)
    made.run.path.rename(folder / name)
    shutil.rmtree(folder / "elsewhere")
    return Run(folder / name)


def place_study(folder, name, *runs) -> None:
    """Write the findings of a study of runs that stand beside it."""
    groups = [[latentscape.RunFindings(run)] for run in runs]
    (folder / name).mkdir()
    write_part(folder / name, study_of(groups, name=name))


@pytest.fixture(scope="module")
def every_state(tmp_path_factory):
    """Runs of every state, a study, and what is neither."""
    runs = tmp_path_factory.mktemp("every") / "runs"
    runs.mkdir()
    good = place_run(runs, "good", "simple-20", error=0.1)
    bad = place_run(runs, "bad", "vae-20", kind="vae", error=9.0)
    place_run(runs, "half").model_file.unlink()
    place_run(runs, "torn")
    (runs / "torn" / "data.json").write_text("{")
    shutil.copytree(LEGACY / "run", runs / "old")
    shutil.copytree(LEGACY / "study" / "two-digits", runs / "old-study")
    place_study(runs, "study", good, bad)
    (runs / "notes").mkdir()
    (runs / "notes" / "data.json").write_text("{}")
    (runs / ".hidden").mkdir()
    (runs / "file").touch()
    return runs


@pytest.fixture
def folder(every_state, tmp_path):
    """A copy of them."""
    return shutil.copytree(every_state, tmp_path / "runs")


def by_name(listed):
    return {run.name: run for run in listed}


def test_the_list_is_a_table(every_state):
    listing = latentscape.list_runs(every_state, filters=["kind=run"])
    frame = listing.to_pandas().set_index("name")
    assert list(frame.index) == [run.name for run in listing]
    assert frame.loc["good", "mse"] == by_name(listing)["good"].mse
    assert listing.table.units == {"mse": "per pixel", "pca_mse": "per pixel"}
    assert repr(listing) == "<Listing of 5: bad, good, half, old, torn>"
    html = listing._repr_html_()
    assert all(f'<th scope="row">{run.name}</th>' in html for run in listing)


def run_main(monkeypatch, *arguments):
    """Run a command; return its exit code."""
    monkeypatch.setattr("sys.argv", ["latentscape", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_every_state_is_listed_and_no_damage_ends_the_list(folder):
    with owned_elsewhere(folder / "bad"):
        listed = by_name(latentscape.list_runs(folder))
    assert {name: run.state for name, run in listed.items()} == {
        "bad": "owned",
        "good": "finished",
        "half": "unfinished",
        "old": "finished",
        "old-study": "finished",
        "study": "finished",
        "torn": "damaged",
    }
    assert listed["bad"].work == "trained"
    assert "data.json is damaged" in listed["torn"].problem
    assert listed["torn"].recipe == "plain"  # What can be read is there all the same.
    assert listed["old"].version == "0.1.0"
    assert listed["old"].mse == pytest.approx(0.161, abs=0.001)
    assert (listed["old-study"].kind, listed["old-study"].runs) == ("study", 3)
    assert (listed["study"].runs, listed["study"].rows) == (2, 2)


def test_a_run_is_listed_with_what_it_has_reached(folder):
    run = by_name(latentscape.list_runs(folder))["good"]
    findings = latentscape.RunFindings(Run(folder / "good"))
    comparison = findings.require(latentscape.Evaluation).comparison
    assert (run.mse, run.pca_mse) == (comparison.mse, comparison.pca_mse)
    assert run.outcome == comparison.outcome
    assert (run.recipe, run.data) == ("simple-20", findings.data.name)
    assert run.epochs == len(findings.history.epochs)
    assert run.bytes == sum(f.stat().st_size for f in folder.glob("good/**/*") if f.is_file())


def test_the_recipe_of_an_awkward_name(tmp_path):
    for place, name in enumerate(("it's", "no", "a: b", "x" * 200, "größer")):
        place_run(tmp_path, f"run-{place}", name)
    listed = latentscape.list_runs(tmp_path)
    assert [run.recipe for run in listed] == ["it's", "no", "a: b", "x" * 200, "größer"]


def test_a_lock_that_a_killed_process_left_is_no_owner(folder):
    lock = folder / "half" / ".lock"
    holder = {"process": 2**22 + 1, "host": "here", "since": "", "work": "trained"}
    for host in ("elsewhere", __import__("platform").node()):
        lock.write_text(json.dumps({**holder, "host": host}))
        assert by_name(latentscape.list_runs(folder))["half"].state == "unfinished"
    with owning(folder / "half", "written"):  # The list has taken no lock.
        pass


ORDERS = {
    "name": ["bad", "good", "half", "old", "old-study", "study", "torn"],
    "error": ["good", "study", "torn", "half", "old", "bad", "old-study"],
}


@pytest.mark.parametrize("sort", ORDERS)
def test_lists_are_sorted(folder, sort):
    names = [run.name for run in latentscape.list_runs(folder, sort=sort)]
    assert names[-1] == ORDERS[sort][-1]
    assert names[0] == ORDERS[sort][0]
    runs = latentscape.list_runs(folder, sort="size")
    assert [run.bytes for run in runs] == sorted((run.bytes for run in runs), reverse=True)
    newest = latentscape.list_runs(folder, sort="age")
    started = [run.started for run in newest if run.started]
    assert started[0] == max(started)


FILTERS = {
    "oo": ["good"],
    "recipe=vae*": ["bad", "old"],
    "recipe=VAE*": ["bad", "old"],
    "state=damaged": ["torn"],
    "kind=study": ["old-study", "study"],
    "error<0.005": ["good", "study"],
    "size > 1000": [],
}


@pytest.mark.parametrize("text", FILTERS)
def test_lists_are_filtered(folder, text):
    assert [run.name for run in latentscape.list_runs(folder, filters=[text])] == FILTERS[text]


def test_all_filters_have_to_fit(folder):
    filters = ["recipe=vae*", "ol"]
    assert [run.name for run in latentscape.list_runs(folder, filters=filters)] == ["old"]


@pytest.mark.parametrize("text", ["colour=red", "error<small", "name<3"])
def test_filters_that_mean_nothing_are_refused(folder, text):
    with pytest.raises(ConfigError):
        latentscape.list_runs(folder, filters=[text])


def test_a_folder_that_is_none_or_a_run_is_refused(folder):
    with pytest.raises(RunError, match="cannot be listed: No such file"):
        latentscape.list_runs(folder / "absent")
    with pytest.raises(RunError, match="latentscape runs show"):
        latentscape.list_runs(folder / "good")


def test_only_small_files_are_read(folder, monkeypatch):
    """Ten thousand runs are listed in seconds: no arrays, no models, no whole recipe."""
    opened = []
    read = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *a: opened.append(path.name) or read(path, *a))
    list_folder(folder)
    small = {"recipe.yaml", "data.json", "environment.json", "history.jsonl", "evaluation.json"}
    assert set(opened) == small | {"study.json", "findings.json"}


def test_a_description_names_all_that_is_damaged(folder):
    whole = describe_run(folder / "good")
    assert whole.recipe is not None
    assert whole.recipe.name == "simple-20"
    assert "evaluation" in whole.parts
    assert whole.studies == ("study",)
    assert {"findings/", "recipe.yaml", "data.json"} <= {file.name for file in whole.files}
    assert sum(file.bytes for file in whole.files) == whole.run.bytes
    torn = describe_run(folder / "torn")
    assert torn.data is None
    assert any("data.json is damaged" in problem for problem in torn.problems)
    assert describe_run(folder / "old").parts
    study = describe_run(folder / "study")
    assert study.members is not None
    assert study.members.groups == {"simple-20": ("good",), "vae-20": ("bad",)}
    with pytest.raises(RunError, match="neither a run nor a study"):
        describe_run(folder / "notes")


def test_runs_are_removed_whole(folder):
    sizes = by_name(latentscape.list_runs(folder))
    removed = latentscape.remove_runs([folder / "good", folder / "half", folder / "good"])
    assert [run.name for run in removed] == ["good", "half"]
    assert sum(run.bytes for run in removed) == sizes["good"].bytes + sizes["half"].bytes
    left = {path.name for path in folder.iterdir()}
    assert left == {"bad", "torn", "old", "old-study", "study", "notes", ".hidden", "file"}


def test_a_study_goes_and_its_runs_stay(folder):
    latentscape.remove_runs([folder / "study", folder / "old-study", folder / "torn"])
    assert {"good", "bad"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "study").exists()


REFUSED = {
    "notes": "neither a run nor a study",
    "file": "neither a run nor a study",
    "absent": "neither a run nor a study",
    "link": "is a link",
    "good/..": "neither a run nor a study",
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_removed_where_one_is_no_run(folder, name):
    (folder / "link").symlink_to(folder / "bad")
    before = sorted(folder.glob("**/*"))
    with pytest.raises(RunError, match=REFUSED[name]):
        latentscape.remove_runs([folder / "good", folder / name])
    assert sorted(folder.glob("**/*")) == before


def test_a_recipe_in_a_folder_of_ones_own_is_no_run_to_remove(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: mine")
    (tmp_path / "data.json").write_text("{}")
    with pytest.raises(RunError, match="neither a run nor a study"):
        latentscape.remove_runs([tmp_path])
    assert (tmp_path / "data.json").exists()


def test_a_run_that_is_owned_is_not_removed(folder):
    with owned_elsewhere(folder / "bad"):
        with pytest.raises(RunError, match="is being trained by another process"):
            latentscape.remove_runs([folder / "good", folder / "bad"])
        assert (folder / "good").exists()
    latentscape.remove_runs([folder / "bad"])


def test_a_folder_that_cannot_be_renamed_keeps_all_its_files(folder, monkeypatch):
    before = sorted(folder.glob("good/**/*"))

    def refuse(path, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RunError, match="Permission denied"):
        latentscape.remove_runs([folder / "good"])
    assert sorted(folder.glob("good/**/*")) == before


def test_all_stay_where_one_cannot_be_renamed(folder, monkeypatch):
    before, rename = sorted(folder.glob("**/*")), Path.rename

    def refuse_one(path, target):
        if path.name == "half":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_one)
    with pytest.raises(RunError, match="Permission denied"):
        latentscape.remove_runs([folder / "good", folder / "half"])
    assert sorted(folder.glob("**/*")) == before


def test_the_command_lists_and_names_sub_commands(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    assert run_main(monkeypatch, "runs", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in listed] == ORDERS["name"]
    (folder / "show").mkdir()
    for arguments in (
        ["runs", "list", "runs/show"],
        ["runs", "runs/show"],
        ["runs", "./runs/show"],
    ):
        assert run_main(monkeypatch, *arguments) == 0
        assert capsys.readouterr().out == f"There are no runs in {Path(arguments[-1])}.\n"
    assert run_main(monkeypatch, "runs", "show", "runs/good", "--json") == 0
    assert json.loads(capsys.readouterr().out)["run"]["name"] == "good"


def test_the_command_asks_before_it_removes(folder, monkeypatch, capsys):
    assert run_main(monkeypatch, "runs", "remove", folder / "good") == 2  # Nobody is there.
    assert "Give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked = []

    def answer(text, **options):
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr("typer.confirm", answer)
    assert run_main(monkeypatch, "runs", "remove", folder / "good") == 1
    assert "good belongs to study: no new report of that." in capsys.readouterr().out
    assert (folder / "good").exists()
    assert run_main(monkeypatch, "runs", "remove", folder / "good") == 0
    assert "Removed good;" in capsys.readouterr().out
    assert run_main(monkeypatch, "runs", "remove", folder / "half", "-y", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "half"
    assert not (folder / "half").exists()
    assert len(asked) == 2


@pytest.mark.parametrize("width", [40, 80])
def test_commands_break_no_path_on_a_terminal(folder, tmp_path, monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    place = folder.rename(tmp_path / "a-folder-whose-name-is-longer-than-a-narrow-terminal")
    data = tmp_path / "a-file-of-images-with-a-long-name-that-needs-its-own-line.npz"
    np.savez(data, images=np.zeros((8, 4, 4), np.uint8))
    commands = {
        ("runs", place): place / "torn" / "data.json",
        ("runs", "show", place / "good"): place / "good",
        ("runs", "show", place / "half"): place / "half",
        ("data", "show", data): data,
        ("data", "fetch", data): data,
        ("runs", "remove", place / "bad", "-y"): "bad",
    }
    for arguments, path in commands.items():
        assert run_main(monkeypatch, *arguments) == 0
        assert str(path) in capsys.readouterr().out, arguments


def test_a_run_that_has_taken_the_place_of_another_is_not_removed(folder):
    known = latentscape.open_run(folder / "good")
    shutil.rmtree(folder / "good")
    make_run(folder, "plain").run.path.rename(folder / "good")
    with pytest.raises(RunError, match="replaced|another"):
        latentscape.remove_runs([known])
    assert (folder / "good" / "recipe.yaml").is_file()
