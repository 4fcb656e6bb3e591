"""Videos on which both implementations are compared: their frames, and where the objects are that scenes point at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model import BoxPrompt, Frame, MaskPrompt, PointPrompt, Prompt

FRAME_NS = 40_000_000
LENGTH = 40
OBJECTS = ('a', 'b', 'c')
PHANTOM = Path(__file__).resolve().parents[1] / 'fixtures' / 'phantom'
PHANTOM_SIDE = 128

Kind = Literal['click', 'another click', 'background click', '3 clicks', 'box', 'mask']
Image = NDArray[np.uint8]
Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Video:
    """A square video.

    Attributes:
        folder: Holds 0.jpg, 1.jpg … as the reference reads them.
        frames: The same frames, decoded.
        masks: (T, S, S) of each object, the truth.
    """

    folder: Path
    frames: list[Frame]
    masks: dict[str, Masks]

    @property
    def side(self) -> int:
        """S, in pixels."""
        return self.frames[0].rgb.shape[0]

    def prompt(self, kind: Kind, object_id: str, t: int) -> Prompt:
        """Point at an object where it is on frame `t`."""
        mask = self.masks[object_id][t]
        assert mask.any(), f'object {object_id} is not to be seen on frame {t}'
        if kind == 'mask':
            return MaskPrompt(mask)
        if kind == 'box':
            ys, xs = np.nonzero(mask)
            return BoxPrompt((float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)))
        chosen = {'click': 'i', 'another click': 'n', 'background click': 'o', '3 clicks': 'ino'}[kind]
        points = dict(zip('ino', _points(mask), strict=True))
        return PointPrompt(tuple(points[p] for p in chosen), tuple(int(p != 'o') for p in chosen))


def drawn(folder: Path, side: int) -> Video:
    """Three discs drift over a texture that drifts otherwise, one of them in its own colour; for a while it is dark."""
    rng = np.random.default_rng(0)
    texture = _resized(rng.integers(0, 256, (16, 16, 3), np.uint8), 2 * side, cv2.INTER_CUBIC)
    y, x = np.mgrid[:side, :side] / side
    images, masks = [], []
    for t in range(LENGTH):
        corner, share = round(t * side / 100), t / LENGTH
        image = texture[corner : corner + side, 2 * corner : 2 * corner + side].copy()
        places = ((0.25 + 0.4 * share, 0.4 + 0.2 * share), (0.7, 0.3 - 0.1 * share), (0.4, 0.75))
        discs = [np.hypot(x - column, y - row) < 0.13 for column, row in places]
        image[discs[0]] = (220, 60, 50)
        images.append(image if t not in range(14, 23) else image // 4)
        masks.append(discs)
    return _video(folder, images, np.moveaxis(np.array(masks), 1, 0))


def phantom(folder: Path, side: int) -> Video:
    """Three things on phantom tissue."""
    return _labelled(folder, *phantom_strips(), side)


def phantom_strips() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Frames (T, S, S, 3) and labels (T, S, S); a strip each holds them from top to bottom."""
    shape = (LENGTH, PHANTOM_SIDE, PHANTOM_SIDE)
    labels = cv2.imread(str(PHANTOM / 'labels.png'), cv2.IMREAD_UNCHANGED)
    return _read(PHANTOM / 'frames.jpg').reshape(*shape, 3), np.asarray(labels.reshape(shape), np.uint8)


def recorded(folder: Path, clip: Path, side: int) -> Video:
    """The first frames of a clip: frames/*.jpg and masks/*.png, label images; those numbers are taken that start it."""
    names = sorted((clip / 'frames').glob('*.jpg'))[:LENGTH]
    frames = [_read(path) for path in names]
    masks = [cv2.imread(str(clip / 'masks' / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED) for path in names]
    return _labelled(folder, frames, masks, side)


def write_strips(folder: Path, frames: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Keep a video (T, S, S, 3) with its labels (T, S, S) as `phantom_strips` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    strip = cv2.cvtColor(frames.reshape(-1, *frames.shape[2:]), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(folder / 'frames.jpg'), strip, [cv2.IMWRITE_JPEG_QUALITY, 85])
    cv2.imwrite(str(folder / 'labels.png'), labels.reshape(-1, labels.shape[2]))


def _labelled(folder: Path, frames: Iterable[Image], labels: Sequence[Image], side: int) -> Video:
    numbers = [number for number in np.unique(labels[0]) if 0 < number < 254][: len(OBJECTS)]
    squares = np.array([_resized(label, side, cv2.INTER_NEAREST) for label in labels])
    images = [_resized(frame, side, cv2.INTER_LINEAR) for frame in frames]
    return _video(folder, images, np.array([squares == number for number in numbers]))


def _video(folder: Path, images: Sequence[Image], masks: Masks) -> Video:
    """Write the frames, and read them back as the reference will."""
    frames = []
    for t, image in enumerate(images):
        path = folder / f'{t}.jpg'
        cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
        frames.append(Frame(_decoded_by_pillow(path), t * FRAME_NS))
    return Video(folder, frames, dict(zip(OBJECTS, masks, strict=False)))


def _decoded_by_pillow(path: Path) -> Image:
    from PIL import Image as Pillow  # comes with the reference, which reads frames by it

    return np.array(Pillow.open(path))


def _read(path: Path) -> Image:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def _resized(image: Image, side: int, interpolation: int) -> Image:
    return np.asarray(cv2.resize(image, (side, side), interpolation=interpolation), np.uint8)


def _points(mask: Masks) -> list[tuple[float, float]]:
    """Three pixels (x, y): deep inside, inside elsewhere, and outside at a tenth of the side from the border."""
    depth = _distance(mask)
    inside = np.unravel_index(depth.argmax(), depth.shape)
    rows, columns = np.indices(mask.shape)
    elsewhere = depth * (np.hypot(rows - inside[0], columns - inside[1]) > depth.max())
    near = np.unravel_index(elsewhere.argmax(), depth.shape)
    outside = np.unravel_index(np.abs(_distance(~mask) - len(mask) / 10).argmin(), depth.shape)
    return [(float(x), float(y)) for y, x in (inside, near, outside)]


def _distance(mask: Masks) -> NDArray[np.float32]:
    framed = np.pad(mask, 1).astype(np.uint8)  # the image's border bounds a mask, too
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)
