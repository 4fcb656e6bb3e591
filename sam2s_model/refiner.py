"""Refiner: sharpen a read-out to mask logits at stride 4, by looking at the image around it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2s_model.convolutions import Conv2d, Shape, convolve
from sam2s_model.mask_decoder import HighResFeatures
from sam2s_model.products import Activation

DILATIONS = (1, 2, 4)  # of the residual blocks; together they see 30 cells, two thirds of a 384-pixel image
NEXT = Shape(padding=(1, 1))  # a cell and its eight neighbours


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut, (N, C, h, w) in and out."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = Conv2d(channels, channels, kernel_size=3, padding=dilation, dilation=dilation)
        self.second = Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        joined: Tensor = self.second(self.first(F.relu(features), F.relu), added=features)
        return joined


class SharingConv(nn.Conv2d):
    """3×3 convolution over maps that each object has for itself and maps that all share; these are convolved once."""

    def __init__(self, before: int, shared: int, after: int, channels: int) -> None:
        """Shared maps lie behind `before` and before `after` of an object's own."""
        super().__init__(before + shared + after, channels, kernel_size=3, padding=1)
        self._spans = [before, shared, after]

    def convolve(
        self, before: Tensor, shared: Tensor, after: Tensor | None = None, activation: Activation | None = None
    ) -> Tensor:
        """Convolve maps of N objects (N, before or after, h, w) together with those of all (1, shared, h, w)."""
        weights = torch.split(self.weight, self._spans, dim=1)
        of_all = convolve(shared, weights[1], self.bias, NEXT)
        of_each = of_all.expand(len(before), -1, -1, -1)
        if after is not None:
            of_each = convolve(after, weights[2], None, NEXT, added=of_each)
        return convolve(before, weights[0], None, NEXT, activation, added=of_each)


class Refiner(nn.Module):
    """What to add to the read-out's logits. Adds nothing until it is trained."""

    def __init__(self, fine: int, finest: int, clues: int, width: int = 48, narrow: int = 24) -> None:
        """Take the channels of the fine features at strides 8 and 4 and of the clue."""
        super().__init__()
        self.enter = SharingConv(clues, fine, 0, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, dilation) for dilation in DILATIONS))
        self.narrow = Conv2d(width, narrow, kernel_size=1)
        self.mix = SharingConv(narrow, finest, 1, narrow)
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
        features = self.enter.convolve(clues, high_res.stride8)
        features = _double(self.narrow(F.relu(self.blocks(features))))
        correction: Tensor = self.leave(self.mix.convolve(features, high_res.stride4, logits, F.relu))
        return correction


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode='bilinear', align_corners=False)
