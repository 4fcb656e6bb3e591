"""Phantom videos on disk: frames, label images and meta.json in one folder, and contact sheets to look at."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_model.phantom.video import PhantomVideo

_JPEG_QUALITY = 92
_COLOURS = np.array([[255, 214, 0], [0, 200, 255], [120, 255, 80], [255, 80, 200], [255, 140, 40], [150, 120, 255]])


def write_folder(video: PhantomVideo, folder: Path) -> None:
    """Write frames/00000.jpg …, masks/00000.png … (label images) and meta.json."""
    (folder / 'frames').mkdir(parents=True, exist_ok=True)
    (folder / 'masks').mkdir(exist_ok=True)
    for index, (rgb, labels) in enumerate(zip(video.frames, video.labels, strict=True)):
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f'frames/{index:05d}.jpg'), bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        cv2.imwrite(str(folder / f'masks/{index:05d}.png'), labels)
    (folder / 'meta.json').write_text(json.dumps(_describe(video, folder.name), indent=1) + '\n')


def contact_sheet(videos: list[PhantomVideo], columns: int = 8) -> NDArray[np.uint8]:
    """One row for each video: `columns` frames spread over it, object contours drawn in; RGB."""
    rows = []
    for video in videos:
        chosen = np.linspace(0, len(video.frames) - 1, columns).round().astype(int)
        rows.append(np.hstack([_outlined(video.frames[t], video.labels[t]) for t in chosen]))
    return np.vstack(rows)


def _outlined(rgb: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = rgb.copy()
    for k in range(1, int(labels.max()) + 1):
        contours, _ = cv2.findContours((labels == k).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, _COLOURS[(k - 1) % len(_COLOURS)].tolist(), 1)
    return picture


def _describe(video: PhantomVideo, name: str) -> dict[str, object]:
    count, height, width = video.labels.shape
    return {
        'name': name,
        'frames': count,
        'width': width,
        'height': height,
        'fps': video.fps,
        'consecutive': True,
        'domain': 'procedural phantom',
        'objects': {str(k): label for k, label in enumerate(video.names, start=1)},
        'instruments': [k for k, instrument in enumerate(video.is_instrument, start=1) if instrument],
        'masks': 'exact',
        'mask_encoding': '8-bit label image: 0 background, object ids as in objects',
        'ignore_values': [],
        'seed': video.seed,
        'licence': 'Apache-2.0',
    }
