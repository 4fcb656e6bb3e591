"""Masks that swim along with dense optical flow: DIS, Dense Inverse Search (Kroeger et al. 2016), of OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.peers.mask_carrier import Image, Mask


class OpticalFlow:
    """Carries masks by looking where each pixel of the new frame came from."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._masks: dict[str, NDArray[np.float32]] = {}  # (H, W) in [0, 1]; rounding each time would eat them up
        self._previous: NDArray[np.uint8] | None = None

    def carry(self, rgb: Image) -> dict[str, Mask]:
        """See `MaskCarrier`."""
        grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._previous is not None and self._masks:
            source = SourcePixels.of(self._motion(grey, self._previous))
            self._masks = {object_id: source.take(mask) for object_id, mask in self._masks.items()}
        self._previous = grey
        return {object_id: mask > 0.5 for object_id, mask in self._masks.items()}

    def place(self, rgb: Image, object_id: str, mask: Mask) -> None:
        """See `MaskCarrier`."""
        self._masks[object_id] = mask.astype(np.float32)

    def reset(self) -> None:
        """See `MaskCarrier`."""
        self._masks = {}
        self._previous = None

    def _motion(self, now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How far (H, W, 2), as (x, y), each pixel of this frame has to go to where it was a frame before."""
        flow = np.zeros((*now.shape, 2), np.float32)
        return np.asarray(self._flow.calc(now, before, flow), np.float32)


@dataclass(frozen=True)
class SourcePixels:
    """Where each pixel (H, W) was a frame before."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]

    @classmethod
    def of(cls, flow: NDArray[np.float32]) -> SourcePixels:
        """From the motion (H, W, 2) back to there."""
        height, width = flow.shape[:2]
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        return cls(x + flow[..., 0], y[:, None] + flow[..., 1])

    def take(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mask (H, W) as it looks now."""
        moved = cv2.remap(mask, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(moved, np.float32)
