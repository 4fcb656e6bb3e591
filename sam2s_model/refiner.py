"""Refiner: sharpen a read-out to mask logits at stride 4, by looking at the image around it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.convolutions import Conv2d
from sam2s_model.mask_decoder import HighResFeatures

DILATIONS = (1, 2, 4)  # of the residual blocks; together they see 30 cells, two thirds of a 384-pixel image


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut, (N, C, h, w) in and out."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = Conv2d(channels, channels, kernel_size=3, padding=dilation, dilation=dilation)
        self.second = Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        joined: Tensor = self.second(self.first(F.relu(features), F.relu), added=features)
        return joined


class Refiner(nn.Module):
    """What to add to the read-out's logits. Adds nothing until it is trained."""

    def __init__(self, fine: int, finest: int, clues: int, width: int = 48, narrow: int = 24) -> None:
        """Take the channels of the fine features at strides 8 and 4 and of the clue."""
        super().__init__()
        self.enter = Conv2d(fine + clues, width, kernel_size=3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width, dilation) for dilation in DILATIONS))
        self.narrow = Conv2d(width, narrow, kernel_size=1)
        self.mix = Conv2d(narrow + finest + 1, narrow, kernel_size=3, padding=1)
        self.leave = Conv2d(narrow, 1, kernel_size=3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(torch.as_tensor(self.leave.bias))

    def forward(self, clues: Tensor, logits: Tensor, high_res: HighResFeatures) -> Tensor:
        """Correct N objects on one frame.

        Args:
            clues: (N, clues, 2h, 2w) at stride 8.
            logits: (N, 1, 4h, 4w) the logits so far, at stride 4.
            high_res: Fine features of the frame, (1, …).

        Returns:
            (N, 1, 4h, 4w) logits to be added.
        """
        count = len(clues)
        features = self.enter(torch.cat((clues, high_res.stride8.expand(count, -1, -1, -1)), dim=1))
        features = _double(self.narrow(F.relu(self.blocks(features))))
        fine = (features, high_res.stride4.expand(count, -1, -1, -1), logits)
        correction: Tensor = self.leave(self.mix(torch.cat(fine, dim=1), F.relu))
        return correction


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode='bilinear', align_corners=False)
