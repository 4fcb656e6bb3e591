"""Images into the network's square and masks out of it, beside what SAM 2 does with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from sam2s_model import BoxPrompt, MaskPrompt, PointPrompt
from sam2s_model.hole_filling import FILLED_LOGIT, fill_holes
from sam2s_model.image_transforms import mask_to_square, points_to_square, to_input, to_square
from sam2s_model.phantom import generate, preset

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def picture() -> NDArray[np.uint8]:
    video = generate(preset('training', frames=1, height=256, width=384, objects=(2, 2), photos=False), seed=3)
    return np.asarray(video.frames[0], np.uint8)


@pytest.mark.parametrize('side', [128, 224, 512])
def test_images_are_resized_almost_as_in_the_reference(picture: NDArray[np.uint8], side: int) -> None:
    ours = to_square(picture, side).astype(np.float32)
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    bicubic = interpolate(planes, (side, side), mode='bicubic', antialias=True).clamp(0, 255)
    difference = np.abs(ours - bicubic[0].permute(1, 2, 0).numpy())
    assert difference.mean() < 1.5  # of 255 grey levels


def test_the_input_is_normalised(picture: NDArray[np.uint8]) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    square = picture[:256, :256]
    expected = (square / 255 - np.array(mean)) / np.array(std)
    ours = to_input(square, 256, mean, std, CPU)
    np.testing.assert_allclose(ours[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_a_mask_prompt_is_resized_and_cut_at_a_half_as_in_the_reference() -> None:
    mask = np.zeros((120, 200), bool)
    mask[30:91, 40:150] = True
    mask[50:60, 60:70] = False
    shares = interpolate(torch.from_numpy(mask)[None, None].float(), (64, 64), mode='bilinear', antialias=True)
    assert torch.equal(mask_to_square(MaskPrompt(mask), 64, CPU), (shares >= 0.5).float())


def test_a_mask_prompt_of_one_pixel_does_not_vanish() -> None:
    mask = np.zeros((480, 640), bool)
    mask[100, 200] = True
    assert mask_to_square(MaskPrompt(mask), 64, CPU).sum() >= 1


def test_a_box_is_its_two_corners_and_clicks_follow() -> None:
    prompt = BoxPrompt((10, 20, 30, 40), ((15, 25),), (0,))
    points, labels = points_to_square(prompt, height=100, width=50, side=200)
    assert points == [(40, 40), (120, 80), (60, 50)]
    assert labels == [2, 3, 0]


def test_clicks_are_scaled_with_the_image() -> None:
    assert points_to_square(PointPrompt(((25, 25),), (1,)), 100, 50, 200) == ([(100, 50)], [1])


def logits_with_holes() -> torch.Tensor:
    """A square with a hole of 8 cells joined by a corner, one of 9, and nothing around."""
    logits = torch.full((1, 1, 20, 20), -5.0)
    logits[..., 2:18, 2:18] = 5.0
    logits[..., 4:6, 4:6] = -1.0
    logits[..., 6:8, 6:8] = 0.0
    logits[..., 10:13, 10:13] = -1.0
    return logits


def test_small_holes_are_filled_and_nothing_else() -> None:
    logits = logits_with_holes()
    filled = fill_holes(logits, 8)
    expected = logits.clone()
    expected[..., 4:6, 4:6] = expected[..., 6:8, 6:8] = FILLED_LOGIT
    assert torch.equal(filled, expected)


def test_holes_stay_where_none_are_to_be_filled() -> None:
    assert fill_holes(logits_with_holes(), 0)[0, 0, 4, 4] == -1


def test_a_mask_without_background_has_no_holes() -> None:
    logits = torch.ones(2, 1, 2, 2)
    assert torch.equal(fill_holes(logits, 8), logits)
