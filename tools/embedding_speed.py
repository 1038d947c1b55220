"""Time encoding beside ONNX Runtime on the exported encoder: the same images, taking turns.

Run as ``python tools/embedding_speed.py RUN IMAGES.npy``; prints microseconds per image, of the
clock and of all cores together.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import latentscape
from latentscape.core.records import Array
from latentscape.inference.codec import encode_batches

CHUNK = 1337
"""Images that `latentscape embed` reads at once, of 28 x 28."""

BATCHES = (128, 512, 1000)
"""Batch sizes that ONNX Runtime is given, of which the best counts."""

Encode = Callable[[Array], Array]


def main() -> None:
    """Read the arguments, time, and print a row for each contestant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path, help="a .npy file of images, as stored")
    parser.add_argument("--count", type=int, default=12_000, help="images to encode each time")
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    network = latentscape.load(given.run)
    images = np.load(given.images, mmap_mode="r")[: given.count]
    images = np.array(images).reshape(-1, *network.input_shape)
    with TemporaryDirectory() as folder:
        (encoder,) = latentscape.export(given.run, "onnx", part="encoder", out=folder)
        contestants = {"latentscape": _ours(network), **_onnxruntime(encoder.file)}
    times = _take_turns(contestants, images, given.repeats)
    print(f"{torch.get_num_threads()} threads, {len(images):,} images, {given.repeats} turns")
    for name, pairs in times.items():
        wall, cores = (1e6 * median(part) / len(images) for part in zip(*pairs, strict=True))
        print(f"{name:24} {wall:8.1f} us of the clock {cores:8.1f} us of the cores per image")


def _ours(network: Any) -> Encode:
    def encode(images: Array) -> Array:
        parts = torch.split(torch.from_numpy(images), CHUNK)
        return np.concatenate(list(encode_batches(network, ((part, None) for part in parts))))

    return encode


def _onnxruntime(file: Path) -> dict[str, Encode]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def encoder(size: int) -> Encode:
        def encode(images: Array) -> Array:
            starts = range(0, len(images), size)
            parts = [session.run(["codes"], {"images": images[s : s + size]})[0] for s in starts]
            return np.concatenate(parts)

        return encode

    return {f"ONNX Runtime, {size} at once": encoder(size) for size in BATCHES}


def _take_turns(
    contestants: dict[str, Encode], images: Array, repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Return seconds of the clock and of the cores, of each turn; and check that all agree."""
    expected = contestants["latentscape"](images)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, encode in contestants.items():
            wall, cores = time.perf_counter(), time.process_time()
            codes = encode(images)
            times[name].append((time.perf_counter() - wall, time.process_time() - cores))
            np.testing.assert_allclose(codes, expected, rtol=1e-3, atol=1e-3)
    return times


if __name__ == "__main__":
    main()
