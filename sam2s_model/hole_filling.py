"""Fill small holes of masks, as SAM 2's video predictor does after segmenting."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

FILLED_LOGIT = 0.1  # barely object (SAM 2)


def fill_holes(mask_logits: Tensor, area: int) -> Tensor:
    """Lift background regions of at most `area` cells, connected by sides or corners, in logits (N, 1, h, w)."""
    if area == 0:
        return mask_logits
    background = (mask_logits <= 0).squeeze(1).cpu().numpy()
    holes = np.stack([_small_regions(plane.astype(np.uint8), area) for plane in background])
    return torch.where(torch.from_numpy(holes).unsqueeze(1).to(mask_logits.device), FILLED_LOGIT, mask_logits)


def _small_regions(plane: np.ndarray, area: int) -> np.ndarray:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] <= area
    small[0] = False  # what is no background at all
    return np.asarray(small[labels])
