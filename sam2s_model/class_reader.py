"""Class reader: what kind of thing an object is, told from an enlarged view of it.

At the frame's own resolution a cell of the trunk's deep maps covers a whole tip: what tells a grasper from scissors is
lost in it. In a view of its own an object fills the picture, whatever its size. A view costs about as much as
encoding the frame does in its place, so that each object is looked at once in a while.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.convolutions import Conv2d
from sam2s_model.layers import Mlp
from sam2s_model.precision import in_float32

MASK_STRIDE = 4  # pixels of the view per cell of a mask
COVERED = 0.2  # of a cell, from which on it may be the one that tells the class
SMALLEST = 0.05  # cells below which a mask covers next to nothing, and its mean fades
FAR_BELOW = -5.0  # any feature of a cell that tells something
WEAR = 2  # cells, most by which masks are worn or swollen in training, as tracked ones are


class ClassReader(nn.Module):
    """From views of N objects to vectors in the space of an instrument bank (SAM2S, x'_c of Eq. 3)."""

    def __init__(self, trunk: Sequence[int], dim: int, width: int = 96, depth: int = 2) -> None:
        """Take the channels of the trunk's maps at strides 8, 16 and 32, and D, those of the bank."""
        super().__init__()
        self.dim = dim
        fine, coarse, coarsest = trunk
        self.from_fine = Conv2d(fine + 4, width, kernel_size=3, padding=1, stride=2)
        self.from_coarse = Conv2d(coarse + 16, width, kernel_size=1)
        self.from_coarsest = Conv2d(coarsest, width, kernel_size=1)
        self.blocks = nn.ModuleList(Conv2d(width, width, kernel_size=3, padding=1) for _ in range(depth))
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(depth))
        self.proj = Mlp(3 * width, 2 * width, dim)

    def forward(self, maps: Sequence[Tensor], masks: Tensor) -> Tensor:
        """Say what N objects are, (N, D).

        Args:
            maps: The trunk's maps of the views at strides 8, 16 and 32, each channel of unit variance.
            masks: (N, 1, h, w) in [0, 1], where the objects are in their views, at stride 4.
        """
        fine, coarse, coarsest = maps
        masks = _worn(masks) if self.training else masks
        cells = self.from_fine(torch.cat((fine, F.pixel_unshuffle(masks, 2)), 1))
        cells = cells + self.from_coarse(torch.cat((coarse, F.pixel_unshuffle(masks, 4)), 1))
        cells = cells + F.interpolate(self.from_coarsest(coarsest), scale_factor=2, mode='bilinear')
        for norm, block in zip(self.norms, self.blocks, strict=True):
            cells = cells + block(F.gelu(norm(cells)))
        share = F.avg_pool2d(masks, 4)
        mean = (cells * share).sum((2, 3)) / share.sum((2, 3)).clamp_min(SMALLEST)
        strongest = cells.masked_fill(share < COVERED, FAR_BELOW).amax((2, 3))
        with in_float32(cells):
            said: Tensor = self.proj(torch.cat((mean, strongest, cells.mean((2, 3))), 1).float())
        return said


def _worn(masks: Tensor) -> Tensor:
    """Masks that have lost or gained some cells at their edges."""
    cells = int(torch.randint(-WEAR, WEAR + 1, ()))
    side = 2 * abs(cells) + 1
    swollen = F.max_pool2d(masks if cells > 0 else -masks, side, stride=1, padding=side // 2)
    return swollen if cells > 0 else -swollen
