"""Kernels of our own: PyTorch's bits, and training without them where they cannot be had."""

import pytest
import torch
from test_engine import assert_same, soon, train

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.model.likelihoods import bernoulli_gradient, bernoulli_log_prob
from latentscape.training.engine import building, operations
from latentscape.training.engine.building import load_kernels
from latentscape.training.engine.operations import OperationCapture

__all__ = ["soon"]  # A fixture of each test here.

WIDE = torch.backends.cpu.get_cpu_capability() == "AVX512"
needs_kernels = pytest.mark.skipif(not WIDE, reason="the kernels are written for AVX-512")

AWKWARD = [torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 1e-40, -3e-39, 20.0, 20.1, -200.0, 3.4e38]
AWKWARD += [1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, 65280.0, 1e-45]


@pytest.fixture
def ours():
    loaded = load_kernels()
    assert loaded is not None
    return loaded


@pytest.fixture
def called(monkeypatch):
    """Collect the names of the functions that each recorded step calls."""
    steps, fuse = [], operations.fuse

    def noted(step, kernels):
        fuse(step, kernels)
        steps.append([getattr(node.target, "__name__", "") for node in step.operations()])

    monkeypatch.setattr(operations, "fuse", noted)
    return steps


def same(one, other):
    """Compare bits, but for those of NaN."""
    numbers = (values.nan_to_num(nan=7.0) for values in (one, other))
    return torch.equal(*numbers) and torch.equal(one.isnan(), other.isnan())


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 5


@needs_kernels
def test_a_step_has_one_pass_where_pytorch_takes_several(called, small):
    train(prepare(load_recipe("simple-20"), small), small, "bfloat16")
    (names,) = called
    for kernel in ("round_all", "bernoulli_log_prob", "bernoulli_gradient", "adam"):
        assert names.count(kernel) == 1
    # What has no multiple of 16 numbers is left to PyTorch: here the bias of the code alone.
    assert names.count("_fused_adam_.tensor_lr") == 1
    assert names.count("_to_copy.default") < 10


@needs_kernels
def test_numbers_are_rounded_as_pytorch_rounds_them(ours):
    values = torch.cat([torch.tensor(AWKWARD), drawn(1000)])
    rounded = torch.empty_like(values, dtype=torch.bfloat16)
    ours.rounding([values], [rounded])()
    assert same(rounded, values.bfloat16())
    assert same(rounded[:16].float().signbit(), values[:16].bfloat16().float().signbit())


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 4, 784), (3, 8, 48), (1, 3, 784), (2, 5, 7)])
def test_likelihoods_have_the_bits_of_pytorch(ours, shape, dtype):
    """The last shapes leave a rest behind PyTorch's vectors, which it computes otherwise."""
    logits, images, factors = drawn(*shape), torch.sigmoid(drawn(*shape[1:])), drawn(*shape[:2])
    logits[0, 0, :7] = torch.tensor(AWKWARD[:7])
    logits, images = logits.to(dtype), images.contiguous()
    assert same(ours.bernoulli_log_prob(logits, images), bernoulli_log_prob(logits, images))
    expected = bernoulli_gradient(logits, images, factors)
    assert same(ours.bernoulli_gradient(logits, images, factors), expected)


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [2, 5, 32])
def test_the_largest_of_four_pixels_is_the_one_that_pytorch_takes(ours, dtype, channels):
    """The first of equal ones, the last NaN; and a gradient of -0 becomes 0."""
    pool, squares = torch.ops.aten.max_pool2d_with_indices, ([2, 2], [2, 2], [0, 0], [1, 1])
    maps = drawn(3, channels, 6, 8).round().to(dtype, memory_format=torch.channels_last)
    maps[0, :, :2, :8] = torch.tensor(AWKWARD).reshape(2, 8)
    gradient = drawn(3, channels, 3, 4).to(dtype, memory_format=torch.channels_last)
    gradient[0, 0] = -0.0
    values, index = pool.default(maps, *squares)
    expected = torch.ops.aten.max_pool2d_with_indices_backward(
        gradient, maps, *squares, False, index
    )
    pooled, places = ours.max_pool(maps)
    assert same(pooled, values)
    result = ours.max_pool_gradient(gradient, places)
    assert torch.equal(result, expected)
    assert torch.equal(result.signbit(), expected.signbit())
    assert result.stride() == expected.stride()


@needs_kernels
def test_convolutions_pool_by_kernels_where_sides_are_even(called, small):
    assert_same(prepare(load_recipe("conv-bn"), small), small, "bfloat16")
    (names,) = called
    assert (names.count("max_pool"), names.count("max_pool_gradient")) == (2, 2)
    changes = {"model.encoder.channels": [4, 4, 4], "model.decoder.channels": [4, 4, 4]}
    assert_same(prepare(override(load_recipe("conv-bn"), changes), small), small)
    # 28 and 14 are even, 7 is not.
    assert called[1].count("max_pool") == 2
    assert called[1].count("max_pool2d_with_indices.default") == 1


@needs_kernels
def test_what_stands_otherwise_in_memory_is_left_to_pytorch(ours):
    logits, images, factors = drawn(1, 48, 32).mT, torch.sigmoid(drawn(48, 32)).T, drawn(1, 32)
    assert same(ours.bernoulli_log_prob(logits, images), bernoulli_log_prob(logits, images))
    expected = bernoulli_gradient(logits, images, factors)
    assert same(ours.bernoulli_gradient(logits, images, factors), expected)


@needs_kernels
def test_weights_that_were_changed_from_outside_are_rounded_anew(small, monkeypatch):
    """Whatever hooks do to weights between two steps, in whatever way, the next step sees."""
    recipe = prepare(load_recipe("simple-20"), small)
    step = "latentscape.training.step.TrainingStep"

    def disturbed(self, batch, epoch, rate_factor=1.0):
        losses = take_step(self, batch, epoch, rate_factor)
        for weight in self.model.parameters():
            weight.data.mul_(0.5)
        return losses

    from latentscape.training.step import TrainingStep

    take_step = TrainingStep.__call__
    monkeypatch.setattr(f"{step}.__call__", disturbed)
    assert_same(recipe, small, "bfloat16")


def test_without_a_compiler_training_comes_to_the_same(small, monkeypatch, tmp_path, called):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load_kernels.__wrapped__() is None
    assert [path.name for path in tmp_path.rglob("*.so")] == []
    monkeypatch.setattr(operations, "load_kernels", lambda: None)
    assert_same(prepare(load_recipe("vae-20"), small), small, "bfloat16")
    assert "adam" not in called[0]


@needs_kernels
def test_kernels_with_other_bits_are_not_used(monkeypatch, tmp_path):
    source = building._SOURCE.read_text()
    other = tmp_path / "kernels.c"
    other.write_text(
        source.replace("fmaf(rest1, g - mean[i], mean[i])", "mean[i] + rest1 * (g - mean[i])")
    )
    assert other.read_text() != source
    monkeypatch.setattr(building, "_SOURCE", other)
    assert load_kernels.__wrapped__() is None


@needs_kernels
def test_kernels_are_compiled_once(monkeypatch, ours):
    def fails(*command):
        raise AssertionError(command)

    monkeypatch.setattr(building, "_run", fails)
    assert load_kernels.__wrapped__() is not None


def test_what_depends_on_no_number_is_computed_once(called):
    values = torch.arange(3.0)

    def compute():
        ones = torch.ones_like(values)
        changed = torch.ones_like(values)
        changed[0] += values[0]
        return values * (ones / 3).neg(), changed * 2, ones

    first, repeat = OperationCapture().capture(compute)
    values += 1
    expected = compute()
    for _ in range(2):
        assert all(map(torch.equal, repeat(), expected))
    assert not all(map(torch.equal, first, expected))
    assert called[0].count("div.Tensor") == called[0].count("neg.default") == 0


def test_weight_decay_is_left_to_pytorch(small, called):
    changes = {"train.optimizer": "adamw", "train.weight_decay": 0.1}
    assert_same(prepare(override(load_recipe("simple-20"), changes), small), small)
    assert "adam" not in called[0]


@needs_kernels
@pytest.mark.parametrize("place", ["folder", "library"])
def test_a_library_that_others_can_write_is_not_loaded(place, monkeypatch, tmp_path, ours):
    library = building._compiled()
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    copy = tmp_path / library.parent.name / library.name
    copy.parent.mkdir(mode=0o700)
    copy.write_bytes(library.read_bytes())
    copy.chmod(0o600)
    assert load_kernels.__wrapped__() is not None
    (copy.parent if place == "folder" else copy).chmod(0o770)
    assert load_kernels.__wrapped__() is None
