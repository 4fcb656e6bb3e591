"""Target models: what frames teach about how an object looks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.target_model import (
    CONSTANT,
    DECAY,
    apply_target_models,
    best_weights,
    fit_target_model,
    learn_more,
)

SIDE = 64


def frame(mask: Tensor, told_by: int, channel: int = 3) -> tuple[Tensor, ...]:
    """Noise at three resolutions; on the mask, one channel of one of the maps is bright."""
    shapes = ((1, 6, SIDE, SIDE), (1, 10, SIDE // 2, SIDE // 2), (1, 12, SIDE // 4, SIDE // 4))
    maps = [torch.randn(shape) for shape in shapes]
    maps[told_by][:, channel] += 6 * F.interpolate(mask[None, None], maps[told_by].shape[-2:], mode='area')[0, 0]
    return tuple(F.normalize(m, dim=1) for m in maps)


def disc(y: int, x: int) -> Tensor:
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None]
    return ((rows - y) ** 2 + (columns - x) ** 2 < 15**2).float()


def overlap(seen: tuple[Tensor, ...], weights: Tensor, truth: Tensor) -> float:
    found = apply_target_models(seen, weights[None])[0, 0] > 0
    return ((found & (truth > 0)).sum() / (found | (truth > 0)).sum()).item()


@pytest.mark.parametrize('told_by', range(3))
def test_an_object_is_found_where_it_was_never_seen(told_by: int) -> None:
    before, after = disc(20, 20), disc(40, 42)
    lesson = fit_target_model(frame(before, told_by), before)
    assert lesson is not None
    assert overlap(frame(after, told_by), best_weights((lesson,)), after) > 0.7


def test_the_fit_is_next_to_the_minimum_of_the_logistic_loss() -> None:
    mask = (torch.arange(SIDE) // 6 % 3 == 0).double().expand(SIDE, SIDE).contiguous()  # every cell is near some of it
    seen = tuple(m.double() for m in frame(mask.float(), 0))
    lesson = fit_target_model(seen, mask)
    assert lesson is not None
    balance = (1 - mask).sum() / mask.sum()
    counts = 0.25 * torch.where(mask > 0, balance, 1.0)

    def slope(weights: Tensor) -> float:
        weights = weights.clone().requires_grad_()
        logits = apply_target_models(seen, weights[None])[0, 0]
        loss = (counts * F.binary_cross_entropy_with_logits(logits, mask, reduction='none')).sum()
        (loss + 0.5 * DECAY * weights.square().sum()).backward()
        assert weights.grad is not None
        return weights.grad.norm().item()

    weights = best_weights((lesson,))
    assert slope(weights) < 0.05 * slope(torch.zeros_like(weights))


def test_an_object_that_changed_its_looks_is_learnt_again() -> None:
    mask = disc(30, 30)
    lesson = fit_target_model(frame(mask, 0, channel=3), mask)
    assert lesson is not None
    before = after = best_weights((lesson,))
    changed = frame(mask, 0, channel=5)
    for _ in range(5):
        after = best_weights((lesson, learn_more(changed, mask, after)))
    assert overlap(changed, before, mask) < 0.3
    assert overlap(changed, after, mask) > 0.5


def test_lessons_of_less_weight_count_less() -> None:
    mask = disc(30, 30)
    first = fit_target_model(frame(mask, 0, channel=3), mask)
    second = fit_target_model(frame(mask, 0, channel=5), mask)
    assert first is not None and second is not None
    alone = best_weights((first,))
    whole, little = (best_weights((first, second.times(share))) for share in (1.0, 0.01))
    assert (little - alone).norm() < 0.5 * (whole - alone).norm()


def test_nothing_is_learnt_from_an_empty_mask() -> None:
    assert fit_target_model(frame(disc(20, 20), 0), torch.zeros(SIDE, SIDE)) is None


def test_a_mask_of_the_whole_frame_gives_numbers() -> None:
    everything = torch.ones(SIDE, SIDE)
    lesson = fit_target_model(frame(everything, 0), everything)
    assert lesson is not None and best_weights((lesson,)).isfinite().all()


def test_several_objects_are_drawn_at_once() -> None:
    seen = frame(disc(20, 20), 1)
    weights = torch.randn(3, 6 + 10 + 12 + 1)
    together = apply_target_models(seen, weights)
    alone = torch.cat([apply_target_models(seen, w[None]) for w in weights])
    assert together.shape == (3, 1, SIDE, SIDE)
    torch.testing.assert_close(together, alone)
    constant = torch.cat((torch.zeros(1, 28), torch.ones(1, 1)), dim=1)
    torch.testing.assert_close(apply_target_models(seen, constant), torch.full((1, 1, SIDE, SIDE), CONSTANT))
