"""Where an object can be on a frame, given where and when it was last seen: things move, but they do not jump."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.memory_read_out import FINER, CellMask

JUMP = 3  # cells, further than which an object does not move between two frames unless matching says so
LIKELY = 0.5  # of a cell that an object covers
AWAY = 14  # frames, for which an object that cannot be seen is away rather than hidden
GOOD_RETURN = 0.5  # predicted quality of a mask, from which on what was away is back
DOUBT = -1.0  # object score, at most, of a return that is not good enough
SPECK = 0.02  # of an object: a piece that is smaller and lies elsewhere is none of it
SPECK_LOGIT = -1.0  # barely not the object


def reachable(newest: Tensor) -> Tensor:
    """Cells (N, 1, 2h, 2w), True where objects may have moved to that were last seen at newest (N, 1, h, w)."""
    side = 2 * JUMP + 1
    along = F.max_pool2d(newest, (1, side), stride=1, padding=(0, JUMP))  # rows, then columns: a third of the time
    near = F.max_pool2d(along, (side, 1), stride=1, padding=(JUMP, 0)) > LIKELY
    return near.repeat_interleave(FINER, 2).repeat_interleave(FINER, 3)


def doubt_returns(object_score: Tensor, iou: Tensor, recalls: Sequence[Recall[CellMask]]) -> Tensor:
    """Object scores (N, 1), those of objects lowered that were away and of which no good mask, iou (N,), is found.

    What comes instead of them often looks a little like them.
    """
    away = torch.tensor([_is_away(recall) for recall in recalls], device=iou.device)
    doubtful = (away & (iou < GOOD_RETURN)).unsqueeze(1)
    return torch.where(doubtful, object_score.clamp_max(DOUBT), object_score)


def _is_away(recall: Recall[CellMask]) -> bool:
    seen = (s.distance for s in recall.frames if s.role is not Role.LONG_TERM and s.memory.present)
    return min(seen, default=0) > AWAY


def without_specks(mask_logits: Tensor, near: Tensor) -> Tensor:
    """Take small pieces, connected by sides or corners, out of masks that are elsewhere in one piece or more.

    Another instrument of the same kind gets such dots. A piece that grows is let in: it may come from behind something.

    Args:
        mask_logits: (N, 1, 2h, 2w).
        near: (N, 1, 2h, 2w) what is `reachable`; of an object for which that is nothing, nothing is taken.
    """
    seen = torch.cat((mask_logits > 0, near), dim=1).cpu().numpy()  # the device is waited for once
    specks = np.stack([_specks(plane, near) for plane, near in seen])
    return torch.where(torch.from_numpy(specks).unsqueeze(1).to(mask_logits.device), SPECK_LOGIT, mask_logits)


def _specks(plane: np.ndarray, near: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(plane.astype(np.uint8), connectivity=8)
    elsewhere = np.ones(count, np.bool_)
    elsewhere[labels[near]] = False
    small = stats[:, cv2.CC_STAT_AREA] < SPECK * plane.sum()
    is_speck = elsewhere & small & (not elsewhere[1:].all())
    is_speck[0] = False  # what is none of it
    return np.asarray(is_speck[labels])
