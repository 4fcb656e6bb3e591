"""All masks of an image in one 8-bit image: each pixel holds a number of its object, 0 is background."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.tracked_image import TrackedObject


def label_image(objects: Sequence[TrackedObject], height: int, width: int) -> NDArray[np.uint8]:
    """Draw the slots of all objects into (height, width) uint8."""
    return number_image(objects, lambda tracked: tracked.identity.slot, height, width)


def number_image(
    objects: Sequence[TrackedObject], number: Callable[[TrackedObject], int], height: int, width: int
) -> NDArray[np.uint8]:
    """Draw a number in [0, 255] of each object; where masks overlap, the object with the higher score wins."""
    image = np.zeros((height, width), np.uint8)
    for tracked in sorted(objects, key=lambda tracked: tracked.score):
        box = tracked.runs.box
        np.copyto(image[box], number(tracked), where=tracked.mask[box])
    return image
