"""The lite trunk in 8-bit integers, by oneDNN's kernels: half the time of bfloat16 on a CPU with VNNI, as exact.

Weights are rounded channel by channel, activations when they are calculated: what ReLU6 lets through to 256 steps of
[0, 6], what the blocks pass on to 255 steps of each channel's range, which `trunk_ranges` has measured. Stem and first
block stay in float32: their sums cancel so far that 8 bits left twice the error in every map, and they gain no time.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from sam2s_model.lite_trunk import TAPS, InvertedResidual, LiteTrunk, SamePaddedConv, TrunkMaps

RANGES = Path(__file__).parent / 'weights' / 'trunk_ranges.safetensors'
WEIGHT_STEPS = 127  # on each side of 0
RANGE_STEPS = 127  # of what may be negative, on each side of its zero point
ZERO = 128  # that zero point
RELU6_STEP = 6 / 255


def read_ranges(path: Path = RANGES) -> list[Tensor]:
    """The largest magnitude (C,) of each channel that the blocks of each stage pass on."""
    ranges = load_file(path)
    return [ranges[f'stages.{index}'] for index in range(len(ranges))]


class Steps(NamedTuple):
    """How 8-bit numbers q mean activations: (q - zero) · size, a size (C,) for each channel."""

    size: Tensor
    zero: int


class Int8Pointwise:
    """1×1 convolution of cells (N·h·w, C), as the product of matrices that it is."""

    def __init__(self, conv: SamePaddedConv, before: Steps, after: Steps) -> None:
        weight, self._scales, self._bias = _quantise(conv.weight * before.size.view(1, -1, 1, 1), conv, after)
        self._weight = torch.ops.onednn.qlinear_prepack(weight.flatten(1), None)
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._before, self._after = before.zero, after.zero

    def __call__(self, cells: Tensor, added: Tensor | None = None) -> Tensor:
        """Convolve; with a shortcut, the result takes the place of what is `added`."""
        given = (cells, 1.0, self._before, self._weight, self._scales, self._zeros)
        result = (1.0, self._after, torch.uint8)
        product: Tensor
        if added is None:
            product = torch.ops.onednn.qlinear_pointwise(*given, self._bias, *result, 'none', [], '')
            return product
        shortcut = (1.0, self._after, 'sum', 1.0)
        product = torch.ops.onednn.qlinear_pointwise.binary(
            *given, added, self._bias, *result, *shortcut, 'none', [], ''
        )
        return product


class Int8Depthwise:
    """Convolution of each channel on its own, between two ReLU6."""

    def __init__(self, conv: SamePaddedConv, before: Steps) -> None:
        after = Steps(torch.full((len(conv.weight),), RELU6_STEP), 0)
        weight, padding = _symmetric(conv)
        weight, self._scales, self._bias = _quantise(weight * before.size.view(-1, 1, 1, 1), conv, after)
        self._shape = (list(conv.stride), [padding, padding], [1, 1], conv.groups)
        self._weight = torch.ops.onednn.qconv_prepack(weight, self._scales, 1.0, 0, *self._shape, None)
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)

    def __call__(self, features: Tensor) -> Tensor:
        """Convolve (N, C, h, w); numbers below 0 and above 6 saturate, which is ReLU6."""
        given = (features, 1.0, 0, self._weight, self._scales, self._zeros, self._bias)
        filtered: Tensor = torch.ops.onednn.qconv2d_pointwise(*given, *self._shape, 1.0, 0, torch.uint8, 'none', [], '')
        return filtered


class Int8Block:
    """An inverted residual block."""

    def __init__(self, block: InvertedResidual, before: Steps, after: Steps) -> None:
        assert block.expand is not None, 'the one block that does not expand stays in float32'
        wide = Steps(torch.full((len(block.expand.weight),), RELU6_STEP), 0)
        self._expand = Int8Pointwise(block.expand, before, wide)
        self._depthwise = Int8Depthwise(block.depthwise, wide)
        self._project = Int8Pointwise(block.project, wide, after)
        self._shortcut = block.shortcut

    def __call__(self, features: Tensor) -> Tensor:
        cells = _cells(features)
        wide = _map(self._expand(cells), features)
        filtered = self._depthwise(wide)
        return _map(self._project(_cells(filtered), cells if self._shortcut else None), filtered)


class Int8Trunk:
    """What `LiteTrunk` does, without gradients, on a CPU."""

    def __init__(self, trunk: LiteTrunk, ranges: list[Tensor]) -> None:
        """Convert a trunk in float32; `ranges` holds the largest magnitude (C,) of what each stage's blocks pass on."""
        steps = [Steps(largest / RANGE_STEPS, ZERO) for largest in ranges]
        self._stem = trunk.stem
        self._first = trunk.blocks[0][0]
        project = self._first.project
        self._project_weight = (project.weight / steps[0].size.view(-1, 1, 1, 1)).contiguous()
        # Cutting digits off is rounding where half a step was added before.
        assert project.bias is not None, 'batch norms were folded into a bias'
        self._project_bias = project.bias / steps[0].size + ZERO + 0.5
        before = (steps[0], *steps[:-1])
        self._stages = [
            [Int8Block(block, steps[i] if n else before[i], steps[i]) for n, block in enumerate(stage)]
            for i, stage in enumerate(trunk.blocks)
            if i > 0
        ]
        self._sizes = [steps[i].size.view(1, -1, 1, 1) for i in TAPS]

    def __call__(self, images: Tensor) -> TrunkMaps:
        """(N, 3, S, S) images in [-1, 1] to maps at strides 4, 8, 16 and 32, in float32."""
        features = self._begin(images.contiguous(memory_format=torch.channels_last))
        taps = []
        for index, stage in enumerate(self._stages, start=1):
            for block in stage:
                features = block(features)
            if index in TAPS:
                taps.append(features)
        return TrunkMaps(*(tap.float().sub_(ZERO).mul_(size) for tap, size in zip(taps, self._sizes, strict=True)))

    def _begin(self, images: Tensor) -> Tensor:
        filtered = self._first.depthwise(self._stem(images, F.relu6), F.relu6)
        narrow = F.conv2d(filtered, self._project_weight, self._project_bias)
        return narrow.clamp_(0, 255).to(torch.uint8, memory_format=torch.channels_last)


def _quantise(weight: Tensor, conv: SamePaddedConv, after: Steps) -> tuple[Tensor, Tensor, Tensor]:
    """8-bit weights, the size (C,) of their steps and the bias (C,), all in steps of what comes out."""
    assert conv.bias is not None, 'batch norms were folded into a bias'
    weight = weight.detach() / after.size.view(-1, 1, 1, 1)
    scales = (weight.flatten(1).abs().amax(1) / WEIGHT_STEPS).clamp_min(torch.finfo(torch.float32).tiny)
    rounded = (weight / scales.view(-1, 1, 1, 1)).round().to(torch.int8)
    return rounded, scales, conv.bias.detach() / after.size


def _symmetric(conv: SamePaddedConv) -> tuple[Tensor, int]:
    """Weights that give the same with equal padding on all sides: more room before the kernel instead of after it."""
    if conv.asymmetric is None:
        return conv.weight, int(conv.padding[0])
    before, after = conv.asymmetric[:2]
    return F.pad(conv.weight, (after - before, 0) * 2), after


def _cells(features: Tensor) -> Tensor:
    """(N, C, h, w), channels last, as (N·h·w, C)."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)


def _map(cells: Tensor, like: Tensor) -> Tensor:
    """(N·h·w, C) as (N, C, h, w) with the N, h and w of a map."""
    count, _, height, width = like.shape
    return cells.view(count, height, width, -1).permute(0, 3, 1, 2)
