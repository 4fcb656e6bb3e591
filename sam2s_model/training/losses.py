"""What is minimised: mask, quality, presence and class of every object on every frame (SAM 2; SAM2S Eq. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.mask_decoder import DecoderOutput
from sam2s_model.network import NO_OBJECT_LOGIT, MaskOutput
from sam2s_model.semantics import InstrumentBank
from sam2s_model.training.focal_loss import ALPHA, FocalForm, focal_loss, soften
from sam2s_model.training.semantic_loss import semantic_loss

DECODER_STRIDE = 4  # image pixels per cell of the decoder's masks


@dataclass(frozen=True)
class LossSettings:
    """What the losses weigh, and on what they are computed.

    Attributes:
        ambiguity: Soften the labels of the focal loss (SAM2S Eq. 4, L_arl); otherwise it is SAM 2's.
        focal: Form of the focal loss on soft labels, alpha: weight of the object's cells in it; see `focal_loss`.
        focal_weight, dice_weight, iou_weight, presence_weight, semantic_weight: λ of the terms (SAM2S Eq. 1: 20, 1,
            1, 1, 0.1).
        other_weight: Within L_tsl, of objects that are of none of its classes: the network shall not be sure of any. 0
            leaves them out (SAM2S).
        stride: Image pixels per cell of the masks that are compared: 1 scales the decoder's up (SAM 2), 4 takes them
            as they are and costs a sixteenth.
        gated: A present object that the network calls absent gets no mask loss that could teach it (SAM 2).
        judge_absent: What is drawn of an object that is not there shall be called bad, an IoU of 0. Otherwise qualities
            are learnt where the object is there (SAM 2).
        empty_absent: Nothing shall be drawn of an object that is not there, and even nothing shall be called bad: then
            neither speaks for a search. Searches are judged so in any case.
        frames: Frames of a clip to learn from beside the prompted ones, drawn at random; the others are only tracked,
            as in use, so that memory holds the network's own masks. 0 learns from all of them (SAM 2).
        summed: Add up what a clip's decodings cost (SAM 2) instead of averaging.
    """

    ambiguity: bool = False
    focal: FocalForm = 'sam'
    alpha: float = ALPHA
    focal_weight: float = 20.0
    dice_weight: float = 1.0
    iou_weight: float = 1.0
    presence_weight: float = 1.0
    semantic_weight: float = 0.0
    other_weight: float = 0.0
    stride: int = DECODER_STRIDE
    gated: bool = False
    judge_absent: bool = False
    empty_absent: bool = False
    frames: int = 0
    summed: bool = False

    def __post_init__(self) -> None:
        if self.stride not in (1, 2, DECODER_STRIDE):
            raise ValueError(f'stride: expected 1, 2 or {DECODER_STRIDE}, came {self.stride}')
        if not 0 < self.alpha < 1:
            raise ValueError(f'alpha: expected a weight between 0 and 1, came {self.alpha}')


class Losses(NamedTuple):
    """Mean over objects of each term, unweighted; `focal` is L_arl where labels are soft, `semantic` L_tsl."""

    focal: Tensor
    dice: Tensor
    iou: Tensor
    presence: Tensor
    semantic: Tensor

    def total(self, settings: LossSettings) -> Tensor:
        """L = 20 · L_arl + L_iou + L_dice + L_occ + 0.1 · L_tsl (SAM2S Eq. 1)."""
        return (
            settings.focal_weight * self.focal
            + settings.dice_weight * self.dice
            + settings.iou_weight * self.iou
            + settings.presence_weight * self.presence
            + settings.semantic_weight * self.semantic
        )


class MaskTargets(NamedTuple):
    """The truth about N objects on one frame.

    Attributes:
        shares: (N, S/stride, S/stride) share of each cell that the object covers, in [0, 1].
        labels: The same, softened if asked for.
        present: (N,) 1 where the object can be seen, else 0.
    """

    shares: Tensor
    labels: Tensor
    present: Tensor


class Classes(NamedTuple):
    """What N objects are: targets (N,), rows of the instrument bank, or `NO_CLASS`."""

    targets: Tensor
    bank: InstrumentBank


def mask_targets(masks: Tensor, settings: LossSettings) -> MaskTargets:
    """Targets of masks (N, S, S) in {0, 1}."""
    shares = F.avg_pool2d(masks, settings.stride)
    labels = F.avg_pool2d(soften(masks), settings.stride) if settings.ambiguity else shares
    return MaskTargets(shares, labels, (shares.flatten(1).amax(1) > 0.5).float())


def judge(
    output: MaskOutput, targets: MaskTargets, multimask: bool, settings: LossSettings, classes: Classes | None = None
) -> Losses:
    """Compare what the network said of N objects with the truth. Of masks that a person has given, the class alone.

    Args:
        output: What the network said.
        targets: The truth.
        multimask: Judge the best of masks 1 to 3, as after one click; otherwise mask 0.
        settings: What counts how much.
        classes: What the objects are, where L_tsl is wanted.
    """
    nothing = targets.shares.new_zeros(())
    losses = Losses(nothing, nothing, nothing, nothing, nothing)
    if output.proposals is not None:
        losses = mask_losses(output.proposals, targets, multimask, settings)
    if classes is None or output.semantics is None:
        return losses
    present = targets.present * (output.object_score > 0)
    semantic = semantic_loss(output.semantics, classes.targets, present, classes.bank, settings.other_weight)
    return losses._replace(semantic=semantic)


def mask_losses(output: DecoderOutput, targets: MaskTargets, multimask: bool, settings: LossSettings) -> Losses:
    """All terms but L_tsl; see `judge`."""
    shown = slice(1, None) if multimask else slice(0, 1)
    logits = _logits(output, settings)[:, shown]
    shares = targets.shares.unsqueeze(1).expand_as(logits)
    focal = focal_loss(logits, targets.labels.unsqueeze(1).expand_as(logits), settings.focal, settings.alpha)
    dice = dice_loss(logits, shares)
    best = (settings.focal_weight * focal + settings.dice_weight * dice).argmin(dim=1, keepdim=True)
    true_iou = intersection_over_union(logits.detach(), shares)
    drawn, judged = targets.present, targets.present
    if settings.empty_absent:
        drawn, judged, true_iou = torch.ones_like(drawn), torch.ones_like(judged), true_iou * targets.present[:, None]
    elif settings.judge_absent:
        judged = torch.ones_like(judged)
    off = (output.iou[:, shown] - true_iou).abs().mean(1)
    return Losses(
        focal=(focal.gather(1, best).squeeze(1) * drawn).mean(),
        dice=(dice.gather(1, best).squeeze(1) * targets.present).mean(),
        iou=(off * judged).mean(),
        presence=F.binary_cross_entropy_with_logits(output.object_score.squeeze(1).float(), targets.present),
        semantic=logits.new_zeros(()),
    )


def _logits(output: DecoderOutput, settings: LossSettings) -> Tensor:
    """Mask logits (N, 4, S/stride, S/stride)."""
    logits = output.mask_logits.float()
    if settings.gated:
        logits = torch.where((output.object_score > 0)[..., None, None], logits, NO_OBJECT_LOGIT)
    if settings.stride == DECODER_STRIDE:
        return logits
    return F.interpolate(logits, scale_factor=DECODER_STRIDE // settings.stride, mode='bilinear')


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
