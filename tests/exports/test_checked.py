"""What is not right is not kept, and what cannot be done is said before anything is written."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from latentscape.core import extras
from latentscape.core.errors import ConfigError, RunError
from latentscape.exports.checked import export_model
from latentscape.exports.target import choose_target
from latentscape.exports.targets import TARGETS

WRONG = {"off": 3e-4, "nan": float("nan")}


@pytest.fixture
def spoil(monkeypatch):
    """Return a function that makes files of torch.export give something else."""
    target = choose_target("torch-export")

    def spoil(part, by):
        def open_spoilt(file):
            run = target.open(file)
            return lambda inputs: run(inputs) + by * (part in file.name)

        monkeypatch.setitem(TARGETS, "torch-export", replace(target, open=open_spoilt))

    return spoil


@pytest.mark.parametrize("by", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_not_kept(export, small, spoil, tmp_path, by):
    spoil("encoder", by)
    with pytest.raises(
        RunError, match=r"The encoder .* differs from the model .* Nothing was kept"
    ):
        export("simple-20", small, "torch-export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_both_old_files_stay_where_one_new_file_is_wrong(export, small, spoil, tmp_path, part):
    old = {file.file: file.file.read_bytes() for file in export("vae-20", small, "torch-export")}
    spoil(part, 1)
    with pytest.raises(RunError, match=f"The {part} "):
        export("simple-20", small, "torch-export")
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == old


def test_large_codes_are_judged_by_their_size(export, small, spoil):
    spoil("encoder", 3e-4)
    (exported,) = export("sparse", small, "torch-export", {"model.init": LARGE}, ["encoder"])
    assert exported.largest > 10
    assert exported.difference == pytest.approx(3e-4, rel=0.1)


LARGE = {"kind": "truncated_normal", "sd": 0.4}


@pytest.mark.parametrize(
    ("to", "package", "extra"),
    [
        ("onnx", "onnx", "onnx"),
        ("onnx", "onnxscript", "onnx"),
        ("onnx", "onnxruntime", "onnx"),
        ("keras", "keras", "keras"),
    ],
)
def test_a_missing_package_is_named_with_its_install_command(
    export, small, monkeypatch, tmp_path, to, package, extra
):
    def load(name):
        if name == package:
            raise ImportError(name=name)

    monkeypatch.setattr(extras, "load", load)
    with pytest.raises(
        ConfigError, match=rf"needs the package {package}, .*latentscape\[{extra}\]"
    ):
        export("simple-20", small, to)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("vq-vae", {}, "a vq latent, which looks for the nearest vector"),
        ("simple-20", {"model.likelihood": "continuous_bernoulli"}, "continuous_bernoulli"),
    ],
)
def test_what_keras_has_no_layer_for_is_refused(export, small, tmp_path, name, changes, reason):
    with pytest.raises(ConfigError, match=f"no stock layer for .*{reason}.*--to onnx"):
        export(name, small, "keras", changes)
    assert not list(tmp_path.iterdir())


def test_a_codebook_is_no_obstacle_to_its_decoder_in_keras(export, small):
    (exported,) = export("vq-vae", small, "keras", parts=["decoder"])
    assert exported.difference < 1e-5


def test_a_folder_that_cannot_be_made(export, small, make, tmp_path):
    (tmp_path / "taken").write_text("a file")
    model, recipe = make("simple-20", small)
    with pytest.raises(RunError, match="could not be written"):
        export_model(model, small, recipe, "torch-export", ["encoder"], tmp_path / "taken")


def test_a_folder_in_the_way_of_one_file_keeps_the_other(export, small, tmp_path):
    (tmp_path / "encoder.pt2").mkdir()
    (tmp_path / "decoder.pt2").write_text("old")
    with pytest.raises(RunError, match=r"encoder\.pt2 could not be written: Is a directory"):
        export("simple-20", small, "torch-export")
    assert (tmp_path / "decoder.pt2").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decoder.pt2", "encoder.pt2"]


@pytest.mark.parametrize("to", ["torch-export", "onnx"])
def test_equal_exports_are_equal_files(export_into, small, tmp_path, to):
    first, again = (export_into(tmp_path / name, "simple-20", small, to) for name in "ab")
    for first_file, other in zip(first, again, strict=True):
        assert first_file.file.read_bytes() == other.file.read_bytes()


def test_an_unknown_format(export, small):
    with pytest.raises(ConfigError, match="no export target called 'onyx'.*Did you mean 'onnx'"):
        export("simple-20", small, "onyx")


@pytest.fixture
def small_files():
    """Let no file grow beyond 10 kB for a time, as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def small_files():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return small_files


@pytest.mark.parametrize("to", TARGETS)
def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(
    export, small, small_files, tmp_path, to
):
    with small_files(), pytest.raises(RunError, match="could not be written: File too large"):
        export("simple-20", small, to, parts=["decoder"])
    assert not list(tmp_path.iterdir())
