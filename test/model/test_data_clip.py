"""Clip folders: what they hold and what is said when something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.data.clip import read_clip
from sam2s_model.data.labelled_video import UnreadableData

LABELS = np.zeros((48, 64), np.uint8)
LABELS[5:20, 5:20] = 1


@pytest.fixture
def clip_folder(tmp_path: Path) -> Path:
    for part in ('frames', 'masks'):
        (tmp_path / part).mkdir()
    for index in range(2):
        red = np.zeros((*LABELS.shape, 3), np.uint8)
        red[..., 2] = 200
        cv2.imwrite(str(tmp_path / 'frames' / f'{index:05d}.jpg'), red)
        cv2.imwrite(str(tmp_path / 'masks' / f'{index:05d}.png'), LABELS)
    meta = {'name': 'two frames', 'fps': 10, 'objects': {'1': 'grasper'}, 'ignore_values': [255]}
    (tmp_path / 'meta.json').write_text(json.dumps(meta))
    return tmp_path


def test_a_clip_folder_is_read_as_rgb_and_labels(clip_folder: Path) -> None:
    clip = read_clip(clip_folder)
    assert (clip.name, clip.fps, clip.objects, clip.ignore_values) == ('two frames', 10, {1: 'grasper'}, (255,))
    assert clip.video().frames[1].stamp_ns == 100_000_000  # type: ignore[index]
    assert len(clip.frames) == len(clip.labels) == 2
    assert clip.frames[0][0, 0].argmax() == 0, 'red comes first'
    np.testing.assert_array_equal(clip.labels[1], LABELS)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda folder: (folder / 'meta.json').unlink(), 'meta.json'),
        (lambda folder: (folder / 'meta.json').write_text('{'), 'expected JSON'),
        (lambda folder: (folder / 'meta.json').write_text('{}'), 'objects'),
        (lambda folder: [path.unlink() for path in (folder / 'frames').iterdir()], 'found none'),
        (lambda folder: (folder / 'masks' / '00001.png').unlink(), '1 are missing'),
    ],
    ids=['no meta', 'broken meta', 'no objects', 'no frames', 'a mask is missing'],
)
def test_a_damaged_clip_says_what_is_missing(clip_folder: Path, damage: object, message: str) -> None:
    damage(clip_folder)  # type: ignore[operator]
    with pytest.raises(UnreadableData, match=message):
        read_clip(clip_folder)


def test_a_file_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / 'README.md').touch()
    with pytest.raises(UnreadableData, match='give a folder'):
        read_clip(tmp_path / 'README.md')
