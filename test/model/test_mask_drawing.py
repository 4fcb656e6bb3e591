"""Masks in the pixels of their image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from sam2s_model.mask_drawing import draw_masks, to_masks
from sam2s_model.switches import Switches


@pytest.mark.parametrize(('height', 'width'), [(128, 128), (480, 640), (100, 31), (16, 16)])
def test_masks_are_resized_as_in_the_reference(height: int, width: int) -> None:
    logits = torch.randn(2, 32, 32, generator=torch.Generator().manual_seed(0)) * 4
    expected = interpolate(logits[:, None], (height, width), mode='bilinear')[:, 0].numpy() > 0
    assert np.mean(np.stack(to_masks(logits.numpy(), (height, width))) != expected) < 1e-4


def test_a_pixel_of_separated_masks_belongs_to_the_surest_object() -> None:
    logits = torch.tensor([[[1.0, -1.0]], [[2.0, -2.0]]]).expand(2, 2, 2)
    first, second = to_masks(logits.numpy(), (2, 2), non_overlap=True)
    assert (first.any(), second.tolist()) == (False, [[True, False], [True, False]])


@pytest.mark.parametrize('follow_edges', [False, True])
def test_masks_have_the_size_of_the_image(follow_edges: bool) -> None:
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    logits = torch.full((2, 16, 16), 5.0)
    logits[1] = -5.0
    seen, absent = draw_masks(logits, square, (30, 50), Switches(follow_edges=follow_edges))
    assert seen.shape == absent.shape == (30, 50)
    assert seen.all() and not absent.any()
