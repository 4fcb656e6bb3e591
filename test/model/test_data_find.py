"""Any path with videos and masks is recognised, and the others are refused with what would be."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sam2s_model.data import LabelledVideo, UnreadableData, find_videos

BAG = Path(__file__).resolve().parents[2] / 'bags' / 'phantom_surgery'
LABELS = np.zeros((48, 64), np.uint8)
LABELS[5:20, 5:20] = 3


def write_clip(folder: Path) -> None:
    for part, image in (('frames', np.zeros((*LABELS.shape, 3), np.uint8)), ('masks', LABELS)):
        (folder / part).mkdir(parents=True)
        cv2.imwrite(str(folder / part / '00000.png'), image)
    (folder / 'meta.json').write_text(json.dumps({'objects': {'3': 'hook'}, 'instruments': [3]}))


def write_image_set(folder: Path, mask: np.ndarray, suffix: str) -> None:
    for part, image in (('images', np.zeros((*LABELS.shape, 3), np.uint8)), ('masks', mask)):
        (folder / part).mkdir(parents=True)
        cv2.imwrite(str(folder / part / f'polyp{suffix}'), image)


def only_video(path: Path) -> LabelledVideo:
    (source,) = find_videos(path)
    return source.open()


def test_a_folder_of_clips_is_a_set(tmp_path: Path) -> None:
    write_clip(tmp_path / 'b')
    write_clip(tmp_path / 'a')
    found = find_videos(tmp_path)
    assert [(source.dataset, source.name) for source in found] == [(tmp_path.name, 'a'), (tmp_path.name, 'b')]
    assert found[0].open().instruments == {'3'}


@pytest.mark.skipif(not BAG.is_dir(), reason='the phantom recording is not there')
def test_a_recording_gives_images_masks_and_class_names() -> None:
    video = only_video(BAG)
    first = next(iter(video.frames))
    assert video.fps == pytest.approx(25, rel=0.01)
    assert video.objects['3'] == 'hook'
    assert first.rgb.shape == (360, 480, 3)
    assert first.truth('1').sum() > 1000


def test_a_recording_without_its_prompts_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / 'metadata.yaml').touch()
    with pytest.raises(UnreadableData, match=r'prompts\.yaml'):
        only_video(tmp_path)


@pytest.mark.parametrize(
    ('mask', 'suffix', 'object_id'),
    [(LABELS, '.png', '3'), (np.uint8(85) * LABELS, '.png', '1'), (np.uint8(85) * LABELS, '.jpg', '1')],
    ids=['labels', 'black and white', 'black and white JPEG'],
)
def test_an_image_with_its_mask_is_a_video_of_one_frame(
    tmp_path: Path, mask: np.ndarray, suffix: str, object_id: str
) -> None:
    write_image_set(tmp_path, mask, suffix)
    video = only_video(tmp_path)
    (frame,) = video.frames
    assert list(video.objects) == [object_id]
    assert np.count_nonzero(frame.truth(object_id) != (LABELS == 3)) <= 4


def test_coloured_masks_are_refused(tmp_path: Path) -> None:
    write_image_set(tmp_path, np.dstack([LABELS * 20, LABELS, LABELS]), '.png')
    with pytest.raises(UnreadableData, match='convert'):
        only_video(tmp_path)


def test_a_path_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match='known are'):
        find_videos(tmp_path)
    with pytest.raises(UnreadableData, match='nothing is there'):
        find_videos(tmp_path / 'missing')
