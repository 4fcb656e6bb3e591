"""Things that are no instruments: shapes of any texture, tissue bumps, other organs, creatures with limbs."""

from __future__ import annotations

import cv2
import numpy as np

from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.free_motion import fixed_placements, free_placements
from sam2s_model.phantom.instrument_actor import Handling
from sam2s_model.phantom.noise import Array, noise_field, smoothstep
from sam2s_model.phantom.photo_objects import blended_in
from sam2s_model.phantom.scene import Actor
from sam2s_model.phantom.shapes import SHAPES, leaf, round_bump
from sam2s_model.phantom.sprite import Cutout, Sprite, bevel, cut, light_direction, lit
from sam2s_model.phantom.textures import random_texture
from sam2s_model.phantom.tissue import TissueLook, random_look, tissue_texture
from sam2s_model.phantom.tissue_kinds import KINDS

# Sprites are drawn this much larger than the object's usual size, for when it comes near.
SHARPNESS = 1.25


def shape_sprite(
    rng: np.random.Generator, size: float, side: int, photos: bool, ground: Array | None = None
) -> tuple[str, Sprite]:
    """A shape of any texture, `size` pixels large, and its name; its colours are close to `ground`, if given."""
    name = str(rng.choice(sorted(SHAPES)))
    shape = cut(SHAPES[name](rng), SHARPNESS * size)
    rgb = random_texture(rng, *shape.size, side, photos)
    if ground is not None:
        rgb = blended_in(rng, rgb, shape.alpha, ground)
    if rng.random() < 0.75:
        rgb = _shaded(rng, rgb, shape)
    return name, Sprite.of(rgb, shape.alpha, shape.origin, shape.scale)


def shape_actor(
    rng: np.random.Generator,
    name: str,
    sprite: Sprite,
    size: float,
    camera: CameraPath,
    handling: Handling,
    station: Array,
) -> Actor:
    """A shape that moves on its own, rigid or soft."""
    placements = free_placements(rng, (sprite,), size, camera, handling, station)
    return Actor(name, False, handling.prompted, placements, float(rng.choice([0.0, 0.35])))


def tissue_actor(
    rng: np.random.Generator, name: str, camera: CameraPath, handling: Handling, station: Array, around: TissueLook
) -> Actor:
    """A part of the body of kind `name`: it sits on the tissue `around`, and its border is soft."""
    kind = KINDS[name]
    size = draw_extent(rng, camera.side, *kind.size)
    shape = _softened(rng, cut(kind.outline(rng), SHARPNESS * size), rng.uniform(*kind.softness), kind.ragged)
    # Now and then it is made of what surrounds it: only light and border tell it apart.
    same = not kind.looks or rng.random() < 0.12
    rgb = tissue_texture(rng, around if same else random_look(rng, kind.looks), *shape.size, camera.side)
    tint = rng.uniform(0.8, 1.35, 3) if same else rng.uniform(0.9, 1.12, 3)
    rgb = rgb * tint * rng.uniform(0.85, 1.2)
    rgb = lit(rgb, bevel(shape.alpha, rng.uniform(*kind.swelling) * shape.scale), light_direction(rng), 0.0, 1.0)
    sprite = Sprite.of(rgb + _glints(rng, shape)[..., None], shape.alpha, shape.origin, shape.scale)
    height = kind.height * rng.uniform(0, 1)
    placements = fixed_placements(rng, sprite, size, camera, station, height)
    return Actor(name, False, handling.prompted, placements, 0.2 + 0.5 * height)


def creature_actor(
    rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array, photos: bool
) -> Actor:
    """A body with swinging limbs, one object of several moving parts."""
    size = draw_extent(rng, camera.side, 0.2, 0.55)
    body = cut(round_bump(rng) * np.array([1.0, rng.uniform(0.4, 0.9)]), SHARPNESS * size)
    coat = random_texture(rng, *body.size, camera.side, photos)
    sprites = [Sprite.of(_shaded(rng, coat, body), body.alpha, body.origin, body.scale)]
    for _ in range(rng.integers(2, 6)):
        limb = cut(leaf(rng) * rng.uniform(0.4, 0.9) + np.array([0.3, 0.0]), SHARPNESS * size)
        same = cv2.resize(coat, limb.alpha.shape[::-1])
        rgb = same if rng.random() < 0.6 else random_texture(rng, *limb.size, camera.side, photos)
        sprites.insert(int(rng.integers(0, 2)), Sprite.of(_shaded(rng, rgb, limb), limb.alpha, limb.origin, limb.scale))
    placements = free_placements(rng, tuple(sprites), size, camera, handling, station)
    return Actor('creature', False, handling.prompted, placements, float(rng.choice([0.0, 0.3])))


def draw_extent(rng: np.random.Generator, side: int, low: float, high: float) -> float:
    """A size in pixels between two shares of the image side, small ones as often as large ones."""
    return float(side * np.exp(rng.uniform(np.log(low), np.log(high))))


def _shaded(rng: np.random.Generator, rgb: Array, shape: Cutout) -> Array:
    radius = max(1.5, rng.uniform(0.03, 0.4) * shape.scale)
    return lit(
        rgb,
        bevel(shape.alpha, radius),
        light_direction(rng),
        rng.choice([0.0, rng.uniform(0, 0.8)]),
        rng.uniform(8, 60),
    )


def _softened(rng: np.random.Generator, shape: Cutout, softness: float, ragged: float) -> Cutout:
    """Blur the border, and let it wander in and out by up to `ragged` of the size."""
    sigma = max(0.5, softness * shape.scale)
    room = int(2 * sigma + ragged * shape.scale) + 2
    alpha = np.pad(shape.alpha, room)
    blurred = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    if ragged > 0:
        wander = max(1.0, 1.5 * ragged * shape.scale)
        wide = cv2.GaussianBlur(alpha, (0, 0), wander, borderType=cv2.BORDER_CONSTANT)
        noise = noise_field(rng, 'smooth', alpha.shape[0], alpha.shape[1], rng.uniform(0.6, 1.2) * shape.scale) - 0.5
        width = np.float32(np.clip(softness / max(ragged, 1e-3), 0.08, 0.5))
        blurred = smoothstep(0.0, 1.0, (wide - 0.5 - 0.6 * noise) / (2 * width) + 0.5).astype(np.float32)
    # Fade to nothing at the canvas border, or the cut of the blur would show as a line.
    for edge in (blurred[0], blurred[-1], blurred[:, 0], blurred[:, -1]):
        edge[:] = 0
    return Cutout(blurred, (shape.origin[0] + room, shape.origin[1] + room), shape.scale)


def _glints(rng: np.random.Generator, shape: Cutout) -> Array:
    """White wet spots, as a mirror finds them on bumpy mucosa."""
    rows, columns = shape.alpha.shape
    bumps = noise_field(rng, 'cloud', rows, columns, rng.uniform(0.6, 1.6) * shape.scale)
    return rng.uniform(0, 255) * smoothstep(rng.uniform(0.82, 0.93), 0.97, bumps)
