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


def write_video(images: Iterable[RecordedImage], path: Path) -> int:
    """Write an mp4 that shows each image when its stamp says; returns the number of images.

    Images have one size; a last odd row or column is cut off, as H.264 wants it.
    """
    import av

    codec = next(name for name in CODECS if name in av.codec.codecs_available)
    count, first_stamp = 0, None
    with av.open(str(path), 'w', options={'movflags': 'faststart'}) as container:
        stream: Any = container.add_stream(codec, rate=25, options=QUALITY[codec])
        stream.pix_fmt, stream.codec_context.time_base = 'yuv420p', Fraction(1, TICKS)
        for image in images:
            first_stamp = first_stamp if first_stamp is not None else image.stamp_ns
            picture = _even(image.rgb())
            if count == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            frame.pts, frame.time_base = (image.stamp_ns - first_stamp) * TICKS // 10**9, Fraction(1, TICKS)
            container.mux(stream.encode(frame))
            count += 1
        if count:
            container.mux(stream.encode())
    return count


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
