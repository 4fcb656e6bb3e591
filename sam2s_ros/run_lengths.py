"""A mask as the lengths of its runs, row by row inside its smallest box: how masks travel in sam2s_msgs/Track.

Runs alternate background, object, background … and begin with background, which may be 0 long. COCO counts run down
the columns of the whole image; the two are not the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MaskRuns:
    """One mask.

    Attributes:
        x, y, width, height: The box in image pixels that holds the whole mask; all 0 for an empty mask.
        counts: (R,) uint32 run lengths in pixels, their sum is width × height.
    """

    x: int
    y: int
    width: int
    height: int
    counts: NDArray[np.uint32]

    @property
    def box(self) -> tuple[slice, slice]:
        """The box as an index into (H, W) arrays."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(self.counts[1::2].sum())

    @property
    def centroid(self) -> tuple[float, float]:
        """Mean (x, y) of the mask's pixels, in image pixels; (0, 0) for an empty mask."""
        if not self.area:
            return 0.0, 0.0
        ends = np.cumsum(self.counts, dtype=np.int64)
        begins, ends = ends[:-1:2], ends[1::2]  # of the object's runs
        # With q full rows and r pixels before a place of the box, their sums of x and y have closed forms.
        (rows, rest), (rows_before, rest_before) = np.divmod(ends, self.width), np.divmod(begins, self.width)
        x = (rows - rows_before).sum() * (self.width * (self.width - 1) // 2)
        x += (rest * (rest - 1) // 2 - rest_before * (rest_before - 1) // 2).sum()
        y = ((rows * (rows - 1) - rows_before * (rows_before - 1)) // 2).sum() * self.width
        y += (rest * rows - rest_before * rows_before).sum()
        return self.x + float(x) / self.area, self.y + float(y) / self.area


def encode_mask(mask: NDArray[np.bool_]) -> MaskRuns:
    """Encode a mask (H, W) bool."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    pixels = mask[y : y + height, x : x + width].ravel()
    if pixels.size == 0:
        return MaskRuns(0, 0, 0, 0, np.zeros(0, np.uint32))
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate(([0, 0] if pixels[0] else [0], changes, [pixels.size]))
    return MaskRuns(x, y, width, height, np.diff(edges).astype(np.uint32))


def decode_mask(runs: MaskRuns, height: int, width: int) -> NDArray[np.bool_]:
    """Decode into a mask (height, width) bool.

    Raises:
        ValueError: The box does not lie inside the image, or the runs do not fill the box.
    """
    right, lower = runs.x + runs.width, runs.y + runs.height
    if not (0 <= runs.x <= right <= width and 0 <= runs.y <= lower <= height):
        box = (runs.x, runs.y, runs.width, runs.height)
        raise ValueError(f'the mask box (x, y, width, height) {box} must lie inside the {width}×{height} image')
    total = int(runs.counts.sum(dtype=np.uint64))
    if total != runs.width * runs.height:
        raise ValueError(
            f'the runs cover {total} pixels, their {runs.width}×{runs.height} box has {runs.width * runs.height}'
        )
    mask = np.zeros((height, width), np.bool_)
    is_object = np.arange(runs.counts.size) % 2 == 1
    inside = np.repeat(is_object, runs.counts).reshape(runs.height, runs.width)
    mask[runs.box] = inside
    return mask
