"""DAVIS and YouTube-VOS: palettes, black and white masks, frames without annotation."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sam2s_model.data import LabelledFrame, UnreadableData, find_videos

LABELS = np.zeros((48, 64), np.uint8)
LABELS[5:20, 5:20], LABELS[25:40, 30:50], LABELS[:2] = 1, 2, 255


def write_frame(root: Path, number: int, labels: np.ndarray | None, palette: bool = True, below: str = '') -> None:
    images, masks = root / 'JPEGImages' / below / 'dog', root / 'Annotations' / below / 'dog'
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(images / f'{number:05d}.jpg'), np.zeros((*LABELS.shape, 3), np.uint8))
    if labels is None:
        return
    picture = Image.fromarray(labels, mode='L')
    if palette:
        picture = Image.fromarray(labels, mode='P')
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [7] * 759)
    picture.save(masks / f'{number:05d}.png')


def frames_of(path: Path) -> list[LabelledFrame]:
    (source,) = find_videos(path)
    return list(source.open().frames)


def test_masks_are_the_numbers_of_the_palette_not_its_colours(tmp_path: Path) -> None:
    write_frame(tmp_path, 0, LABELS, below='480p')
    (frame,) = frames_of(tmp_path)
    np.testing.assert_array_equal(frame.truth('1'), LABELS == 1)
    np.testing.assert_array_equal(frame.truth('2'), LABELS == 2)


def test_255_in_a_palette_is_void(tmp_path: Path) -> None:
    write_frame(tmp_path, 0, LABELS)
    (frame,) = frames_of(tmp_path)
    assert frame.ignored is not None
    np.testing.assert_array_equal(frame.ignored, LABELS == 255)
    assert set(frame.masks or {}) == {'1', '2'}


def test_255_without_a_palette_is_the_object(tmp_path: Path) -> None:
    write_frame(tmp_path, 0, (LABELS == 1).astype(np.uint8) * 255, palette=False)
    (frame,) = frames_of(tmp_path)
    np.testing.assert_array_equal(frame.truth('255'), LABELS == 1)


def test_frames_without_a_mask_file_are_not_annotated(tmp_path: Path) -> None:
    write_frame(tmp_path, 0, LABELS)
    write_frame(tmp_path, 5, None)
    assert [frame.masks is None for frame in frames_of(tmp_path)] == [False, True]


def test_youtube_vos_names_its_objects_and_its_files_tell_the_frame_rate(tmp_path: Path) -> None:
    for number in (0, 5, 10):
        write_frame(tmp_path, number, LABELS)
    meta = {'videos': {'dog': {'objects': {'1': {'category': 'dog'}, '2': {'category': 'cat'}}}}}
    (tmp_path / 'meta.json').write_text(json.dumps(meta))
    (source,) = find_videos(tmp_path)
    video = source.open()
    assert (video.objects, video.fps) == ({'1': 'dog', '2': 'cat'}, 6)


def test_a_list_chooses_videos(tmp_path: Path) -> None:
    write_frame(tmp_path, 0, LABELS, below='480p')
    (tmp_path / 'ImageSets' / '2017').mkdir(parents=True)
    chosen = tmp_path / 'ImageSets' / '2017' / 'val.txt'
    chosen.write_text('dog\n')
    (source,) = find_videos(chosen)
    assert (source.name, source.dataset) == ('dog', f'{tmp_path.name}-val')
    chosen.write_text('dog\ncow\n')
    with pytest.raises(UnreadableData, match='cow'):
        find_videos(chosen)
