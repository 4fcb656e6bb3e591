"""Images and prompts into the square that a network sees."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.prompt import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_model.prompt_encoder import BOX_BOTTOM_RIGHT, BOX_TOP_LEFT

MOST_TAPS = 4  # pixels in a row that two steps of linear interpolation see


def to_square(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Squash an image (H, W, 3) to (side, side, 3); the aspect ratio is not kept (SAM 2)."""
    longer = max(rgb.shape[:2])
    if longer > MOST_TAPS * side:
        return np.asarray(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    if longer > side:  # the mean of four pixels between pixels: nearly that of the area, in a quarter of the time
        rgb = np.asarray(cv2.resize(rgb, (2 * side, 2 * side), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def to_input(
    rgb: NDArray[np.uint8],
    side: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    device: torch.device,
) -> Tensor:
    """Turn an image (H, W, 3) uint8 into the normalised network input (1, 3, side, side)."""
    # Channel by channel: three numbers in a row are too few for a CPU to work on at a time.
    planes = torch.from_numpy(to_square(rgb, side)).to(device).permute(2, 0, 1).contiguous().float()
    scale = planes.new_tensor([1 / (255 * s) for s in std]).view(3, 1, 1)
    offset = planes.new_tensor([-m / s for m, s in zip(mean, std, strict=True)]).view(3, 1, 1)
    return planes.mul_(scale).add_(offset).unsqueeze(0)


def points_to_square(
    prompt: PointPrompt | BoxPrompt, height: int, width: int, side: int
) -> tuple[list[tuple[float, float]], list[int]]:
    """Clicks and box corners in pixels of the square, with their kinds; a box is two points (SAM 2)."""
    points, labels = list(prompt.points), list(prompt.labels)
    if isinstance(prompt, BoxPrompt):
        x0, y0, x1, y1 = prompt.box
        points = [(x0, y0), (x1, y1), *points]
        labels = [BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, *labels]
    return [(x * side / width, y * side / height) for x, y in points], labels


def mask_to_square(prompt: MaskPrompt, side: int, device: torch.device) -> Tensor:
    """Mask prompt as (1, 1, side, side) in {0, 1}; never empty, however small the object."""
    mask = torch.from_numpy(prompt.mask.astype(np.float32)).to(device)[None, None]
    shares = torch.nn.functional.interpolate(mask, (side, side), mode='bilinear', antialias=True)
    square = (shares >= 0.5).float()
    return square if square.any() else (shares == shares.max()).float()
