"""When there is nothing to see: the lens is wiped, the endoscope is outside the body, the picture is lost."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sam2s_model.phantom.disturbance_rates import DisturbanceRates
from sam2s_model.phantom.motion import wander
from sam2s_model.phantom.noise import Array, noise_field, smoothstep

# Interruptions begin after this share of the video, so that its first frame shows what is prompted.
_EARLIEST = 0.1
_LONGEST = 6.0  # seconds
_SCREENS = ((0, 0, 0), (0, 0, 0), (16, 20, 150), (60, 60, 60))
_GAUZE = (226, 222, 214)


@dataclass(frozen=True)
class Interruptions:
    """The plan for one video of T frames; None where it does not happen.

    Attributes:
        blank: (T,) bool, no picture; screen: (3,) RGB of what is shown instead.
        outside: (T,) bool, out of the body; room: (h, w, 3) float32 picture of what is seen there; gaze: (T, 2) shares
            in [0, 1] of the room's free width and height.
        wiped: (T,) how far the gauze has come, 0 not yet, 1 gone; wet: (T,) blur in pixels.
        gauze: (H, W, 3) float32. wipe_from: (2,) unit vector along which it moves.
    """

    blank: Array | None
    screen: Array
    outside: Array | None
    room: Array | None
    gaze: Array
    wiped: Array | None
    wet: Array
    gauze: Array | None
    wipe_from: Array


def plan_interruptions(
    rng: np.random.Generator, times: Array, height: int, width: int, rates: DisturbanceRates, strength: float
) -> Interruptions:
    """Draw when what happens."""
    blank, outside, cleaning = (
        _interval(rng, times) if rng.random() < rate * strength else None
        for rate in (rates.blank, rates.outside, rates.cleaning)
    )
    wiped = None if cleaning is None else _ramp(times, cleaning)
    wet = np.zeros(len(times)) if wiped is None else _wetness(wiped, rng.uniform(0.015, 0.04) * min(height, width))
    direction = rng.uniform(0, 2 * np.pi)
    return Interruptions(
        blank=None if blank is None else (times >= blank[0]) & (times < blank[1]),
        screen=np.array(_SCREENS[rng.integers(len(_SCREENS))], np.float32),
        outside=None if outside is None else (times >= outside[0]) & (times < outside[1]),
        room=None if outside is None else _room(rng, height, width),
        gaze=np.clip(0.5 + wander(rng, times, 0.5, 0.6, 2), 0, 1),
        wiped=wiped,
        wet=wet,
        gauze=None if wiped is None else _gauze(rng, height, width),
        wipe_from=np.array([np.cos(direction), np.sin(direction)]),
    )


def interrupt(image: Array, labels: Array, plan: Interruptions, frame: int) -> None:
    """Put what hides the scene over an image (H, W, 3) float32 and clear its labels (H, W) there, both in place."""
    if plan.wet[frame] > 0.5:
        image[:] = cv2.GaussianBlur(image, (0, 0), float(plan.wet[frame]))
    if plan.wiped is not None and plan.gauze is not None and 0 < plan.wiped[frame] < 1:
        _wipe(image, labels, plan.gauze, plan.wipe_from, float(plan.wiped[frame]))
    if plan.outside is not None and plan.room is not None and plan.outside[frame]:
        image[:] = _glimpse(plan.room, plan.gaze[frame], image.shape[0], image.shape[1])
        labels[:] = 0
    if plan.blank is not None and plan.blank[frame]:
        image[:] = plan.screen
        labels[:] = 0


def _interval(rng: np.random.Generator, times: Array) -> tuple[float, float]:
    """Begin and end in seconds; short videos have short interruptions."""
    duration = float(times[-1])
    length = min(rng.uniform(0.1, 0.4) * duration, rng.uniform(0.3, 1.0) * _LONGEST)
    begin = rng.uniform(_EARLIEST, 0.95) * max(duration - length, 0.0)
    return begin, begin + length


def _ramp(times: Array, interval: tuple[float, float]) -> Array:
    return np.clip((times - interval[0]) / max(interval[1] - interval[0], 1e-3), 0, 1)


def _wetness(wiped: Array, strongest: float) -> Array:
    """Wet from the start, clear at the end."""
    return strongest * smoothstep(0.0, 0.15, wiped) * (1 - smoothstep(0.6, 1.0, wiped))


def _wipe(image: Array, labels: Array, gauze: Array, along: Array, progress: float) -> None:
    """A gauze passes the lens, so near that its edges are soft."""
    height, width = labels.shape
    x = (np.arange(width, dtype=np.float32) - width / 2)[None, :] * along[0]
    y = (np.arange(height, dtype=np.float32) - height / 2)[:, None] * along[1]
    position = (x + y) / min(height, width)
    centre = -1.3 + 2.6 * progress
    cover = (1 - smoothstep(0.35, 0.5, np.abs(position - centre))).astype(np.float32)
    image += (gauze - image) * cover[..., None]
    labels[cover > 0.5] = 0


def _gauze(rng: np.random.Generator, height: int, width: int) -> Array:
    weave = noise_field(rng, 'rough', height, width, 0.8 * min(height, width))
    stain = smoothstep(0.55, 0.9, noise_field(rng, 'cloud', height, width, 2.0 * min(height, width)))
    cloth = np.array(_GAUZE, np.float32) * (0.75 + 0.4 * weave)[..., None]
    return cloth + (np.array((150, 30, 24), np.float32) - cloth) * (0.7 * stain)[..., None]


def _room(rng: np.random.Generator, height: int, width: int) -> Array:
    """Drapes, lamps and the dark of an operating room, out of focus."""
    rows, columns, side = round(1.4 * height), round(1.4 * width), min(height, width)
    drapes = np.array([(30, 80, 130), (40, 120, 110), (150, 160, 170)][rng.integers(3)], np.float32)
    shade = noise_field(rng, 'fold', rows, columns, 1.5 * side)[..., None]
    lamps = smoothstep(0.85, 0.95, noise_field(rng, 'cloud', rows, columns, 1.5 * side))[..., None]
    people = smoothstep(0.5, 0.6, noise_field(rng, 'cloud', rows, columns, 2.5 * side))[..., None]
    picture = drapes * (0.2 + 0.9 * shade)
    picture = picture + (np.array((168, 176, 170), np.float32) * shade - picture) * people + 255 * lamps
    return cv2.GaussianBlur(picture.astype(np.float32), (0, 0), side / 60)


def _glimpse(room: Array, gaze: Array, height: int, width: int) -> Array:
    """A piece of the room, seen by a camera that is carried."""
    left, top = (gaze * [room.shape[1] - width, room.shape[0] - height]).astype(int)
    return room[top : top + height, left : left + width]
