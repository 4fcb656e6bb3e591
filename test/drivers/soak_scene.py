"""What the camera of the soak sees: a recording of four discs that wander over tissue, which begins again and again."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 240, 320
FPS = 25
LOOP_FRAMES = 20 * FPS
PERIOD_NS = 10**9 // FPS
START_NS = 1_700_000_000_000_000_000
GREYS = {'grasper': 110, 'scissors': 150, 'hook': 190, 'needle': 230}
RADIUS = 22


class SoakScene:
    """Draws the images of the recording; image ``number`` of the stream is ``number % LOOP_FRAMES`` of it."""

    def __init__(self) -> None:
        coarse = np.random.default_rng(0).integers(20, 90, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
        self._tissue = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))

    def image(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8."""
        rgb = self._tissue.copy()
        for object_id, grey in GREYS.items():
            cv2.circle(rgb, place(object_id, number), RADIUS, (grey, grey // 2, 255 - grey), -1)
        rgb[0, 0] = number % 251  # no two images in a row are the same
        return rgb


def place(object_id: str, number: int) -> tuple[int, int]:
    """The middle of an object, x and y in pixels."""
    column = list(GREYS).index(object_id)
    phase = 2 * math.pi * (number % LOOP_FRAMES) / LOOP_FRAMES
    return 40 + 80 * column + round(8 * math.sin(3 * phase)), 120 + round(60 * math.sin(phase + column))


def stamp_of(number: int) -> int:
    """Stamp of an image of the stream, nanoseconds; goes back whenever the recording begins again."""
    return START_NS + (number % LOOP_FRAMES) * PERIOD_NS


def number_of(stamp: int) -> int:
    """The image of the recording that has a stamp."""
    return (stamp - START_NS) // PERIOD_NS
