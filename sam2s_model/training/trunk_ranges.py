"""Measure what the blocks of the lite trunk pass on, for its 8-bit integers; see `int8_trunk`.

`python -m sam2s_model.training.trunk_ranges` writes what is shipped, from phantom videos that need no pictures of other
packages: the same frames everywhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from sam2s_model.build import LITE_IMAGE_SIZE, SHIPPED_WEIGHTS, build_network
from sam2s_model.checkpoint import LITE, load_weights, read_weights, semantic_dim
from sam2s_model.image_transforms import to_input
from sam2s_model.int8_trunk import RANGES
from sam2s_model.lite_trunk import LiteTrunk
from sam2s_model.matching_sam2s import MatchingSam2s
from sam2s_model.phantom import generate, preset

FIRST_SEED, VIDEOS = 5000, 32
SCENES = preset('training', height=384, width=480, cutouts=0.0, photos=False)


def main() -> None:
    """Write the ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=RANGES, help='default: where the tracker looks for them')
    out = parser.parse_args().out
    weights = read_weights(SHIPPED_WEIGHTS)
    network = build_network(LITE, semantic_dim=semantic_dim(weights))
    assert isinstance(network, MatchingSam2s)
    load_weights(network, weights, str(SHIPPED_WEIGHTS))
    frames = [frame for seed in range(FIRST_SEED, FIRST_SEED + VIDEOS) for frame in generate(SCENES, seed).frames[::7]]
    ranges = measure_ranges(network.trunk, [_input(frame) for frame in frames])
    save_file({f'stages.{index}': largest for index, largest in enumerate(ranges)}, out)


@torch.inference_mode()
def measure_ranges(trunk: LiteTrunk, images: list[Tensor]) -> list[Tensor]:
    """Largest magnitude (C,) of each channel that the blocks of each stage pass on, in any of some images."""
    seen: list[list[Tensor]] = [[] for _ in trunk.stages]
    hooks = [
        block.register_forward_hook(lambda _, __, features, stage=stage: stage.append(features.abs().amax((0, 2, 3))))
        for stage, blocks in zip(seen, trunk.blocks, strict=True)
        for block in blocks
    ]
    for image in images:
        trunk(image)
    for hook in hooks:
        hook.remove()
    return [torch.stack(largest).amax(0) for largest in seen]


def _input(rgb: NDArray[np.uint8]) -> Tensor:
    mean, std = MatchingSam2s.pixel_mean, MatchingSam2s.pixel_std
    return to_input(rgb, LITE_IMAGE_SIZE, mean, std, torch.device('cpu'))


if __name__ == '__main__':
    main()
