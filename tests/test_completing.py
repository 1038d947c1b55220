"""What shells complete: settings and their values, runs, names."""

import pytest

from latentscape.cli import app
from latentscape.cli.completing import answering_shells, complete_run
from latentscape.config import load_recipe, override, parse_setting
from latentscape.config.paths import setting_values
from latentscape.core.errors import ConfigError

RECIPES = ["simple-20", "conv-vae", "vq-vae", "denoising", "iwae-50"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_that_is_offered_can_be_set(name):
    recipe = load_recipe(name)
    refused = {}
    for path, words in setting_values(recipe).items():
        for word in words:
            try:
                override(recipe, dict([parse_setting(f"{path}={word}")]))
            except ConfigError as error:
                refused[path] = str(error)
    # Another kind of part needs more than its name, and noise that is not there has no amount.
    assert all(path.endswith((".kind", ".amount")) for path in refused), refused
    assert not any("There is no setting" in message for message in refused.values())


def test_every_setting_of_a_recipe_is_offered_with_what_it_is():
    recipe = load_recipe("conv-vae")
    offered = setting_values(recipe)
    content = recipe.model_dump(mode="json", exclude={"model": {"input"}})

    def check(part, path):
        for name, value in part.items():
            below = f"{path}.{name}"
            if isinstance(value, dict):
                check(value, below)
            else:
                assert below in offered
                words = offered[below]
                assert value in (None, []) or any(
                    parse_setting(f"x={w}")[1] == value for w in words
                )

    for section in ("data", "model", "objective", "train"):
        check(content[section], section)


def test_without_a_recipe_settings_of_all_kinds_are_offered():
    offered = setting_values()
    assert {"model.encoder.widths", "model.encoder.channels", "model.latent.codes"} <= {*offered}
    assert offered["train.optimizer"] == ["adam", "adamw", "muon", "rmsprop", "sgd"]
    assert offered["data.grey"] == ["true", "false"]
    assert not any(path.startswith("model.input") for path in offered)
    plain = setting_values(load_recipe("simple-20"))
    assert "model.encoder.channels" not in plain
    assert plain["model.latent.kind"] == offered["model.latent.kind"]


def completed(monkeypatch, capsys, line, shell="bash"):
    """Return what a shell is offered at the end of a line; Bash parts words at ``=``."""
    words = line.replace("=", "\n=\n").replace(" ", "\n").split("\n")
    words = [word for word in words[:-1] if word] + ([words[-1]] if not line.endswith("=") else [])
    monkeypatch.setenv("_LATENTSCAPE_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    with pytest.raises(SystemExit), answering_shells():
        app(args=[], prog_name="latentscape")
    return capsys.readouterr().out.split("\n")[:-1]


LINES = {
    "latentscape train vae-20 --set train.optimizer=": ["adam", "adamw", "muon", "rmsprop", "sgd"],
    "latentscape train vae-20 --set train.optimizer=ad": ["adam", "adamw"],
    "latentscape train vae-20 --set train.l": ["train.lr=0.001"],
    "latentscape train vae-20 --set model.latent.pr": [
        "model.latent.prior=standard",
        "model.latent.prior=vamp",
    ],
    "latentscape train --set train.lr=1 --set model.latent.d": [
        "model.latent.dim=",
        "model.latent.decay=",
    ],
    "latentscape train --set train.lr=0.1 vae-2": ["vae-20", "vae-20-collapsed"],
    "latentscape tune vae-20 --space train.l": ["train.lr="],
    "latentscape tune vae-20 --space train.optimizer=": ["[adam,adamw,muon,rmsprop,sgd]"],
    "latentscape tune vae-20 --space train.lr=": ["log(", "("],
    "latentscape tune vae-20-c": ["vae-20-collapsed"],
    "latentscape runs sh": ["show"],
}


@pytest.mark.parametrize("line", LINES)
def test_lines_of_bash(monkeypatch, capsys, line):
    assert completed(monkeypatch, capsys, line) == LINES[line]


def test_other_shells_complete_whole_words(monkeypatch, capsys):
    line = "latentscape train vae-20 --set train.optimizer=ad"
    text = "\n".join(completed(monkeypatch, capsys, line, "zsh"))
    assert '"train.optimizer=adam"' in text


def test_runs_are_completed_by_their_paths(tmp_path, monkeypatch):
    for name in ("runs/vae-0", "runs/vae-1", "runs/plain", "other/deep"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("vae-0", "vae-1", "plain"):
        (tmp_path / "runs" / name / "recipe.yaml").touch()
    (tmp_path / "runs" / "study" / "findings").mkdir(parents=True)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert complete_run("") == ["other/", "runs/"]
    assert complete_run("ru") == complete_run("runs/")  # More than a slash follows.
    assert complete_run("runs/") == ["runs/plain", "runs/study", "runs/vae-0", "runs/vae-1"]
    assert complete_run("runs/v") == ["runs/vae-0", "runs/vae-1"]
    assert complete_run(f"{tmp_path}/runs/p") == [f"{tmp_path}/runs/plain"]
    assert complete_run("absent/x") == complete_run("fil") == []
