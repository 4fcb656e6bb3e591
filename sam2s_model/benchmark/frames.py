"""Frames to track: a texture that drifts, and where the objects are on the first one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.masklet import Frame

FRAME_NS = 40_000_000  # 25 frames a second


def drifting_frames(side: int, count: int) -> list[Frame]:
    """Square frames; their content does not matter to the time they take, but it must not be the same image."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (16, 16, 3), np.uint8)
    texture = np.asarray(cv2.resize(coarse, (2 * side, 2 * side), interpolation=cv2.INTER_CUBIC), np.uint8)
    return [Frame(_window(texture, side, t), t * FRAME_NS) for t in range(count)]


def _window(texture: NDArray[np.uint8], side: int, t: int) -> NDArray[np.uint8]:
    start = (2 * t) % side
    return np.ascontiguousarray(texture[start : start + side, start : start + side])


def first_boxes(side: int, objects: int) -> list[tuple[float, float, float, float]]:
    """Boxes x0, y0, x1, y1 side by side."""
    width = side / (objects + 1)
    return [((n + 0.2) * width, side * 0.3, (n + 1.1) * width, side * 0.7) for n in range(objects)]
