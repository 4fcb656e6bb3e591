"""What a network's output says of each object in numbers, read from the device all at once."""

from __future__ import annotations

import math

import torch

from sam2s_model.network import MaskOutput
from sam2s_model.semantics import InstrumentBank, class_logits


def read_output(output: MaskOutput, instruments: InstrumentBank | None) -> list[list[float]]:
    """Quality, object score, presence and class logits of N objects; the device is waited for once.

    The quality of a mask that is not finite is NaN, too. Without an instrument bank there are no class logits.
    """
    score = output.object_score.float()
    iou = output.iou.float().where(output.mask_logits.isfinite().flatten(1).all(dim=1), math.nan)
    table = torch.stack((iou, score, score.sigmoid()), dim=1)
    if instruments is not None and output.semantics is not None:
        table = torch.cat((table, class_logits(output.semantics, instruments.embeddings)), dim=1)
    readings: list[list[float]] = table.tolist()
    return readings
