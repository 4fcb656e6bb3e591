"""python -m sam2s_model.onnx: write the four ONNX graphs of a SAM 2.1 checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sam2s_model.build import build_network
from sam2s_model.checkpoint import load_weights, read_weights, semantic_dim
from sam2s_model.onnx.export import ENCODERS, FLOAT32, INT8, export, quantize_encoder
from sam2s_model.sam2s import Sam2s
from sam2s_model.sizes import HIERA_SIZES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m sam2s_model.onnx',
        description='Write image encoder, memory attention, mask decoder and memory encoder of a checkpoint as ONNX.',
    )
    parser.add_argument('checkpoint', type=Path, help='SAM 2.1 or SAM2S weights, .pt or .safetensors')
    parser.add_argument('folder', type=Path, help='where the graphs go; model.graphs of the node')
    parser.add_argument('--size', choices=list(HIERA_SIZES), required=True)
    parser.add_argument('--image-size', type=int, help="side of the network's input, pixels; default: 512")
    parser.add_argument(
        '--encoder', choices=ENCODERS, default=FLOAT32, help='int8 is faster, and not the same masks (default: float32)'
    )
    options = parser.parse_args(arguments)
    weights = read_weights(options.checkpoint)
    network = build_network(options.size, options.image_size, semantic_dim=semantic_dim(weights))
    load_weights(network, weights, str(options.checkpoint))
    assert isinstance(network, Sam2s)
    export(network, options.folder)
    if options.encoder == INT8:
        quantize_encoder(options.folder)
    print(f'4 graphs for {network.image_size} × {network.image_size} pixels in {options.folder}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
