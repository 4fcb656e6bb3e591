from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.phantom.scene import Actor, PlacedPart, compose, draw_part, smear_kernel
from sam2s_model.phantom.sprite import Sprite
from sam2s_model.phantom.warps import LATTICE, soft_motion

SPRITE = Sprite.of(np.full((10, 10, 3), 200.0), np.ones((10, 10)), (0.0, 0.0), 1.0)


def part_at(x: float, y: float, labelled: bool = True) -> PlacedPart:
    return PlacedPart(SPRITE, np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]]), labelled)


def actor(*parts: PlacedPart, shadow: float = 0.0) -> Actor:
    return Actor('thing', False, True, (parts,), shadow)


def canvas() -> tuple[np.ndarray, np.ndarray]:
    return np.full((40, 40, 3), 50.0, np.float32), np.zeros((40, 40), np.uint8)


def test_label_and_colour_come_from_the_same_pixels() -> None:
    image, labels = canvas()
    compose(image, labels, actor(part_at(12, 20)), 3, 0, (0.0, 0.0))
    assert (labels[20:30, 12:22] == 3).all() and (labels == 3).sum() == 100
    assert ((image[..., 0] == 200) == (labels == 3)).all()


def test_the_front_most_object_wins() -> None:
    image, labels = canvas()
    compose(image, labels, actor(part_at(10, 10)), 1, 0, (0.0, 0.0))
    compose(image, labels, actor(part_at(15, 10)), 2, 0, (0.0, 0.0))
    assert (labels == 1).sum() == 50 and (labels == 2).sum() == 100


def test_an_unlabelled_part_hides_what_is_behind_it() -> None:
    image, labels = canvas()
    compose(image, labels, actor(part_at(10, 10)), 1, 0, (0.0, 0.0))
    compose(image, labels, actor(part_at(15, 10, labelled=False)), 2, 0, (0.0, 0.0))
    assert (labels == 1).sum() == 50 and not (labels == 2).any()


def test_a_part_outside_is_not_drawn_and_one_at_the_edge_is_cut() -> None:
    assert draw_part(part_at(100, 0), 40, 40) is None
    patch = draw_part(part_at(-5, 35), 40, 40)
    assert patch is not None and patch.x == 0 and patch.rgba[..., 3].sum() == pytest.approx(25)


def test_a_shadow_darkens_beside_the_object_and_leaves_labels_alone() -> None:
    image, labels = canvas()
    compose(image, labels, actor(part_at(15, 15), shadow=0.6), 1, 0, (8.0, 0.0))
    assert image[20, 28, 0] < 45 and labels[20, 28] == 0


def test_a_smear_keeps_the_light() -> None:
    assert smear_kernel(6.0, 3.0).sum() == pytest.approx(1)
    assert max(smear_kernel(500.0, 0.0).shape) <= 17


def test_a_warp_moves_the_outline() -> None:
    still = draw_part(part_at(15, 15), 40, 40)
    warp = soft_motion(np.random.default_rng(0), np.zeros(1), 0.3)[0]
    bent = draw_part(PlacedPart(SPRITE, part_at(15, 15).to_image, warp=warp), 40, 40)
    assert still is not None and bent is not None and still.rgba.shape != bent.rgba.shape


def test_a_warp_of_nothing_changes_nothing() -> None:
    still = draw_part(part_at(15, 15), 40, 40)
    unbent = draw_part(PlacedPart(SPRITE, part_at(15, 15).to_image, warp=np.zeros((LATTICE, LATTICE, 2))), 40, 40)
    assert still is not None and unbent is not None
    np.testing.assert_allclose(still.rgba, unbent.rgba, atol=1e-3)
