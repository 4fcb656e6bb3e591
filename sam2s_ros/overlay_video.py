"""The recorded overlay as things to look at: a video and a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.bag_io import BagReader, RecordedImage
from sam2s_ros.overlay import draw_text

CODECS = ('libx264', 'mpeg4')  # the first one that PyAV was built with
TICKS = 1000  # of the video's clock in a second
QUALITY = {'libx264': {'preset': 'veryfast', 'crf': '20'}, 'mpeg4': {'qscale': '3'}}


class VideoWriter:
    """An mp4 that shows each image when its stamp says; use it in a `with` statement.

    All images get the size of the first one; a last odd row or column is cut off, as H.264 wants it.
    """

    def __init__(self, path: Path) -> None:
        import av

        codec = next(name for name in CODECS if name in av.codec.codecs_available)
        self.count = 0
        self._container = av.open(str(path), 'w', options={'movflags': 'faststart'})
        stream: Any = self._container.add_stream(codec, rate=25, options=QUALITY[codec])
        stream.pix_fmt, stream.codec_context.time_base = 'yuv420p', Fraction(1, TICKS)
        self._stream = stream
        self._first_stamp = self._last_tick = 0

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.count:
            self._container.mux(self._stream.encode())
        self._container.close()

    def add(self, rgb: NDArray[np.uint8], stamp_ns: int) -> None:
        """Show an image (H, W, 3) from its stamp on, nanoseconds."""
        import av

        picture = self._fitted(_even(rgb), stamp_ns)
        frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
        tick = (stamp_ns - self._first_stamp) * TICKS // 10**9
        # Stamps may stand still or go back; a video's clock cannot.
        self._last_tick = max(tick, self._last_tick + 1) if self.count else tick
        frame.pts, frame.time_base = self._last_tick, Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))
        self.count += 1

    def _fitted(self, picture: NDArray[np.uint8], stamp_ns: int) -> NDArray[np.uint8]:
        if self.count == 0:
            self._first_stamp = stamp_ns
            self._stream.height, self._stream.width = picture.shape[:2]
        size = (self._stream.width, self._stream.height)
        if picture.shape[1::-1] == size:
            return picture
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def write_video(images: Iterable[RecordedImage], path: Path) -> int:
    """Write images of a recording as a video; returns their number."""
    with VideoWriter(path) as video:
        for image in images:
            video.add(image.rgb(), image.stamp_ns)
    return video.count


def write_contact_sheet(
    bag: BagReader, topic: str, path: Path, columns: int = 4, rows: int = 4, width: int = 1600
) -> None:
    """Write a picture of images spread evenly over a topic of a recording, each with its time in seconds."""
    count = bag.count(topic)
    chosen = set(np.linspace(0, count - 1, columns * rows).round().astype(int).tolist()) if count else set()
    tiles, first_stamp = [], 0
    for index, image in enumerate(bag.images(topic)):
        first_stamp = first_stamp or image.stamp_ns
        if index in chosen:
            tiles.append(_tile(image.rgb(), (image.stamp_ns - first_stamp) / 1e9, width // columns))
    if tiles:
        cv2.imwrite(str(path), cv2.cvtColor(_grid(tiles, columns), cv2.COLOR_RGB2BGR))


def _tile(rgb: NDArray[np.uint8], seconds: float, width: int) -> NDArray[np.uint8]:
    height = round(rgb.shape[0] * width / rgb.shape[1])
    tile = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    draw_text(tile, f'{seconds:.1f} s', (8, height - 8), scale=0.5)
    return tile


def _grid(tiles: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """The tiles row by row, the last row filled up with black."""
    missing = -len(tiles) % columns
    tiles = tiles + [np.zeros_like(tiles[0])] * missing
    return np.concatenate([np.concatenate(tiles[at : at + columns], axis=1) for at in range(0, len(tiles), columns)])


def _even(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    return np.ascontiguousarray(rgb[: height - height % 2, : width - width % 2])
