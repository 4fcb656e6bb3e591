"""Pictures of a run, taken while it goes by: frames spread over the video, and the worst moments of each object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.evaluation.evaluate import Observation

Image = NDArray[np.uint8]

SHEET_FRAMES = 10
STRETCHES = 8  # of a video; each lends its worst moment, so that they are not all from one second
WORST = 3  # moments of one object that are shown
GOOD = 0.9  # J from which on nobody needs a picture
WIDTH = 320  # pixels
JPEG_QUALITY = 80
COLOURS = ((255, 176, 0), (0, 170, 255), (120, 220, 80), (255, 90, 190), (170, 130, 255), (255, 120, 60))
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Snapshot:
    """A picture of one frame as JPEG; of one object's moment if `object_id` is not empty, with its J."""

    frame: int
    jpeg: bytes
    object_id: str = ''
    j: float = 1.0


@dataclass(frozen=True)
class Album:
    """Frames spread over the video, and the worst moments of each object, worst first."""

    sheet: tuple[Snapshot, ...]
    worst: tuple[Snapshot, ...]


class Photographer:
    """Looks at each frame and keeps a few small pictures; what it holds does not grow with the video."""

    def __init__(self, frames: int, object_ids: Iterable[str]) -> None:
        self._frames = frames
        self._colours = {object_id: COLOURS[n % len(COLOURS)] for n, object_id in enumerate(object_ids)}
        self._chosen = set(np.linspace(0, frames - 1, min(SHEET_FRAMES, frames)).round().astype(int).tolist())
        self._sheet: list[Snapshot] = []
        self._worst: dict[tuple[str, int], Snapshot] = {}

    def look(self, seen: Observation) -> None:
        """Take the pictures that this frame is worth."""
        if seen.index in self._chosen:
            self._sheet.append(Snapshot(seen.index, _jpeg(self._overlay(seen, tuple(self._colours)))))
        for object_id, moment in seen.moments.items():
            place = (object_id, seen.index * STRETCHES // self._frames)
            worst_yet = self._worst[place].j if place in self._worst else GOOD
            if not moment.prompted and moment.j < worst_yet:
                picture = _jpeg(self._overlay(seen, (object_id,)))
                self._worst[place] = Snapshot(seen.index, picture, object_id, moment.j)

    def album(self) -> Album:
        """What has been taken."""
        worst: list[Snapshot] = []
        for object_id in self._colours:
            own = [taken for (whose, _), taken in self._worst.items() if whose == object_id]
            worst += sorted(own, key=lambda taken: taken.j)[:WORST]
        return Album(tuple(self._sheet), tuple(worst))

    def _overlay(self, seen: Observation, object_ids: tuple[str, ...]) -> Image:
        """The image, small: predicted masks in the objects' colours, true outlines in white."""
        height, width = seen.frame.rgb.shape[:2]
        size = (WIDTH, max(1, round(height * WIDTH / width)))
        picture = np.asarray(cv2.resize(seen.frame.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = {found.object_id: found.mask for found in seen.result.objects if found.object_id in object_ids}
        for object_id, mask in masks.items():
            inside = _small(mask, size)
            picture[inside] = (0.55 * picture[inside] + 0.45 * np.array(self._colours[object_id])).astype(np.uint8)
        for object_id in object_ids:
            outline, _ = cv2.findContours(
                _small(seen.frame.truth(object_id), size).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, outline, -1, WHITE, 1)
        return picture


def _small(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.bool_)


def _jpeg(picture: Image) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    ok, encoded = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    assert ok
    return encoded.tobytes()
