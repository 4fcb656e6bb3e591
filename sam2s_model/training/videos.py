"""What training needs of a video, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.image_transforms import to_square

Images = NDArray[np.uint8]
Masks = NDArray[np.bool_]


class Video(Protocol):
    """A video with the masks of its objects; an image set is many videos of one frame.

    Attributes:
        class_names: Class of each of the N objects, empty where it is not known.
    """

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def __len__(self) -> int:
        """Number of annotated frames."""
        ...

    def frame(self, index: int) -> Images:
        """(H, W, 3) uint8 RGB."""
        ...

    def masks(self, index: int) -> Masks:
        """(N, H, W) bool; all False where an object is not seen."""
        ...


@dataclass(frozen=True)
class VideoInMemory:
    """A video in memory: images (T, H, W, 3), label images (T, H, W) with k for object k, class names of N objects."""

    images: Images
    labels: Images
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def frame(self, index: int) -> Images:
        image: Images = self.images[index]
        return image

    def masks(self, index: int) -> Masks:
        kinds = np.arange(1, len(self.class_names) + 1)
        return np.asarray(self.labels[index] == kinds[:, None, None])


def squashed_masks(masks: Masks, side: int) -> Masks:
    """Masks (N, H, W) on the square that the network sees, (N, side, side)."""
    if masks.shape[1:] == (side, side):
        return masks
    planes = [cv2.resize(mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST_EXACT) for mask in masks]
    return np.asarray(np.stack(planes), bool) if planes else np.zeros((0, side, side), bool)


def squashed_frame(frame: Images, side: int) -> Images:
    """A frame (H, W, 3) on the square that the network sees."""
    return frame if frame.shape[:2] == (side, side) else to_square(frame, side)
