"""Where the prompts of a replay come from."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from sam2s_model import PromptOutsideImage
from sam2s_ros import replay_source
from sam2s_ros.bag_io import UnreadableBag
from sam2s_ros.labelled_bag import IMAGE_TOPIC, stamp_of
from sam2s_ros.replay_source import NothingToTrack, boxed_source, scripted_source, shipped_source


def test_a_script_beside_the_recording_is_found(blob_bag: Path) -> None:
    source = scripted_source(blob_bag, None, None)
    assert source is not None
    assert (source.topic, len(source.script.prompts)) == (IMAGE_TOPIC, 2)


def test_a_recording_without_script_has_no_prompts(blob_bag: Path) -> None:
    (blob_bag / 'prompts.yaml').unlink()
    assert scripted_source(blob_bag, None, None) is None


def test_a_script_for_another_topic_is_refused(blob_bag: Path) -> None:
    script = blob_bag / 'prompts.yaml'
    script.write_text(script.read_text().replace(IMAGE_TOPIC, '/another'))
    with pytest.raises(UnreadableBag, match=f'/another.*{IMAGE_TOPIC}'):
        scripted_source(blob_bag, None, None)


def test_boxes_are_anchored_to_the_first_image(blob_bag: Path, tmp_path: Path) -> None:
    source = boxed_source(blob_bag, None, [(1, 2, 30, 40), (5, 5, 9, 9)], 0.0, tmp_path / 'first.png')
    assert [(prompt.object_id, prompt.stamp_ns) for prompt in source.script.prompts] == [
        ('object_1', stamp_of(0, 25)),
        ('object_2', stamp_of(0, 25)),
    ]


def test_the_first_image_is_the_first_that_is_played(blob_bag: Path, tmp_path: Path) -> None:
    source = boxed_source(blob_bag, None, [(1, 2, 30, 40)], 0.5, tmp_path / 'first.png')
    assert source.script.prompts[0].stamp_ns == stamp_of(13, 25)


def test_without_boxes_the_first_image_is_shown_and_the_way_named(blob_bag: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToTrack, match=r'--box x0 y0 x1 y1 .*first\.png'):
        boxed_source(blob_bag, None, [], 0.0, tmp_path / 'first.png')
    assert cv2.imread(str(tmp_path / 'first.png')).shape == (60, 80, 3)


def test_a_box_outside_the_image_is_refused_before_the_replay(blob_bag: Path, tmp_path: Path) -> None:
    with pytest.raises(PromptOutsideImage, match='80×60'):
        boxed_source(blob_bag, None, [(1, 2, 300, 40)], 0.0, tmp_path / 'first.png')


def test_a_start_after_the_end_is_refused(blob_bag: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableBag, match='start earlier'):
        boxed_source(blob_bag, None, [(1, 2, 3, 4)], 5.0, tmp_path / 'first.png')


def test_a_missing_phantom_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(replay_source, 'SHIPPED_BAG', tmp_path / 'phantom')
    with pytest.raises(UnreadableBag, match=r'python -m sam2s_ros\.phantom_bag'):
        shipped_source()
