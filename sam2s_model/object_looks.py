"""How objects look now: what their target models say of a frame, and what frames teach them.

A prompted frame teaches in full. Tracked frames teach a quarter as much, once in a while and only where the mask is
good, and what they taught fades: an object that turns or gets other light is followed, and a mistake is forgotten.
What was away may be something else when it is back: then only prompted frames count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.frame_memory import Recall, Role
from sam2s_model.matching import STRIDE
from sam2s_model.memory_read_out import FINER, CellMask
from sam2s_model.network import PromptBatch
from sam2s_model.prompt_encoder import BACKGROUND, FOREGROUND
from sam2s_model.target_model import (
    SEEN_CELLS,
    Lesson,
    apply_target_models,
    best_weights,
    fit_target_model,
    learn_more,
)
from sam2s_model.whereabouts import reachable

MAX_LOGIT = 6.0  # surer than this no read-out is, be it of matching or of a target model
SAY_OF_PROMPTS = 0.3  # of a target model's logits, added to those of what a prompt was read as
REACH_OF_CLICKS = 24.0  # pixels, within which nothing speaks against a click
HIT_BY_CLICKS = 4.0  # pixels, within which a click is right for certain
PATIENCE = 5  # frames from one lesson of tracked frames to the next
TRACKED_SHARE = 0.25  # of a tracked frame's lesson
FADING = 0.75  # of earlier lessons of tracked frames
NEVER_AGAIN = -1  # instead of a number of frames: the object was away, and only prompts teach how it looks
GOOD_MASK = 0.5  # predicted quality of a mask, below which it teaches nothing


class Learnt(NamedTuple):
    """What tracked frames have taught so far.

    Attributes:
        lesson: None before the first.
        frames: How many frames ago the newest came; `NEVER_AGAIN` where the object has been away.
    """

    lesson: Lesson | None
    frames: int


def weigh_looks(recalls: Sequence[Recall[CellMask]]) -> Tensor | None:
    """Weights (N, D) of N objects' target models, 0 where an object has none; None where nobody has one."""
    weights = [_weights(recall) for recall in recalls]
    known = next((w for w in weights if w is not None), None)
    return None if known is None else torch.stack([torch.zeros_like(known) if w is None else w for w in weights])


def draw_looks(appearance: Sequence[Tensor], weights: Tensor, near: Tensor) -> Tensor:
    """Logits (N, 1, 2h, 2w) of how objects look, which may be `near`, (N, 1, 2h, 2w) bool.

    Elsewhere target models only say what is not the object: another instrument that looks like it is not it.
    """
    drawn = apply_target_models(appearance, weights).clamp(-MAX_LOGIT, MAX_LOGIT)
    return torch.where(near, drawn, drawn.clamp_max(0))


def redraw(appearance: Sequence[Tensor], logits: Tensor, prompt: PromptBatch) -> Tensor:
    """Draw what N prompts were read as, logits (N, 1, 2h, 2w), again with target models that are fitted on it.

    What looks like the rest of the object joins it, what looks like its surroundings leaves; not next to a click that
    says otherwise. What a click hits is what it says.
    """
    masks = (logits > 0).float()
    lessons = [fit_target_model(appearance, mask[0]) for mask in masks]
    nothing = logits.new_zeros(sum(m.shape[1] for m in appearance) + 1)
    weights = torch.stack([nothing if lesson is None else best_weights((lesson,)) for lesson in lessons])
    looks = draw_looks(appearance, weights, reachable(F.max_pool2d(masks, FINER)))
    against, in_favour = (_clicked(prompt, kind, looks, REACH_OF_CLICKS) for kind in (BACKGROUND, FOREGROUND))
    looks = torch.where(against, looks.clamp_max(0), looks)
    looks = torch.where(in_favour, looks.clamp_min(0), looks)
    drawn = (logits.clamp(-MAX_LOGIT, MAX_LOGIT) + SAY_OF_PROMPTS * looks).clamp_(-MAX_LOGIT, MAX_LOGIT)
    drawn = torch.where(_clicked(prompt, BACKGROUND, looks, HIT_BY_CLICKS), -MAX_LOGIT, drawn)
    return torch.where(_clicked(prompt, FOREGROUND, looks, HIT_BY_CLICKS), MAX_LOGIT, drawn)


def _clicked(prompt: PromptBatch, kind: int, logits: Tensor, reach: float) -> Tensor:
    """Which cells of logits (N, 1, 2h, 2w) have their centre within `reach` pixels of a click of a kind."""
    centres = (torch.arange(logits.shape[-1], device=logits.device) + 0.5) * STRIDE / FINER
    x, y = ((position.unsqueeze(-1) - centres).square() for position in prompt.points.unbind(-1))
    near = x.unsqueeze(-2) + y.unsqueeze(-1) < reach**2
    return (near & (prompt.labels == kind)[..., None, None]).any(1, keepdim=True)


def learn_looks(appearance: Sequence[Tensor], recall: Recall[CellMask], mask: Tensor, quality: Tensor) -> Learnt:
    """What tracked frames have taught after one more, on which an object has a mask (h, w) of predicted quality ()."""
    lesson, frames = _learnt(recall)
    if frames == NEVER_AGAIN or mask.sum() < SEEN_CELLS:
        return Learnt(None, NEVER_AGAIN)
    weights = None if frames + 1 < PATIENCE or quality < GOOD_MASK else _weights(recall)
    if weights is None:
        return Learnt(lesson, frames + 1)
    new = learn_more(appearance, mask, weights).times(TRACKED_SHARE)
    return Learnt(new if lesson is None else lesson.times(FADING).and_also(new), 0)


def _weights(recall: Recall[CellMask]) -> Tensor | None:
    prompted = [slot.memory.content.lesson for slot in recall.frames if slot.role is Role.CONDITIONING]
    lessons = tuple(lesson for lesson in (*prompted, _learnt(recall).lesson) if lesson is not None)
    return best_weights(lessons) if lessons else None


def _learnt(recall: Recall[CellMask]) -> Learnt:
    recent = [slot for slot in recall.frames if slot.role is not Role.LONG_TERM]
    newest = max(recent, key=lambda slot: slot.memory.index, default=None)
    if newest is None or newest.role is Role.CONDITIONING:
        return Learnt(None, 0)
    return Learnt(newest.memory.content.lesson, newest.memory.content.lesson_age)
