"""The innermost cell of a mask: where careful people click, and what is surely on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Column and row of the cell of a mask (h, w) that lies farthest from what is none of it."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)
