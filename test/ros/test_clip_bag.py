"""Folders of frames and masks as recordings."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.data.labelled_video import UnreadableData
from sam2s_ros.bag_io import BagReader
from sam2s_ros.clip_bag import write_clip_bag
from sam2s_ros.labelled_bag import IMAGE_TOPIC, TRUTH_TOPIC


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / 'clip'
    rng = np.random.default_rng(0)
    for part in ('frames', 'masks'):
        (folder / part).mkdir(parents=True)
    for index in range(4):
        labels = np.zeros((40, 60), np.uint8)
        labels[10:20, 10 + index : 30], labels[30:, :] = 1, 255
        cv2.imwrite(str(folder / 'frames' / f'{index:05d}.jpg'), rng.integers(0, 255, (40, 60, 3), np.uint8))
        cv2.imwrite(str(folder / 'masks' / f'{index:05d}.png'), labels)
    meta = {'fps': 10, 'objects': {'1': 'grasper', '2': 'never there'}, 'ignore_values': [255]}
    (folder / 'meta.json').write_text(json.dumps(meta))
    return folder


def test_the_image_files_go_in_as_they_are(clip: Path, tmp_path: Path) -> None:
    write_clip_bag(clip, tmp_path / 'bag', 'box')
    with BagReader(tmp_path / 'bag') as bag:
        for topic, part in ((IMAGE_TOPIC, 'frames'), (TRUTH_TOPIC, 'masks')):
            files = [path.read_bytes() for path in sorted((clip / part).iterdir())]
            assert [image.message.data.tobytes() for image in bag.images(topic)] == files


def test_the_clips_speed_becomes_the_recordings(clip: Path, tmp_path: Path) -> None:
    write_clip_bag(clip, tmp_path / 'bag', 'box')
    with BagReader(tmp_path / 'bag') as bag:
        first, second, *_ = bag.images(IMAGE_TOPIC)
    assert second.recorded_ns - first.recorded_ns == 100_000_000


def test_objects_are_prompted_and_ignored_values_kept(clip: Path, tmp_path: Path) -> None:
    script = write_clip_bag(clip, tmp_path / 'bag', 'mask')
    assert [(prompt.object_id, prompt.label) for prompt in script.prompts] == [('1', 'grasper')]
    assert script.ground_truth is not None
    assert script.ground_truth.ignore_values == (255,)


def test_a_folder_that_is_no_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match=r'meta\.json'):
        write_clip_bag(tmp_path, tmp_path / 'bag', 'box')
