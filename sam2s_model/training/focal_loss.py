"""Focal loss of masks with hard or soft labels, and the labels of ambiguity-resilient learning (SAM2S Eq. 4 and 5)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

FocalForm = Literal['sam', 'quality']

ALPHA, GAMMA = 0.25, 2.0  # SAM 2
KERNEL_SIZE, KERNEL_SIGMA = 5, 1.0  # SAM2S Eq. 4


def soften(masks: Tensor) -> Tensor:
    """Soft labels ŷ = y * G (SAM2S Eq. 4) of masks (N, S, S) in [0, 1].

    G is a 5×5 Gaussian that sums to 1. The image's border is repeated, so that a mask that touches it keeps its
    label there.
    """
    offsets = torch.arange(KERNEL_SIZE, device=masks.device, dtype=masks.dtype) - KERNEL_SIZE // 2
    weights = torch.exp(-0.5 * (offsets / KERNEL_SIGMA) ** 2)
    weights = weights / weights.sum()
    reach = KERNEL_SIZE // 2
    padded = F.pad(masks.unsqueeze(1), (reach, reach, reach, reach), mode='replicate')
    rows = F.conv2d(padded, weights.view(1, 1, -1, 1))
    return F.conv2d(rows, weights.view(1, 1, 1, -1)).squeeze(1)


def focal_loss(logits: Tensor, targets: Tensor, form: FocalForm = 'sam', alpha: float = ALPHA) -> Tensor:
    """Focal loss of masks (..., h, w), averaged over cells; targets in [0, 1] may be soft (SAM2S Eq. 5).

    The two forms differ on soft labels alone. 'sam' puts ŷ into SAM 2's formula, whose minimum is sharper than ŷ (0.3
    is answered best with 0.12); 'quality' weighs by |p - ŷ|^γ, whose minimum is p = ŷ (Li et al. 2020).

    `alpha` is the weight of the object's cells, that of the others is the rest of 1. With less than a half, what is
    doubtful is left out of the mask; of a mask that is remembered, a little more with every frame.
    """
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction='none')
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return (weight * _difficulty(probability, targets, form) ** GAMMA * cross_entropy).mean((-2, -1))


def _difficulty(probability: Tensor, targets: Tensor, form: FocalForm) -> Tensor:
    if form == 'quality':
        return (probability - targets).abs()
    return 1 - (probability * targets + (1 - probability) * (1 - targets))
