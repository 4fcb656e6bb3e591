"""Recorded images as a video and as a contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('av')
import av

from sam2s_ros.bag_io import BagReader, BagWriter, RecordedImage, serialize
from sam2s_ros.bag_types import COMPRESSED_IMAGE, compressed_image
from sam2s_ros.labelled_bag import IMAGE_TOPIC
from sam2s_ros.overlay_video import write_contact_sheet, write_video


def recorded(stamp: int, height: int, width: int) -> RecordedImage:
    data = cv2.imencode('.png', np.full((height, width, 3), (0, 0, 200), np.uint8))[1].tobytes()
    return RecordedImage(stamp, stamp, compressed_image(stamp, '', 'png', data))


def test_a_video_shows_each_image_at_its_time(blob_bag: Path, tmp_path: Path) -> None:
    with BagReader(blob_bag) as bag:
        assert write_video(bag.images(IMAGE_TOPIC), tmp_path / 'video.mp4') == 25
    with av.open(str(tmp_path / 'video.mp4')) as video:
        times = [frame.time for frame in video.decode(video=0)]
    assert times == pytest.approx([index / 25 for index in range(25)], abs=0.002)


def test_gaps_between_images_stay_gaps(tmp_path: Path) -> None:
    stamps = [0, 40_000_000, 500_000_000, 2_000_000_000]
    write_video((recorded(stamp, 64, 64) for stamp in stamps), tmp_path / 'video.mp4')
    with av.open(str(tmp_path / 'video.mp4')) as video:
        assert [frame.time for frame in video.decode(video=0)] == pytest.approx([0, 0.04, 0.5, 2], abs=0.002)


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    write_video([recorded(0, 407, 509)], tmp_path / 'video.mp4')
    with av.open(str(tmp_path / 'video.mp4')) as video:
        frame = next(video.decode(video=0))
    assert (frame.height, frame.width) == (406, 508)
    red, green, blue = frame.to_ndarray(format='rgb24')[200, 200]
    assert red > 150 > max(green, blue), 'colours are kept'


def test_no_images_make_no_video(tmp_path: Path) -> None:
    assert write_video([], tmp_path / 'video.mp4') == 0
    assert not (tmp_path / 'video.mp4').exists()


def test_a_contact_sheet_is_a_full_grid(blob_bag: Path, tmp_path: Path) -> None:
    with BagReader(blob_bag) as bag:
        write_contact_sheet(bag, IMAGE_TOPIC, tmp_path / 'sheet.png', columns=3, rows=3, width=600)
    assert cv2.imread(str(tmp_path / 'sheet.png')).shape == (3 * 150, 600, 3)


def test_few_images_fill_the_sheet_with_black(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/image', COMPRESSED_IMAGE)
        for stamp in (0, 1):
            writer.write('/image', stamp, serialize(recorded(stamp, 60, 80).message))
    with BagReader(tmp_path / 'bag') as bag:
        write_contact_sheet(bag, '/image', tmp_path / 'sheet.png', columns=4, rows=4, width=400)
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape == (75, 400, 3)
    assert not sheet[:, 200:].any()
