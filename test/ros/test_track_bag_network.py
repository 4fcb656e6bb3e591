"""The shipped network offline: the same masks whether interrupted or not, and the evaluation's figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')

from sam2s_model import build_tracker
from sam2s_model.data.bag import read_bag
from sam2s_model.evaluation.evaluate import evaluate
from sam2s_model.evaluation.figures import video_figures
from sam2s_ros.offline import bag_tracking
from sam2s_ros.offline.bag_tracking import TrackingJob, track_recording
from sam2s_ros.offline.recordings import Recording
from sam2s_ros.parameters import parameters_from

SIDE = 64
PARAMETERS = parameters_from(
    {'tracking.auto_freeze': False, 'model.image_size': SIDE, 'model.threads': 1, 'model.look_turn': 1}
)


def job(bag: Path, out: Path) -> TrackingJob:
    return TrackingJob(Recording(bag, bag / 'prompts.yaml', out), (), PARAMETERS)


def masks(out: Path) -> list[Any]:
    annotations: list[Any] = json.loads((out / 'masks.json').read_text())['annotations']
    return annotations


@pytest.fixture
def whole(blob_bag: Path, tmp_path: Path) -> Path:
    track_recording(job(blob_bag, tmp_path / 'whole'))
    return tmp_path / 'whole'


def test_the_network_gives_the_same_masks_twice_and_when_interrupted_at_half(
    whole: Path, blob_bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bag_tracking, 'SAVE_EVERY', 6)

    def stop(done: int, total: int) -> None:
        if done == total // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        track_recording(job(blob_bag, tmp_path / 'halved'), stop)
    track_recording(job(blob_bag, tmp_path / 'halved'))
    track_recording(job(blob_bag, tmp_path / 'again'))
    assert masks(whole)
    assert masks(tmp_path / 'again') == masks(whole)
    assert masks(tmp_path / 'halved') == masks(whole)


def test_j_and_f_are_those_of_the_evaluation(whole: Path, blob_bag: Path) -> None:
    video = read_bag(blob_bag)
    tracked = evaluate(build_tracker(image_size=SIDE, threads=1), video, 'box')
    expected = video_figures('', '', tracked, 'inner').figures.accuracy['inner']
    (topic,) = json.loads((whole / 'report.json').read_text())['topics']
    assert [topic[name] for name in ('j', 'f', 'jf')] == pytest.approx([expected.j, expected.f, expected.jf], abs=1e-6)
    assert topic['jf'] > 0
