from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam2s_model.phantom.camera import CameraPath, Push, draw_camera
from sam2s_model.phantom.instrument_actor import Handling
from sam2s_model.phantom.noise import Array
from sam2s_model.phantom.objects import creature_actor, shape_actor, shape_sprite, tissue_actor
from sam2s_model.phantom.scene import Actor, compose
from sam2s_model.phantom.shapes import SHAPES
from sam2s_model.phantom.tissue import LOOKS
from sam2s_model.phantom.tissue_kinds import KINDS

TIMES = np.arange(6) / 2.0
HERE = Handling(1.0, inside=np.ones(len(TIMES)), shutter=0.0, prompted=True)
CENTRE = np.zeros(2)


def masks(actor: Actor) -> Array:
    labels = np.zeros((len(TIMES), 90, 120), np.uint8)
    for t in range(len(TIMES)):
        compose(np.zeros((90, 120, 3), np.float32), labels[t], actor, 1, t, (0.0, 0.0))
    return labels > 0


def moving_shape(rng: np.random.Generator, camera: CameraPath) -> Actor:
    name, sprite = shape_sprite(rng, 40.0, 90, photos=False)
    return shape_actor(rng, name, sprite, 40.0, camera, HERE, CENTRE)


@pytest.mark.parametrize('name', sorted(SHAPES))
def test_a_shape_is_about_one_unit_large_and_around_the_origin(name: str) -> None:
    for seed in range(10):
        outline = SHAPES[name](np.random.default_rng(seed))
        assert outline.shape[1] == 2 and 0.2 < np.ptp(outline, axis=0).max() < 2.5
        assert np.abs(outline).max() < 1.6


@pytest.mark.parametrize('seed', range(4))
def test_all_kinds_of_things_are_seen_where_they_are_put(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = draw_camera(rng, TIMES, 90, 120, motion=0.0, alive=False)
    for actor in (
        moving_shape(rng, camera),
        creature_actor(rng, camera, HERE, CENTRE, photos=False),
        *(tissue_actor(rng, name, camera, HERE, CENTRE, LOOKS['colon']) for name in KINDS),
    ):
        assert not actor.is_instrument
        assert masks(actor)[0].any(), actor.name


def test_a_bump_rests_on_still_tissue() -> None:
    rng = np.random.default_rng(0)
    camera = draw_camera(rng, TIMES, 90, 120, motion=0.0, alive=False)
    seen = masks(tissue_actor(rng, 'polyp', camera, HERE, CENTRE, LOOKS['colon']))
    assert (seen == seen[0]).all()


def test_a_bump_is_dragged_along_with_the_tissue() -> None:
    camera = draw_camera(np.random.default_rng(0), TIMES, 90, 120, motion=0.0, alive=False)
    by = np.zeros((len(TIMES), 2))
    by[3] = 0.1
    dragged = replace(camera, pushes=(Push(np.zeros_like(by), by, 0.5),))
    seen = masks(tissue_actor(np.random.default_rng(0), 'polyp', dragged, HERE, CENTRE, LOOKS['colon']))
    rows, columns = (np.flatnonzero(seen[3].any(axis=axis)).mean() for axis in (1, 0))
    before = [np.flatnonzero(seen[2].any(axis=axis)).mean() for axis in (1, 0)]
    assert [rows - before[0], columns - before[1]] == pytest.approx([8, 8], abs=2.5)


def test_a_shape_moves_by_itself() -> None:
    rng = np.random.default_rng(2)
    camera = draw_camera(rng, TIMES, 90, 120, motion=0.0, alive=False)
    seen = masks(moving_shape(rng, camera))
    assert (seen != seen[0]).any()
