"""What the shipped network says of a frame: readings, tracked masks and given masks as outputs of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.mask_decoder import MASKS, ChosenMask, DecoderOutput
from sam2s_model.network import NO_OBJECT_LOGIT, MaskOutput
from sam2s_model.prompt_reader import Reading

MASK_PROMPT_LOGIT = 10.0
FOUND = 0.4  # predicted quality, from which on what was sought is found, if
SURE = 2.5  # is the logit of its surest cell, at least
FOUND_SCORE = 1.0  # object score of what was found


def propose(reading: Reading) -> DecoderOutput:
    """A reading as four equal proposals. What somebody points at is there."""
    masks = reading.mask_logits
    shown = (masks > 0).flatten(1).any(1, keepdim=True)
    nothing = masks.new_zeros(len(masks), MASKS, 0)
    return DecoderOutput(
        mask_logits=masks.expand(-1, MASKS, -1, -1),
        iou=reading.iou.unsqueeze(1).expand(-1, MASKS),
        object_score=torch.where(shown, MASK_PROMPT_LOGIT, -MASK_PROMPT_LOGIT),
        mask_tokens=nothing,
        cells=nothing,
    )


def propose_again(output: MaskOutput, reading: Reading, numbers: Sequence[int]) -> MaskOutput:
    """Take the readings of some objects as their proposals."""
    assert output.proposals is not None
    masks, iou = output.proposals.mask_logits[:, :1].clone(), output.proposals.iou[:, :1].clone()
    masks[numbers], iou[numbers] = reading.mask_logits, reading.iou.unsqueeze(1)
    proposals = output.proposals._replace(mask_logits=masks.expand(-1, MASKS, -1, -1), iou=iou.expand(-1, MASKS))
    return output._replace(proposals=proposals)


def show_found(output: MaskOutput, reading: Reading, numbers: Sequence[int]) -> MaskOutput:
    """Take what was read of objects that were sought, where it is good; the device is not waited for."""
    logits, iou, score = output.mask_logits.clone(), output.iou.clone(), output.object_score.clone()
    found = (reading.iou >= FOUND) & (reading.mask_logits.flatten(1).amax(1) >= SURE)
    logits[numbers] = torch.where(found[:, None, None, None], reading.mask_logits, logits[numbers])
    iou[numbers] = torch.where(found, reading.iou, iou[numbers])
    score[numbers] = torch.where(found, FOUND_SCORE, score[numbers])
    return output._replace(mask_logits=logits, iou=iou, object_score=score)


def gate(output: DecoderOutput, chosen: ChosenMask) -> MaskOutput:
    score = output.object_score.squeeze(1)
    logits = torch.where((score > 0)[:, None, None, None], chosen.mask_logits, NO_OBJECT_LOGIT)
    return MaskOutput(logits, chosen.iou, score, None, output)


def mask_as_output(mask: Tensor) -> MaskOutput:
    """A mask prompt is its own result, with perfect quality (SAM 2, mask as output)."""
    logits = F.interpolate(mask, scale_factor=0.25, mode='bilinear', antialias=True) * 2 - 1
    score = torch.where(mask.flatten(1).any(1), MASK_PROMPT_LOGIT, -MASK_PROMPT_LOGIT)
    return MaskOutput(logits * MASK_PROMPT_LOGIT, torch.ones_like(score), score, None, None)
