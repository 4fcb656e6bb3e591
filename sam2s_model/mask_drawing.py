"""From mask logits to the masks that people get."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sam2s_model.guided_filter import follow_edges
from sam2s_model.switches import Switches


def draw_masks(
    logits: Tensor, square: NDArray[np.uint8], size: tuple[int, ...], switches: Switches
) -> list[NDArray[np.bool_]]:
    """Draw N masks in the pixels of their image.

    Args:
        logits: (N, h, w), above 0 is the object.
        square: (S, S, 3) the image as the network saw it.
        size: Height and width of the image.
        switches: Whether masks follow the edges of the image, and whether they may overlap.
    """
    planes = np.ascontiguousarray(logits.float().cpu().numpy())
    return to_masks(follow_edges(planes, square) if switches.follow_edges else planes, size, switches.non_overlap)


def to_masks(planes: NDArray[np.float32], size: tuple[int, ...], non_overlap: bool = False) -> list[NDArray[np.bool_]]:
    """Scale logits (N, h, w) up to image pixels, bilinearly, and cut at 0: N masks of that size.

    With `non_overlap` a pixel belongs to the object of the largest logit alone.
    """
    height, width = size
    scaled = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes]
    if not non_overlap:
        return [plane > 0 for plane in scaled]
    owner = np.argmax(scaled, axis=0)
    return [(plane > 0) & (owner == number) for number, plane in enumerate(scaled)]
