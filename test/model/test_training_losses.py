"""What is minimised: focal forms, soft labels, dice, quality, presence (SAM2S Eq. 1, 4 and 5)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sam2s_model.mask_decoder import DecoderOutput
from sam2s_model.training.focal_loss import FocalForm, focal_loss, soften
from sam2s_model.training.losses import (
    Losses,
    LossSettings,
    dice_loss,
    intersection_over_union,
    mask_losses,
    mask_targets,
)

SIDE = 32


def square(fill: slice = slice(8, 24)) -> Tensor:
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, fill, fill] = 1
    return mask


def proposals(logits: Tensor, iou: float = 0.9, score: float = 5.0) -> DecoderOutput:
    """A decoder that proposes masks (4, h, w) for one object."""
    return DecoderOutput(
        logits[None], torch.full((1, 4), iou), torch.full((1, 1), score), torch.zeros(1, 4, 8), torch.zeros(1, 4, 8)
    )


def soften_plainly(mask: np.ndarray) -> np.ndarray:
    """Eq. 4 word by word: the mean under a normalised 5×5 Gaussian, the border repeated."""
    offsets = np.arange(-2, 3)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / 2)
    kernel /= kernel.sum()
    padded = np.pad(mask, 2, mode='edge')
    soft = np.zeros_like(mask)
    for y, x in np.ndindex(mask.shape):
        soft[y, x] = (padded[y : y + 5, x : x + 5] * kernel).sum()
    return soft


def focal_plainly(p: float, t: float, form: FocalForm) -> float:
    """Eq. 5 for one pixel."""
    cross_entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    difficulty = abs(p - t) if form == 'quality' else 1 - (p * t + (1 - p) * (1 - t))
    return float((0.25 * t + 0.75 * (1 - t)) * difficulty**2 * cross_entropy)


def test_a_perfect_mask_costs_next_to_nothing() -> None:
    target = square()
    logits = (target * 2 - 1) * 20
    assert focal_loss(logits, target).item() < 1e-6
    assert dice_loss(logits, target).item() < 1e-3
    assert intersection_over_union(logits, target).item() == 1


def test_iou_is_one_where_both_are_empty_and_zero_where_they_do_not_meet() -> None:
    empty, full = torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4)
    assert intersection_over_union(empty, torch.zeros(1, 4, 4)).item() == 1
    assert intersection_over_union(empty, full).item() == 0


@pytest.mark.parametrize('form', ['sam', 'quality'])
def test_the_focal_loss_is_that_of_retina_net_on_hard_labels(form: FocalForm) -> None:
    p = torch.sigmoid(torch.tensor(0.3))
    expected = -0.25 * (1 - p) ** 2 * torch.log(p)
    torch.testing.assert_close(focal_loss(torch.tensor([[[0.3]]]), torch.ones(1, 1, 1), form), expected.view(1))


@pytest.mark.parametrize('form', ['sam', 'quality'])
@pytest.mark.parametrize('target', [0.0, 0.0545, 0.3, 0.7, 1.0])
@pytest.mark.parametrize('logit', [-2.0, 0.1, 3.0])
def test_the_focal_loss_of_soft_labels_is_equation_5(form: FocalForm, target: float, logit: float) -> None:
    p = float(torch.sigmoid(torch.tensor(logit, dtype=torch.float64)))
    got = focal_loss(torch.full((1, 1, 1), logit), torch.full((1, 1, 1), target), form).item()
    assert got == pytest.approx(focal_plainly(p, target, form), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(('form', 'best'), [('sam', 0.121), ('quality', 0.2987)])
def test_the_forms_differ_in_what_answers_a_soft_label_best(form: FocalForm, best: float) -> None:
    p = torch.linspace(0.001, 0.999, 999)
    losses = torch.stack([focal_loss(v.logit().view(1, 1), torch.full((1, 1), 0.2987), form) for v in p])
    assert p[losses.argmin()].item() == pytest.approx(best, abs=0.002)


@pytest.mark.parametrize(('alpha', 'best'), [(0.25, 0.4), (0.5, 0.5), (0.75, 0.6)])
def test_doubtful_cells_join_the_mask_as_their_kinds_weigh(alpha: float, best: float) -> None:
    """Of cells that look alike, half are the object's; all get the same probability, the one that costs least."""
    targets = torch.tensor([0.0, 1.0]).view(1, 2)
    p = torch.linspace(0.01, 0.99, 99)
    losses = torch.stack([focal_loss(v.logit().expand(1, 2), targets, alpha=alpha) for v in p])
    assert p[losses.argmin()].item() == pytest.approx(best, abs=0.01)


def test_softening_is_equation_4(tmp_path: object) -> None:
    mask = np.random.default_rng(0).random((12, 12)) > 0.5
    soft = soften(torch.from_numpy(mask).double()[None])[0].numpy()
    np.testing.assert_allclose(soft, soften_plainly(mask.astype(np.float64)), atol=1e-12)


def test_a_straight_border_becomes_soft_by_two_pixels() -> None:
    mask = torch.zeros(1, 8, 12)
    mask[..., 6:] = 1
    row = soften(mask)[0, 4].tolist()
    assert row[3:9] == pytest.approx([0.0, 0.0545, 0.2987, 0.7013, 0.9455, 1.0], abs=1e-4)


def test_a_mask_that_touches_the_border_keeps_its_label_there() -> None:
    assert soften(torch.ones(1, 8, 8)).min().item() == pytest.approx(1, abs=1e-6)


def test_soft_labels_are_for_the_focal_loss_alone() -> None:
    logits = torch.randn(4, SIDE // 4, SIDE // 4, generator=torch.Generator().manual_seed(0))
    hard, soft = (LossSettings(ambiguity=ambiguity, stride=1) for ambiguity in (False, True))
    plain, ambiguous = (mask_losses(proposals(logits), mask_targets(square(), s), True, s) for s in (hard, soft))
    assert plain.focal != ambiguous.focal
    assert plain.dice == ambiguous.dice and plain.iou == ambiguous.iou and plain.presence == ambiguous.presence


def test_of_several_proposals_the_best_alone_is_taught() -> None:
    settings = LossSettings()
    good = (square()[:, ::4, ::4] * 2 - 1) * 5
    logits = torch.cat((torch.zeros(2, 8, 8), good, torch.zeros(1, 8, 8))).requires_grad_()
    losses = mask_losses(proposals(logits), mask_targets(square(), settings), True, settings)
    (losses.focal + losses.dice).backward()
    assert logits.grad is not None
    assert (logits.grad.flatten(1).abs().sum(1) > 0).tolist() == [False, False, True, False]


def test_what_is_drawn_of_an_absent_object_is_called_bad_where_that_is_wanted() -> None:
    absent = mask_targets(torch.zeros(1, SIDE, SIDE), LossSettings())
    drawn, nothing = (torch.full((4, SIDE // 4, SIDE // 4), value) for value in (5.0, -5.0))
    settings = LossSettings(judge_absent=True)
    assert mask_losses(proposals(drawn), absent, False, settings).iou.item() == pytest.approx(0.9)
    assert mask_losses(proposals(nothing), absent, False, settings).iou.item() == pytest.approx(0.1)


def test_of_an_absent_object_nothing_is_drawn_and_nothing_is_good_where_that_is_wanted() -> None:
    absent, there = (mask_targets(square() * share, LossSettings()) for share in (0, 1))
    drawn, nothing = (torch.full((4, SIDE // 4, SIDE // 4), value) for value in (5.0, -5.0))
    settings, plain = LossSettings(empty_absent=True), LossSettings()
    judged = [mask_losses(proposals(logits), absent, False, settings) for logits in (drawn, nothing)]
    assert [losses.iou.item() for losses in judged] == pytest.approx([0.9, 0.9])
    assert judged[0].focal > 100 * judged[1].focal and judged[0].dice == 0
    assert mask_losses(proposals(drawn), there, False, settings) == mask_losses(proposals(drawn), there, False, plain)


def test_an_absent_object_teaches_presence_alone() -> None:
    settings = LossSettings()
    losses = mask_losses(proposals(torch.ones(4, 8, 8)), mask_targets(square() * 0, settings), True, settings)
    assert (losses.focal, losses.dice, losses.iou) == (0, 0, 0)
    assert losses.presence.item() == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize(('gated', 'learns'), [(True, False), (False, True)])
def test_a_present_object_called_absent_teaches_masks_only_without_the_gate(gated: bool, learns: bool) -> None:
    settings = LossSettings(gated=gated)
    logits = torch.zeros(4, 8, 8, requires_grad=True)
    losses = mask_losses(proposals(logits, score=-3.0), mask_targets(square(), settings), True, settings)
    losses.total(settings).backward()
    assert logits.grad is not None
    assert bool(logits.grad.any()) == learns


def test_the_total_is_equation_1() -> None:
    settings = LossSettings(semantic_weight=0.1)
    terms = Losses(*(torch.tensor(value) for value in (1.0, 2.0, 3.0, 4.0, 5.0)))
    assert terms.total(settings).item() == pytest.approx(20 * 1 + 2 + 3 + 4 + 0.1 * 5)
