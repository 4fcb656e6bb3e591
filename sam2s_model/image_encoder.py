"""Image encoder: the trunk's maps, brought to one width by a feature pyramid neck (SAM 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.hiera import Hiera


class ImageFeatures(NamedTuple):
    """What the network knows of a frame before it knows of any object.

    Attributes:
        stride4: (N, C, S/4, S/4).
        stride8: (N, C, S/8, S/8).
        stride16: (N, C, S/16, S/16), the features that memory and decoder work on.
    """

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor


class Lateral(nn.Module):
    """1×1 convolution from a trunk map to the neck's width."""

    def __init__(self, in_channels: int, d_model: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, d_model, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        lateral: Tensor = self.conv(features)
        return lateral


class FpnNeck(nn.Module):
    """Feature pyramid whose top-down path reaches from stride 32 into stride 16 and no further."""

    def __init__(self, channels: Sequence[int], d_model: int = 256) -> None:
        """Take the channels of the trunk's four maps, fine to coarse."""
        super().__init__()
        # Checkpoints count the convolutions from the coarsest map.
        self.convs = nn.ModuleList(Lateral(count, d_model) for count in reversed(channels))

    def forward(self, maps: Sequence[Tensor]) -> ImageFeatures:
        """Fuse the trunk's maps at strides 4, 8, 16 and 32."""
        stride4, stride8, stride16, stride32 = (
            conv(features) for conv, features in zip(reversed(self.convs), maps, strict=True)
        )
        # SAM 2 adds in float32 under autocast, too, so that memory and DiveMem see these features in full.
        above = F.interpolate(stride32.float(), scale_factor=2, mode='nearest')
        return ImageFeatures(stride4, stride8, stride16 + above)


class ImageEncoder(nn.Module):
    """Trunk and neck: (N, 3, S, S) normalised images to features at strides 4, 8 and 16."""

    def __init__(self, trunk: Hiera, neck: FpnNeck) -> None:
        super().__init__()
        self.trunk = trunk
        self.neck = neck

    def forward(self, images: Tensor) -> ImageFeatures:
        features: ImageFeatures = self.neck(self.trunk(images))
        return features
