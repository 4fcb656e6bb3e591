from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sam2s_model.network import PromptBatch
from sam2s_model.prompt_encoder import BACKGROUND, BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, FOREGROUND, NO_POINT
from sam2s_model.prompt_view import STRIDE, View, choose_views, cut_image, cut_logits, paste_logits, points_in_views

SIDE = 384


def box(x0: float, y0: float, x1: float, y1: float) -> PromptBatch:
    return PromptBatch(torch.tensor([[[x0, y0], [x1, y1]]]), torch.tensor([[BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]]))


def click(x: float, y: float, previous: Tensor | None = None, label: int = FOREGROUND) -> PromptBatch:
    return PromptBatch(torch.tensor([[[x, y]]]), torch.tensor([[label]]), previous_logits=previous)


def mask_so_far(x0: int, y0: int, x1: int, y1: int) -> Tensor:
    """Logits of a rectangle given in pixels."""
    logits = torch.full((1, 1, SIDE // STRIDE, SIDE // STRIDE), -5.0)
    logits[..., y0 // STRIDE : y1 // STRIDE, x0 // STRIDE : x1 // STRIDE] = 5.0
    return logits


@pytest.mark.parametrize(
    'corners', [(100, 120, 160, 150), (0, 0, 30, 30), (300, 350, 384, 384), (0, 0, 384, 384), (200, 10, 203, 380)]
)
def test_a_box_is_shown_whole_with_what_surrounds_it_in_the_frame(corners: tuple[float, ...]) -> None:
    (view,) = choose_views(box(*corners), SIDE)
    x0, y0, x1, y1 = corners
    assert view.x <= x0 and view.y <= y0 and view.x + view.side >= x1 and view.y + view.side >= y1
    assert min(view.x, view.y) >= 0 and max(view.x, view.y) + view.side <= SIDE
    assert view.side > max(x1 - x0, y1 - y0) or view.side == SIDE


def test_a_small_box_is_enlarged() -> None:
    (view,) = choose_views(box(100, 100, 120, 120), SIDE)
    assert view.side == 96


def test_views_lie_on_the_grid_of_mask_cells() -> None:
    (view,) = choose_views(box(101, 123, 167.5, 199), SIDE)
    assert all(number % STRIDE == 0 for number in view)


def test_a_click_alone_may_mean_anything_in_the_frame() -> None:
    assert choose_views(click(30, 40), SIDE) == [View(0, 0, SIDE)]


def test_a_correction_is_about_the_mask_so_far_and_the_clicks() -> None:
    (view,) = choose_views(click(20, 300, mask_so_far(40, 200, 80, 280), label=BACKGROUND), SIDE)
    assert view.x <= 20 and view.x + view.side >= 80
    assert view.y <= 200 and view.y + view.side >= 300
    assert view.side < SIDE


def test_where_no_mask_is_left_a_click_may_mean_anything() -> None:
    assert choose_views(click(30, 40, torch.full((1, 1, 96, 96), -5.0)), SIDE) == [View(0, 0, SIDE)]


def test_points_that_are_none_decide_nothing() -> None:
    prompt = PromptBatch(
        torch.tensor([[[100.0, 100.0], [160.0, 150.0], [0.0, 0.0]]]),
        torch.tensor([[BOX_TOP_LEFT, BOX_BOTTOM_RIGHT, NO_POINT]]),
    )
    assert choose_views(prompt, SIDE) == choose_views(box(100, 100, 160, 150), SIDE)


def test_a_view_shows_its_part_of_the_image_enlarged() -> None:
    image = torch.zeros(1, 3, SIDE, SIDE)
    image[..., 100:148, 40:88] = 1
    shown = cut_image(image, [View(40, 100, 96), View(200, 200, 96)], 192)
    assert shown.shape == (2, 3, 192, 192)
    assert shown[0, :, :94, :94].min() == 1
    assert shown[1].max() == 0


@pytest.mark.parametrize('side', [32, 64])
def test_a_mask_that_is_pasted_comes_back_where_it_was_cut(side: int) -> None:
    logits, view = mask_so_far(40, 200, 80, 280), View(20, 180, 128)
    pasted = paste_logits(cut_logits(logits, [view], side), [view], SIDE, outside=-9.0)
    assert torch.equal(pasted > 0, logits > 0)
    assert pasted[0, 0, 0, 0] == -9


def test_points_are_shares_of_their_own_view() -> None:
    points = torch.tensor([[[20.0, 180.0], [148.0, 308.0]], [[50.0, 50.0], [0.0, 100.0]]])
    shares = points_in_views(points, [View(20, 180, 128), View(0, 0, 100)])
    assert torch.equal(shares, torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[0.5, 0.5], [0.0, 1.0]]]))
