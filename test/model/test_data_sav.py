"""SA-V: run lengths beside a film or images, and folders of masks."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from sam2s_model.data import UnreadableData, find_videos
from sam2s_model.data.sav import read_sav_file, read_sav_folder

MASK = np.zeros((48, 64), np.uint8)
MASK[5:20, 30:45] = 1
OTHER = np.roll(MASK, 5, axis=1)


def run_lengths(mask: np.ndarray) -> dict[str, object]:
    runs = coco.encode(np.asfortranarray(mask))
    return {'size': list(runs['size']), 'counts': runs['counts'].decode()}


def write_annotations(folder: Path) -> Path:
    """Eight frames, two of them annotated; object 7 is not seen on the second of these."""
    rows = [[run_lengths(MASK), run_lengths(OTHER)], [run_lengths(MASK), run_lengths(MASK * 0)]]
    path = folder / 'sav_000001_manual.json'
    content = {'video_id': 'sav_000001', 'video_frame_count': 8.0, 'masklet_id': [3, 7], 'masklet': rows}
    path.write_text(json.dumps(content))
    return path


def write_images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        cv2.imwrite(str(folder / f'{index:05d}.jpg'), np.full((48, 64, 3), 20 * index, np.uint8))


def write_film(path: Path, count: int) -> None:
    with av.open(str(path), 'w') as film:
        stream = film.add_stream('mpeg4', rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for index in range(count):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format='rgb24')
            film.mux(stream.encode(picture))
        film.mux(stream.encode())


def test_masklets_of_a_film_are_on_every_fourth_frame(tmp_path: Path) -> None:
    write_film(tmp_path / 'sav_000001.mp4', 8)
    video = read_sav_file(write_annotations(tmp_path))
    frames = list(video.frames)
    assert (len(video.frames), len(frames), video.objects) == (8, 8, {'3': '', '7': ''})
    assert [n for n, frame in enumerate(frames) if frame.masks is not None] == [0, 4]
    np.testing.assert_array_equal(frames[0].truth('7'), OTHER > 0)
    assert not frames[4].truth('7').any()
    assert abs(float(frames[5].rgb.mean()) - 100) < 5


def test_images_in_a_folder_stand_for_the_film(tmp_path: Path) -> None:
    write_images(tmp_path / 'sav_000001', 8)
    (source,) = find_videos(write_annotations(tmp_path))
    np.testing.assert_array_equal(list(source.open().frames)[4].truth('3'), MASK > 0)


def test_annotations_without_film_and_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match='put the film beside'):
        read_sav_file(write_annotations(tmp_path))


def test_a_folder_of_the_validation_set_has_a_folder_for_each_object(tmp_path: Path) -> None:
    write_images(tmp_path / 'JPEGImages_24fps' / 'one', 5)
    for object_id, mask in (('000', MASK), ('001', OTHER)):
        folder = tmp_path / 'Annotations_6fps' / 'one' / object_id
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / '00000.png'), mask * 255)
    frames = list(read_sav_folder(tmp_path, 'one').frames)
    np.testing.assert_array_equal(frames[0].truth('001'), OTHER > 0)
    assert [frame.masks is None for frame in frames] == [False, True, True, True, True]
    assert [source.name for source in find_videos(tmp_path)] == ['one']
