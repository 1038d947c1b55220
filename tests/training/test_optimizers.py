import subprocess
import sys

import pytest
import torch

from latentscape.config import OPTIMIZERS, TrainConfig, load
from latentscape.model import Player
from latentscape.training.engine import choose_engine
from latentscape.training.muon import orthogonalised
from latentscape.training.optimizers import build_optimizers


@pytest.mark.parametrize("engine", ["auto", "plain"])
@pytest.mark.parametrize("name", ["adam", "adamw", "muon", "rmsprop", "sgd"])
def test_every_optimizer_goes_downhill(name, engine):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    settings = {"lr": 0.01, "momentum": 0.5, "weight_decay": 1e-4, "engine": engine}
    player = Player("autoencoder", tuple(model.parameters()), None)
    config = TrainConfig(optimizer=name, **settings)
    optimizer = build_optimizers([player], config)["autoencoder"]
    inputs = torch.rand(20, 3)

    def loss():
        return (model(inputs) - 1).square().mean()

    before = loss().item()
    for _ in range(20):
        optimizer.zero_grad()
        loss().backward()
        choose_engine(engine).update(optimizer)
    assert loss().item() < before
    if name in ("sgd", "rmsprop"):
        assert optimizer.param_groups[0]["momentum"] == 0.5
    assert optimizer.param_groups[0]["weight_decay"] == 1e-4


def test_neither_building_nor_using_an_optimizer_imports_the_compiler():
    """In a process of its own, because other tests here have imported it."""
    lines = [
        "import sys, torch",
        "from latentscape.config import TrainConfig",
        "from latentscape.model import Player",
        "from latentscape.training.engine import choose_engine",
        "from latentscape.training.optimizers import build_optimizers",
        "model = torch.nn.Linear(3, 1)",
        "player = Player('autoencoder', tuple(model.parameters()), None)",
        "optimizer = build_optimizers([player], TrainConfig())['autoencoder']",
        "model(torch.rand(2, 3)).sum().backward()",
        "choose_engine('auto').update(optimizer)",
        "assert 'torch._dynamo' not in sys.modules",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (5, 3, 3, 3)])
def test_muon_moves_all_directions_alike_and_as_far_as_adam(shape):
    torch.manual_seed(0)
    sizes = torch.logspace(0, -1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    kernel = torch.randn(shape) * sizes
    step = orthogonalised(kernel)
    values, before = (torch.linalg.svdvals(item.reshape(shape[0], -1)) for item in (step, kernel))
    assert values.max() / values.min() < 2 < before.max() / before.min()
    assert 0.6 < values.mean() / (0.2 * max(shape[0], kernel[0].numel()) ** 0.5) < 1.4
    assert torch.nn.functional.cosine_similarity(step.flatten(), kernel.flatten(), 0) > 0.3


def test_muon_leaves_the_first_and_the_last_matrix_and_all_biases_to_adamw():
    torch.manual_seed(0)
    model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(3)])
    config = TrainConfig(optimizer="muon", lr=0.01)
    optimizer = load(OPTIMIZERS["muon"])(list(model.parameters()), torch.tensor(0.01), config)
    model(torch.rand(5, 4)).square().sum().backward()
    optimizer.step()
    weights = dict(model.named_parameters())
    assert {name for name in weights if "momentum" in optimizer.state[weights[name]]} == {
        "1.weight"
    }
    rest = [weight for name, weight in weights.items() if name != "1.weight"]
    assert all("exp_avg" in optimizer.state[weight] for weight in rest)
