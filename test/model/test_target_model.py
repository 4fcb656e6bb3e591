"""Target models: what one prompted frame teaches about how an object looks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sam2s_model.target_model import CONSTANT, DECAY, apply_target_models, fit_target_model

SIDE = 64


def frame(mask: Tensor, told_by: int) -> tuple[Tensor, ...]:
    """Noise at three resolutions; on the mask, one channel of one of the maps is bright."""
    shapes = ((1, 6, SIDE, SIDE), (1, 10, SIDE // 2, SIDE // 2), (1, 12, SIDE // 4, SIDE // 4))
    maps = [torch.randn(shape) for shape in shapes]
    maps[told_by][:, 3] += 6 * F.interpolate(mask[None, None], maps[told_by].shape[-2:], mode='area')[0]
    return tuple(F.normalize(m, dim=1) for m in maps)


def disc(y: int, x: int) -> Tensor:
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None]
    return ((rows - y) ** 2 + (columns - x) ** 2 < 15**2).float()


@pytest.mark.parametrize('told_by', range(3))
def test_an_object_is_found_where_it_was_never_seen(told_by: int) -> None:
    before, after = disc(20, 20), disc(40, 42)
    model = fit_target_model(frame(before, told_by), before)
    assert model is not None
    drawn = apply_target_models(frame(after, told_by), model[None])
    assert drawn.shape == (1, 1, SIDE, SIDE)
    found = drawn[0, 0] > 0
    assert (found & (after > 0)).sum() / (found | (after > 0)).sum() > 0.7


def test_the_fit_is_next_to_the_minimum_of_the_logistic_loss() -> None:
    mask = (torch.arange(SIDE) // 6 % 3 == 0).double().expand(SIDE, SIDE).contiguous()  # every cell is near some of it
    seen = tuple(m.double() for m in frame(mask.float(), 0))
    model = fit_target_model(seen, mask)
    assert model is not None
    balance = (1 - mask).sum() / mask.sum()
    counts = 0.25 * torch.where(mask > 0, balance, 1.0)

    def slope(weights: Tensor) -> float:
        weights = weights.clone().requires_grad_()
        logits = apply_target_models(seen, weights[None])[0, 0]
        loss = (counts * F.binary_cross_entropy_with_logits(logits, mask, reduction='none')).sum()
        (loss + 0.5 * DECAY * weights.square().sum()).backward()
        assert weights.grad is not None
        return weights.grad.norm().item()

    assert slope(model) < 0.05 * slope(torch.zeros_like(model))


def test_nothing_is_learnt_from_an_empty_mask() -> None:
    assert fit_target_model(frame(disc(20, 20), 0), torch.zeros(SIDE, SIDE)) is None


def test_a_mask_of_the_whole_frame_gives_numbers() -> None:
    everything = torch.ones(SIDE, SIDE)
    model = fit_target_model(frame(everything, 0), everything)
    assert model is not None and model.isfinite().all()


def test_several_objects_are_drawn_at_once() -> None:
    seen = frame(disc(20, 20), 1)
    weights = torch.randn(3, 6 + 10 + 12 + 1)
    together = apply_target_models(seen, weights)
    alone = torch.cat([apply_target_models(seen, w[None]) for w in weights])
    torch.testing.assert_close(together, alone)
    constant = torch.cat((torch.zeros(1, 28), torch.ones(1, 1)), dim=1)
    torch.testing.assert_close(apply_target_models(seen, constant), torch.full((1, 1, SIDE, SIDE), CONSTANT))
