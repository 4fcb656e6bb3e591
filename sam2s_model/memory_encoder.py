"""Memory encoder: what a frame looked like and where the object was, fused into a small map to remember (SAM 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.layers import LayerNorm2d
from sam2s_model.products import Linear

# Channels of the mask on its way from stride 1 to stride 16.
MASK_CHANNELS = (4, 16, 64, 256)


class MaskDownsampler(nn.Module):
    """Shrink a mask plane (N, 1, 16h, 16w) to features (N, C, h, w)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *MASK_CHANNELS), MASK_CHANNELS, strict=False):
            layers += [nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1), LayerNorm2d(after), nn.GELU()]
        self.encoder = nn.Sequential(*layers, nn.Conv2d(MASK_CHANNELS[-1], d_model, kernel_size=1))

    def forward(self, mask: Tensor) -> Tensor:
        features: Tensor = self.encoder(mask)
        return features


class ConvNextBlock(nn.Module):
    """Depth-wise 7×7 convolution and a channel MLP with a scaled residual (ConvNeXt, fig. 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.pwconv1 = Linear(channels, 4 * channels)
        self.pwconv2 = Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, features: Tensor) -> Tensor:
        cells = self.norm(self.dwconv(features)).permute(0, 2, 3, 1)
        cells = self.gamma * self.pwconv2(self.pwconv1(cells, F.gelu))
        mixed: Tensor = features + cells.permute(0, 3, 1, 2)
        return mixed


class Fuser(nn.Module):
    """Two ConvNeXt blocks that mix image and mask features, (N, C, h, w) in and out."""

    def __init__(self, channels: int, depth: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNextBlock(channels) for _ in range(depth))

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers:
            features = layer(features)
        return features


class MemoryEncoder(nn.Module):
    """Encode a frame and an object's mask on it as memory features."""

    def __init__(self, d_model: int = 256, memory_dim: int = 64) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownsampler(d_model)
        self.pix_feat_proj = nn.Conv2d(d_model, d_model, kernel_size=1)
        self.fuser = Fuser(d_model)
        self.out_proj = nn.Conv2d(d_model, memory_dim, kernel_size=1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Remember one frame for N objects.

        Args:
            features: (N or 1, C, h, w) stride-16 features as they leave the neck, not conditioned on memory.
            mask: (N, 1, 16h, 16w) mask plane, already a probability, scaled and shifted.

        Returns:
            (N, M, h, w) memory features.
        """
        projected = self.pix_feat_proj(features).expand(len(mask), -1, -1, -1)
        size = 1 if mask.device.type == 'cpu' else len(mask)  # larger batches leave a CPU's cache
        return torch.cat(
            [
                self.out_proj(self.fuser(projected[n : n + size] + self.mask_downsampler(mask[n : n + size])))
                for n in range(0, len(mask), size)
            ]
        )
