"""Simulated prompts and corrections: what is pointed at, how often, and which frames."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from sam2s_model.frame_memory import Role
from sam2s_model.training.clips import Clip
from sam2s_model.training.prompt_plan import PromptPlan, PromptSettings, plan_prompts
from sam2s_model.training.prompt_simulation import correct, simulate

SAM2 = PromptSettings(kinds=(0.5, 0.25, 0.25), conditioning=(1, 2), corrected=(1, 2), stray=0.0, on_object=0.1)
SIDE = 64


def clip(frames: int = 8, **changes: Any) -> Clip:
    masks = np.zeros((1, frames, SIDE, SIDE), bool)
    masks[..., 10:40, 10:40] = True
    roles = (Role.CONDITIONING, *[Role.SHORT_TERM] * (frames - 1))
    content = {'masks': masks, 'roles': roles, **changes}
    return Clip(np.zeros((frames, SIDE, SIDE, 3), np.uint8), seed=0, positions=tuple(range(frames)), class_names=('',),
                **content)  # fmt: skip


def plans(of: Clip, settings: PromptSettings = SAM2, count: int = 400) -> list[PromptPlan]:
    return [plan_prompts(np.random.default_rng(seed), settings, of) for seed in range(count)]


def test_a_simulated_click_lies_on_its_object_and_a_box_around_it() -> None:
    masks = np.zeros((2, SIDE, SIDE), bool)
    masks[0, 10:20, 30:50] = True
    masks[1, 40:60, 5:9] = True
    rng = np.random.default_rng(0)
    clicks = simulate(rng, 'click', masks).points[:, 0].long()
    assert all(masks[k, y, x] for k, (x, y) in enumerate(clicks.tolist()))
    (x0, y0), (x1, y1) = simulate(rng, 'box', masks).points[0].tolist()
    assert abs(x0 - 30) <= 2 and abs(x1 - 50) <= 2 and abs(y0 - 10) <= 1 and abs(y1 - 20) <= 1


def test_a_correction_is_positive_on_what_is_missed_and_negative_on_what_is_too_much() -> None:
    masks = np.zeros((2, SIDE, SIDE), bool)
    masks[0, 16:48, 16:48] = True
    logits = torch.full((2, 1, 16, 16), -5.0)
    logits[1, 0, 4:12, 4:12] = 5.0
    correction = correct(np.random.default_rng(0), None, logits, masks)
    assert correction.labels.tolist() == [[1], [0]]
    assert correction.previous_logits is not None


def test_corrections_lie_on_errors_and_add_up() -> None:
    masks = np.zeros((1, SIDE, SIDE), bool)
    masks[0, 16:48, 16:48] = True
    logits = torch.full((1, 1, 16, 16), -5.0)
    logits[0, 0, 4:12, 4:8] = 5.0  # the right half is missed
    rng = np.random.default_rng(0)
    prompt = simulate(rng, 'click', masks)
    for _ in range(20):
        prompt = correct(rng, prompt, logits, masks)
    assert prompt.points.shape == (1, 21, 2)
    assert (prompt.points[0, 1:, 0] >= 31).all()


def test_a_correction_on_the_object_may_lie_where_the_mask_is_right() -> None:
    masks = np.zeros((1, SIDE, SIDE), bool)
    masks[0, 16:48, 16:48] = True
    logits = torch.full((1, 1, 16, 16), -5.0)
    logits[0, 0, 4:12, 4:12] = 5.0  # nothing is wrong inside
    correction = correct(np.random.default_rng(0), None, logits, masks, on_object=True)
    x, y = correction.points[0, 0].long().tolist()
    assert masks[0, y, x] and correction.labels.tolist() == [[1]]


@pytest.mark.parametrize('kind', ['first click', 'correction'])
def test_a_careful_person_clicks_as_far_from_the_edge_as_can_be(kind: str) -> None:
    masks = np.zeros((1, SIDE, SIDE), bool)
    masks[0, 10:21, 30:61] = True
    rng = np.random.default_rng(0)
    if kind == 'first click':
        prompt = simulate(rng, 'click', masks, central=1.0)
    else:
        prompt = correct(rng, None, torch.full((1, 1, 16, 16), -5.0), masks, central=1.0)
    x, y = prompt.points[0, 0].tolist()
    assert y == 15 and 35 <= x <= 55


def test_half_of_the_clips_get_a_mask_a_quarter_a_box_and_a_quarter_a_click() -> None:
    counts = Counter(plan.kind for plan in plans(clip(), count=2000))
    assert {kind: round(counts[kind] / 2000, 1) for kind in counts} == pytest.approx(
        {'mask': 0.5, 'box': 0.25, 'click': 0.25}, abs=0.06
    )


def test_an_image_is_never_prompted_with_a_mask() -> None:
    assert 'mask' not in {plan.kind for plan in plans(clip(frames=1))}


def test_one_or_two_frames_are_prompted_at_first_and_the_first_always() -> None:
    found = plans(clip())
    assert {len(plan.conditioning) for plan in found} == {1, 2}
    assert all(plan.conditioning[0] == 0 for plan in found)


def test_only_frames_that_show_every_object_are_prompted() -> None:
    masks = np.zeros((1, 8, SIDE, SIDE), bool)
    masks[:, [0, 3], 10:40, 10:40] = True
    assert {plan.conditioning for plan in plans(clip(masks=masks))} == {(0,), (0, 3)}


def test_prompted_frames_are_corrected_unless_a_mask_was_given() -> None:
    for plan in plans(clip()):
        assert not plan.corrected if plan.kind == 'mask' else set(plan.conditioning) <= set(plan.corrected)
        assert len(plan.corrected) <= 2


def test_a_divemem_clip_is_prompted_and_corrected_on_its_first_frame_alone() -> None:
    roles = (Role.CONDITIONING, *[Role.LONG_TERM] * 2, *[Role.SHORT_TERM] * 5)
    found = plans(clip(roles=roles))
    assert {plan.conditioning for plan in found} == {(0,)}
    assert {plan.corrected for plan in found if plan.kind != 'mask'} == {(0,)}


def test_what_is_prompted_at_first_is_known_when_the_others_are_tracked() -> None:
    assert PromptPlan('box', (0, 5), ()).order(7) == [0, 5, 1, 2, 3, 4, 6]


@pytest.mark.parametrize('changes', [{'kinds': (0.5, 0.5, 0.5)}, {'conditioning': (0, 1)}, {'corrected': (2, 1)}])
def test_impossible_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f'{next(iter(changes))}: expected'):
        PromptSettings(**changes)
