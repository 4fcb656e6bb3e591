"""What target models add to matching and what frames teach them, on frames made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.clue import find_clue
from sam2s_model.frame_memory import FrameMemory, Recall, Role, Slot
from sam2s_model.mask_decoder import HighResFeatures
from sam2s_model.memory_read_out import QUARTERS, CellMask
from sam2s_model.network import FrameFeatures, PromptBatch
from sam2s_model.object_looks import (
    GOOD_MASK,
    MAX_LOGIT,
    NEVER_AGAIN,
    PATIENCE,
    Learnt,
    learn_looks,
    redraw,
    weigh_looks,
)
from sam2s_model.prompt_encoder import BACKGROUND, FOREGROUND
from sam2s_model.target_model import DECAY, Lesson, best_weights
from sam2s_model.whereabouts import JUMP

SIDE = 16  # cells
CHANNELS = 4
ROUNDING = 1e-3
NOTHING = Learnt(None, 0)


def features() -> FrameFeatures:
    """A frame of noise that target models see as ones in the first of their channels."""
    fine = F.one_hot(torch.zeros(1, 2 * SIDE, 2 * SIDE, dtype=torch.long), CHANNELS).float().permute(0, 3, 1, 2)
    nothing = torch.zeros(1, 8, SIDE // 2, SIDE // 2)
    keys = F.normalize(torch.randn(SIDE**2, 8), dim=1)
    image = torch.zeros(1, 3, 8 * SIDE, 8 * SIDE)
    return FrameFeatures(
        image, nothing, HighResFeatures(nothing, nothing), keys.flatten(), keys=keys, appearance=(fine,)
    )


def asking_for(weights: Tensor) -> Lesson:
    """A lesson after which these are the best weights."""
    precision = torch.eye(len(weights))
    return Lesson(precision, (precision + DECAY * torch.eye(len(weights))) @ weights)


def remembered(keys: Tensor, mask: Tensor, *lessons: Lesson | None, learnt: Learnt = NOTHING) -> Recall[CellMask]:
    """One prompted frame for each lesson, and the frame before this one."""
    quarters = mask.flatten().expand(QUARTERS, -1)

    def slot(role: Role, index: int, *lesson: Any) -> Slot[CellMask]:
        content = CellMask(keys, quarters, *lesson)
        return Slot(role, 1, FrameMemory(index, index, 1.0, True, keys.flatten(), content))

    prompted = [slot(Role.CONDITIONING, n, lesson) for n, lesson in enumerate(lessons)]
    return Recall((*prompted, slot(Role.SHORT_TERM, len(lessons), *learnt)))


def corner() -> Tensor:
    mask = torch.zeros(SIDE, SIDE)
    mask[:4, :4] = 1
    return mask


def bright(strength: float) -> Lesson:
    """What teaches that the object is where the first channel is."""
    return asking_for(torch.tensor([strength, 0, 0, 0, 0]))


def added(strength: float) -> Tensor:
    """(SIDE, SIDE) what a target model that sees its object everywhere, or nowhere, adds to the logits."""
    seen = features()
    assert seen.keys is not None
    keys = F.normalize(seen.keys + 0.8 * torch.randn_like(seen.keys), dim=1)
    recalls = [remembered(keys, corner(), lesson) for lesson in (bright(strength), None)]
    with_model, without = (find_clue(seen, [recall]).logits for recall in recalls)
    return F.avg_pool2d(with_model - without, 2)[0, 0]


def test_an_object_is_not_seen_far_from_where_it_was() -> None:
    more = added(2.0)
    assert (more[: 4 + JUMP, : 4 + JUMP] > 0.2).all()
    assert max(more[4 + JUMP :].max(), more[:, 4 + JUMP :].max()) < ROUNDING


def test_what_does_not_look_like_the_object_is_taken_from_it() -> None:
    less = added(-2.0)
    assert less[:4, :4].mean() < -0.2
    assert less.max() < ROUNDING


def test_prompted_frames_and_tracked_ones_are_learnt_from_together() -> None:
    keys = torch.randn(SIDE**2, 8)
    lessons = [bright(strength) for strength in (1.0, 2.0, 4.0)]
    prompted = remembered(keys, corner(), *lessons)
    tracked = remembered(keys, corner(), *lessons[:2], learnt=Learnt(lessons[2], 0))
    torch.testing.assert_close(weigh_looks([prompted]), weigh_looks([tracked]))
    torch.testing.assert_close(weigh_looks([tracked]), best_weights(tuple(lessons))[None])


@pytest.mark.parametrize('first', [True, False])
def test_an_object_without_a_model_is_matched_alone(first: bool) -> None:
    seen = features()
    assert seen.keys is not None
    lessons = (None, bright(2.0)) if first else (bright(2.0), None)
    pair = [remembered(seen.keys, corner(), lesson) for lesson in lessons]
    together = find_clue(seen, pair).logits
    alone = torch.cat([find_clue(seen, [recall]).logits for recall in pair])
    torch.testing.assert_close(together, alone)


def redrawn(*clicks: tuple[float, float, int]) -> tuple[Tensor, Tensor]:
    """(2 · SIDE,) a row of what is read of an object that is the left half, before and after it is drawn again.

    The reading misses the last quarter of it.
    """
    side = 2 * SIDE
    looks = torch.zeros(1, CHANNELS, side, side)
    looks[:, 0, :, : side // 2] = looks[:, 1, :, side // 2 :] = 1.0
    reading = torch.full((1, 1, side, side), -0.2)
    reading[..., : side // 2 - 4] = 0.2
    points, labels = torch.tensor([[(x, y) for x, y, _ in clicks]]), torch.tensor([[kind for *_, kind in clicks]])
    drawn = redraw((looks,), reading, PromptBatch(points, labels))
    return reading[0, 0, SIDE], drawn[0, 0, SIDE]


def test_what_looks_like_the_object_joins_a_reading() -> None:
    before, after = redrawn((8.5, 64.5, FOREGROUND))
    assert (before[SIDE - 4 : SIDE] < 0).all()
    assert (after[SIDE - 4 : SIDE] > 0).all()
    assert (after[SIDE:] < before[SIDE:]).all()


def test_nothing_joins_a_reading_next_to_a_negative_click() -> None:
    before, after = redrawn((8.5, 64.5, FOREGROUND), (58.5, 64.5, BACKGROUND))
    assert (after[SIDE - 4 : SIDE] <= before[SIDE - 4 : SIDE]).all()


def test_nothing_leaves_a_reading_next_to_a_positive_click() -> None:
    before, after = redrawn((8.5, 64.5, FOREGROUND), (70.5, 64.5, FOREGROUND))
    assert (after[SIDE:][:4] >= before[SIDE:][:4]).all()
    assert (after[SIDE + 8 :] < before[SIDE + 8 :]).all()


def test_what_a_click_hits_is_what_it_says() -> None:
    _, after = redrawn((10.5, 64.5, BACKGROUND), (90.5, 64.5, FOREGROUND))
    assert after[2] == -MAX_LOGIT and after[22] == MAX_LOGIT
    assert (after[[0, 4]] > 0).all() and (after[[20, 24]] < 0).all()


def learnt_on(recall: Recall[CellMask], mask: Tensor, quality: float = 0.9) -> Learnt:
    seen = features()
    assert seen.appearance is not None
    fine = mask.repeat_interleave(2, 0).repeat_interleave(2, 1)
    return learn_looks(seen.appearance, recall, fine, torch.tensor(quality))


def test_a_tracked_frame_teaches_once_in_a_while() -> None:
    keys = torch.randn(SIDE**2, 8)
    learnt, ages = NOTHING, []
    for _ in range(3 * PATIENCE):
        learnt = learnt_on(remembered(keys, corner(), bright(1.0), learnt=learnt), corner())
        ages.append(learnt.frames)
    assert ages == [*range(1, PATIENCE), 0, *range(1, PATIENCE), 0, *range(1, PATIENCE), 0]
    assert learnt.lesson is not None


def test_a_bad_mask_teaches_nothing() -> None:
    before = bright(3.0)
    recall = remembered(torch.randn(SIDE**2, 8), corner(), bright(1.0), learnt=Learnt(before, 10 * PATIENCE))
    learnt = learnt_on(recall, corner(), GOOD_MASK - 0.01)
    assert learnt.lesson is before
    assert learnt.frames == 10 * PATIENCE + 1


def test_an_object_that_was_away_is_learnt_from_prompts_alone() -> None:
    keys = torch.randn(SIDE**2, 8)
    learnt = Learnt(bright(3.0), 2)
    for mask in [torch.zeros(SIDE, SIDE)] + [corner()] * 2 * PATIENCE:
        learnt = learnt_on(remembered(keys, corner(), bright(1.0), learnt=learnt), mask)
        assert learnt == Learnt(None, NEVER_AGAIN)


def test_a_prompt_after_an_absence_lets_tracked_frames_teach_again() -> None:
    recall = remembered(torch.randn(SIDE**2, 8), corner(), bright(1.0), learnt=Learnt(None, NEVER_AGAIN))
    prompted, tracked = recall.frames
    later = replace(prompted, memory=replace(prompted.memory, index=tracked.memory.index + 1))
    assert learnt_on(Recall((tracked, later)), corner()) == Learnt(None, 1)


def test_what_tracked_frames_taught_fades() -> None:
    keys, mask = torch.randn(SIDE**2, 8), corner()
    prompted, learnt = bright(0.0), NOTHING  # the sharpest bend of all is at 0
    for _ in range(40 * PATIENCE):
        learnt = learnt_on(remembered(keys, mask, prompted, learnt=learnt), mask)
    assert learnt.lesson is not None
    once = learnt_on(remembered(keys, mask, prompted, learnt=Learnt(None, PATIENCE)), mask).lesson
    assert once is not None
    assert learnt.lesson.precision.trace() < 4.01 * once.precision.trace()
