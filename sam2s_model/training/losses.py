"""What is minimised: mask, quality and presence of every object on every frame (SAM 2; SAM2S Eq. 1 without TSL)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.mask_decoder import DecoderOutput

FOCAL_WEIGHT = 20.0  # λ_arl; the other terms weigh 1
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0


class Losses(NamedTuple):
    """Mean over objects of each term, unweighted."""

    focal: Tensor
    dice: Tensor
    iou: Tensor
    presence: Tensor

    @property
    def total(self) -> Tensor:
        """20 · focal + dice + IoU + presence."""
        return FOCAL_WEIGHT * self.focal + self.dice + self.iou + self.presence


def mask_losses(output: DecoderOutput, targets: Tensor, multimask: bool) -> Losses:
    """Compare what the decoder said of N objects with the truth.

    Args:
        output: The decoder's proposals.
        targets: (N, 4h, 4w) share of each stride-4 cell that the object covers, in [0, 1].
        multimask: Judge the best of masks 1 to 3, as after one click; otherwise mask 0.
    """
    present = (targets.flatten(1).amax(1) > 0.5).float()
    masks = output.mask_logits.float()
    logits = masks[:, 1:] if multimask else masks[:, :1]
    quality = output.iou[:, 1:] if multimask else output.iou[:, :1]
    repeated = targets.unsqueeze(1).expand_as(logits)
    focal, dice = focal_loss(logits, repeated), dice_loss(logits, repeated)
    best = (FOCAL_WEIGHT * focal + dice).argmin(dim=1, keepdim=True)
    off = (quality - intersection_over_union(logits.detach(), repeated)).abs().mean(1)
    return Losses(
        focal=(focal.gather(1, best).squeeze(1) * present).mean(),
        dice=(dice.gather(1, best).squeeze(1) * present).mean(),
        iou=(off * present).mean(),
        presence=F.binary_cross_entropy_with_logits(output.object_score.squeeze(1).float(), present),
    )


def focal_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss of masks (..., h, w), averaged over cells; targets may be soft (SAM2S Eq. 5)."""
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction='none')
    likeness = probability * targets + (1 - probability) * (1 - targets)
    alpha = FOCAL_ALPHA * targets + (1 - FOCAL_ALPHA) * (1 - targets)
    return (alpha * (1 - likeness) ** FOCAL_GAMMA * cross_entropy).mean((-2, -1))


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - Dice coefficient of masks (..., h, w), smoothed by one cell."""
    probability = logits.sigmoid()
    overlap = (probability * targets).sum((-2, -1))
    return 1 - (2 * overlap + 1) / (probability.sum((-2, -1)) + targets.sum((-2, -1)) + 1)


@torch.no_grad()
def intersection_over_union(logits: Tensor, targets: Tensor) -> Tensor:
    """IoU of masks (..., h, w) at logit 0 with targets at 0.5; 1 where both are empty."""
    guess, truth = logits > 0, targets > 0.5
    union = (guess | truth).sum((-2, -1))
    overlap = (guess & truth).sum((-2, -1))
    return torch.where(union > 0, overlap / union.clamp_min(1), 1.0)
