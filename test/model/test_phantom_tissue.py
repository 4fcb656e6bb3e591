from __future__ import annotations

import numpy as np
import pytest

from sam2s_model.phantom.backdrop import canvas_shape, view
from sam2s_model.phantom.camera import draw_camera
from sam2s_model.phantom.textures import draw_collage, random_texture
from sam2s_model.phantom.tissue import LOOKS, draw_tissue


@pytest.mark.parametrize('name', sorted(LOOKS))
def test_tissue_is_redder_than_blue(name: str) -> None:
    backdrop = draw_tissue(np.random.default_rng(1), LOOKS[name], 64, 80)
    assert backdrop.albedo.shape == (*canvas_shape(64, 80), 3)
    assert backdrop.albedo.dtype == np.float32
    assert backdrop.albedo[..., 0].mean() > 1.2 * backdrop.albedo[..., 2].mean()


def test_wet_tissue_shines_and_its_highlights_stay_with_the_light_when_the_camera_pans() -> None:
    rng = np.random.default_rng(4)
    backdrop = draw_tissue(rng, LOOKS['bowel'], 96, 96)
    dry = type(backdrop)(backdrop.albedo, backdrop.slopes, 0.0, backdrop.sharpness)
    wet = type(backdrop)(backdrop.albedo, backdrop.slopes, 0.8, 40.0)
    camera = draw_camera(rng, np.zeros(1), 96, 96, motion=0.0, alive=False)
    shine = view(wet, camera, 0) - view(dry, camera, 0)
    assert shine.min() >= -1e-3 and shine.max() > 60


@pytest.mark.parametrize('seed', range(8))
def test_a_texture_has_its_size_and_real_colours(seed: int) -> None:
    rgb = random_texture(np.random.default_rng(seed), 30, 50, 64, photos=False)
    assert rgb.shape == (30, 50, 3) and np.isfinite(rgb).all()
    assert rgb.min() >= -1 and rgb.max() < 400


def test_a_collage_fills_the_canvas_and_never_shines() -> None:
    backdrop = draw_collage(np.random.default_rng(0), 64, 80, photos=False)
    assert backdrop.albedo.shape == (*canvas_shape(64, 80), 3) and backdrop.slopes is None
