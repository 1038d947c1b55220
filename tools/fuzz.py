"""Damage model files and runs in every way we can think of, and read them.

Run: ``python tools/fuzz.py --count 10000``. A damaged file must be refused with one of our own
errors, or be read as it was written. One whose checksum was taken out, as in files from before
there were checksums, may also be read as another model, which must then work. Nothing may be
executed, written to or warned about. Prints what came of it, with the longest time and the most
memory, and fails if anything else did. The same count and seed do the same damage.
"""

import argparse
import io
import json
import os
import re
import resource
import struct
import sys
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load, save
from torch import Tensor

from latentscape.config import InputConfig, LikelihoodKind, Recipe, load_recipe, override
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.findings import Part, take_arrays
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Latent
from latentscape.inference.samples import Samples
from latentscape.model import Network
from latentscape.runs import (
    METADATA_KEY,
    DataFacts,
    Environment,
    create_run,
    load_model,
    read_part,
    save_model,
    write_part,
)
from latentscape.runs.facts import Epoch, Losses, Sizes
from latentscape.runs.store import findings_folder, part_file

MODELS: dict[str, dict[str, Any]] = {
    "simple-20": {"model.encoder.widths": [6]},
    "conv-bn": {"model.encoder.channels": [2, 3], "model.decoder.channels": [3, 2]},
    "vae-20": {"model.encoder.widths": [6]},
    "vq-vae": {"model.encoder.channels": [3, 3], "model.latent.codes": 4},
    "cond-vae": {"model.encoder.widths": [6]},
}
HEADROOM = 2 << 30
"""Bytes of address space that reading may ask for beside what is taken already."""

FORBIDDEN = {
    "exec", "os.exec", "os.fork", "os.posix_spawn", "os.system", "pickle.find_class",
    "socket.connect", "subprocess.Popen",
}  # fmt: skip
"""Events of Python's audit hooks that reading a file must not cause."""

# What stands where something else should; `_json` writes the last two out.
ODD: list[Any] = [
    None, True, "", "x", [], {}, [[]], 0, -1, 1, 2, 3.5, -0.5, 2**31, 2**63, 10**30, 1e-320, 1e308,
    float("nan"), float("inf"), "\ud800", "\u202e\x1b[31m", "\0", "../../etc/passwd", "é" * 999,
    "F64", "BF16", "F8_E4M3", "BOOL", [0, 2**62], [2**40, 2**40], [-1, 4], [7] * 3000, "gaussian",
    {"kind": "mlp"}, {"kind": "vq", "dim": 10**12}, "@deep", "@huge",
]  # fmt: skip
BOMBS = [
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: [*c, *c]\n",
    b"a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nmodel: {<<: [*b, *b]}\n",
    b"&a [*a]", b"[" * 3000, b"train: {epochs: 0x" + b"f" * 9000 + b"}", b"!!int ''",
    b"!!timestamp x", b"!!python/object/apply:os.system ['false']", b"name: !!binary x",
]  # fmt: skip

SHOWN = 16

Damage = Callable[[Random, bytes, bytes], bytes]
"""From a sound file, and another of its sort, to a damaged one."""


def damage_bytes(random: Random, content: bytes, other: bytes) -> bytes:
    """Flip bits, overwrite, truncate, extend, splice, or change the length of the header."""
    at = _place(random, content)
    new = random.choice([b"\0" * 8, random.randbytes(random.choice([1, 2, 8, 64])), content])
    way = random.randrange(6)
    if way == 0:
        changed = bytearray(content)
        for _ in range(random.randint(1, 4)):
            changed[_place(random, content)] ^= 1 << random.randrange(8)
        return bytes(changed)
    if way == 1:
        return content[:at] + new[:64] + content[at + len(new[:64]) :]
    if way == 2:
        return content[:at]
    if way == 3:
        return content[:at] + new + content[at:] if random.random() < 0.5 else content + new
    if way == 4:
        return content[:at] + other[_place(random, other) :]
    length = random.choice([0, 1, at, len(content), 2**31, 2**63, 2**64 - 1])
    return struct.pack("<Q", length) + content[8:]


def damage_header(random: Random, content: bytes, other: bytes) -> bytes:
    """Change the JSON of a model file's header: names, types, shapes, places, metadata."""
    header, tensors = _parts(content)
    return _joined(_mutated(random, header), tensors)


def damage_recipe(random: Random, content: bytes, other: bytes) -> bytes:
    """Change what a model file says of itself, its recipe above all."""
    header, tensors = _parts(content)
    about = _about(random, header)
    part = random.choice([about, about["recipe"], about["recipe"]["model"]])
    changed = _mutated(random, part)
    part.clear()
    part.update(changed)
    return _joined({**header, "__metadata__": {METADATA_KEY: _json(about)}}, tensors)


def damage_tensors(random: Random, content: bytes, other: bytes) -> bytes:
    """Write a sound file of other tensors than those of the recipe."""
    tensors, others = load(content), load(other)
    name, stranger = random.choice(list(tensors)), random.choice(list(others))
    tensor = tensors[name]
    changes: list[dict[str, Tensor]] = [
        {"spare": tensor.clone()},
        {stranger: others[stranger]},
        {name: tensor.flatten()},
        {name: tensor[None]},
        {name: torch.cat([tensor.flatten(), tensor.flatten()])},
        {name: tensor.new_empty(0)},
        {name: tensor.to(random.choice([torch.float64, torch.bfloat16, torch.int8]))},
        {name: torch.full_like(tensor.float(), random.choice([float("nan"), float("inf"), 1e38]))},
    ]
    changed = random.choice([tensors | random.choice(changes), others, tensors])
    if changed is tensors:
        del tensors[name]
    return save(changed, {METADATA_KEY: _json(_about(random, _parts(content)[0]))})


def damage_json(random: Random, content: bytes, other: bytes) -> bytes:
    """Change a file that holds one record of JSON."""
    return _json(_mutated(random, json.loads(content))).encode()


def damage_yaml(random: Random, content: bytes, other: bytes) -> bytes:
    """Change a recipe in YAML, or put a bomb into it."""
    changed = _json(_mutated(random, yaml.safe_load(content))).encode()  # JSON is YAML.
    return random.choice([changed, content + random.choice(BOMBS), random.choice(BOMBS)])


def damage_npz(random: Random, content: bytes, other: bytes) -> bytes:
    """Change an array in a sound archive."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    arrays = {name: archive.read(name) for name in archive.namelist()}
    damaged = random.choice(list(arrays))
    shape = random.choice([b"(9, 9)", b"(-1,3)", b"(9999999999999, 3)", b"(2**9,)", b"("])
    array = re.sub(rb"\([^()]*\)", shape, arrays[damaged], count=1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, whole in arrays.items():
            changed = damage_bytes(random, array, whole) if name == damaged else whole
            made.writestr(name, changed)
    return buffer.getvalue()


@dataclass(frozen=True)
class Target:
    """A file, how it is read, and ways to damage it."""

    file: Path
    content: bytes
    name: str
    read: Callable[[], object]
    damages: tuple[Damage, ...]


def models(folder: Path) -> list[Target]:
    """Write a small model file of each kind."""
    torch.manual_seed(0)
    file = folder / "model.safetensors"
    damages = (damage_bytes, damage_header, damage_recipe, damage_recipe, damage_tensors)
    targets = []
    for name in MODELS:
        recipe = _tiny(name)
        weights = Network(recipe.model, recipe.objective).state_dict()
        save_model(file, weights, recipe, ["zero", "one", "two"])
        targets.append(Target(file, file.read_bytes(), name, partial(_use_model, file), damages))
    return targets


def run_files(folder: Path) -> list[Target]:
    """Write the other files of a run."""
    run = create_run(folder / "run", _tiny("vae-20"), _data(), Environment(python="3.11"))
    losses = Losses(loss=1.5, terms={"reconstruction": 1.0, "rate": 0.5})
    speed = {"lr": 0.1, "seconds": 1.0, "images_per_second": 9.0}
    run.write_log([Epoch(epoch=1, train=losses, validation=None, **speed)], [])
    facts, pictures = _findings()
    write_part(run.path, facts)
    write_part(run.path, pictures)
    reads: list[tuple[Path, Callable[[], object], Damage]] = [
        (run.path / "recipe.yaml", lambda: run.recipe, damage_yaml),
        (run.path / "data.json", lambda: run.data, damage_json),
        (run.path / "environment.json", lambda: run.environment, damage_json),
        (run.path / "history.jsonl", lambda: run.history, damage_json),
    ]
    for part in (facts, pictures):
        file, read = part_file(run.path, part.part), partial(_read, run.path, type(part))
        reads.append((file, read, damage_json))
    (arrays,) = findings_folder(run.path).glob("*.npz")
    reads.append((arrays, partial(_read, run.path, type(pictures)), damage_npz))
    return [
        Target(file, file.read_bytes(), file.name, read, (damage_bytes, damage))
        for file, read, damage in reads
    ]


class Watch:
    """Reads damaged files, counts outcomes, and notes what must not happen."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.longest, self.most = (0.0, ""), (0.0, "")
        self._what = ""
        sys.addaudithook(self._on_event)

    def read(self, target: Target, what: str, expected: object) -> None:
        """Read a damaged file, and judge the outcome."""
        signed = target.name in MODELS and b"sha256" in target.file.read_bytes()
        memory, start, self._what = _peak_memory(), time.perf_counter(), what
        try:
            same = target.read() == expected
            outcome = "read as it was written" if same else "read as something else"
            if signed and not same:
                self.failures.append(f"{what}: read as another model in spite of its checksum")
        except (RunError, ConfigError, DataError) as error:
            outcome = f"refused: {_kind(str(error), target.file)}"
        except Exception as error:  # noqa: BLE001
            outcome = f"FAILED: {type(error).__name__}"
            self.failures.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
        self._what = ""
        self.outcomes[outcome] += 1
        self.longest = max(self.longest, (time.perf_counter() - start, what))
        self.most = max(self.most, (_peak_memory() - memory, what))

    def show(self, title: str) -> None:
        """Print what came of it."""
        print(f"{title}: {self.outcomes.total():,} damaged")
        for outcome, number in self.outcomes.most_common(SHOWN):
            print(f"{number:7,}  {outcome}")
        rest = self.outcomes.most_common()[SHOWN:]
        print(f"{sum(number for _, number in rest):7,}  in {len(rest)} other ways")
        print(f"The longest took {self.longest[0]:.2f} s: {self.longest[1]}")
        print(f"The most memory was {self.most[0]:.1f} MB: {self.most[1]}")
        print("".join(f"FAILURE  {failure}\n" for failure in self.failures[:SHOWN]))

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if self._what and (event in FORBIDDEN or writes):
            self.failures.append(f"{self._what}: {event} {str(arguments)[:200]}")


def fuzz(targets: list[Target], count: int, seed: int) -> Watch:
    """Damage targets in turn, and read them."""
    watch = Watch()
    sound = []
    for target in targets:  # Which also imports whatever is imported on first use.
        target.file.write_bytes(target.content)
        sound.append(target.read())
    for number in range(count):
        random = Random(f"{seed} {number}")
        target = targets[number % len(targets)]
        damage = random.choice(target.damages)
        other = random.choice([other.content for other in targets if other is not target])
        target.file.write_bytes(damage(random, target.content, other))
        what = f"{target.name}, {damage.__name__}, number {number}"
        watch.read(target, what, sound[number % len(targets)])
        target.file.write_bytes(target.content)
    return watch


def main() -> int:
    """Damage `--count` model files, and a fifth as many other files of runs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many model files to damage")
    parser.add_argument("--seed", type=int, default=0, help="draws the damage")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    limit_memory()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        on_models = fuzz(models(folder), asked.count, asked.seed)
        on_models.show("Model files")
        on_runs = fuzz(run_files(folder), asked.count // 5, asked.seed)
        on_runs.show("Other files of runs")
    return int(bool(on_models.failures or on_runs.failures))


def _place(random: Random, content: bytes) -> int:
    """Choose a place, half of the time near the start, where a file says what it is."""
    return random.randrange(min(len(content), random.choice([16, 4000, len(content)])))


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a model file, and the bytes of its tensors."""
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _joined(header: Any, tensors: bytes) -> bytes:
    text = _json(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + tensors


def _about(random: Random, header: dict[str, Any]) -> dict[str, Any]:
    """Return what a model file says of itself, most of the time without its checksum."""
    about: dict[str, Any] = json.loads(header["__metadata__"][METADATA_KEY])
    if random.random() < 0.8:
        del about["sha256"]
    return about


def _json(tree: Any) -> str:
    """Write JSON, with the two things that Python would not write."""
    text = json.dumps(tree).replace('"@deep"', "[" * 99_999 + "]" * 99_999)
    return text.replace('"@huge"', "9" * 9999)


def _mutated(random: Random, tree: Any) -> Any:
    """Delete, double, replace, swap or wrap one to three things in a tree of JSON."""
    tree = deepcopy(tree)
    for _ in range(random.randint(1, 3)):
        spots = list(_spots(tree))
        (holder, key), (other, other_key) = random.choice(spots), random.choice(spots)
        way = random.randrange(5)
        if way == 0 and len(spots) > 1:
            del holder[key]
        elif way == 1 and isinstance(holder, dict):
            holder[f"{key}{random.choice(ODD)}"] = deepcopy(holder[key])
        elif way == 2:
            holder[key] = deepcopy(other[other_key])
        else:
            holder[key] = [holder[key]] if way == 3 else deepcopy(random.choice(ODD))
    return tree


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """List every (container, key) of a tree."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _spots(tree[key])


def _tiny(name: str) -> Recipe:
    """Return a recipe for images of 8 x 8 pixels."""
    recipe = override(load_recipe(name), {"model.latent.dim": 3, **MODELS[name]})
    shown = InputConfig(shape=(1, 8, 8), labels=3)
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"input": shown})})


def _data() -> DataFacts:
    return DataFacts(
        name="d",
        origin="o",
        fingerprint="f",
        shape=(1, 8, 8),
        range=(0.0, 1.0),
        label_names=("a", "b", "c"),
        train_labels={"a": 3, "b": 2, "c": 1},
        sizes=Sizes(train=6, validation=1, test=2),
    )


def _findings() -> tuple[Latent, Pictures]:
    """Return a part of the findings without arrays, and one with some."""
    latent = Latent(
        kind="gaussian",
        n=2,
        samples=1,
        likelihood=LikelihoodKind(of="probability", levels=256),
        elbo=-10.5,
        rate=2.5,
        distortion=8.0,
        bits_per_dim=0.25,
        levels=256,
        kl_per_dim=(1.5, 1.0, 0.0),
        active=(True, True, False),
    )
    images = np.linspace(0, 1, 4 * 64, dtype=np.float32).reshape(4, 1, 8, 8)
    return latent, Pictures(samples=Samples(images=images, source="prior", seed=0))


def _read(path: Path, kind: type[Part]) -> object:
    """Read a part of the findings; return all that is in it."""
    part = read_part(path, kind)
    if part is None:
        return None
    content, arrays = take_arrays(part)
    return content, {name: array.tolist() for name, array in arrays.items()}


def _use_model(file: Path) -> object:
    """Load a model and use it; return all that makes it what it is."""
    model = load_model(file)
    with torch.no_grad():
        model.reconstruct(torch.zeros(2, *model.input_shape), torch.tensor([0, 1]))
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return model.config, model.objective.config, weights


def _kind(message: str, file: Path) -> str:
    """Reduce a message to its kind: without the path, and names and numbers that vary."""
    text = message.replace(str(file), "").partition(": recipe")[0].partition(", in ")[0]
    text = re.sub(r"'[^']*'|`[^`]*`|\"[^\"]*\"|\S*\d\S*", "#", text.strip())
    return ": ".join(text.split(": ")[:2]).partition(". ")[0][:100]


def _peak_memory() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def limit_memory() -> None:
    """Let absurd demands for memory fail, even where the system would promise it."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + HEADROOM, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
