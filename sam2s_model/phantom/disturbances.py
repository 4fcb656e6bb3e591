"""What spoils the picture: smoke, fog, blood, blur, colour casts, flicker, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.disturbance_rates import DisturbanceRates
from sam2s_model.phantom.motion import oscillation
from sam2s_model.phantom.noise import TILE_SIDE, Array, noise_field, smoothstep, white_noise

_SMOKE_STEP = 4
_BLOCK = 16  # pixels, as macroblocks have


@dataclass(frozen=True)
class Disturbances:
    """The plan for one video; every array has one entry for each of T frames.

    Attributes:
        smoke: (T,) density in [0, 1]; smoke_drift: (2,) pixels a second; smoke_seed: of its pattern.
        fog: (T,) share of even grey veil.
        glare: (T,) strength of a blown-out spot at `glare_at` (2,) as shares of the image.
        lens_blood: (H, W) float32 opacity of blood drops on the lens, or None.
        defocus: (T,) blur sigma in pixels. sharpen: Strength of the camera's edge enhancement.
        curve: (T, 256, 3) uint8 tone curves: gain, white balance, gamma, flicker.
        noise: Standard deviation of sensor noise in grey values.
        jpeg: JPEG quality, 0 for none.
        blocks: Change below which a block is not sent again, in grey values; 0 for none.
        interlace: Whether odd rows lag by one frame.
    """

    smoke: Array
    smoke_drift: Array
    smoke_seed: int
    fog: Array
    glare: Array
    glare_at: Array
    lens_blood: Array | None
    defocus: Array
    sharpen: float
    curve: Array
    noise: float
    jpeg: int
    blocks: float
    interlace: bool


def plan_disturbances(
    rng: np.random.Generator, times: Array, height: int, width: int, rates: DisturbanceRates, strength: float
) -> Disturbances:
    """Draw a plan; strength 0 leaves the picture clean, 1 spoils as many videos as the rates say."""
    side, still = min(height, width), np.zeros(len(times))

    def happens(chance: float) -> bool:
        return bool(rng.random() < chance * strength)

    def swells(low: float, high: float) -> Array:
        return oscillation(rng, times, low, rng.uniform(low, high), rng.uniform(0.8, 3.0))

    return Disturbances(
        smoke=swells(0.0, 0.75) if happens(rates.smoke) else still,
        smoke_drift=rng.normal(0, 0.25, 2) * side,
        smoke_seed=int(rng.integers(2**31)),
        fog=swells(0.0, 0.4) if happens(rates.fog) else still,
        glare=swells(0.0, 1.0) if happens(rates.glare) else still,
        glare_at=rng.uniform(0.1, 0.9, 2),
        lens_blood=_lens_drops(rng, height, width) if happens(rates.lens_blood) else None,
        defocus=swells(0.0, 0.011) * side if happens(rates.defocus) else still,
        sharpen=float(rng.uniform(0.2, 1.0)) if happens(rates.sharpen) else 0.0,
        curve=_tone_curves(rng, times, strength, 0.5 if happens(rates.lighting) else 0.08),
        noise=float(rng.exponential(3.5)) * strength if happens(rates.noise) else 0.0,
        jpeg=int(rng.integers(25, 96)) if happens(rates.jpeg) else 0,
        blocks=float(rng.uniform(2, 7)) if happens(rates.blocks) else 0.0,
        interlace=happens(rates.interlace),
    )


def veil(image: Array, plan: Disturbances, frame: int, time: float) -> None:
    """Lay smoke, fog, glare and blood on the lens over an image (H, W, 3) float32, in place."""
    if plan.smoke[frame] > 0.02:
        smoke = _smoke(plan, time, *image.shape[:2]) * plan.smoke[frame]
        image += (205 - image) * smoke[..., None]
    if plan.fog[frame] > 0.02:
        image += (170 - image) * np.float32(plan.fog[frame])
    if plan.glare[frame] > 0.05:
        image += _glare(plan, frame, *image.shape[:2])[..., None]
    if plan.lens_blood is not None:
        image += (np.array((96, 8, 8), np.float32) - image) * plan.lens_blood[..., None]


def record(rng: np.random.Generator, image: Array, plan: Disturbances, frame: int) -> Array:
    """Pass an image (H, W, 3) float32 through lens, sensor and encoder: uint8."""
    if plan.defocus[frame] > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(plan.defocus[frame]))
    if plan.sharpen > 0:
        image = image + plan.sharpen * (image - cv2.GaussianBlur(image, (0, 0), 1.2))
    if plan.noise > 0.3:
        image = image + _sensor_noise(rng, *image.shape[:2]) * plan.noise
    seen = cv2.LUT(np.clip(image, 0, 255).astype(np.uint8), plan.curve[frame][:, None, :])
    return _compress(seen, plan.jpeg) if plan.jpeg else seen


def stale_blocks(now: Array, before: Array, threshold: float) -> Array:
    """Keep blocks of the frame before that have hardly changed, as video encoders do at a low rate."""
    red, green, blue = cv2.split(cv2.absdiff(now, before))
    change = cv2.max(cv2.max(red, green), blue)
    height, width = change.shape
    coarse = (-(-width // _BLOCK), -(-height // _BLOCK))
    blocks = cv2.resize(change, coarse, interpolation=cv2.INTER_AREA) < threshold
    kept = cv2.resize(
        blocks.astype(np.uint8), (coarse[0] * _BLOCK, coarse[1] * _BLOCK), interpolation=cv2.INTER_NEAREST
    )
    return np.where(kept[:height, :width, None] > 0, before, now)


def interlaced(now: Array, before: Array) -> Array:
    """Weave the odd rows of the frame before into this one."""
    woven = now.copy()
    woven[1::2] = before[1::2]
    return woven


def _smoke(plan: Disturbances, time: float, height: int, width: int) -> Array:
    rng = np.random.default_rng(plan.smoke_seed)  # the same pattern in each frame, only shifted
    rows, columns = height // _SMOKE_STEP + 1, width // _SMOKE_STEP + 1
    side = min(height, width)
    layers = []
    for speed, period in ((1.0, 1.6), (-0.6, 0.9)):
        field = noise_field(rng, 'cloud', 3 * rows, 3 * columns, period * side / _SMOKE_STEP * 1.5)
        shift = np.mod(plan.smoke_drift * speed * time / _SMOKE_STEP, [2 * columns, 2 * rows]) - [columns, rows]
        corner = np.abs(shift)  # turn back at the ends of the field instead of jumping
        move = np.array([[1, 0, corner[0]], [0, 1, corner[1]]])
        layers.append(cv2.warpAffine(field, move, (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    smoke = smoothstep(0.25, 0.85, 0.6 * layers[0] + 0.4 * layers[1])
    return cv2.resize(smoke, (width, height))


def _glare(plan: Disturbances, frame: int, height: int, width: int) -> Array:
    side = min(height, width)
    y = (np.arange(height, dtype=np.float32) - plan.glare_at[1] * height)[:, None] / side
    x = (np.arange(width, dtype=np.float32) - plan.glare_at[0] * width)[None, :] / side
    return np.float32(plan.glare[frame] * 200) * cv2.exp((x * x + y * y) * -14).astype(np.float32)


def _lens_drops(rng: np.random.Generator, height: int, width: int) -> Array:
    side = min(height, width)
    field = noise_field(rng, 'cloud', height, width, rng.uniform(1.0, 2.0) * side)
    drops = smoothstep(rng.uniform(0.75, 0.85), 0.95, field) * rng.uniform(0.3, 0.75)
    return cv2.GaussianBlur(drops, (0, 0), 0.02 * side)


def _tone_curves(rng: np.random.Generator, times: Array, strength: float, swing: float) -> Array:
    spread = 0.3 + 0.7 * strength
    gain = np.exp(rng.normal(0, 0.16 * spread) + rng.normal(0, 0.1 * spread, 3))
    gamma = np.exp(rng.normal(0, 0.16 * spread))
    flicker = np.exp(oscillation(rng, times, -swing, swing, rng.uniform(0.5, 3.0)) * spread)
    levels = (np.arange(256) / 255) ** gamma
    curves = levels[None, :, None] * gain[None, None, :] * flicker[:, None, None] * 255
    return np.clip(curves, 0, 255).astype(np.uint8)


def _sensor_noise(rng: np.random.Generator, height: int, width: int) -> Array:
    tile = white_noise()
    y, x = rng.integers(0, TILE_SIDE, 2)
    rolled = np.take(tile, np.arange(y, y + height), axis=0, mode='wrap')
    return np.take(rolled, np.arange(x, x + width), axis=1, mode='wrap')


def _compress(rgb: Array, quality: int) -> Array:
    # The codec takes the first channel for blue; as it is turned back the same way, only the chroma weights differ.
    _, data = cv2.imencode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
