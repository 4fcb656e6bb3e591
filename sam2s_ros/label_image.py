"""All masks of an image in one 8-bit image: each pixel holds the slot of its object, 0 is background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.tracked_image import TrackedObject


def label_image(objects: Sequence[TrackedObject], height: int, width: int) -> NDArray[np.uint8]:
    """Draw the masks into (height, width) uint8. Where masks overlap, the object with the higher score wins."""
    labels = np.zeros((height, width), np.uint8)
    for tracked in sorted(objects, key=lambda tracked: tracked.score):
        box = tracked.runs.box
        np.copyto(labels[box], tracked.identity.slot, where=tracked.mask[box])
    return labels
