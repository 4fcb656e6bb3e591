"""Objects that were prompted with boxes as masks, and outputs as tracking gives them, for second looks and searches."""

from __future__ import annotations

import torch
from torch import Tensor

from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.mask_decoder import MASKS, DecoderOutput
from sam2s_model.matching_sam2s import MASK_PROMPT_LOGIT, MatchingSam2s
from sam2s_model.memory_read_out import CellMask
from sam2s_model.network import MaskOutput

SIDE = 256
CELLS = SIDE // 4


def logits_of(*boxes: tuple[int, int, int, int]) -> Tensor:
    """Masks of objects that fill boxes x0, y0, x1, y1 in pixels."""
    logits = torch.full((len(boxes), 1, CELLS, CELLS), -MASK_PROMPT_LOGIT)
    for mask, (x0, y0, x1, y1) in zip(logits, boxes, strict=True):
        mask[0, y0 // 4 : y1 // 4, x0 // 4 : x1 // 4] = MASK_PROMPT_LOGIT
    return logits


def tracked(logits: Tensor) -> MaskOutput:
    """An output as tracking gives it."""
    there = torch.ones(len(logits))
    proposals = DecoderOutput(
        logits.expand(-1, MASKS, -1, -1),
        there[:, None].expand(-1, MASKS),
        there[:, None],
        torch.empty(0),
        torch.empty(0),
    )
    return MaskOutput(logits, there, there, None, proposals)


def remembered(network: MatchingSam2s, image: Tensor, logits: Tensor) -> list[Recall[CellMask]]:
    """What objects remember that were prompted with masks on an image."""
    features = network.encode_image(image, network.calibrate(image))
    contents = network.encode_memory(features, [Recall()] * len(logits), tracked(logits), prompted=True)
    return [
        Recall((Slot(Role.CONDITIONING, 1, FrameMemory(0, 0, 1.0, True, torch.ones(1), content)),))
        for content in contents
    ]
