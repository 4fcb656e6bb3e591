"""python -m sam2s_model.benchmark.encoders FOLDER: the image encoder in torch and in ONNX Runtime, in turns.

In torch in float32 and bfloat16, in ONNX Runtime in float32 and int8; weights are random. The folder keeps the graphs.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from sam2s_model.benchmark.foreign_cpu import ForeignCpu
from sam2s_model.build import build_network
from sam2s_model.onnx.backend import hand_over
from sam2s_model.onnx.export import NOTE, export, quantize_encoder
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES

Encode = Callable[[Tensor], Tensor]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog='python -m sam2s_model.benchmark.encoders', description=__doc__)
    parser.add_argument('folder', type=Path, help='where the graphs are kept')
    parser.add_argument('--model', choices=list(HIERA_SIZES), default='tiny')
    parser.add_argument('--image-size', type=int, default=512)
    parser.add_argument('--rounds', type=int, default=10, help='images of each (default: %(default)s)')
    parser.add_argument('--threads', type=int, default=2, help='CPU threads (default: %(default)s)')
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    encoders = _encoders(options.model, options.image_size, options.folder, options.threads)
    foreign = ForeignCpu()
    milliseconds = in_turns(encoders, torch.randn(1, 3, options.image_size, options.image_size), options.rounds)
    for name, ms in milliseconds.items():
        print(f'{name}: {ms:.0f} ms')
    print(f'foreign CPU: {foreign.cores()}')
    return 0


def in_turns(encoders: Mapping[str, Encode], image: Tensor, rounds: int) -> dict[str, float]:
    """Median milliseconds of each, which take an image each in turns after one to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in encoders}
    with torch.inference_mode():
        for _ in range(rounds + 1):
            for name, encode in encoders.items():
                begun = time.perf_counter()
                encode(image)
                taken[name].append((time.perf_counter() - begun) * 1e3)
    return {name: median(times[1:]) for name, times in taken.items()}


def _encoders(model: str, side: int, folder: Path, threads: int) -> dict[str, Encode]:
    networks = {'torch float32': _network(model, side), 'torch bfloat16': _network(model, side)}
    networks['torch bfloat16'].compute_in(torch.bfloat16)
    exact, rounded = folder / 'float32', folder / 'int8'
    if not (exact / NOTE).is_file():
        export(_network(model, side), exact)
    if not (rounded / NOTE).is_file():
        shutil.copytree(exact, rounded)
        quantize_encoder(rounded)
    for graphs in (exact, rounded):
        network = _network(model, side)
        hand_over(network, graphs, 'cpu', threads)
        networks[f'ONNX Runtime {graphs.name}'] = network
    return {name: _encode_by(network) for name, network in networks.items()}


def _network(model: str, side: int) -> Sam2s:
    torch.manual_seed(0)
    network = build_network(model, side).eval()
    assert isinstance(network, Sam2s)
    return network


def _encode_by(network: Sam2s) -> Encode:
    return lambda image: network.encode_image(image, None).stride16


if __name__ == '__main__':
    raise SystemExit(main())
