from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam2s_model.phantom.camera import Push, draw_camera, draw_optics

TIMES = np.arange(30) / 10.0


def test_what_the_camera_samples_is_where_it_projects_to() -> None:
    camera = draw_camera(np.random.default_rng(3), TIMES, 90, 120, motion=1.0, alive=False)
    map_x, map_y = camera.sampling_maps(7, (150, 200))
    world = (np.array([map_x[30, 40], map_y[30, 40]]) - [100, 75]) / 90
    assert camera.to_image(7, world[None, :])[0] == pytest.approx([40, 30], abs=0.05)


def test_a_still_camera_sees_the_middle_of_the_canvas() -> None:
    camera = draw_camera(np.random.default_rng(0), TIMES, 90, 120, motion=0.0, alive=False)
    map_x, map_y = camera.sampling_maps(0, (90, 120))
    assert map_x[:, 5] == pytest.approx(5, abs=1e-3) and map_y[7] == pytest.approx(7, abs=1e-3)


def test_living_tissue_moves_under_a_still_camera() -> None:
    camera = draw_camera(np.random.default_rng(1), TIMES, 90, 120, motion=0.0, alive=True)
    places = np.stack([camera.to_image(t, np.array([[0.1, 0.2]]))[0] for t in range(30)])
    assert 0 < np.ptp(places, axis=0).max() < 20


def test_a_border_closes_the_corners_only() -> None:
    optics = draw_optics(np.random.default_rng(0), 100, 100, border=True, falloff=1.0)
    assert optics.open[50, 50] and not optics.open[0, 0]
    assert optics.light[0, 0, 0] < 0.01 < optics.light[50, 50, 0]
    assert draw_optics(np.random.default_rng(0), 100, 100, border=False, falloff=1.0).open.all()


def test_a_pixel_is_led_back_to_the_world_point_that_it_shows() -> None:
    camera = draw_camera(np.random.default_rng(3), TIMES, 90, 120, motion=1.0, alive=False)
    pixel, _, _ = camera.place(7, np.array([0.1, -0.2]), 0.0)
    assert pixel == pytest.approx(camera.to_image(7, np.array([[0.1, -0.2]]))[0])
    assert camera.to_world(7, pixel) == pytest.approx([0.1, -0.2])


def test_what_lies_nearer_moves_more_when_the_camera_pans() -> None:
    camera = draw_camera(np.random.default_rng(3), TIMES, 90, 120, motion=1.0, alive=False)
    camera = replace(camera, zoom=np.ones(30), roll=np.zeros(30))
    far, near = (np.stack([camera.place(t, np.zeros(2), height)[0] for t in range(30)]) for height in (0.0, 0.5))
    assert np.ptp(near, axis=0) == pytest.approx(1.5 * np.ptp(far, axis=0))


def test_dragged_tissue_follows_near_the_tool_only() -> None:
    camera = draw_camera(np.random.default_rng(0), TIMES, 90, 120, motion=0.0, alive=False)
    push = Push(np.zeros((30, 2)), np.tile([0.1, 0.0], (30, 1)), 0.1)
    dragged = replace(camera, pushes=(push,))
    still_x, _ = camera.sampling_maps(0, (90, 120))
    moved_x, _ = dragged.sampling_maps(0, (90, 120))
    assert moved_x[45, 60] == pytest.approx(still_x[45, 60] - 9, abs=0.5)
    assert moved_x[45, 5] == pytest.approx(still_x[45, 5], abs=0.1)
