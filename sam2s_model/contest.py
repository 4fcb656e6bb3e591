"""Whose cell it is where two objects claim it: instruments are opaque, and one of two alike is easily taken for both.

Where two of a kind cross, or one leaves, a mask grows over what is not its object, and memory would keep that. What a
person has prompted as a part of something else may share its cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sam2s_model.network import NO_OBJECT_LOGIT, MaskOutput
from sam2s_model.object_track import ObjectTrack

LATE = 1e-3  # of what somebody says who was not there on the frame before
MOST = 0.8  # of its mask
TAKEN = -1.0  # logit of a cell that another object has: barely not the object
BEATEN = -1.0  # object score, at most, of an object that is left without a cell
WITHIN = 0.5  # of the smaller of two masks: from here on it may be a part of the other
SAME = 0.7  # IoU of two masks: from here on they are one thing under two names, not one a part of the other


def settle(output: MaskOutput, tracks: Sequence[ObjectTrack]) -> MaskOutput:
    """Leave each cell that several of N objects claim to the surest of them; quality counts what they could keep.

    Who was not there on the frame before takes no cell from those who were, and comes with most of its mask or not.
    """
    came = torch.tensor([not track.is_seen for track in tracks], device=output.iou.device)
    claims = torch.where(came[:, None, None, None], output.mask_logits * LATE, output.mask_logits)
    settled = output.mask_logits.clone()
    for number, track in enumerate(tracks):
        rivals = [n for n, other in enumerate(tracks) if n != number and other.object_id not in track.sharing]
        if rivals:
            taken = (claims[number] > 0) & (claims[rivals].amax(0) > claims[number])
            settled[number] = torch.where(taken, TAKEN, settled[number])
    claimed, left = ((logits > 0).flatten(1).sum(1) for logits in (output.mask_logits, settled))
    beaten, score = (left < claimed * torch.where(came, MOST, 0.0)) | ((claimed > 0) & (left == 0)), output.object_score
    return output._replace(
        mask_logits=torch.where(beaten[:, None, None, None], NO_OBJECT_LOGIT, settled),
        object_score=torch.where(beaten, score.clamp_max(BEATEN), score),
        iou=output.iou * torch.where(claimed > 0, left / claimed, 1.0),
    )


def note_sharing(prompted: ObjectTrack, others: Sequence[ObjectTrack], index: int) -> None:
    """Remember of which objects, as they are on a frame, a person has just prompted a part or the whole.

    What has come back may be another, and what is all the same is no part: these share only if prompted on this frame.
    """
    own = prompted.newest
    also = [(other, other.newest) for other in others if other is not prompted and other.newest is not None]
    shown = [(other, seen.mask_logits) for other, seen in also if seen.frame_index == index]
    if own is None or own.frame_index != index or not shown:
        return
    mask, masks = own.mask_logits > 0, torch.cat([logits for _, logits in shown]) > 0
    sizes = torch.stack([area.flatten(1).sum(1) for area in (mask.expand_as(masks), masks, mask & masks)], dim=1)
    for (other, _), (area, others_area, common) in zip(shown, sizes.tolist(), strict=True):  # waits for the device once
        overlaps = common > 0 and common >= WITHIN * min(area, others_area)
        is_part = common < SAME * (area + others_area - common)
        if overlaps and ((is_part and not other.has_been_away) or other.is_prompted_on(index)):
            prompted.share_with(other)
