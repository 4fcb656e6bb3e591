"""Things that are no instruments: shapes of any texture, tissue bumps, other organs, creatures with limbs."""

from __future__ import annotations

import cv2
import numpy as np

from sam2s_model.phantom.camera import CameraPath
from sam2s_model.phantom.instrument_actor import Handling
from sam2s_model.phantom.motion import presence, velocity, wander
from sam2s_model.phantom.noise import Array, noise_field, smoothstep
from sam2s_model.phantom.scene import Actor, PlacedPart, Wobble
from sam2s_model.phantom.shapes import SHAPES, blob, leaf, round_bump
from sam2s_model.phantom.sprite import Cutout, Sprite, bevel, cut, light_direction, lit, pose
from sam2s_model.phantom.textures import random_texture
from sam2s_model.phantom.tissue import TissueLook, random_look, tissue_texture

# Sprites are drawn this much larger than the object's usual size, for when it comes near.
_SHARPNESS = 1.25


def shape_actor(
    rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array, photos: bool
) -> Actor:
    """A shape of any texture that moves on its own: hard or soft, rigid or wobbling."""
    name = str(rng.choice(sorted(SHAPES)))
    size = _draw_size(rng, camera.side, 0.14, 0.75)
    shape = cut(SHAPES[name](rng), _SHARPNESS * size)
    rgb = random_texture(rng, *shape.size, camera.side, photos)
    if rng.random() < 0.75:
        rgb = _shaded(rng, rgb, shape)
    sprite = Sprite.of(rgb, shape.alpha, shape.origin, shape.scale)
    placements = _free_placements(rng, (sprite,), size, camera, handling, station)
    return Actor(name, False, handling.prompted, placements, float(rng.choice([0.0, 0.35])))


def bump_actor(
    rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array, look: TissueLook
) -> Actor:
    """A polyp-like bump: it sits on the tissue, is made of it, and its border is soft."""
    size = _draw_size(rng, camera.side, 0.15, 0.6)
    shape = _softened(
        cut(round_bump(rng) if rng.random() < 0.6 else blob(rng), _SHARPNESS * size), rng.uniform(0.02, 0.12)
    )
    rgb = tissue_texture(rng, look, *shape.size, camera.side)
    rgb = rgb * rng.uniform(0.8, 1.35, 3) * rng.uniform(0.85, 1.2)
    rgb = lit(rgb, bevel(shape.alpha, rng.uniform(0.3, 0.5) * shape.scale), light_direction(rng), 0.0, 1.0)
    rgb = rgb + _glints(rng, shape)[..., None]
    sprite = Sprite.of(rgb, shape.alpha, shape.origin, shape.scale)
    return Actor('polyp', False, handling.prompted, _fixed_placements(rng, sprite, size, camera, station), 0.25)


def organ_actor(rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array) -> Actor:
    """A large region of another tissue that belongs to the scene: an organ, a lobe, a flap."""
    size = _draw_size(rng, camera.side, 0.45, 1.0)
    shape = _softened(cut(blob(rng), size), rng.uniform(0.005, 0.04))
    rgb = tissue_texture(rng, random_look(rng), *shape.size, camera.side)
    rgb = lit(rgb, bevel(shape.alpha, rng.uniform(0.05, 0.3) * shape.scale), light_direction(rng), 0.0, 1.0)
    sprite = Sprite.of(rgb + _glints(rng, shape)[..., None], shape.alpha, shape.origin, shape.scale)
    return Actor('organ', False, handling.prompted, _fixed_placements(rng, sprite, size, camera, station), 0.3)


def creature_actor(
    rng: np.random.Generator, camera: CameraPath, handling: Handling, station: Array, photos: bool
) -> Actor:
    """A body with swinging limbs, one object of several moving parts."""
    size = _draw_size(rng, camera.side, 0.2, 0.55)
    body = cut(round_bump(rng) * np.array([1.0, rng.uniform(0.4, 0.9)]), _SHARPNESS * size)
    coat = random_texture(rng, *body.size, camera.side, photos)
    sprites = [Sprite.of(_shaded(rng, coat, body), body.alpha, body.origin, body.scale)]
    for _ in range(rng.integers(2, 6)):
        limb = cut(leaf(rng) * rng.uniform(0.4, 0.9) + np.array([0.3, 0.0]), _SHARPNESS * size)
        same = cv2.resize(coat, limb.alpha.shape[::-1])
        rgb = same if rng.random() < 0.6 else random_texture(rng, *limb.size, camera.side, photos)
        sprites.insert(int(rng.integers(0, 2)), Sprite.of(_shaded(rng, rgb, limb), limb.alpha, limb.origin, limb.scale))
    placements = _free_placements(rng, tuple(sprites), size, camera, handling, station)
    return Actor('creature', False, handling.prompted, placements, float(rng.choice([0.0, 0.3])))


def _draw_size(rng: np.random.Generator, side: int, low: float, high: float) -> float:
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


def _softened(shape: Cutout, softness: float) -> Cutout:
    blurred = cv2.GaussianBlur(shape.alpha, (0, 0), max(0.5, softness * shape.scale), borderType=cv2.BORDER_CONSTANT)
    # Fade to nothing at the canvas border, or the cut of the blur would show as a line.
    for edge in (blurred[0], blurred[-1], blurred[:, 0], blurred[:, -1]):
        edge[:] = 0
    return Cutout(blurred, shape.origin, shape.scale)


def _glints(rng: np.random.Generator, shape: Cutout) -> Array:
    """White wet spots, as a mirror finds them on bumpy mucosa."""
    rows, columns = shape.alpha.shape
    bumps = noise_field(rng, 'cloud', rows, columns, rng.uniform(0.6, 1.6) * shape.scale)
    return rng.uniform(0, 255) * smoothstep(rng.uniform(0.82, 0.93), 0.97, bumps)


def _fixed_placements(
    rng: np.random.Generator, sprite: Sprite, size: float, camera: CameraPath, station: Array
) -> tuple[tuple[PlacedPart, ...], ...]:
    """Placements of what is fixed to the tissue: it moves as the camera and the breathing make it."""
    angle = rng.uniform(0, 2 * np.pi)
    placements = []
    for frame in range(len(camera.times)):
        x, y = camera.to_image(frame, station[None, :])[0]
        turned, scale = angle + camera.roll[frame], size * camera.zoom[frame]
        placements.append((PlacedPart(sprite, pose(sprite, float(x), float(y), turned, float(scale))),))
    return tuple(placements)


def _free_placements(
    rng: np.random.Generator,
    sprites: tuple[Sprite, ...],
    size: float,
    camera: CameraPath,
    handling: Handling,
    station: Array,
) -> tuple[tuple[PlacedPart, ...], ...]:
    """Placements of what moves by itself: path, turn, nearness, swinging parts, wobble, leaving and returning."""
    times, activity = camera.times, handling.activity * rng.choice([0.25, 1.0])
    path = station + wander(rng, times, rng.uniform(0.7, 2.5), 0.3 * activity, 2)
    inside = presence(rng, times, handling.absent, handling.late)
    exit_angle = rng.uniform(0, 2 * np.pi)
    path = path + (1 - inside)[:, None] * 2.0 * np.array([np.cos(exit_angle), np.sin(exit_angle)])
    angle = rng.uniform(0, 2 * np.pi) + wander(rng, times, rng.uniform(1.0, 3.0), 1.2 * activity)[:, 0]
    nearness = np.exp(wander(rng, times, rng.uniform(1.0, 3.0), 0.35 * activity)[:, 0])
    swings = wander(rng, times, rng.uniform(0.3, 1.0), 0.5 * activity, len(sprites))
    bases = np.concatenate([[0.0], rng.uniform(0, 2 * np.pi, len(sprites) - 1)]) if len(sprites) > 1 else np.zeros(1)
    wobble = _draw_wobble(rng, sprites[0]) if rng.random() < 0.45 else None
    image = np.stack([camera.to_image(t, path[t : t + 1])[0] for t in range(len(times))])
    smear = np.clip(velocity(image, times) * handling.shutter, -0.06 * camera.side, 0.06 * camera.side)
    placements = []
    for t in range(len(times)):
        parts = tuple(
            PlacedPart(
                sprite,
                pose(
                    sprite,
                    image[t, 0],
                    image[t, 1],
                    angle[t] + camera.roll[t] + base + swing,
                    size * nearness[t] * camera.zoom[t],
                ),
                smear=(float(smear[t, 0]), float(smear[t, 1])),
                wobble=_wobble_at(wobble, float(times[t])),
            )
            for sprite, base, swing in zip(sprites, bases, swings[t], strict=True)
        )
        placements.append(parts if inside[t] > 0 else ())
    return tuple(placements)


def _draw_wobble(rng: np.random.Generator, sprite: Sprite) -> tuple[Wobble, Array]:
    """A wobble and its angular speed (2,) in radians a second."""
    amplitude = rng.uniform(0.01, 0.07, 2) * sprite.scale
    wave_number = rng.uniform(4, 11, 2) / sprite.scale
    return Wobble(amplitude, wave_number, rng.uniform(0, 2 * np.pi, 2)), rng.normal(0, 3, 2)


def _wobble_at(wobble: tuple[Wobble, Array] | None, time: float) -> Wobble | None:
    if wobble is None:
        return None
    start, speed = wobble
    return Wobble(start.amplitude, start.wave_number, start.phase + speed * time)
