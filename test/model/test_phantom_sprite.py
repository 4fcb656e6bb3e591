from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.phantom.sprite import Sprite, bevel, cut, lit, pose

SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def test_a_cut_square_has_its_area() -> None:
    shape = cut(SQUARE, 40.0)
    assert shape.alpha.sum() == pytest.approx(6400, rel=0.05)
    assert shape.alpha[round(shape.origin[1]), round(shape.origin[0])] == 1


def test_a_hole_is_see_through() -> None:
    shape = cut(SQUARE, 10.0, (SQUARE * 0.4,))
    assert shape.alpha[round(shape.origin[1]), round(shape.origin[0])] == 0


def test_the_grid_is_zero_at_the_origin() -> None:
    shape = cut(SQUARE + 3.0, 8.0)
    x, y = shape.grid()
    assert x[0, 0] * 8 == pytest.approx(-shape.origin[0]) and y[0, 0] * 8 == pytest.approx(-shape.origin[1])


def test_a_sprite_is_premultiplied() -> None:
    sprite = Sprite.of(np.full((2, 2, 3), 200.0), np.full((2, 2), 0.5), (0.0, 0.0), 1.0)
    assert (sprite.rgba == [100, 100, 100, 0.5]).all()


def test_a_bevel_slopes_at_the_edge_and_is_flat_inside() -> None:
    shape = cut(SQUARE, 20.0)
    gx, gy = bevel(shape.alpha, 6.0)
    row, column = round(shape.origin[1]), round(shape.origin[0])
    assert gx[row, column] == pytest.approx(0, abs=0.01) and gy[row, column] == pytest.approx(0, abs=0.01)
    assert gx[row, column - 18] > 0.3 > -0.3 > gx[row, column + 18]


def test_a_slope_towards_the_light_is_brighter() -> None:
    grey, light = np.full((1, 2, 3), 100.0), np.array([0.6, 0.0, 0.8])
    seen = lit(grey, (np.array([[-0.5, 0.5]]), np.zeros((1, 2))), light, 0.0, 1.0)
    assert seen[0, 0, 0] > seen[0, 1, 0]


def test_a_pose_puts_the_origin_in_place_and_turns_clockwise() -> None:
    sprite = Sprite(np.zeros((9, 9, 4), np.float32), (4.0, 2.0), 2.0)
    matrix = pose(sprite, 50.0, 60.0, np.pi / 2, 10.0)
    assert matrix @ [4.0, 2.0, 1.0] == pytest.approx([50, 60, 1])
    assert matrix @ [6.0, 2.0, 1.0] == pytest.approx([50, 70, 1])  # one unit along x is ten pixels down
